//! A second reader of the log, which trusts nothing but its events: what each name's history allows
//! the ledger to do with it, and what `status.xml` must say.
//!
//! Deliberately absent: `State`. What both come to must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::partners::Relations;
use courier_ledger::{
    Command, Entry, Event, Fingerprint, Hundredths, KeyId, LegacyEntry, Observation,
    RemoteAfterFailure, RemoteName, RequestId, Timestamp, UploadReason,
};

/// Whether files of these two belong to different requests: a draft that is published stays the same.
pub(crate) fn differ(known: Published, published: Option<Timestamp>) -> bool {
    matches!(known, Some(Some(known)) if published != Some(known))
}

/// What the log proves about a final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The ledger created it (or took it over) and did not remove it since.
    Created,
    /// A command on it has no known outcome.
    InDoubt,
}

#[derive(Clone, Debug)]
struct Line {
    id: RequestId,
    completion: Hundredths,
    uploaded: Timestamp,
    last_update: Option<Timestamp>,
    deleted: Option<Timestamp>,
}

/// Which request a file belonged to: none for one of the replaced program.
pub(crate) type Published = Option<Option<Timestamp>>;

/// The last delivery under a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) published: Published,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) completion: Hundredths,
    pub(crate) key: Option<KeyId>,
}

/// Which key may be used without a question, by what was written down alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    run: Option<KeyId>,
    pub(crate) accepted: Option<KeyId>,
    announced: Option<KeyId>,
}

impl Keys {
    fn accept(&mut self, key: KeyId) {
        self.accepted = Some(key);
        self.announced = self.announced.filter(|announced| *announced != key);
    }

    /// Whether nobody has said yet that this key is the right one.
    pub(crate) fn needs_announcement(&self, key: KeyId) -> bool {
        self.accepted != Some(key) && self.announced != Some(key)
    }

    /// Whether a run under this key has to wait for a person.
    pub(crate) fn waits(&self, key: KeyId) -> bool {
        self.accepted.is_some() && self.needs_announcement(key)
    }
}

/// The second reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auditor {
    /// The commands without an outcome.
    pub(crate) open: BTreeMap<u64, Command>,
    /// The intents, and the temporary name of each.
    pub(crate) intents: BTreeMap<u64, (RemoteName, Option<RemoteName>)>,
    pub(crate) claims: BTreeMap<RemoteName, Claim>,
    pub(crate) delivered: BTreeMap<RequestId, Delivered>,
    /// The intent of each last delivery.
    pub(crate) receipts: BTreeMap<RequestId, u64>,
    /// What was last delivered because it was not as it had been delivered.
    pub(crate) repaired: BTreeSet<RequestId>,
    /// What this run's look found otherwise than any look before.
    pub(crate) newly_drifted: BTreeSet<RequestId>,
    /// Numbers of which the last command has no known outcome.
    pub(crate) doubts: BTreeSet<RequestId>,
    pub(crate) keys: Keys,
    /// Results that the recipient was seen to take.
    pub(crate) picked_up: BTreeSet<RequestId>,
    /// Which request's file was removed last under a number that holds none now.
    pub(crate) removed: BTreeMap<RequestId, Published>,
    lines: BTreeMap<(u64, u32), Line>,
    places: BTreeMap<RequestId, (u64, u32)>,
    pub(crate) relations: Relations,
    /// Temporary files that may remain.
    pub(crate) leftovers: BTreeSet<RemoteName>,
    /// Which requests the broker listed last, …
    pub(crate) listed: BTreeSet<RequestId>,
    /// … and when each was published, as it was read last.
    pub(crate) observed: BTreeMap<RequestId, Option<Timestamp>>,
    /// Requests whose file was removed, and nobody was ever told that it had been there.
    pub(crate) never_told: BTreeSet<RequestId>,
}

