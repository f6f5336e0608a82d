//! Everything that a run may have to do at a drop-box, tried once, in the run's own way: connecting, and
//! with a file of a few words creating, writing, renaming, looking, reading, listing and removing.
//!
//! What always holds: no name of a result, of the ledger or of a temporary file of theirs is touched; the
//! probe's name is used once, and says what it is; the probe goes whatever happens, over another connection
//! if need be, and what could not be removed is named, and goes with the next trial. Deliberately absent:
//! the ledger and its lock, so that a run may be under way; what a refusal means to a person.

mod conversation;
mod probe;
mod tried;

use std::time::Instant;

use courier_ledger::{BrokerTime, LogId, Removal, Replaces, Timestamp};

use super::sftp::{Concern, ConnectError, Done, Endpoint, Listed, Milestone, Operation};
use super::stop::Stop;
use conversation::{Broken, Conversation, Heard};
use probe::{Names, Probe};
pub(crate) use tried::{Attempt, Ended, Finding, Tried};

/// Tries everything at `endpoint`, with a probe that `id` makes unique. `told` hears of each attempt when it
/// has ended; of what could not be tried because an earlier one failed it hears nothing.
pub(crate) fn trial(
    endpoint: &Endpoint,
    id: LogId,
    stop: &Stop,
    told: &mut dyn FnMut(Tried),
) -> Ended {
    let mut trial = Trial {
        endpoint,
        names: Names::new(&endpoint.temporary, id),
        told,
        since: Instant::now(),
        ended: Ended::default(),
    };
    trial.run(stop);
    trial.ended
}

/// A trial under way.
struct Trial<'a> {
    endpoint: &'a Endpoint,
    names: Names,
    told: &'a mut dyn FnMut(Tried),
    since: Instant,
    ended: Ended,
}

