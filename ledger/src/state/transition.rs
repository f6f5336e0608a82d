//! The one transition table: live run and replay share it. An event that cannot follow gives an
//! error and no state.

use std::collections::{BTreeMap, BTreeSet};

use super::illegal::{IllegalEvent, Reason};
use super::request::{Identity, LedgerLine, Leftover, Presence, Remote, Request, StoredFile};
use super::{Approval, Intent, Publication, Run, State};
use crate::clock::OtherClock;
use crate::command::{Command, RemoteName};
use crate::event::{Entry, Event};
use crate::evidence::Evidence;
use crate::id::Sequence;
use crate::import::LegacyEntry;
use crate::node_names::NodeName;
use crate::snapshot::SnapshotPortion;
use crate::time::Timestamp;

impl State {
    /// The state after one more entry. An error names the entry and what it contradicts.
    pub fn apply(mut self, entry: &Entry) -> Result<Self, IllegalEvent> {
        self.advance(entry)?;
        Ok(self)
    }

    /// As [`Self::apply`], in place: what folds a long log need not move the state to and fro. An
    /// error leaves the state as it was.
    pub fn advance(&mut self, entry: &Entry) -> Result<(), IllegalEvent> {
        self.follow(entry.sequence, entry.time, &entry.event)
    }

    /// As [`Self::advance`], by an event that has no hash yet: no state depends on one.
    pub(crate) fn follow(
        &mut self,
        sequence: Sequence,
        time: Timestamp,
        event: &Event,
    ) -> Result<(), IllegalEvent> {
        self.transition(sequence, time, event)
            .map_err(|reason| IllegalEvent {
                sequence,
                kind: event.kind(),
                reason,
            })?;
        self.tip = sequence;
        self.time = time;
        Ok(())
    }

    /// The table. Every row judges before it changes anything.
    fn transition(
        &mut self,
        sequence: Sequence,
        time: Timestamp,
        event: &Event,
    ) -> Result<(), Reason> {
        if sequence != self.tip.next() {
            return Err(Reason::NotNext { tip: self.tip });
        }
        if self.log.is_none() != matches!(event, Event::LogCreated { .. }) {
            return Err(Reason::NotFirst);
        }
        match event {
            Event::LogCreated { log, version: _ } => self.log = Some(*log),
            Event::LegacyImported { sha256: _, entries } => {
                self.import(sequence, entries)?;
                self.legacy = Some(sequence);
            }
            Event::RunStarted {
                version: _,
                policy,
                key,
                instead_of,
                bound_to: _,
                every_minutes: _,
            } => {
                self.uses(*key, *instead_of)?;
                self.put_intents_in_doubt();
                // Nothing of a poll counts that was cut off.
                self.portions = SnapshotPortion::default();
                self.run = Some(Run {
                    start: sequence,
                    started: time,
                    key: *key,
                    policy: *policy,
                    polled: false,
                    poll_failure: None,
                    looked: false,
                    newly_drifted: BTreeSet::new(),
                    finished: None,
                    verdict: None,
                });
            }
            Event::SnapshotObserved(delta) if self.portions.is_empty() => {
                self.observe(delta, time)?
            }
            Event::SnapshotObserved(delta) => {
                self.observe(&delta.behind(&self.portions), time)?;
                self.portions = SnapshotPortion::default();
            }
            Event::PortionObserved(portion) => {
                self.run_under_way()?;
                self.portions.extend(portion);
            }
            Event::PollFailed { failure } => {
                self.run_under_way()?.poll_failure = Some(failure.clone());
                self.portions = SnapshotPortion::default();
            }
            Event::CommandStarted {
                command,
                temporary,
                approval,
                found,
            } => {
                self.begin(sequence, command, temporary.as_ref(), *approval, *found)?;
            }
            Event::Uploaded {
                start,
                delivery,
                found,
                unseen: _,
            } => {
                self.found_before_success(*start, *found)?;
                self.delivered(*start, delivery, time, Remote::Stored)?;
            }
            Event::PickedUp {
                start,
                delivery,
                found,
                unseen: _,
            } => {
                self.found_before_success(*start, *found)?;
                self.delivered(*start, delivery, time, Remote::PickedUp)?;
            }
            Event::Deleted {
                start,
                removal: _,
                found,
                unseen: _,
            } => {
                self.found_before_success(*start, *found)?;
                self.removed(*start, time)?;
            }
            Event::CommandFailed {
                start,
                failure,
                remote,
                found,
            } => {
                self.found(*start, *found)?;
                self.failed(*start, failure, *remote)?;
            }
            Event::DeletionsApproved { plan, who, why: _ } => {
                self.approval = Some(Approval::of_older_version(sequence, *plan, who));
            }
            Event::PlanHeld { digest, held } => self.hold(sequence, *digest, held)?,
            Event::PlanApproved {
                held,
                plan,
                broker,
                drop_box,
                who,
                why: _,
            } => {
                if !self.answers(*broker, *drop_box) {
                    return Err(Reason::OtherAnswer);
                }
                self.approve(sequence, *held, *plan, who)?;
                self.change_partners(*broker, *drop_box);
            }
            Event::LedgerRecovered {
                recovered,
                who: _,
                why: _,
            } => self.recover(sequence, recovered)?,
            Event::PartnersDeclared { partners, policy } => self.declare(partners, policy)?,
            Event::LeftBehindGone {
                drop_box,
                who: _,
                why: _,
            } => self.settle_left_behind(drop_box)?,
            Event::LedgerPublished {
                start,
                through,
                sha256,
                size_bytes: _,
            } => {
                match self.intent(*start)?.command {
                    Command::PublishLedger { .. } if *through <= self.tip => {}
                    Command::PublishLedger { .. }
                    | Command::Upload { .. }
                    | Command::Delete { .. }
                    | Command::RemoveTemporary { .. } => return Err(Reason::WrongOutcome(*start)),
                }
                self.intents.remove(start);
                let publication = Publication {
                    through: *through,
                    time,
                    sha256: *sha256,
                };
                self.publication = Some(publication);
            }
            Event::RunFinished {
                counts,
                duration_micros: _,
                verdict,
            } => {
                if let Some(open) = self.intents.keys().next() {
                    return Err(Reason::OutcomeMissing(*open));
                }
                let run = self.run_under_way()?;
                run.finished = Some((time, *counts));
                run.verdict.clone_from(verdict);
                let (polled, good) = (run.polled, run.is_good());
                if polled {
                    self.approval = None;
                }
                if good {
                    self.last_good = Some(time);
                }
                self.portions = SnapshotPortion::default();
            }
            Event::TailRecovered {
                offset: _,
                size_bytes: _,
                sha256: _,
            } => {}
            Event::RemoteObserved(delta) => self.look(delta, time)?,
            Event::RemoteCheckFailed { failure: _ } => {
                self.run_under_way()?;
            }
            Event::ClockDiffers(difference) => {
                if !difference.is_one() {
                    return Err(Reason::ClocksAgree);
                }
                match difference.whose {
                    OtherClock::Broker => drop(self.run_under_way()?),
                    OtherClock::LastEntry => {}
                }
            }
            Event::KeyAnnounced {
                key,
                who: _,
                why: _,
            } => self.announce(*key)?,
            Event::NodesNamed { nodes } => self.name_nodes(nodes)?,
            Event::LedgerTakenOver {
                holder: _,
                epoch: _,
                who: _,
                why: _,
            } => {
                // Its holder can say nothing more of what it had begun.
                self.put_intents_in_doubt();
                self.portions = SnapshotPortion::default();
            }
            Event::PublishedLedgerSeen { seen } => {
                self.run_under_way()?;
                self.published_seen = seen.clone();
            }
        }
        Ok(())
    }

