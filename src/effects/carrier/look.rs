//! Looks at delivered files: over the carrier's own connection, or over one that is made for it and
//! ended at once, for a plan.

use std::sync::mpsc::{Receiver, channel};

use courier_ledger::{Failure, FailureClass, Phase, RemoteName, Sights};

use super::{Message, SftpCarrier};
use crate::effects::sftp::{Completed, Done, DropBox, Endpoint, Operation};
use crate::run::Lookout;

impl Lookout for SftpCarrier {
    /// Looks before anything else is under way.
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Sights, Failure> {
        let receiver = &self.receiver;
        let sights = look_over(&self.drop_box, names, || match receiver.recv() {
            Ok(Message::Transferred(completed)) => Some(completed),
            Ok(Message::Arriving(..) | Message::Fetched(..)) | Err(_) => None,
        });
        match sights {
            Ok(sights) => Ok(sights),
            Err(Unseen {
                failure,
                connection_lost,
            }) => {
                if connection_lost {
                    self.lost = Some(Failure {
                        phase: Phase::Connect,
                        ..failure.clone()
                    });
                }
                Err(failure)
            }
        }
    }
}

/// A drop-box that is connected to when it is first looked at.
pub struct DistantLookout {
    endpoint: Option<Endpoint>,
}

impl DistantLookout {
    /// Will connect to `endpoint`, once.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
        }
    }
}

impl Lookout for DistantLookout {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Sights, Failure> {
        let endpoint = self
            .endpoint
            .take()
            .ok_or_else(|| failed("the drop-box was looked at already"))?;
        let (sender, receiver): (_, Receiver<Completed>) = channel();
        let drop_box = DropBox::connect(endpoint, move |done| {
            let _unheard = sender.send(done);
        })
        .map_err(|error| error.failure())?;
        look_over(&drop_box, names, || receiver.recv().ok()).map_err(|unseen| unseen.failure)
    }
}

/// Why there are no sights.
struct Unseen {
    failure: Failure,
    connection_lost: bool,
}

/// Asks for all files at once. The first refusal is the answer for all: what is known of only some
/// of them is not a look.
fn look_over(
    drop_box: &DropBox,
    names: Vec<RemoteName>,
    mut next: impl FnMut() -> Option<Completed>,
) -> Result<Sights, Unseen> {
    for (ticket, name) in (0u64..).zip(&names) {
        let name = name.to_string();
        drop_box.submit(ticket, Operation::Look { name });
    }
    let mut sights = Sights::new();
    let mut unseen = None;
    let mut names: Vec<Option<RemoteName>> = names.into_iter().map(Some).collect();
    for _ in 0..names.len() {
        let Some(Completed { ticket, result }) = next() else {
            return Err(Unseen {
                failure: failed("the connection ended without an answer"),
                connection_lost: true,
            });
        };
        let name = usize::try_from(ticket)
            .ok()
            .and_then(|index| names.get_mut(index)?.take());
        match (result, name) {
            (Ok(Done::Seen(sight)), Some(name)) => {
                sights.insert(name, sight);
            }
            (Err(error), _) => {
                unseen.get_or_insert(Unseen {
                    failure: error.failure,
                    connection_lost: error.connection_lost,
                });
            }
            (Ok(_), _) => {
                unseen.get_or_insert(Unseen {
                    failure: failed(
                        "an answer came to another question; please report this defect",
                    ),
                    connection_lost: false,
                });
            }
        }
    }
    unseen.map_or(Ok(sights), Err)
}

fn failed(text: &str) -> Failure {
    Failure {
        phase: Phase::Look,
        class: FailureClass::Transient,
        text: text.to_owned(),
    }
}
