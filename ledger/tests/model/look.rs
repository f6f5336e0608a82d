//! A look at the drop-box, and what must be known after it.

use courier_ledger::{
    Drift, Drifted, Event, Phase, Policy, RemoteCheckRule, RemoteDelta, RemoteName, RequestId, Seen,
};

use super::poll::failure;
use super::step::Look;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// Looks at what was delivered, if the policy says so.
    pub(crate) fn look(&mut self, look: Look, policy: &Policy) -> Result<(), Violation> {
        let elsewhere = self.auditor.relations.exchanges().drop_box.is_some();
        if policy.remote_check == RemoteCheckRule::Off || look == Look::NotTried || elsewhere {
            return Ok(());
        }
        if look == Look::Failed {
            let failure = failure(Phase::Look);
            return self.record(vec![Event::RemoteCheckFailed { failure }]);
        }
        let sees_sizes = look == Look::Whole;
        let look = self.state.stored_files().map(|(id, _)| {
            let name = RemoteName::export(id);
            let file = self.drop_box.files.get(name.as_str());
            let seen = file.map_or(Seen::Absent, |file| {
                Seen::Present(sees_sizes.then_some(file.size_bytes))
            });
            (name, seen)
        });
        let delta = RemoteDelta::between(&self.state, &look.collect(), policy.remote_check);
        self.refuses_false_looks(&delta)?;
        self.record(vec![Event::RemoteObserved(delta.clone())])
            .map_err(|it| Property::DeltaEqualsWhole.violated(it.text))?;
        if let Some(run) = &mut self.run {
            run.sees_sizes = Some(sees_sizes);
        }
        self.saw_what_stands_there(&delta, sees_sizes)
    }

    /// Invariant 19: Delta equals whole, for looks at the drop-box: a look that leads to another whole is
    /// refused.
    fn refuses_false_looks(&self, delta: &RemoteDelta) -> Result<(), Violation> {
        let falsify = |how: &dyn Fn(&mut RemoteDelta)| {
            let mut wrong = delta.clone();
            how(&mut wrong);
            let text = format!("{wrong:?}");
            let refused = self.refuses(Event::RemoteObserved(wrong));
            Property::DeltaEqualsWhole.holds(refused, || format!("was taken: {text}"))
        };
        falsify(&|delta| delta.total += 1)?;
        falsify(&|delta| delta.drifted += 1)?;
        falsify(&|delta| delta.settled.push(RequestId(u64::MAX)))?;
        // The whole of a look is two numbers: one drift for another does not change them.
        let new = |drifted: &Drifted| {
            let mut files = self.state.stored_files();
            files.any(|(id, file)| id == drifted.id && file.drift.is_none())
        };
        if delta.changed.last().is_some_and(new) {
            falsify(&|delta| {
                delta.changed.pop();
            })?;
        }
        if !delta.settled.is_empty() {
            falsify(&|delta| {
                delta.settled.pop();
            })?;
        }
        Ok(())
    }

    /// Invariant 19: Delta equals whole, for looks at the drop-box: what is known after one is what stands
    /// there.
    fn saw_what_stands_there(
        &self,
        delta: &RemoteDelta,
        sees_sizes: bool,
    ) -> Result<(), Violation> {
        for id in delta.picked_up() {
            let there = self.drop_box.files.get(RemoteName::export(*id).as_str());
            Property::DeltaEqualsWhole.holds(there.is_none(), || {
                format!("{id} stands there, and counts as fetched by {delta:?}")
            })?;
        }
        for (id, file) in self.state.stored_files() {
            let there = self.drop_box.files.get(RemoteName::export(id).as_str());
            let delivered = file.receipt.map(|receipt| receipt.size_bytes);
            let drift = match there {
                None => Some(Drift::Missing),
                Some(there) if sees_sizes && delivered.is_some_and(|it| it != there.size_bytes) => {
                    let size_bytes = there.size_bytes;
                    Some(Drift::Resized { size_bytes })
                }
                Some(_) => None,
            };
            Property::DeltaEqualsWhole.holds(file.drift == drift, || {
                format!(
                    "{id} is {drift:?} and known as {:?} by {delta:?}",
                    file.drift
                )
            })?;
        }
        Ok(())
    }
}
