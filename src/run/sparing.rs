//! When a run spares itself the way to the drop-box: nothing is to be done there, and what is published still says
//! of all requests what it should.
//!
//! What always holds here: in doubt the way is taken. Deliberately absent: what is to be done (`decide`).

use std::time::Duration;

use courier_ledger::{Command, Partners, Policy, RemoteCheckRule, State, Timestamp, decide};

use super::seams::Polled;

/// By which rules, and for whom.
pub struct Sparing<'a> {
    /// How to decide.
    pub policy: &'a Policy,
    /// Whom to deal with.
    pub partners: &'a Partners,
    /// After so long the ledger is published, whatever it says of requests.
    pub publish_at_least: Duration,
}

impl Sparing<'_> {
    /// Whether nothing is to be done at the drop-box, now that the broker was polled.
    pub(super) fn spares(&self, state: &State, polled: &Polled, now: Timestamp) -> bool {
        let is_as_declared = state.declared().is_some_and(|(partners, policy)| {
            let known = Partners {
                host_key: partners.host_key.clone(),
                ..self.partners.clone()
            };
            policy == self.policy && *partners == known
        });
        let went_well = state.run().is_some_and(|run| {
            let code = run.verdict.as_ref().map(|verdict| verdict.exit_code);
            // What waits for a person waits on.
            run.finished.is_some() && matches!(code, Some(0 | 6))
        });
        let published = state.publication().is_some_and(|publication| {
            let age = now.0.checked_sub(publication.time.0);
            let age = age.and_then(|age| u64::try_from(age).ok());
            age.is_some_and(|age| Duration::from_micros(age) < self.publish_at_least)
        });
        is_as_declared
            && went_well
            && published
            && self.policy.remote_check == RemoteCheckRule::Off
            && state.approval().is_none()
            && polled.snapshot.is_known_to(state)
            && !is_anything_to_be_done(state, self.policy)
    }
}

fn is_anything_to_be_done(state: &State, policy: &Policy) -> bool {
    let plan = decide(state, policy);
    let publishes = |command: &Command| matches!(command, Command::PublishLedger { .. });
    !plan.commands.iter().all(publishes)
}