impl Trial<'_> {
    fn run(&mut self, stop: &Stop) {
        let Some(mut conversation) = self.connect(stop) else {
            return;
        };
        let began = now();
        let result = self.converse(&mut conversation, began);
        self.ended.left = match result {
            // Its own removal ended well, and nothing is under way.
            Ok(Placed::Nowhere) => Vec::new(),
            Ok(Placed::Maybe) | Err(Broken::Refused(_)) => conversation.clean_up(&self.names),
            Err(Broken::Interrupted) => {
                self.ended.is_interrupted = true;
                conversation.clean_up(&self.names)
            }
            Err(Broken::Lost(_)) => Conversation::clean_up_anew(self.endpoint, stop, &self.names),
        };
    }

    fn tell(&mut self, attempt: Attempt, result: Result<Finding, String>) {
        let took = self.since.elapsed();
        self.since = Instant::now();
        (self.told)(Tried {
            attempt,
            result,
            took,
        });
    }

    /// Connects, and tells of each step.
    fn connect(&mut self, stop: &Stop) -> Option<Conversation> {
        let connecting = Conversation::begin(self.endpoint.clone(), stop);
        let mut reached = None;
        loop {
            match connecting.hear() {
                Heard::Reached(milestone) => {
                    match milestone {
                        Milestone::HostKey(fingerprint) => {
                            self.tell(Attempt::Address, Ok(Finding::Nothing));
                            self.tell(Attempt::HostKey, Ok(Finding::HostKey(fingerprint)));
                        }
                        Milestone::Login => self.tell(Attempt::Login, Ok(Finding::Nothing)),
                    }
                    reached = Some(milestone);
                }
                Heard::Connected(Ok(drop_box)) => {
                    let offers = drop_box.capabilities();
                    self.tell(Attempt::Sftp, Ok(Finding::Offers(offers)));
                    self.tell(Attempt::Folder, Ok(Finding::Nothing));
                    return Some(connecting.with(drop_box));
                }
                Heard::Connected(Err(error)) => {
                    self.refused(reached, &error);
                    return None;
                }
                Heard::Stopped => {
                    self.ended.is_interrupted = true;
                    return None;
                }
                // Nothing was asked yet.
                Heard::Completed(_) => {}
            }
        }
    }

    /// Tells where connecting ended.
    fn refused(&mut self, reached: Option<Milestone>, error: &ConnectError) {
        let attempt = match (error, reached) {
            (ConnectError::KnownHostsUnreadable { .. }, _) => Attempt::HostKey,
            (
                ConnectError::HostKeyUnknown { .. }
                | ConnectError::HostKeyChanged { .. }
                | ConnectError::HostKeyRevoked { .. },
                _,
            ) => {
                self.tell(Attempt::Address, Ok(Finding::Nothing));
                Attempt::HostKey
            }
            (ConnectError::FolderMissing { .. } | ConnectError::NoFolder { .. }, _) => {
                self.tell(Attempt::Sftp, Ok(Finding::Nothing));
                Attempt::Folder
            }
            (_, None) => Attempt::Address,
            (_, Some(Milestone::HostKey(_))) => Attempt::Login,
            (_, Some(Milestone::Login)) => Attempt::Sftp,
        };
        self.tell(attempt, Err(error.to_string()));
    }

    /// Tries everything on a connection; says where the probe may be when it has ended well.
    fn converse(
        &mut self,
        conversation: &mut Conversation,
        began: Timestamp,
    ) -> Result<Placed, Broken> {
        self.measure(conversation)?;
        let is_placed = self.upload(conversation)?;
        if is_placed {
            self.look(conversation)?;
            self.read(conversation)?;
        }
        self.list(conversation, began)?;
        match is_placed {
            true => self.remove(conversation),
            false => Ok(Placed::Maybe),
        }
    }

    fn measure(&mut self, conversation: &mut Conversation) -> Result<(), Broken> {
        let result = match conversation.ask(Operation::Measure) {
            Ok(Done::Measured(room)) => Ok(Finding::Room(room)),
            Ok(_) => Ok(Finding::Room(None)),
            Err(Broken::Refused(failure)) => Err(failure.text),
            Err(broken) => return Err(self.told_of(broken, Attempt::Room)),
        };
        self.tell(Attempt::Room, result);
        Ok(())
    }

    /// Uploads the probe twice, the second time over the first; says whether it is there.
    fn upload(&mut self, conversation: &mut Conversation) -> Result<bool, Broken> {
        for (is_first, replaces) in [(true, Replaces::Nothing), (false, Replaces::Own)] {
            let upload = Operation::Upload {
                source: Box::new(Probe::default()),
                temporary: self.names.temporary.clone(),
                target: self.names.target.clone(),
                replaces,
            };
            let (size_bytes, finding) = match conversation.ask(upload) {
                Ok(Done::Uploaded {
                    size_bytes,
                    placement,
                    // Looking is tried by itself.
                    unseen: _,
                }) => (size_bytes, Finding::Placed(placement)),
                Ok(Done::PickedUp { size_bytes, .. }) => (size_bytes, Finding::Taken),
                Ok(_) => return Ok(false),
                Err(Broken::Refused(failure)) => {
                    let attempt = probe::attempt_of(failure.phase);
                    if is_first && attempt > Attempt::Create {
                        self.tell(Attempt::Create, Ok(Finding::Nothing));
                    }
                    if is_first && attempt > Attempt::Write {
                        self.tell(Attempt::Write, Ok(Finding::Nothing));
                    }
                    // What went well the first time, and not over a file, is about that file.
                    let attempt = if is_first { attempt } else { Attempt::Rename };
                    self.tell(attempt, Err(failure.text));
                    return Ok(!is_first);
                }
                Err(broken) => return Err(self.told_of(broken, Attempt::Create)),
            };
            if is_first {
                self.tell(Attempt::Create, Ok(Finding::Nothing));
                self.tell(Attempt::Write, Ok(Finding::Written(size_bytes)));
            } else {
                self.tell(Attempt::Rename, Ok(finding));
            }
        }
        Ok(true)
    }

    fn look(&mut self, conversation: &mut Conversation) -> Result<(), Broken> {
        let name = self.names.target.clone();
        let result = match conversation.ask(Operation::Look { name }) {
            Ok(Done::Seen(courier_ledger::Seen::Absent)) => Ok(Finding::Taken),
            Ok(_) => Ok(Finding::Nothing),
            Err(Broken::Refused(failure)) => Err(failure.text),
            Err(broken) => return Err(self.told_of(broken, Attempt::Look)),
        };
        self.tell(Attempt::Look, result);
        Ok(())
    }

    fn read(&mut self, conversation: &mut Conversation) -> Result<(), Broken> {
        let excerpt = Operation::Excerpt {
            name: self.names.target.clone(),
            length: Probe::LENGTH,
            concern: Concern::Survey,
        };
        let result = match conversation.ask(excerpt) {
            Ok(Done::Excerpt(Some(bytes))) if bytes == Probe::BYTES => Ok(Finding::Nothing),
            Ok(Done::Excerpt(Some(_))) => {
                Err("what was read back is not what was written".to_owned())
            }
            Ok(_) => Ok(Finding::Taken),
            Err(Broken::Refused(failure)) => Err(failure.text),
            Err(broken) => return Err(self.told_of(broken, Attempt::Read)),
        };
        self.tell(Attempt::Read, result);
        Ok(())
    }

    /// Lists the folder, removes the probes of earlier trials from it, and reads the server's clock.
    fn list(&mut self, conversation: &mut Conversation, began: Timestamp) -> Result<(), Broken> {
        let result = match conversation.ask(Operation::List) {
            Ok(Done::Listed(Listed::Whole { entries, others })) => {
                let files = entries.len() as u64 + others;
                let own = self.names.found_in(&entries);
                self.ended.server_time = own.map(|seconds| BrokerTime {
                    sent: began,
                    answered: now(),
                    date: Timestamp(i64::from(seconds) * 1_000_000),
                });
                let mut swept = 0;
                for name in self.names.stale_in(&entries) {
                    match conversation.ask(Operation::Remove { name }) {
                        Ok(_) => swept += 1,
                        Err(Broken::Refused(_)) => {}
                        Err(broken) => return Err(self.told_of(broken, Attempt::List)),
                    }
                }
                Ok(Finding::Listed { files, swept })
            }
            Ok(Done::Listed(Listed::Refused(words))) => Err(words),
            Ok(_) => Ok(Finding::Nothing),
            Err(Broken::Refused(failure)) => Err(failure.text),
            Err(broken) => return Err(self.told_of(broken, Attempt::List)),
        };
        self.tell(Attempt::List, result);
        Ok(())
    }

    fn remove(&mut self, conversation: &mut Conversation) -> Result<Placed, Broken> {
        let name = self.names.target.clone();
        let (result, placed) = match conversation.ask(Operation::Remove { name }) {
            Ok(Done::Removed {
                removal: Removal::AlreadyAbsent,
                ..
            }) => (Ok(Finding::Taken), Placed::Nowhere),
            Ok(_) => (Ok(Finding::Nothing), Placed::Nowhere),
            Err(Broken::Refused(failure)) => (Err(failure.text), Placed::Maybe),
            Err(broken) => return Err(self.told_of(broken, Attempt::Remove)),
        };
        self.tell(Attempt::Remove, result);
        Ok(placed)
    }

    /// Tells that the connection was lost during an attempt.
    fn told_of(&mut self, broken: Broken, attempt: Attempt) -> Broken {
        if let Broken::Lost(failure) = &broken {
            // Of an upload, its failure says how far it came.
            let attempt = match attempt {
                Attempt::Create => probe::attempt_of(failure.phase),
                attempt => attempt,
            };
            self.tell(attempt, Err(failure.text.clone()));
        }
        broken
    }
}

/// Where the probe is.
enum Placed {
    /// Nowhere: it was removed, or taken.
    Nowhere,
    /// Under one of its names, perhaps.
    Maybe,
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}
