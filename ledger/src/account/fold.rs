//! How each entry is told.
//!
//! What always holds here: there is no wildcard: a new kind of event has to be thought of.

use super::decision::{Decided, Decision};
use super::happening::{Placed, What};
use super::request::RequestAccount;
use super::run::RunAccount;
use super::{Account, Declared, HeldPeriod, Holes, Open, Remark, Remarkable};
use crate::command::Command;
use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::failure::Failure;
use crate::held::Held;
use crate::id::{RequestId, Sequence};
use crate::observation::Observation;
use crate::partners::Exchanges;
use crate::plan::Skipped;
use crate::snapshot::{Gone, SnapshotPortion, Unreadable};
use crate::time::Timestamp;

impl Account {
    /// Takes the next entry, which the state has accepted.
    pub fn read(&mut self, entry: &Entry) {
        if self.holes == Holes::Here {
            self.holes = Holes::Before;
        }
        let (event, time) = (entry.sequence, entry.time);
        if self.log.is_none() {
            self.began = time;
        }
        self.last = (event, time);
        match &entry.event {
            Event::LogCreated { log, .. } => self.log = Some(*log),
            Event::LegacyImported { entries, .. } => {
                let count = entries.len() as u64;
                self.remark(entry, Remarkable::TakenOver { entries: count });
                for it in entries {
                    let what = What::TakenOver { entry: *it };
                    self.request(it.id).push(event, time, what);
                }
            }
            Event::RunStarted {
                version,
                key,
                bound_to,
                every_minutes,
                ..
            } => {
                self.cut_off(event, time);
                self.portions = SnapshotPortion::default();
                self.runs.push(RunAccount {
                    start: event,
                    started: time,
                    version: version.clone(),
                    key: *key,
                    bound_to: *bound_to,
                    every_minutes: *every_minutes,
                    polled: None,
                    finished: None,
                    duration_micros: None,
                    counts: None,
                    verdict: None,
                    failure: None,
                });
            }
            Event::PortionObserved(portion) => self.portions.extend(portion),
            Event::SnapshotObserved(delta) => {
                let portions = std::mem::take(&mut self.portions);
                if portions.is_empty() {
                    self.observe(event, time, &delta.changed, &delta.gone, &delta.unreadable);
                } else {
                    let all = delta.behind(&portions);
                    self.observe(event, time, &all.changed, &all.gone, &all.unreadable);
                }
                if let Some(run) = self.runs.last_mut() {
                    run.polled = Some(time);
                }
                self.last_poll = Some(time);
            }
            Event::PollFailed { failure } => {
                self.portions = SnapshotPortion::default();
                self.fail(failure);
            }
            Event::CommandStarted {
                command, approval, ..
            } => self.begin(event, time, command, *approval),
            Event::Uploaded {
                start,
                delivery,
                found,
                unseen,
            }
            | Event::PickedUp {
                start,
                delivery,
                found,
                unseen,
            } => {
                let placed = match matches!(entry.event, Event::PickedUp { .. }) {
                    true => Placed::PickedUp,
                    false => Placed::InPlace,
                };
                if let Some(Open {
                    command:
                        Command::Upload {
                            request,
                            completion,
                            ..
                        },
                    newest_completion,
                }) = self.open.remove(start)
                {
                    let what = What::Delivered {
                        start: *start,
                        delivery: delivery.clone(),
                        placed,
                        completion,
                        newest_completion,
                        found: *found,
                        unseen: *unseen,
                    };
                    self.request(request).push(event, time, what);
                }
            }
            Event::Deleted {
                start,
                removal,
                unseen,
                ..
            } => {
                let what = What::Deleted {
                    start: *start,
                    removal: *removal,
                    unseen: *unseen,
                };
                self.end(event, time, *start, what);
            }
            Event::CommandFailed {
                start,
                failure,
                remote,
                ..
            } => {
                self.fail(failure);
                let what = What::Failed {
                    start: *start,
                    failure: failure.clone(),
                    remote: *remote,
                };
                self.end(event, time, *start, what);
            }
            Event::LedgerPublished { start, .. } => drop(self.open.remove(start)),
            Event::RunFinished {
                counts,
                duration_micros,
                verdict,
            } => {
                self.portions = SnapshotPortion::default();
                if let Some(run) = self.runs.last_mut() {
                    run.finished = Some(time);
                    run.duration_micros = Some(*duration_micros);
                    run.counts = Some(*counts);
                    run.verdict.clone_from(verdict);
                }
            }
            Event::DeletionsApproved { plan, who, why } => {
                let what = Decided::Released {
                    held: None,
                    plan: *plan,
                    broker: None,
                    drop_box: None,
                    commands: Vec::new(),
                };
                self.decide(entry, who, why, what);
            }
            Event::PlanHeld { digest, held } => {
                self.hold(event, time, held);
                self.tell_held(event, time, *digest, held);
                self.waits = (**held).clone();
            }
            Event::PlanApproved {
                held,
                plan,
                broker,
                drop_box,
                who,
                why,
            } => {
                let commands = self.waits.commands.clone();
                for id in commands.iter().filter_map(|it| it.command.request()) {
                    let (who, why) = (who.clone(), why.clone());
                    let what = What::Approved { who, why };
                    self.request(id).push(event, time, what);
                }
                let what = Decided::Released {
                    held: Some(*held),
                    plan: *plan,
                    broker: *broker,
                    drop_box: *drop_box,
                    commands,
                };
                self.decide(entry, who, why, what);
                // What was said of them need not be said again.
                self.waits.exchanges = Exchanges::default();
                self.waits.estranged = None;
                self.hold_no_longer(time);
            }
            Event::KeyAnnounced { key, who, why } => {
                self.decide(entry, who, why, Decided::KeyAnnounced { key: *key });
            }
            Event::LeftBehindGone { drop_box, who, why } => {
                let drop_box = drop_box.clone();
                self.decide(entry, who, why, Decided::LeftBehindGone { drop_box });
            }
            Event::LedgerTakenOver {
                holder,
                epoch,
                who,
                why,
            } => {
                let open = self.open.iter();
                let open = open.filter_map(|(start, it)| Some((*start, it.command.request()?)));
                for (start, request) in open.collect::<Vec<_>>() {
                    let what = What::HolderReplaced {
                        start,
                        holder: holder.clone(),
                        who: who.clone(),
                        why: why.clone(),
                    };
                    self.request(request).push(event, time, what);
                }
                self.portions = SnapshotPortion::default();
                let what = Decided::LedgerTakenOver {
                    holder: holder.clone(),
                    epoch: *epoch,
                };
                self.decide(entry, who, why, what);
            }
            Event::LedgerRecovered {
                recovered,
                who,
                why,
            } => {
                for it in &recovered.adopted {
                    let what = What::Adopted {
                        size_bytes: it.size_bytes,
                        key: it.key,
                        encryption: it.encryption,
                    };
                    self.request(it.request).push(event, time, what);
                }
                let what = Decided::Recovered {
                    lost: recovered.lost.log,
                    sequence: recovered.lost.sequence,
                    adopted: recovered.adopted.len() as u64,
                    missing: recovered.missing().count() as u64,
                };
                self.decide(entry, who, why, what);
            }
            Event::PartnersDeclared { partners, policy } => self.declared.push(Declared {
                event,
                time,
                partners: (**partners).clone(),
                policy: *policy,
            }),
            Event::RemoteObserved(delta) => {
                for it in &delta.changed {
                    let what = What::Drifted { drift: it.drift };
                    self.request(it.id).push(event, time, what);
                }
                for id in &delta.settled {
                    self.request(*id).push(event, time, What::Settled);
                }
                for id in delta.picked_up() {
                    self.request(*id).push(event, time, What::Fetched);
                }
            }
            Event::RemoteCheckFailed { failure } => {
                self.fail(failure);
                let failure = failure.clone();
                self.remark(entry, Remarkable::NotLookedAt { failure });
            }
            Event::TailRecovered { size_bytes, .. } => {
                let size_bytes = *size_bytes;
                self.remark(entry, Remarkable::TailRecovered { size_bytes });
            }
            Event::ClockDiffers(difference) => {
                self.remark(entry, Remarkable::ClockDiffers(*difference));
            }
            Event::NodesNamed { nodes } => {
                let named = nodes.iter().map(|it| (it.node, it.name.clone()));
                self.node_names.extend(named);
            }
            Event::PublishedLedgerSeen { seen } => {
                let seen = seen.clone();
                self.remark(entry, Remarkable::PublishedSeen { seen });
            }
        }
    }

