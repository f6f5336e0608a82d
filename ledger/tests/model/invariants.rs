//! The properties that hold at every instant of a history, each a check of its own, in the words of
//! the invariants' list.

use courier_ledger::{
    Blocked, Command, Digest, Entry, Event, Evidence, Guard, KeyChangeRule, Plan, Policy, Presence,
    Replaces, RequestId, SnapshotDelta, Timestamp, UploadReason,
};

use super::drop_box::Maker;
use super::poll::Shown;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// Invariant 3: No lost outcome: every file of ours on the server has an intent in the log.
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

    /// Invariant 3, from the other side: what has an intent and no outcome is known as such.
    pub(crate) fn knows_what_is_open(&self) -> Result<(), Violation> {
        let known = self.state.intents().map(|(start, _)| start.0);
        Property::NoLostOutcome.holds(known.eq(self.auditor.open.keys().copied()), || {
            format!("{:?} are open", self.auditor.open)
        })
    }

    /// Invariant 19: Delta equals whole, the other way round: a delta that leads to another whole is refused.
    pub(crate) fn refuses_false_deltas(&self, delta: &SnapshotDelta) -> Result<(), Violation> {
        for wrong in Shown::falsified(delta) {
            let text = format!("{wrong:?}");
            let refused = self.refuses(Event::SnapshotObserved(wrong));
            Property::DeltaEqualsWhole.holds(refused, || format!("was taken: {text}"))?;
        }
        Ok(())
    }

    /// Invariant 19: what a state has seen already differs from it in nothing, and nothing else does.
    pub(crate) fn known_only_without_a_delta(
        &self,
        is_known: bool,
        delta: &SnapshotDelta,
    ) -> Result<(), Violation> {
        let same_list = delta.whole.as_ref().is_none_or(|whole| {
            whole.appeared.is_empty() && whole.vanished.is_empty() && whole.renumbered.is_empty()
        });
        let differs = !(same_list
            && delta.changed.is_empty()
            && delta.gone.is_empty()
            && delta.unreadable.is_empty());
        Property::DeltaEqualsWhole.holds(is_known != differs, || {
            format!("known: {is_known}, and differs in {delta:?}")
        })
    }

    /// Invariant 19: Delta equals whole: the folded snapshot is what the broker showed, and its digest is the
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
            // What left no trace is forgotten: what a broker once showed must not pile up.
            let proven = *evidence != Evidence::Unconfirmed;
            let traceless = proven && !self.auditor.remembers(RequestId(*id));
            let due = (!traceless).then_some(Presence::Gone(*evidence));
            equal(known == due, "evidence")?;
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

    pub(crate) fn refuses(&self, event: Event) -> bool {
        let entry = Entry {
            sequence: self.state.tip().next(),
            time: Timestamp(self.clock),
            event,
            salt: None,
            hash: Digest([0; 32]),
        };
        self.state.clone().apply(&entry).is_err()
    }

    /// Invariant 7: No mass deletion on an empty, partial, malformed or failed answer; and no other loss that
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
        let waits =
            policy.on_key_change == KeyChangeRule::Keep && self.auditor.keys.waits(policy.key);
        let uploads = |command: &Command| matches!(command, Command::Upload { .. });
        let touching: Vec<_> = {
            let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
            let mut touching: Vec<_> = plan.commands.iter().chain(blocked).collect();
            touching.retain(|command| command.request().is_some());
            touching.sort_by_key(|command| (uploads(command), command.request()));
            touching
        };
        let losses: Vec<_> = touching.iter().copied().filter(|it| loses(it)).collect();
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
        let allowed = share.max(u64::from(policy.guards.max_deletions));
        let most = if stored < 4 { u64::MAX } else { stored / 2 };
        let too_many = proven > allowed.min(most);
        let estranged = self.acquaintances.facts.is_some();
        let exchanged = !self.auditor.relations.exchanges().is_empty();
        let guard = |command: &Command| match command {
            _ if exchanged => Some(Guard::OtherPartner),
            _ if estranged => Some(Guard::OtherBroker),
            _ if uploads(command) && waits => Some(Guard::UnannouncedKey(policy.key)),
            Command::Upload { .. } if !overwrites(command) => None,
            _ if overwrites(command) => too_many.then_some(Guard::TooManyOverwrites),
            _ if nothing_listed => Some(Guard::EmptyListing),
            _ if unproven(command) => Some(Guard::NoEvidence),
            _ => too_many.then_some(Guard::TooManyDeletions),
        };
        let due: Vec<_> = touching
            .iter()
            .filter_map(|it| Some(((*it).clone(), guard(it)?)))
            .map(|(command, guard)| Blocked { command, guard })
            .collect();
        let released = self.approved.as_ref().is_some_and(|approved| {
            let is_approved = |blocked: &Blocked| {
                let known_key = match blocked.guard {
                    Guard::UnannouncedKey(key) => self.approved_key == Some(key),
                    _ => true,
                };
                known_key && approved.contains(&blocked.command)
            };
            !estranged
                && !exchanged
                && !due.is_empty()
                && due.iter().all(is_approved)
                && approved.iter().all(|command| touching.contains(&command))
        });
        let early = plan.commands.iter().find(|command| uploads(command));
        Property::KnownKey.holds(!waits || released || early.is_none(), || {
            format!("nobody released the key {}: {plan:?}", policy.key)
        })?;
        let question = plan.unannounced_key.as_ref();
        let question = question.map(|it| (it.key, Some(it.instead_of)));
        let asked = waits.then_some((policy.key, self.auditor.keys.accepted));
        Property::KnownKey.holds(question == asked, || {
            format!("the key is not asked about: {plan:?}")
        })?;
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
