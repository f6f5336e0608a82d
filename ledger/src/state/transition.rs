//! The one transition table: live run and replay share it. An event that cannot follow gives an
//! error and no state.

use std::collections::BTreeMap;

use super::illegal::{IllegalEvent, Reason};
use super::request::{Identity, LedgerLine, Presence, Receipt, Remote, Request, StoredFile};
use super::{Intent, Publication, Run, State};
use crate::{
    Command, Delivery, Entry, Event, Evidence, Failure, LegacyEntry, RemoteAfterFailure,
    RemoteName, Replaces, RequestId, Sequence, SnapshotDelta, Timestamp, Unreadable,
};

impl State {
    /// The state after one more entry. An error names the entry and what it contradicts.
    pub fn apply(mut self, entry: &Entry) -> Result<Self, IllegalEvent> {
        self.advance(entry)?;
        Ok(self)
    }

    /// As [`Self::apply`], in place: what folds a long log need not move the state to and fro. An
    /// error leaves the empty state.
    pub fn advance(&mut self, entry: &Entry) -> Result<(), IllegalEvent> {
        match self.transition(entry) {
            Ok(()) => {
                self.tip = entry.sequence;
                Ok(())
            }
            Err(reason) => {
                *self = Self::default();
                Err(IllegalEvent {
                    sequence: entry.sequence,
                    kind: entry.event.kind(),
                    reason,
                })
            }
        }
    }