    /// Takes in that the next entry was left out: how things stood is not known any more.
    pub fn skip(&mut self) {
        if self.holes == Holes::Here {
            return;
        }
        self.holes = Holes::Here;
        self.portions = SnapshotPortion::default();
        self.unreadable.clear();
        self.last_poll = None;
        self.waits = Held::default();
        for request in self.requests.values_mut() {
            request.interrupt();
        }
    }

    fn request(&mut self, id: RequestId) -> &mut RequestAccount {
        let holes = self.holes;
        self.requests.entry(id).or_insert_with(|| match holes {
            Holes::None => RequestAccount::default(),
            Holes::Before | Holes::Here => RequestAccount::interrupted(),
        })
    }

    fn remark(&mut self, entry: &Entry, what: Remarkable) {
        self.remarks.push(Remark {
            event: entry.sequence,
            time: entry.time,
            what,
        });
    }

    fn decide(&mut self, entry: &Entry, who: &str, why: &str, what: Decided) {
        self.decisions.push(Decision {
            event: entry.sequence,
            time: entry.time,
            who: who.to_owned(),
            why: why.to_owned(),
            what,
        });
    }

    fn fail(&mut self, failure: &Failure) {
        if let Some(run) = self.runs.last_mut() {
            run.failure.get_or_insert_with(|| failure.clone());
        }
    }

