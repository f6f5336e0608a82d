//! Looks at delivered files: over the carrier's own connection, or over one that is made for it and
//! ended at once, for a plan.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};

use courier_ledger::{Failure, FailureClass, Look, Phase, RemoteName, StatusFound};

use super::message::Message;
use super::{Link, SftpCarrier};
use crate::effects::sftp::{Completed, Done, DropBox, Endpoint, Operation};
use crate::effects::waker::Waker;
use crate::run::Lookout;

impl Lookout for SftpCarrier {
    /// Looks before anything else is under way.
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        let receiver = &self.receiver;
        let next = || match receiver.recv() {
            Ok(Message::Transferred(completed)) => Ok(completed),
            Ok(Message::Stopped(reason)) => Err(reason.failure()),
            Ok(Message::Connected(_) | Message::Arriving(..) | Message::Fetched(..)) | Err(_) => {
                Err(super::nobody_answers())
            }
        };
        let seen = match &self.link {
            Link::Up(drop_box) => look_over(drop_box, names, next),
            Link::Mending => return Err(super::nobody_answers()),
            Link::Down(failure) => return Err(failure.clone()),
        };
        seen.map_err(|unseen| match unseen {
            Unseen::Refused(failure) => failure,
            Unseen::ConnectionLost(failure) => {
                self.mend(&failure);
                failure
            }
            Unseen::Stopped(failure) => {
                self.give_up(&failure);
                failure
            }
        })
    }
}

/// A drop-box that is visited to look, not to deliver.
pub(crate) struct DistantLookout {
    drop_box: DropBox,
    completed: Receiver<Completed>,
}

impl DistantLookout {
    /// Connects to it, once.
    pub(crate) fn visit(endpoint: &Endpoint) -> Result<Self, Failure> {
        let (sender, completed) = channel();
        let waker = Waker::new().map_err(|error| Failure {
            phase: Phase::Connect,
            class: FailureClass::Transient,
            text: format!("the drop-box cannot be served: {error}"),
        })?;
        let drop_box = DropBox::connect(endpoint, waker, move |done| {
            let _unheard = sender.send(done);
        })
        .map_err(|error| error.failure())?;
        Ok(Self {
            drop_box,
            completed,
        })
    }

    /// What stands there in place of `status.xml`.
    pub(crate) fn published(&self) -> &StatusFound {
        self.drop_box.published()
    }
}

impl Lookout for DistantLookout {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        let receiver = &self.completed;
        let next = || receiver.recv().map_err(|_| super::nobody_answers());
        look_over(&self.drop_box, names, next).map_err(|unseen| match unseen {
            Unseen::Refused(failure)
            | Unseen::ConnectionLost(failure)
            | Unseen::Stopped(failure) => failure,
        })
    }
}

/// Why nothing is known of the files.
enum Unseen {
    /// The server does not show the files.
    Refused(Failure),
    /// The connection is gone.
    ConnectionLost(Failure),
    /// Nobody waits for the answers any more.
    Stopped(Failure),
}

/// Asks for all files at once. The first refusal is the answer for all: what is known of only some
/// of them is not a look.
fn look_over(
    drop_box: &DropBox,
    names: Vec<RemoteName>,
    mut next: impl FnMut() -> Result<Completed, Failure>,
) -> Result<Look, Unseen> {
    let mut look = Look::new();
    let mut unseen = None;
    let mut asked: BTreeMap<u64, RemoteName> = (0..).zip(names).collect();
    for (ticket, name) in &asked {
        let name = name.clone();
        drop_box.submit(*ticket, Operation::Look { name });
    }
    while !asked.is_empty() {
        let Completed { ticket, result } = next().map_err(Unseen::Stopped)?;
        match (asked.remove(&ticket), result) {
            (Some(name), Ok(Done::Seen(seen))) => {
                look.insert(name, seen);
            }
            (_, Err(error)) if error.connection_lost => {
                unseen = Some(Unseen::ConnectionLost(error.failure));
            }
            (_, Err(error)) => {
                unseen.get_or_insert(Unseen::Refused(error.failure));
            }
            // The end of something else that was asked.
            (_, Ok(_)) => {}
        }
    }
    unseen.map_or(Ok(look), Err)
}
