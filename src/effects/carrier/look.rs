//! Looks at delivered files: over the carrier's own connection, or over one that is made for it and
//! ended at once, for a plan.

use std::sync::mpsc::channel;

use courier_ledger::{Failure, FailureClass, Look, Phase, RemoteName};

use super::{Link, Message, SftpCarrier};
use crate::effects::sftp::{Completed, Done, DropBox, Endpoint, Operation};
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

/// A drop-box that is connected to when it is first looked at.
pub struct DistantLookout {
    endpoint: Endpoint,
}

impl DistantLookout {
    /// Will connect to `endpoint` for each look.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }
}

impl Lookout for DistantLookout {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        let (sender, receiver) = channel();
        let drop_box = DropBox::connect(&self.endpoint, move |done| {
            let _unheard = sender.send(done);
        })
        .map_err(|error| error.failure())?;
        let next = || receiver.recv().map_err(|_| super::nobody_answers());
        look_over(&drop_box, names, next).map_err(|unseen| match unseen {
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
    for (ticket, name) in (0u64..).zip(&names) {
        let name = name.clone();
        drop_box.submit(ticket, Operation::Look { name });
    }
    let mut look = Look::new();
    let mut unseen = None;
    let mut names: Vec<Option<RemoteName>> = names.into_iter().map(Some).collect();
    for _ in 0..names.len() {
        let Completed { ticket, result } = next().map_err(Unseen::Stopped)?;
        let name = usize::try_from(ticket)
            .ok()
            .and_then(|index| names.get_mut(index)?.take());
        match (result, name) {
            (Ok(Done::Seen(seen)), Some(name)) => {
                look.insert(name, seen);
            }
            (Err(error), _) if error.connection_lost => {
                unseen = Some(Unseen::ConnectionLost(error.failure));
            }
            (Err(error), _) => {
                unseen.get_or_insert(Unseen::Refused(error.failure));
            }
            (Ok(_), _) => {
                unseen.get_or_insert(Unseen::Refused(Failure {
                    phase: Phase::Look,
                    class: FailureClass::Permanent,
                    text: "an answer came to another question; please report this defect"
                        .to_owned(),
                }));
            }
        }
    }
    unseen.map_or(Ok(look), Err)
}
