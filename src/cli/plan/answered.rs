//! What delivered results answer: the observations that they were made of, found in the log where the last
//! poll showed something newer already.
//!
//! What always holds here: a plan is shown without it, too. Deliberately absent: what follows from it
//! (`courier_ledger::Grounds`).

use std::collections::BTreeMap;

use courier_ledger::{Event, Grounds, Observation, Plan, RequestId, State};

use crate::cli::ledger;
use crate::effects::ledger_place::Location;

/// Adds what is not known yet. That reads the log from its beginning, and only where a changed result could
/// not be delivered before.
pub(super) fn complete(
    mut answered: BTreeMap<RequestId, Observation>,
    plan: &Plan,
    state: &State,
    location: &Location,
) -> BTreeMap<RequestId, Observation> {
    let wanted = plan.all().filter_map(|it| Grounds::answers(state, it));
    let wanted: BTreeMap<_, _> = wanted
        .filter(|(id, _)| !answered.contains_key(id))
        .collect();
    if wanted.is_empty() {
        return answered;
    }
    let mut take = |observation: &Observation| {
        let is_wanted = wanted.get(&observation.id);
        if is_wanted.is_some_and(|wanted| *wanted == observation.fingerprint()) {
            answered.insert(observation.id, observation.clone());
        }
    };
    let read = ledger::visit(location, |entry| {
        match &entry.event {
            Event::SnapshotObserved(delta) => delta.changed.iter().for_each(&mut take),
            Event::PortionObserved(portion) => portion.changed.iter().for_each(&mut take),
            _ => {}
        }
        Ok(())
    });
    if let Err(error) = read {
        // It only tells more of why.
        tracing::debug!("what was delivered before is not told: {error}");
    }
    answered
}