    fn transition(&mut self, entry: &Entry) -> Result<(), Reason> {
        if entry.sequence != self.tip.next() {
            return Err(Reason::NotNext { tip: self.tip });
        }
        if self.log.is_none() != matches!(entry.event, Event::LogCreated { .. }) {
            return Err(Reason::NotFirst);
        }
        match &entry.event {
            Event::LogCreated { log, version: _ } => self.log = Some(*log),
            Event::LegacyImported { sha256: _, entries } => self.import(entry.sequence, entries)?,
            Event::RunStarted {
                version: _,
                policy,
                key,
            } => {
                self.put_intents_in_doubt();
                self.run = Some(Run {
                    start: entry.sequence,
                    started: entry.time,
                    key: *key,
                    policy: *policy,
                    polled: false,
                    poll_failure: None,
                    looked: false,
                    finished: None,
                });
            }
            Event::SnapshotObserved(delta) => self.observe(delta)?,
            Event::PollFailed { failure } => {
                self.run_under_way()?.poll_failure = Some(failure.clone());
            }
            Event::CommandStarted { command, temporary } => {
                self.begin(entry.sequence, command, temporary.as_ref())?;
            }
            Event::Uploaded { start, delivery } => {
                self.delivered(*start, delivery, entry.time, Remote::Stored)?;
            }
            Event::PickedUp { start, delivery } => {
                self.delivered(*start, delivery, entry.time, Remote::PickedUp)?;
            }
            Event::Deleted { start, removal: _ } => self.removed(*start, entry.time)?,
            Event::CommandFailed {
                start,
                failure,
                remote,
            } => {
                self.failed(*start, failure, *remote)?;
            }
            Event::DeletionsApproved {
                plan,
                who: _,
                why: _,
            } => self.approval = Some(*plan),
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
                    time: entry.time,
                    sha256: *sha256,
                };
                self.publication = Some(publication);
            }
            Event::RunFinished {
                counts,
                duration_micros: _,
            } => {
                if let Some(open) = self.intents.keys().next() {
                    return Err(Reason::OutcomeMissing(*open));
                }
                let run = self.run_under_way()?;
                run.finished = Some((entry.time, *counts));
                if run.polled {
                    self.approval = None;
                }
            }
            Event::TailRecovered {
                offset: _,
                size_bytes: _,
                sha256: _,
            } => {}
            Event::RemoteObserved(delta) => self.look(delta)?,
            Event::RemoteCheckFailed { failure: _ } => {
                self.run_under_way()?;
            }
        }
        Ok(())
    }

    /// An intent without outcome is in doubt: the final name may have changed, and the temporary
    /// file may remain.
    pub(super) fn put_intents_in_doubt(&mut self) {
        for (_, intent) in std::mem::take(&mut self.intents) {
            self.leftovers.extend(intent.temporary);
            let Some(request) = intent.command.request() else {
                continue;
            };
            if let Some(request) = self.requests.get_mut(&request) {
                request.remote.become_uncertain();
            }
        }
    }

    pub(super) fn run_under_way(&mut self) -> Result<&mut Run, Reason> {
        self.run
            .as_mut()
            .filter(|run| run.finished.is_none())
            .ok_or(Reason::NoRun)
    }

    fn intent(&self, start: Sequence) -> Result<&Intent, Reason> {
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
                }),
            };
            request.line = Some(LedgerLine {
                position: (sequence, index),
                completion: entry.completion,
                uploaded: entry.uploaded,
                last_update: entry.last_update,
                deleted: entry.deleted,
            });
            if requests.insert(entry.id, request).is_some() {
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

    fn observe(&mut self, delta: &SnapshotDelta) -> Result<(), Reason> {
        self.run_under_way()?;
        self.check_delta(delta)?;
        let key = self.run.as_ref().map(|run| run.key);
        let mut replaced = Vec::new();
        for gone in &delta.gone {
            let Some(request) = self.requests.get_mut(&gone.id) else {
                continue;
            };
            let was = std::mem::replace(&mut request.presence, Presence::Gone(gone.evidence));
            if was == Presence::Listed {
                self.listing.total -= 1;
                self.listing.never_read.remove(&gone.id);
                if let Some((_, fingerprint)) = &request.observed {
                    self.listing.observed.remove(fingerprint.0);
                }
            }
            replaced.push(gone.id);
        }
        for Unreadable { id, .. } in &delta.unreadable {
            let request = self
                .requests
                .entry(*id)
                .or_insert_with(|| Request::new(Presence::Imported));
            if std::mem::replace(&mut request.presence, Presence::Listed) != Presence::Listed {
                self.listing.total += 1;
                match &request.observed {
                    Some((_, fingerprint)) => self.listing.observed.add(fingerprint.0),
                    None => {
                        self.listing.never_read.insert(*id);
                    }
                }
            }
        }
        for observation in &delta.changed {
            let fingerprint = observation.fingerprint();
            let request = self
                .requests
                .entry(observation.id)
                .or_insert_with(|| Request::new(Presence::Imported));
            let was = std::mem::replace(&mut request.presence, Presence::Listed);
            match (&request.observed, was) {
                (Some((_, old)), Presence::Listed) => self.listing.observed.remove(old.0),
                (None, Presence::Listed) => {
                    self.listing.never_read.remove(&observation.id);
                }
                (_, Presence::Imported | Presence::Gone(_)) => self.listing.total += 1,
            }
            self.listing.observed.add(fingerprint.0);
            request.observed = Some((observation.clone(), fingerprint));
            if let Remote::Stored(file) = &mut request.remote
                && file.fingerprint.is_none()
                && file.completion == observation.completion().hundredths()
            {
                file.fingerprint = Some(fingerprint);
                file.identity = Identity::Published(observation.published);
                file.key = key;
            }
        }
        self.listing.unreadable = delta
            .unreadable
            .iter()
            .map(|unreadable| (unreadable.id, unreadable.failure.clone()))
            .collect();
        for id in replaced {
            if self.requests.get(&id).is_some_and(Request::is_forgettable) {
                self.requests.remove(&id);
            }
        }
        self.check_listing(delta)?;
        self.run_under_way()?.polled = true;
        Ok(())
    }

    /// What can be refused before anything has changed.
    fn check_delta(&self, delta: &SnapshotDelta) -> Result<(), Reason> {
        let ascending = |ids: &mut dyn Iterator<Item = RequestId>| {
            let mut last = None;
            for id in ids {
                if last.is_some_and(|last| last >= id) {
                    return Err(Reason::OutOfOrder(id));
                }
                last = Some(id);
            }
            Ok(())
        };
        ascending(&mut delta.changed.iter().map(|observation| observation.id))?;
        ascending(&mut delta.gone.iter().map(|gone| gone.id))?;
        ascending(&mut delta.unreadable.iter().map(|unreadable| unreadable.id))?;
        for observation in &delta.changed {
            if !observation.is_canonical() {
                return Err(Reason::NodesOutOfOrder(observation.id));
            }
        }
        let unreadable = |id: &RequestId| {
            delta
                .unreadable
                .binary_search_by_key(id, |unreadable| unreadable.id)
                .is_ok()
        };
        let gone = |id: &RequestId| delta.gone.binary_search_by_key(id, |gone| gone.id).is_ok();
        for observation in &delta.changed {
            if unreadable(&observation.id) || gone(&observation.id) {
                return Err(Reason::OutOfOrder(observation.id));
            }
        }
        for absent in &delta.gone {
            if unreadable(&absent.id) {
                return Err(Reason::OutOfOrder(absent.id));
            }
            match self
                .requests
                .get(&absent.id)
                .map(|request| request.presence)
            {
                Some(Presence::Imported | Presence::Listed) => {}
                Some(Presence::Gone(known)) if absent.evidence != known => {}
                Some(Presence::Gone(_)) | None => {
                    return Err(Reason::NotListedBefore(absent.id));
                }
            }
        }
        let read = |id: &RequestId| {
            delta
                .changed
                .binary_search_by_key(id, |observation| observation.id)
                .is_ok()
        };
        match self
            .listing
            .never_read
            .iter()
            .find(|id| !unreadable(id) && !gone(id) && !read(id))
        {
            Some(id) => Err(Reason::NeitherReadNorUnreadable(*id)),
            None => Ok(()),
        }
    }

    /// The delta must lead to the recorded whole.
    fn check_listing(&self, delta: &SnapshotDelta) -> Result<(), Reason> {
        let mut whole = self.listing.observed;
        for id in self.listing.unreadable.keys() {
            if let Some((_, fingerprint)) = self
                .requests
                .get(id)
                .and_then(|request| request.observed.as_ref())
            {
                whole.remove(fingerprint.0);
            }
            whole.add(Unreadable::part(*id));
        }
        if self.listing.total != delta.total || whole != delta.digest {
            return Err(Reason::SnapshotDiffers);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        start: Sequence,
        command: &Command,
        temporary: Option<&RemoteName>,
    ) -> Result<(), Reason> {
        self.run_under_way()?;
        let log = self.log.ok_or(Reason::NotFirst)?;
        if !command.needs(temporary, log, start) {
            return Err(Reason::WrongTemporary);
        }
        self.allows(command).map_err(Reason::CommandNotAllowed)?;
        self.intents.insert(
            start,
            Intent {
                command: command.clone(),
                temporary: temporary.cloned(),
            },
        );
        Ok(())
    }

    /// Whether a command may begin now; in words why not.
    fn allows(&self, command: &Command) -> Result<(), &'static str> {
        let require = |met: bool, why: &'static str| if met { Ok(()) } else { Err(why) };
        let known = |id| self.requests.get(id).ok_or("the request is not known");
        let busy = |id: &RequestId| {
            self.intents
                .values()
                .any(|intent| intent.command.request().as_ref() == Some(id))
        };
        match command {
            Command::RemoveTemporary { name } => require(
                self.leftovers.contains(name),
                "no such temporary file is left over",
            ),
            Command::PublishLedger { name } => {
                require(name.is_ledger(), "the ledger has another name")
            }
            Command::Delete {
                request: id,
                name,
                evidence,
            } => {
                let request = known(id)?;
                require(!busy(id), "another command for the request is under way")?;
                require(
                    name.is_export_of(*id),
                    "the request's file has another name",
                )?;
                require(
                    request.presence == Presence::Gone(*evidence),
                    "the request is not gone on that evidence",
                )?;
                require(request.remote.is_ours(), "the file is not this ledger's")?;
                require(
                    *evidence != Evidence::Unconfirmed || self.approval.is_some(),
                    "a deletion without evidence needs an approval",
                )
            }
            Command::Upload {
                request: id,
                name,
                published,
                fingerprint,
                replaces,
                ..
            } => {
                let request = known(id)?;
                require(!busy(id), "another command for the request is under way")?;
                require(
                    name.is_export_of(*id),
                    "the request's file has another name",
                )?;
                require(
                    request.presence == Presence::Listed,
                    "the request is not listed",
                )?;
                require(
                    !self.listing.unreadable.contains_key(id),
                    "the request could not be read",
                )?;
                let observed = request.observed.as_ref();
                require(
                    observed.is_some_and(|(observation, known)| {
                        known == fingerprint && observation.published == *published
                    }),
                    "the request was observed otherwise",
                )?;
                require(
                    (*replaces == Replaces::Own) == request.remote.is_ours(),
                    "the command is wrong about what stands under the name",
                )
            }
        }
    }

    fn delivered(
        &mut self,
        start: Sequence,
        delivery: &Delivery,
        time: Timestamp,
        remote: fn(StoredFile) -> Remote,
    ) -> Result<(), Reason> {
        let wrong = Reason::WrongOutcome(start);
        let (id, file) = match &self.intent(start)?.command {
            Command::Upload {
                request,
                name,
                published,
                fingerprint,
                completion,
                ..
            } if *name == delivery.name => {
                let file = StoredFile {
                    identity: Identity::Published(*published),
                    fingerprint: Some(*fingerprint),
                    completion: completion.hundredths(),
                    key: Some(delivery.key),
                    receipt: Some(Receipt::new(start, delivery)),
                    drift: None,
                };
                (*request, file)
            }
            Command::Upload { .. }
            | Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => return Err(wrong),
        };
        let request = self.requests.get_mut(&id).ok_or(wrong)?;
        let completion = file.completion;
        request.line = Some(match request.line {
            Some(line) => LedgerLine {
                completion,
                last_update: Some(time),
                deleted: None,
                ..line
            },
            None => {
                let position = (start, 0);
                self.lines.insert(position, id);
                LedgerLine {
                    position,
                    completion,
                    uploaded: time,
                    last_update: None,
                    deleted: None,
                }
            }
        });
        request.remote = remote(file);
        request.failure = None;
        self.intents.remove(&start);
        Ok(())
    }

    fn removed(&mut self, start: Sequence, time: Timestamp) -> Result<(), Reason> {
        match self.intent(start)?.command.clone() {
            Command::RemoveTemporary { name } => {
                self.leftovers.remove(&name);
            }
            Command::Delete { request: id, .. } => {
                let request = self
                    .requests
                    .get_mut(&id)
                    .ok_or(Reason::WrongOutcome(start))?;
                let identity = request
                    .remote
                    .file()
                    .map_or(Identity::Unknown, |file| file.identity);
                request.remote = Remote::Deleted(identity);
                request.failure = None;
                match &mut request.line {
                    Some(line) => line.deleted = Some(time),
                    // Its only upload never got a confirmed outcome, so nobody was ever told of it.
                    None => {
                        self.requests.remove(&id);
                    }
                }
            }
            Command::Upload { .. } | Command::PublishLedger { .. } => {
                return Err(Reason::WrongOutcome(start));
            }
        }
        self.intents.remove(&start);
        Ok(())
    }

    fn failed(
        &mut self,
        start: Sequence,
        failure: &Failure,
        remote: RemoteAfterFailure,
    ) -> Result<(), Reason> {
        let intent = self.intents.remove(&start).ok_or(Reason::NoIntent(start))?;
        if remote != RemoteAfterFailure::Untouched {
            self.leftovers.extend(intent.temporary);
        }
        if let Some(request) = intent
            .command
            .request()
            .and_then(|id| self.requests.get_mut(&id))
        {
            request.failure = Some(failure.clone());
            if remote == RemoteAfterFailure::Uncertain {
                request.remote.become_uncertain();
            }
        }
        Ok(())
    }
}