    fn observe(
        &mut self,
        event: Sequence,
        time: Timestamp,
        changed: &[Observation],
        gone: &[Gone],
        unreadable: &[Unreadable],
    ) {
        let before = std::mem::take(&mut self.unreadable);
        let last_poll = self.last_poll;
        for it in changed {
            self.request(it.id).shown(event, time, it);
        }
        for it in gone {
            let request = self.request(it.id);
            request.gone(event, time, it.evidence, last_poll);
        }
        for it in unreadable {
            let failure = it.failure.clone();
            let what = What::Unreadable { failure };
            self.request(it.id).unreadable(event, time, what);
            self.unreadable.insert(it.id);
        }
        for id in before {
            if !self.unreadable.contains(&id) {
                self.request(id).read_again(event, time);
            }
        }
    }

    fn begin(
        &mut self,
        event: Sequence,
        time: Timestamp,
        command: &Command,
        approval: Option<Sequence>,
    ) {
        let mut newest_completion = None;
        if let Some(id) = command.request() {
            let commands = &mut self.waits.commands;
            commands.retain(|held| held.command.request() != Some(id));
            self.hold_no_longer(time);
            let bound_to = self.runs.last().and_then(|run| run.bound_to);
            let request = self.request(id);
            newest_completion = request.newest_completion();
            let what = What::Begun {
                command: command.clone(),
                approval,
                bound_to,
            };
            request.push(event, time, what);
        }
        let command = command.clone();
        let open = Open {
            command,
            newest_completion,
        };
        self.open.insert(event, open);
    }

    fn end(&mut self, event: Sequence, time: Timestamp, start: Sequence, what: What) {
        let open = self.open.remove(&start);
        if let Some(id) = open.and_then(|open| open.command.request()) {
            self.request(id).push(event, time, what);
        }
    }

    /// What has no outcome when a run begins will never have one.
    fn cut_off(&mut self, event: Sequence, time: Timestamp) {
        let open = std::mem::take(&mut self.open);
        if self.holes != Holes::None {
            // It may have ended with an entry that was left out.
            return;
        }
        for (start, open) in open {
            if let Some(id) = open.command.request() {
                self.request(id).push(event, time, What::CutOff { start });
            }
        }
    }

    fn hold(&mut self, event: Sequence, time: Timestamp, held: &Held) {
        let open = self.held.last_mut().filter(|it| it.until.is_none());
        match (open, held.waits()) {
            (Some(open), false) => open.until = Some(time),
            (None, true) => self.held.push(HeldPeriod {
                event,
                from: time,
                until: None,
                held: held.clone(),
            }),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Ends what was held back, if nothing of it is any more.
    fn hold_no_longer(&mut self, time: Timestamp) {
        if !self.waits.waits()
            && let Some(open) = self.held.last_mut().filter(|it| it.until.is_none())
        {
            open.until = Some(time);
        }
    }

    /// Tells each request what holds it back, where that is new.
    fn tell_held(&mut self, event: Sequence, time: Timestamp, plan: Digest, held: &Held) {
        let before = std::mem::take(&mut self.waits);
        let commands = held
            .commands
            .iter()
            .filter(|it| !before.commands.contains(it));
        for it in commands {
            if let Some(id) = it.command.request() {
                let what = What::Held {
                    command: it.command.clone(),
                    guard: it.guard,
                    plan,
                };
                self.request(id).push(event, time, what);
            }
        }
        // That it could not be read was told when that was seen.
        let left_alone = held
            .left_alone
            .iter()
            .filter(|it| !matches!(it, Skipped::Unreadable(..)) && !before.left_alone.contains(it));
        for it in left_alone {
            let what = What::LeftAlone {
                skipped: it.clone(),
            };
            self.request(it.request()).push(event, time, what);
        }
    }
}