impl Auditor {
    pub(crate) fn read(&mut self, entry: &Entry) {
        match &entry.event {
            Event::LegacyImported { entries, .. } => {
                for (index, old) in (0..).zip(entries) {
                    self.show(entry.sequence.0, index, old);
                    if old.deleted.is_some() {
                        self.removed.insert(old.id, None);
                    } else {
                        self.claims
                            .insert(RemoteName::export(old.id), Claim::Created);
                        let delivered = Delivered {
                            published: None,
                            fingerprint: None,
                            completion: old.completion,
                            key: None,
                        };
                        self.delivered.insert(old.id, delivered);
                    }
                }
            }
            Event::SnapshotObserved(delta) => {
                for observation in &delta.changed {
                    self.adopt(observation);
                    self.listed.insert(observation.id);
                    self.observed.insert(observation.id, observation.published);
                }
                self.listed.extend(delta.unreadable.iter().map(|it| it.id));
                for gone in &delta.gone {
                    self.listed.remove(&gone.id);
                }
            }
            Event::LedgerRecovered { recovered, .. } => {
                self.recover(entry.sequence.0, recovered);
                self.relations.known = recovered.partners.as_deref().cloned();
            }
            Event::PartnersDeclared { partners, .. } => self.relations.declare(partners),
            Event::PlanApproved {
                broker, drop_box, ..
            } => self.change_partners(*broker, *drop_box),
            Event::LeftBehindGone { drop_box, .. } => {
                self.relations.left_behind.remove(drop_box);
            }
            Event::KeyAnnounced { key, .. } => self.keys.announced = Some(*key),
            Event::RunStarted {
                key, instead_of, ..
            } => {
                self.keys.run = Some(*key);
                if instead_of.is_none() {
                    self.keys.accept(*key);
                }
                for (start, command) in std::mem::take(&mut self.open) {
                    self.doubt(&command);
                    self.may_remain(start);
                }
            }
            Event::CommandStarted {
                command, temporary, ..
            } => {
                if let (Command::Upload { .. }, Some(key)) = (command, self.keys.run) {
                    self.keys.accept(key);
                }
                self.relations.publishing |= matches!(command, Command::PublishLedger { .. });
                self.open.insert(entry.sequence.0, command.clone());
                self.intents.insert(
                    entry.sequence.0,
                    (command.name().clone(), temporary.clone()),
                );
            }
            Event::Uploaded {
                start, delivery, ..
            }
            | Event::PickedUp {
                start, delivery, ..
            } => {
                let request = self.delivered(start.0, delivery.key, entry.time);
                if matches!(entry.event, Event::PickedUp { .. }) {
                    self.picked_up.insert(request);
                } else {
                    self.picked_up.remove(&request);
                }
            }
            Event::RemoteObserved(delta) => {
                self.newly_drifted = delta.changed.iter().map(|it| it.id).collect();
                self.picked_up.extend(delta.picked_up());
            }
            Event::Deleted { start, .. } => self.removed(start.0, entry.time),
            Event::CommandFailed { start, remote, .. } => {
                let command = self.open.remove(&start.0).unwrap();
                if *remote == RemoteAfterFailure::Uncertain {
                    self.doubt(&command);
                }
                if *remote != RemoteAfterFailure::Untouched {
                    self.may_remain(start.0);
                }
            }
            Event::LedgerPublished { start, .. } => {
                self.open.remove(&start.0).unwrap();
                self.relations.published = true;
            }
            _ => {}
        }
    }

    /// A line that was there before this ledger.
    pub(super) fn show(&mut self, sequence: u64, index: u32, old: &LegacyEntry) {
        let place = (sequence, index);
        self.places.insert(old.id, place);
        let line = Line {
            id: old.id,
            completion: old.completion,
            uploaded: old.uploaded,
            last_update: old.last_update,
            deleted: old.deleted,
        };
        self.lines.insert(place, line);
    }

