//! Plans that a person keeps, and runs that are bound to them; and what is left of a plan that is narrowed.
//!
//! What always holds: a plan is kept from a copy of the ledger, as `plan` makes one. Deliberately absent:
//! `SavedPlan`'s own word for it that nothing has moved: what a run is left to do is held against what was kept.

use std::collections::BTreeSet;

use courier_ledger::{
    Command, Digest, Entry, Event, Plan, Policy, RequestId, SavedPlan, State, Tip, decide,
    waits_instead_of,
};

use super::poll;
use super::sabotage::Sabotage;
use super::step::Answer;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// `plan --out`, for all requests or for those of which `only` has the bit.
    pub(crate) fn keep_plan(&mut self, only: u8) -> Result<(), Violation> {
        if self.run.is_some() {
            return Ok(());
        }
        let policy = self.policy;
        let Some(state) = self.foreseen(&policy)? else {
            return Ok(());
        };
        let whole = decide(&state, &policy);
        let mut plan = whole.clone();
        if only > 0 {
            plan = self.narrowed(plan, &requests(only))?;
        }
        let tip = Some(Tip {
            log: self.log,
            sequence: self.state.tip(),
            hash: Digest([0; 32]),
        });
        let made = self.entries.last().map(|entry| entry.time).unwrap();
        let kept = SavedPlan::of(&plan, policy, self.partners_here(), tip, made);
        let moved = kept.moved(&whole, &policy);
        Property::SavedPlan.holds(moved.is_empty(), || {
            format!("nothing has happened since {kept:?}, and {moved:?}")
        })?;
        is_exactly(&kept, &whole, &policy)?;
        let bytes = rmp_serde::to_vec_named(&kept).unwrap();
        let read: SavedPlan = rmp_serde::from_slice(&bytes).unwrap();
        Property::SavedPlan.holds(read == kept && read.digest() == kept.digest(), || {
            format!("{kept:?} is read as {read:?}")
        })?;
        self.kept = Some(kept);
        Ok(())
    }

    /// The state that a run would decide on which began now, on a copy; none where the broker gives no answer.
    fn foreseen(&self, policy: &Policy) -> Result<Option<State>, Violation> {
        let mut state = self.state.clone();
        let time = self.entries.last().map(|entry| entry.time).unwrap();
        let take = |state: &mut State, event| {
            let entry = Entry {
                sequence: state.tip().next(),
                time,
                event,
                hash: Digest([0; 32]),
                salt: None,
            };
            let taken = std::mem::take(state).apply(&entry);
            *state = taken.map_err(|error| Property::Legality.violated(error.to_string()))?;
            Ok(())
        };
        let started = Event::RunStarted {
            version: "model".to_owned(),
            policy: policy.digest(),
            key: policy.key,
            instead_of: waits_instead_of(&state, policy),
            bound_to: None,
            every_minutes: None,
        };
        take(&mut state, started)?;
        let others = self.others_exist;
        let polled = poll::poll(&self.broker, &Answer::Whole, others, false, &state)?;
        let Some((snapshot, _)) = polled else {
            return Ok(None);
        };
        let delta = snapshot.delta(&state);
        take(&mut state, Event::SnapshotObserved(delta))?;
        let partners = Box::new(self.partners_here());
        let policy = *policy;
        if state.declared() != Some(&((*partners).clone(), policy)) {
            take(&mut state, Event::PartnersDeclared { partners, policy })?;
        }
        Ok(Some(state))
    }

    /// `run --plan`: nothing begins where the ledger shows that the plan is over, or another's.
    pub(crate) fn start_bound(&mut self) -> Result<(), Violation> {
        let Some(kept) = self.kept.clone() else {
            return Ok(());
        };
        let here = self.partners_here();
        let is_ours = kept.tip.is_some_and(|tip| tip.log == self.log)
            && kept.partners.broker == here.broker
            && kept.partners.drop_box == here.drop_box;
        let is_later = |entry: &&Entry| kept.tip.is_some_and(|tip| entry.sequence > tip.sequence);
        let mut later = self.entries.iter().filter(is_later);
        let is_over = later.any(|entry| matches!(entry.event, Event::CommandStarted { .. }));
        if is_over || !is_ours {
            return Ok(());
        }
        self.start(Some(kept))
    }

    /// What the run may do of its plan; nothing at all where it is bound to another.
    pub(crate) fn scoped(
        &mut self,
        plan: Plan,
        policy: &Policy,
    ) -> Result<Option<Plan>, Violation> {
        // Whatever a person could ask for.
        for only in [0b0101_0101, 0b0000_0010] {
            drop(self.narrowed(plan.clone(), &requests(only))?);
        }
        let Some(kept) = self.run.as_mut().and_then(|run| run.bound_to.take()) else {
            return Ok(Some(plan));
        };
        let has_moved = !kept.moved(&plan, policy).is_empty();
        if has_moved && self.sabotage != Some(Sabotage::CarryOutMoved) {
            self.met_kept.insert(Bound::Moved);
            return Ok(None);
        }
        is_exactly(&kept, &plan, policy)?;
        if plan.changes().next().is_some() {
            self.met_kept.insert(Bound::CarriedOut);
        }
        match &kept.only {
            Some(only) => self.narrowed(plan, only).map(Some),
            None => Ok(Some(plan)),
        }
    }

    /// What is left of a plan, which must be a part of it.
    fn narrowed(&self, whole: Plan, only: &BTreeSet<RequestId>) -> Result<Plan, Violation> {
        let mut plan = whole.clone();
        plan.narrow(only);
        if self.sabotage == Some(Sabotage::PassGuardsInParts) {
            let is_wanted = |it: &Command| it.request().is_some_and(|id| only.contains(&id));
            let held = plan.blocked.iter().map(|blocked| blocked.command.clone());
            let passed: Vec<_> = held.filter(is_wanted).collect();
            plan.commands.extend(passed);
        }
        let holds = |met: bool, what: &str| {
            Property::SavedPlan.holds(met, || {
                format!("{what}: {whole:?} narrowed to {only:?} is {plan:?}")
            })
        };
        let is_left = |command: &&Command| command.request().is_none_or(|id| only.contains(&id));
        let due: Vec<_> = whole.commands.iter().filter(is_left).collect();
        let left: Vec<_> = plan.commands.iter().collect();
        holds(left == due, "something else is left")?;
        holds(
            sorted(plan.whole()) == sorted(whole.changes()),
            "something is forgotten",
        )?;
        let as_it_was = Plan {
            commands: whole.commands.clone(),
            set_aside: Vec::new(),
            only: None,
            ..plan.clone()
        };
        holds(as_it_was == whole, "something is held back otherwise")?;
        Ok(plan)
    }
}

/// What became of a run that was bound to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    /// It did something, and exactly what was kept.
    CarriedOut,
    /// It did nothing: the plan was another.
    Moved,
}

/// Whether a run would do, and hold back, exactly what was kept, by the same rules.
fn is_exactly(kept: &SavedPlan, plan: &Plan, policy: &Policy) -> Result<(), Violation> {
    let same = kept.policy == *policy
        && sorted(kept.commands.iter()) == sorted(plan.changes())
        && kept.blocked == plan.blocked
        && kept.exchanges == plan.exchanges
        && kept.estranged == plan.estranged;
    Property::SavedPlan.holds(same, || format!("{plan:?} is done in place of {kept:?}"))
}

/// Commands in whatever order.
fn sorted<'a>(commands: impl Iterator<Item = &'a Command>) -> Vec<Vec<u8>> {
    let bytes = commands.map(|command| rmp_serde::to_vec_named(command).unwrap());
    let mut sorted: Vec<_> = bytes.collect();
    sorted.sort();
    sorted
}

/// The requests whose bits are set.
fn requests(bits: u8) -> BTreeSet<RequestId> {
    let set = (0..8).filter(|bit| bits >> bit & 1 == 1);
    set.map(RequestId).collect()
}
