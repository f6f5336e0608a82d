//! One command under way: how often its work was tried at the drop-box, what that may have left there,
//! and the ending that follows.
//!
//! What always holds here: work of one kind ends as that kind can; what an attempt may have left at the
//! drop-box is not forgotten by the next. Deliberately absent: waiting and connecting.

use std::sync::Arc;
use std::time::Instant;

use courier_ledger::{
    Command, Digest, Failure, FailureClass, Found, Phase, RemoteAfterFailure, RemoteName, Removal,
    Replaces, Unseen,
};

use super::document::Document;
use super::metered::Metered;
use super::ownership::Ownership;
use super::transfer::{Placed, Repetition, Transfer};
use super::upload::{FetchOrder, Upload};
use crate::effects::fernet::{FernetKey, START_BYTES};
use crate::effects::headway::Headway;
use crate::effects::sftp::{Concern, Done, Operation};
use crate::run::{Ending, Errand, Task};

/// What there is to do.
enum Work {
    /// A result is fetched, encrypted and uploaded.
    Upload(Upload),
    /// A file is removed.
    Removal {
        ownership: Ownership,
        transfer: Transfer<Removal>,
    },
    /// The ledger is uploaded.
    Publication {
        temporary: RemoteName,
        document: Arc<[u8]>,
        transfer: Transfer<Placed>,
    },
}

/// One command under way.
pub(super) struct Job {
    pub(super) command: Command,
    work: Work,
    /// When it goes on; the past while it waits for a connection.
    pub(super) due: Option<Instant>,
    /// How often it was tried again.
    pub(super) repetitions: u32,
    /// The worst that its attempts may have left.
    left: RemoteAfterFailure,
    /// Why what it did was not seen, where it did something.
    pub(super) unseen: Option<Unseen>,
}

impl Job {
    pub(super) fn new(errand: Errand) -> Self {
        let Errand {
            log,
            start,
            command,
            task,
        } = errand;
        let work = match task {
            Task::Upload {
                request,
                temporary,
                replaces,
                unproven,
            } => {
                let order = FetchOrder {
                    log,
                    start,
                    request,
                };
                let ownership = Ownership::of(log, unproven);
                Work::Upload(Upload::new(order, temporary, replaces, ownership))
            }
            Task::Remove { unproven } => Work::Removal {
                ownership: Ownership::of(log, unproven),
                transfer: Transfer::NotBegun,
            },
            Task::Publish {
                temporary,
                document,
            } => Work::Publication {
                temporary,
                document,
                transfer: Transfer::NotBegun,
            },
        };
        Self {
            command,
            work,
            due: None,
            repetitions: 0,
            left: RemoteAfterFailure::Untouched,
            unseen: None,
        }
    }

    /// Whether it writes a file.
    pub(super) fn writes(&self) -> bool {
        match self.work {
            Work::Upload(_) | Work::Publication { .. } => true,
            Work::Removal { .. } => false,
        }
    }

    /// The upload that it is, if it is one.
    pub(super) fn upload(&mut self) -> Option<&mut Upload> {
        match &mut self.work {
            Work::Upload(upload) => Some(upload),
            Work::Removal { .. } | Work::Publication { .. } => None,
        }
    }

    /// What the drop-box is asked for next; none while an upload has nothing to send. It counts as
    /// under way.
    pub(super) fn begin_transfer(&mut self, headway: &Headway) -> Option<Operation> {
        let name = self.command.name();
        let operation = match &self.work {
            Work::Upload(Upload {
                ownership: Ownership::Unknown { .. },
                ..
            })
            | Work::Removal {
                ownership: Ownership::Unknown { .. },
                ..
            } => Operation::Excerpt {
                name: name.clone(),
                length: START_BYTES,
                concern: Concern::UploadInDoubt,
            },
            Work::Upload(upload) => Operation::Upload {
                source: Box::new(Metered::new(
                    upload.spool.as_ref()?.reader(),
                    headway.flow(upload.request()),
                )),
                temporary: upload.temporary.clone(),
                target: name.clone(),
                replaces: upload.replaces(),
            },
            Work::Removal { .. } => Operation::Remove { name: name.clone() },
            Work::Publication {
                temporary,
                document,
                ..
            } => Operation::Upload {
                source: Box::new(Document::new(Arc::clone(document))),
                temporary: temporary.clone(),
                target: name.clone(),
                replaces: Replaces::Own,
            },
        };
        self.due = None;
        match &mut self.work {
            Work::Upload(Upload { transfer, .. }) | Work::Publication { transfer, .. } => {
                *transfer = Transfer::UnderWay;
            }
            Work::Removal { transfer, .. } => *transfer = Transfer::UnderWay,
        }
        Some(operation)
    }

    /// Takes what the drop-box did; what was found out about a file lets the rest begin.
    pub(super) fn done(&mut self, done: Done, keys: &[FernetKey]) -> Progress {
        match done {
            Done::Uploaded {
                size_bytes,
                placement,
                unseen,
            } => {
                self.unseen = unseen;
                self.placed(Placed {
                    size_bytes,
                    placement,
                    was_taken: false,
                });
            }
            Done::PickedUp {
                size_bytes,
                placement,
                unseen,
            } => {
                self.unseen = unseen;
                self.placed(Placed {
                    size_bytes,
                    placement,
                    was_taken: true,
                });
            }
            Done::Removed { removal, unseen } => {
                self.unseen = unseen;
                if let Work::Removal { transfer, .. } = &mut self.work {
                    *transfer = Transfer::Ended(Ok(removal));
                }
            }
            Done::Excerpt(start) => return self.looked_into(start.as_deref(), keys),
            // Looks are nobody's command.
            Done::Seen(_) | Done::Listed(_) | Done::Measured(_) => {}
        }
        Progress::Attempted
    }