    /// A result of the replaced program that agrees with what is seen first counts as uploaded now.
    fn adopt(&mut self, observation: &Observation) {
        let in_doubt = self.doubts.contains(&observation.id);
        if let Some(delivered) = self.delivered.get_mut(&observation.id)
            && delivered.fingerprint.is_none()
            && delivered.completion == observation.completion().hundredths()
            && !in_doubt
        {
            delivered.fingerprint = Some(observation.fingerprint());
            delivered.published = Some(observation.published);
            delivered.key = delivered.key.or(self.keys.accepted);
        }
    }

    fn may_remain(&mut self, start: u64) {
        let temporary = self.intents.get(&start).and_then(|it| it.1.clone());
        self.leftovers.extend(temporary);
    }

    fn doubt(&mut self, command: &Command) {
        if let Some(request) = command.request() {
            self.doubts.insert(request);
            self.picked_up.remove(&request);
            self.claims
                .entry(command.name().clone())
                .or_insert(Claim::InDoubt);
        }
    }

    fn delivered(&mut self, start: u64, key: KeyId, time: Timestamp) -> RequestId {
        let Some(Command::Upload {
            request,
            name,
            published,
            completion,
            fingerprint,
            reason,
            ..
        }) = self.open.remove(&start)
        else {
            panic!("no upload began at {start}")
        };
        self.claims.insert(name, Claim::Created);
        let completion = completion.hundredths();
        let delivered = Delivered {
            published: Some(published),
            fingerprint: Some(fingerprint),
            completion,
            key: Some(key),
        };
        self.delivered.insert(request, delivered);
        self.receipts.insert(request, start);
        if reason == UploadReason::Drifted {
            self.repaired.insert(request);
        } else {
            self.repaired.remove(&request);
        }
        self.doubts.remove(&request);
        self.removed.remove(&request);
        if let Some(place) = self.places.get(&request) {
            let line = self.lines.get_mut(place).unwrap();
            line.completion = completion;
            line.last_update = Some(time);
            line.deleted = None;
        } else {
            self.places.insert(request, (start, 0));
            let line = Line {
                id: request,
                completion,
                uploaded: time,
                last_update: None,
                deleted: None,
            };
            self.lines.insert((start, 0), line);
        }
        request
    }

    fn removed(&mut self, start: u64, time: Timestamp) {
        let command = self.open.remove(&start).unwrap();
        self.leftovers.remove(command.name());
        if let Command::Delete { request, name, .. } = command {
            self.claims.remove(&name);
            self.picked_up.remove(&request);
            self.doubts.remove(&request);
            let last = self.delivered.remove(&request);
            if let Some(place) = self.places.get(&request) {
                self.lines.get_mut(place).unwrap().deleted = Some(time);
                self.removed
                    .insert(request, last.and_then(|it| it.published));
            } else {
                self.never_told.insert(request);
            }
        }
    }

    /// Whether anything was ever done, or may have been, for a request.
    pub(crate) fn remembers(&self, id: RequestId) -> bool {
        self.places.contains_key(&id) || self.claims.contains_key(&RemoteName::export(id))
    }

    /// How many results stand at the drop-box or may.
    pub(crate) fn stored(&self) -> u64 {
        self.claims.len() as u64
    }

    /// What stands between the root's tags of `status.xml`.
    pub(crate) fn body(&self) -> String {
        let mut body = String::new();
        for line in self.lines.values() {
            write!(
                body,
                "<request-status><id>{}</id><completion>{}</completion><uploaded>{}</uploaded>",
                line.id,
                line.completion,
                line.uploaded.to_legacy()
            )
            .unwrap();
            if let Some(time) = line.last_update {
                write!(body, "<last-update>{}</last-update>", time.to_legacy()).unwrap();
            }
            if let Some(time) = line.deleted {
                write!(body, "<deleted>{}</deleted>", time.to_legacy()).unwrap();
            }
            body.push_str("</request-status>");
        }
        body + "</status>"
    }
}
