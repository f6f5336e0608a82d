//! What a plan must say of each request, from the events, the answer and the rules alone: a second
//! `decide`, written apart from the first.
//!
//! Deliberately absent: what guards hold back (`invariants.rs`).

use courier_ledger::{
    ChangeRule, Command, DraftRule, Drift, KeyChangeRule, Observation, Plan, Policy,
    ReappearanceRule, RemoteCheckRule, RequestId, Skipped, UploadReason,
};

use super::auditor::{Delivered, differ};
use super::drop_box::delivered_bytes;
use super::poll::Shown;
use super::world::{World, export};
use super::{Property, Violation};

/// What becomes of one request that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Upload(UploadReason),
    Keep,
    Draft,
    Kept,
    Ignored,
    Drifted(Drift),
    DriftedAgain(Drift),
}

impl World {
    /// The plan says the truth about every request that was read, and about nothing else.
    pub(crate) fn reasons_are_true(
        &self,
        plan: &Plan,
        shown: &Shown,
        policy: &Policy,
    ) -> Result<(), Violation> {
        let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
        let commands: Vec<_> = plan.commands.iter().chain(blocked).collect();
        let uploads = |id: u64| {
            let mut found = commands.iter().filter_map(|command| match command {
                Command::Upload {
                    request, reason, ..
                } if request.0 == id => Some(*reason),
                _ => None,
            });
            (found.next(), found.next())
        };
        let mut unchanged = 0;
        let mut skipped = Vec::new();
        for id in shown.unreadable.iter() {
            skipped.push((*id, None));
        }
        for (id, observation) in &shown.observations {
            let verdict = self.verdict(observation, policy);
            let due = match verdict {
                Verdict::Upload(reason) => Some(reason),
                Verdict::Keep => {
                    unchanged += 1;
                    None
                }
                Verdict::Draft
                | Verdict::Kept
                | Verdict::Ignored
                | Verdict::Drifted(_)
                | Verdict::DriftedAgain(_) => {
                    skipped.push((*id, Some(verdict)));
                    None
                }
            };
            Property::TrueReasons.holds(uploads(*id) == (due, None), || {
                format!("request {id} should be {verdict:?} in {plan:?}")
            })?;
        }
        Property::TrueReasons.holds(plan.unchanged == unchanged, || {
            format!("{unchanged} are unchanged in {plan:?}")
        })?;
        skipped.sort_unstable_by_key(|(id, _)| *id);
        let said = plan.skipped.iter().map(|skipped| match skipped {
            Skipped::Unreadable(id, _) => (id.0, None),
            Skipped::ReappearanceIgnored(id) => (id.0, Some(Verdict::Ignored)),
            Skipped::Draft(id) => (id.0, Some(Verdict::Draft)),
            Skipped::NameKept(id) => (id.0, Some(Verdict::Kept)),
            Skipped::Drifted(id, drift) => (id.0, Some(Verdict::Drifted(*drift))),
            Skipped::DriftedAgain(id, drift) => (id.0, Some(Verdict::DriftedAgain(*drift))),
        });
        Property::TrueReasons.holds(said.eq(skipped.iter().copied()), || {
            format!("{skipped:?} should be skipped in {plan:?}")
        })?;
        let count = commands
            .iter()
            .filter(|command| matches!(command, Command::Upload { .. }))
            .count();
        let known = shown
            .observations
            .keys()
            .filter(|id| uploads(**id).0.is_some());
        Property::TrueReasons.holds(count == known.count(), || {
            format!("something that was not read is uploaded in {plan:?}")
        })
    }

    fn verdict(&self, observation: &Observation, policy: &Policy) -> Verdict {
        use UploadReason::{InDoubt, New, OtherRequest, Reappeared};

        let (id, published) = (observation.id, observation.published);
        if published.is_none() && policy.drafts == DraftRule::Wait {
            return Verdict::Draft;
        }
        if self.auditor.relations.keeps(id) {
            return Verdict::Kept;
        }
        let delivered = self.auditor.delivered.get(&id);
        let another = delivered.is_some_and(|it| differ(it.published, published));
        match delivered {
            _ if another => Verdict::Upload(OtherRequest),
            _ if self.auditor.doubts.contains(&id) => Verdict::Upload(InDoubt),
            Some(delivered) => self.verdict_of_delivered(delivered, observation, policy),
            None => match self.auditor.removed.get(&id) {
                Some(removed) if !differ(*removed, published) => match policy.reappeared {
                    ReappearanceRule::Upload => Verdict::Upload(Reappeared),
                    ReappearanceRule::Ignore => Verdict::Ignored,
                },
                _ => Verdict::Upload(New),
            },
        }
    }

    fn verdict_of_delivered(
        &self,
        delivered: &Delivered,
        observation: &Observation,
        policy: &Policy,
    ) -> Verdict {
        let changed = match (policy.change, delivered.fingerprint) {
            (ChangeRule::Fingerprint, Some(known)) => known != observation.fingerprint(),
            _ => delivered.completion != observation.completion().hundredths(),
        };
        let other_key = delivered.key.is_some_and(|key| key != policy.key);
        if changed {
            Verdict::Upload(UploadReason::Changed)
        } else if other_key && policy.on_key_change == KeyChangeRule::Reupload {
            Verdict::Upload(UploadReason::KeyChanged)
        } else {
            let is_new = self.auditor.newly_drifted.contains(&observation.id);
            let again = self.auditor.repaired.contains(&observation.id);
            match (policy.remote_check, self.drift(observation.id)) {
                (RemoteCheckRule::Off, _) | (_, None) => Verdict::Keep,
                (RemoteCheckRule::Repair, Some(_)) if !again => {
                    Verdict::Upload(UploadReason::Drifted)
                }
                (_, Some(_)) if !is_new => Verdict::Keep,
                (RemoteCheckRule::Repair, Some(drift)) => Verdict::DriftedAgain(drift),
                (RemoteCheckRule::Report | RemoteCheckRule::Pickup, Some(drift)) => {
                    Verdict::Drifted(drift)
                }
            }
        }
    }

    /// What this run's look, if there was one, saw of a delivered file.
    fn drift(&self, id: RequestId) -> Option<Drift> {
        let sees_sizes = self.run.as_ref()?.sees_sizes?;
        if self.auditor.picked_up.contains(&id) {
            return None;
        }
        let Some(file) = self.drop_box.files.get(&export(id.0)) else {
            return Some(Drift::Missing);
        };
        let start = self.auditor.receipts.get(&id)?;
        let size_bytes = file.size_bytes;
        (sees_sizes && size_bytes != delivered_bytes(*start))
            .then_some(Drift::Resized { size_bytes })
    }
}