    /// Names are recorded in a run, in order, and only when they are new.
    fn name_nodes(&mut self, nodes: &[NodeName]) -> Result<(), Reason> {
        self.run_under_way()?;
        let ascend = nodes.is_sorted_by(|one, next| one.node < next.node);
        let is_new = |it: &NodeName| self.node_names.get(&it.node) != Some(&it.name);
        if nodes.is_empty() || !ascend || !nodes.iter().all(is_new) {
            return Err(Reason::NoNewNames);
        }
        let named = nodes.iter().map(|it| (it.node, it.name.clone()));
        self.node_names.extend(named);
        Ok(())
    }

    /// An intent without outcome is in doubt: the final name may have changed, and the temporary
    /// file may remain.
    pub(super) fn put_intents_in_doubt(&mut self) {
        for (start, intent) in std::mem::take(&mut self.intents) {
            self.put_in_doubt(start, &intent);
            self.leave_over(intent.temporary);
        }
    }

    /// Nobody knows what came of this intent.
    pub(super) fn put_in_doubt(&mut self, start: Sequence, intent: &Intent) {
        if let Some(id) = intent.command.request() {
            self.turn_to(id, intent.command.name());
            if let Some(request) = self.requests.get_mut(&id) {
                request.put_in_doubt(start, intent);
            }
        }
    }

    /// What a command wrote under at first may remain.
    pub(super) fn leave_over(&mut self, temporary: Option<RemoteName>) {
        let left = temporary.map(|name| (name, Leftover::default()));
        self.leftovers.extend(left);
    }

    pub(super) fn run_under_way(&mut self) -> Result<&mut Run, Reason> {
        self.run
            .as_mut()
            .filter(|run| run.finished.is_none())
            .ok_or(Reason::NoRun)
    }

    pub(super) fn intent(&self, start: Sequence) -> Result<&Intent, Reason> {
        self.intents.get(&start).ok_or(Reason::NoIntent(start))
    }

    fn import(&mut self, sequence: Sequence, entries: &[LegacyEntry]) -> Result<(), Reason> {
        if self.run.is_some() || !self.requests.is_empty() {
            return Err(Reason::ImportTooLate);
        }
        let mut requests = BTreeMap::new();
        for (index, entry) in (0u32..).zip(entries) {
            let mut request = Request::new(Presence::Imported);
            request.remote = match entry.deleted {
                Some(_) => {
                    request.presence = Presence::Gone(Evidence::Deleted);
                    Remote::Deleted(Identity::Unknown)
                }
                None => Remote::Stored(StoredFile {
                    identity: Identity::Unknown,
                    fingerprint: None,
                    completion: entry.completion,
                    key: None,
                    receipt: None,
                    drift: None,
                    missed: None,
                }),
            };
            request.line = Some(LedgerLine {
                position: (sequence, index),
                completion: entry.completion,
                uploaded: entry.uploaded,
                last_update: entry.last_update,
                deleted: entry.deleted,
            });
            if requests.insert(entry.id, Box::new(request)).is_some() {
                return Err(Reason::OutOfOrder(entry.id));
            }
        }
        self.lines = (0u32..)
            .zip(entries)
            .map(|(i, entry)| ((sequence, i), entry.id))
            .collect();
        self.requests = requests;
        Ok(())
    }
}
