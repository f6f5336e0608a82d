//! What the beginning and the end of a command do to the state. A command that the state does not
//! allow cannot begin, and an end needs its beginning.

use super::illegal::Reason;
use super::request::{Identity, LedgerLine, Presence, Receipt, Remote, StoredFile};
use super::{Intent, State};
use crate::command::{Command, RemoteName, Replaces, UploadReason};
use crate::event::Delivery;
use crate::evidence::Evidence;
use crate::failure::{Failure, RemoteAfterFailure};
use crate::found::Found;
use crate::id::{RequestId, Sequence};
use crate::time::Timestamp;

impl State {
    pub(super) fn begin(
        &mut self,
        start: Sequence,
        command: &Command,
        temporary: Option<&RemoteName>,
        approval: Option<Sequence>,
        found: Option<Found>,
    ) -> Result<(), Reason> {
        self.run_under_way()?;
        let log = self.log.ok_or(Reason::NotFirst)?;
        if !command.needs(temporary, log, start) {
            return Err(Reason::WrongTemporary);
        }
        self.allows(command).map_err(Reason::CommandNotAllowed)?;
        self.released(command, approval)
            .map_err(Reason::CommandNotAllowed)?;
        self.key_allows(command)?;
        self.found_at_first(start, command, found)?;
        if approval.is_some() {
            self.hold_no_longer(command);
        }
        self.key_was_used(command);
        if matches!(command, Command::PublishLedger { .. }) {
            self.publishing = Some(start);
        }
        self.intents.insert(
            start,
            Intent {
                command: command.clone(),
                temporary: temporary.cloned(),
                found,
            },
        );
        Ok(())
    }

    /// Whether a command about a request is under way.
    pub(super) fn is_busy(&self, id: RequestId) -> bool {
        self.intents
            .values()
            .any(|intent| intent.command.request() == Some(id))
    }

    /// Whether a command may begin now; in words why not.
    fn allows(&self, command: &Command) -> Result<(), &'static str> {
        let require = |met: bool, why: &'static str| if met { Ok(()) } else { Err(why) };
        let known = |id| self.requests.get(id).ok_or("the request is not known");
        match command {
            Command::RemoveTemporary { name } => require(
                self.leftovers.contains_key(name),
                "no such file is left over",
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
                require(
                    !self.is_busy(*id),
                    "another command for the request is under way",
                )?;
                require(
                    name.encryption_of(*id) == Some(request.encryption),
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
                require(
                    !self.is_busy(*id),
                    "another command for the request is under way",
                )?;
                let encryption = name
                    .encryption_of(*id)
                    .ok_or("the request's file has another name")?;
                require(
                    !self.leftovers.contains_key(name),
                    "an earlier file of that name is left over",
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
                    (*replaces == Replaces::Own) == request.is_ours_under(encryption),
                    "the command is wrong about what stands under the name",
                )
            }
        }
    }

    /// Whether this can have been found before the command was begun: that the name is free, by an upload,
    /// and where nothing of this ledger's is known to stand there.
    fn found_at_first(
        &self,
        start: Sequence,
        command: &Command,
        found: Option<Found>,
    ) -> Result<(), Reason> {
        let may_be_free = match command {
            Command::Upload {
                request: id, name, ..
            } => {
                let request = self.requests.get(id).zip(name.encryption_of(*id));
                request.is_some_and(|(it, encryption)| it.may_be_found_free(encryption))
            }
            Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => false,
        };
        match found {
            None => Ok(()),
            Some(Found::Nothing) if may_be_free => Ok(()),
            Some(Found::Nothing | Found::Own(_) | Found::Foreign) => {
                Err(Reason::WrongFinding(start))
            }
        }
    }

    /// Whether this can have been found under the command's final name: only where an upload in doubt
    /// may have put a file there was it looked for.
    pub(super) fn found(&self, start: Sequence, found: Option<Found>) -> Result<(), Reason> {
        let Some(found) = found else {
            return Ok(());
        };
        let unproven = self.unproven(&self.intent(start)?.command);
        let can_be = match found {
            Found::Nothing | Found::Foreign => !unproven.is_empty(),
            Found::Own(earlier) => unproven.iter().any(|it| it.start == earlier),
        };
        if can_be {
            Ok(())
        } else {
            Err(Reason::WrongFinding(start))
        }
    }

    /// The same of a command that was carried out: somebody else's file is left alone.
    pub(super) fn found_before_success(
        &self,
        start: Sequence,
        found: Option<Found>,
    ) -> Result<(), Reason> {
        match found {
            Some(Found::Foreign) => Err(Reason::WrongFinding(start)),
            None | Some(Found::Nothing | Found::Own(_)) => self.found(start, found),
        }
    }

    pub(super) fn delivered(
        &mut self,
        start: Sequence,
        delivery: &Delivery,
        time: Timestamp,
        remote: fn(StoredFile) -> Remote,
    ) -> Result<(), Reason> {
        let wrong = Reason::WrongOutcome(start);
        let (id, file, reason) = match &self.intent(start)?.command {
            Command::Upload {
                request,
                name,
                published,
                fingerprint,
                completion,
                reason,
                ..
            } if *name == delivery.name => {
                let file = StoredFile {
                    identity: Identity::Published(*published),
                    fingerprint: Some(*fingerprint),
                    completion: completion.hundredths(),
                    key: Some(delivery.key),
                    receipt: Some(Receipt::new(start, delivery)),
                    drift: None,
                    missed: None,
                };
                (*request, file, *reason)
            }
            Command::Upload { .. }
            | Command::Delete { .. }
            | Command::RemoveTemporary { .. }
            | Command::PublishLedger { .. } => return Err(wrong),
        };
        self.turn_to(id, &delivery.name);
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
        request.settle(remote(file));
        request.repaired = reason == UploadReason::Drifted;
        self.intents.remove(&start);
        Ok(())
    }

    pub(super) fn removed(&mut self, start: Sequence, time: Timestamp) -> Result<(), Reason> {
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
                request.settle(Remote::Deleted(identity));
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

    pub(super) fn failed(
        &mut self,
        start: Sequence,
        failure: &Failure,
        remote: RemoteAfterFailure,
    ) -> Result<(), Reason> {
        let intent = self.intents.remove(&start).ok_or(Reason::NoIntent(start))?;
        if let Some(request) = intent
            .command
            .request()
            .and_then(|id| self.requests.get_mut(&id))
        {
            request.failure = Some(failure.clone());
        }
        if remote == RemoteAfterFailure::Uncertain {
            self.put_in_doubt(start, &intent);
        }
        if remote != RemoteAfterFailure::Untouched {
            self.leave_over(intent.temporary);
        }
        Ok(())
    }
}
