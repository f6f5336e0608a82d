//! The properties that hold at every instant of a history, each a check of its own, in the words of
//! the invariants' list.

use courier_ledger::{
    Blocked, Command, Digest, Drift, Drifted, Entry, Event, Evidence, Guard, Plan, Policy,
    Presence, RemoteDelta, RemoteName, Replaces, RequestId, SnapshotDelta, Timestamp, UploadReason,
};

use super::drop_box::Maker;
use super::poll::Shown;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// 3. No lost outcome: every file of ours on the server has an intent in the log.
    pub(crate) fn no_file_without_intent(&self) -> Result<(), Violation> {
        for (name, file) in &self.drop_box.files {
            let Maker::Ours(start) = file.maker else {
                continue;
            };
            let known = self
                .auditor
                .intents
                .get(&start)
                .is_some_and(|(last, first)| {
                    last.as_str() == name || first.as_ref().is_some_and(|it| it.as_str() == name)
                });
            Property::NoLostOutcome.holds(known, || {
                format!("{name}, made by command {start}, has no intent in the log")
            })?;
        }
        Ok(())
    }

    /// 19. Delta equals whole, the other way round: a delta that leads to another whole is refused.
    pub(crate) fn refuses_false_deltas(&self, delta: &SnapshotDelta) -> Result<(), Violation> {
        for wrong in Shown::falsified(delta) {
            let text = format!("{wrong:?}");
            let refused = self.refuses(Event::SnapshotObserved(wrong));
            Property::DeltaEqualsWhole.holds(refused, || format!("was taken: {text}"))?;
        }
        Ok(())
    }

    /// 19. Delta equals whole: the folded snapshot is what the broker showed, and its digest is the
    /// recorded one.
    pub(crate) fn shows_what_was_shown(
        &self,
        delta: &SnapshotDelta,
        shown: &Shown,
    ) -> Result<(), Violation> {
        let equal = |met: bool, what: &str| {
            Property::DeltaEqualsWhole.holds(met, || format!("{what}: {shown:?} as {delta:?}"))
        };
        equal(delta.total == shown.total(), "total")?;
        equal(self.state.listed() == shown.total(), "folded total")?;
        equal(delta.digest == shown.digest(), "digest")?;
        let unreadable = self.state.unreadable().map(|(id, _)| id.0);
        equal(
            unreadable.eq(shown.unreadable.iter().copied()),
            "unreadable",
        )?;
        let listed = |id: u64| {
            let request = self.state.request(RequestId(id));
            request.filter(|request| request.presence == Presence::Listed)
        };
        for (id, observation) in &shown.observations {
            let known = listed(*id).and_then(|request| request.observed.as_ref());
            let same = known.is_some_and(|(known, fingerprint)| {
                known == observation && *fingerprint == observation.fingerprint()
            });
            equal(same, "observation")?;
        }
        for id in &shown.unreadable {
            equal(listed(*id).is_some(), "an unreadable request is listed")?;
        }
        for (id, evidence) in &shown.gone {
            let known = self.state.request(RequestId(*id)).map(|it| it.presence);
            // What left no trace need not be remembered.
            let same = known.is_none_or(|known| known == Presence::Gone(*evidence));
            equal(same, "evidence")?;
        }
        let also = self
            .state
            .requests()
            .filter(|(_, it)| it.presence == Presence::Listed);
        equal(
            also.count() as u64 == shown.total(),
            "nothing else is listed",
        )
    }

    /// 19. Delta equals whole, for looks at the drop-box: a look that leads to another whole is
    /// refused.
    pub(crate) fn refuses_false_looks(&self, delta: &RemoteDelta) -> Result<(), Violation> {
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

    /// 19. Delta equals whole, for looks at the drop-box: what is known after one is what stands
    /// there.
    pub(crate) fn saw_what_stands_there(
        &self,
        delta: &RemoteDelta,
        sees_sizes: bool,
    ) -> Result<(), Violation> {
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

    fn refuses(&self, event: Event) -> bool {
        let entry = Entry {
            sequence: self.state.tip().next(),
            time: Timestamp(self.clock),
            event,
            hash: Digest([0; 32]),
        };
        self.state.clone().apply(&entry).is_err()
    }

    /// 7. No mass deletion on an empty, partial, malformed or failed answer; and no other loss that
    /// a person has not released.
    pub(crate) fn plan_is_guarded(
        &self,
        plan: &Plan,
        shown: &Shown,
        policy: &Policy,
    ) -> Result<(), Violation> {
        let stored = self.auditor.stored();
        let deletion = |met: bool, text: &str| {
            Property::NoMassDeletion.holds(met, || format!("{text}: {plan:?} after {shown:?}"))
        };
        deletion(
            self.state.stored() == stored,
            "the number of stored results is wrong",
        )?;
        let losses: Vec<_> = {
            let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
            let mut losses: Vec<_> = plan.commands.iter().chain(blocked).collect();
            losses.retain(|command| loses(command));
            losses.sort_by_key(|command| (overwrites(command), command.request()));
            losses
        };
        let unproven = |command: &Command| {
            matches!(
                command,
                Command::Delete {
                    evidence: Evidence::Unconfirmed,
                    ..
                }
            )
        };
        let nothing_listed = shown.total() == 0 && losses.iter().any(|it| unproven(it));
        let proven = losses.iter().filter(|it| !unproven(it)).count() as u64;
        let share = stored * u64::from(policy.guards.max_deletions_percent) / 100;
        let too_many = proven > share.max(u64::from(policy.guards.max_deletions));
        let guard = |command: &Command| match command {
            _ if overwrites(command) => too_many.then_some(Guard::TooManyOverwrites),
            _ if nothing_listed => Some(Guard::EmptyListing),
            _ if unproven(command) => Some(Guard::NoEvidence),
            _ => too_many.then_some(Guard::TooManyDeletions),
        };
        let due: Vec<_> = losses
            .iter()
            .filter_map(|it| Some(((*it).clone(), guard(it)?)))
            .map(|(command, guard)| Blocked { command, guard })
            .collect();
        let released = self.approved.as_ref() == Some(&due);
        let expected = if released { Vec::new() } else { due };
        deletion(
            plan.blocked == expected,
            "the guards hold back something else",
        )?;
        for command in plan.changes() {
            let id = command.request().map(|id| id.0);
            let unread = id.is_some_and(|id| shown.unreadable.contains(&id));
            deletion(!unread, "a request that could not be read is touched")?;
            if let (Command::Delete { .. }, Some(id)) = (command, id) {
                let withdrawn = !self.broker.is_tagged(id) && !unproven(command);
                deletion(
                    withdrawn || released,
                    "a request that has the tag is deleted",
                )?;
            }
        }
        Ok(())
    }
}

fn overwrites(command: &Command) -> bool {
    matches!(command, Command::Upload { reason: UploadReason::OtherRequest, replaces, .. }
        if *replaces == Replaces::Own)
}

fn loses(command: &Command) -> bool {
    overwrites(command) || matches!(command, Command::Delete { .. })
}