    fn placed(&mut self, placed: Placed) {
        match &mut self.work {
            Work::Upload(Upload { transfer, .. }) | Work::Publication { transfer, .. } => {
                *transfer = Transfer::Ended(Ok(placed));
            }
            Work::Removal { .. } => {}
        }
    }

    /// Takes how the file under its final name begins; none when there is no file.
    fn looked_into(&mut self, start: Option<&[u8]>, keys: &[FernetKey]) -> Progress {
        let shown = match &mut self.work {
            Work::Upload(Upload {
                ownership,
                transfer,
                ..
            }) => ownership
                .show(self.command.name(), start, keys)
                .map(|()| *transfer = Transfer::NotBegun),
            Work::Removal {
                ownership,
                transfer,
            } => ownership
                .show(self.command.name(), start, keys)
                .map(|()| *transfer = Transfer::NotBegun),
            Work::Publication { .. } => Ok(()),
        };
        match shown {
            Ok(()) => Progress::MayGoOn,
            Err(failure) => {
                self.failed(failure, RemoteAfterFailure::Untouched);
                Progress::Attempted
            }
        }
    }

    /// Takes that the drop-box did not do it, and what it may have left.
    pub(super) fn failed(&mut self, failure: Failure, left: RemoteAfterFailure) {
        self.left = self.left.max(left);
        match &mut self.work {
            Work::Upload(Upload { transfer, .. }) | Work::Publication { transfer, .. } => {
                *transfer = Transfer::Ended(Err(failure));
            }
            Work::Removal { transfer, .. } => *transfer = Transfer::Ended(Err(failure)),
        }
    }

    /// Ends what has not ended, because nothing can be done any more.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        self.due = None;
        match &mut self.work {
            Work::Upload(upload) => upload.give_up(failure),
            Work::Removal { transfer, .. } => {
                transfer.give_up(failure);
            }
            Work::Publication { transfer, .. } => {
                transfer.give_up(failure);
            }
        }
    }

    /// Why this attempt has failed.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failed_at().map(|(failure, _)| failure)
    }

    fn failed_at(&self) -> Option<(&Failure, Repetition)> {
        match &self.work {
            Work::Upload(upload) => upload.repetition(),
            Work::Removal { transfer, .. } => Some((transfer.failure()?, Repetition::Transfer)),
            Work::Publication { transfer, .. } => Some((transfer.failure()?, Repetition::Transfer)),
        }
    }

    /// Ends what is not under way at the drop-box and not done, because there is no room for it.
    pub(super) fn not_sent(&mut self, failure: &Failure) {
        match &mut self.work {
            Work::Upload(upload) => upload.not_sent(failure),
            Work::Publication { transfer, .. } => {
                transfer.give_up(failure);
            }
            Work::Removal { .. } => return,
        }
        self.due = None;
    }

    /// What may help, when this attempt has failed.
    pub(super) fn repetition(&self) -> Option<Repetition> {
        if self.due.is_some() || self.may_be_overtaken() {
            return None;
        }
        let (failure, repetition) = self.failed_at()?;
        let is_worth_it = failure.class == FailureClass::Transient && failure.phase != Phase::Run;
        is_worth_it.then_some(repetition)
    }

    /// Whether a rename of the temporary name is on its way without an answer. It may reach the server
    /// late, and would then put whatever the next attempt has written so far under the final name; so
    /// that attempt needs another temporary name, and thus another intent.
    fn may_be_overtaken(&self) -> bool {
        match self.work {
            Work::Upload(_) | Work::Publication { .. } => {
                self.left == RemoteAfterFailure::Uncertain
            }
            Work::Removal { .. } => false,
        }
    }

    /// What was found under its final name, where that was looked for.
    pub(super) fn found(&self) -> Option<Found> {
        match &self.work {
            Work::Upload(Upload { ownership, .. }) | Work::Removal { ownership, .. } => {
                ownership.found()
            }
            Work::Publication { .. } => None,
        }
    }

    /// What to record of it, once nothing more will become of it.
    pub(super) fn ending(&self) -> Option<Ending> {
        if self.due.is_some() {
            return None;
        }
        let failed = |failure: &Failure| Ending::Failed {
            failure: failure.clone(),
            remote: self.left,
        };
        match &self.work {
            Work::Upload(upload) => upload.ending(self.command.name(), self.left),
            Work::Removal { transfer, .. } => match transfer {
                Transfer::NotBegun | Transfer::UnderWay => None,
                Transfer::Ended(Ok(removal)) => Some(Ending::Removed(*removal)),
                Transfer::Ended(Err(failure)) => Some(failed(failure)),
            },
            Work::Publication {
                document, transfer, ..
            } => match transfer {
                Transfer::NotBegun | Transfer::UnderWay => None,
                Transfer::Ended(Ok(placed)) => Some(Ending::Published {
                    sha256: Digest::of(&[document]),
                    size_bytes: placed.size_bytes,
                }),
                Transfer::Ended(Err(failure)) => Some(failed(failure)),
            },
        }
    }
}

/// What follows from what the drop-box did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The command's own work can begin now.
    MayGoOn,
    /// An attempt at it has ended.
    Attempted,
}
