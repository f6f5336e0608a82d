//! A look at final names before uploads that write under them from the start are begun: an intent that
//! found its name free owns what grows there.
//!
//! What always holds: only what the server says is not there counts as free; a look that nobody answers
//! delays nothing for longer than any other. Deliberately absent: looks where files come by a rename, as
//! nothing unfinished ever stands under a final name then.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{Failure, FailureClass, Phase, RemoteName, Seen};

use super::message::Message;
use super::{Link, SftpCarrier};
use crate::effects::sftp::{Completed, Concern, Done, Operation, Placing};

/// Tickets of looks: no log has entries of such numbers.
pub(super) const FIRST_TICKET: u64 = 1 << 63;

/// Whether this is the ticket of a look, and of no command.
pub(super) fn is_look(ticket: u64) -> bool {
    ticket >= FIRST_TICKET
}

impl SftpCarrier {
    /// Which of these names are free, as far as the server tells. Whatever else comes meanwhile is taken.
    pub(super) fn look_ahead(&mut self, names: Vec<RemoteName>) -> BTreeSet<RemoteName> {
        let mut free = BTreeSet::new();
        if self.connector.endpoint.recipe.placing != Placing::Direct {
            return free;
        }
        let mut asked: BTreeMap<u64, RemoteName> = (FIRST_TICKET..).zip(names).collect();
        if let Link::Up(drop_box) = &self.link {
            for (ticket, name) in &asked {
                let name = name.clone();
                drop_box.submit(*ticket, Operation::Look { name });
            }
        }
        while !asked.is_empty() && matches!(self.link, Link::Up(_)) {
            match self.receiver.recv() {
                Ok(Message::Transferred(Completed { ticket, result })) if is_look(ticket) => {
                    match (asked.remove(&ticket), result) {
                        (Some(name), Ok(Done::Seen(Seen::Absent))) => {
                            free.insert(name);
                        }
                        (Some(_), Err(error)) if error.connection_lost => self.mend(&error.failure),
                        // It is not free, or not shown.
                        (Some(_) | None, Ok(_) | Err(_)) => {}
                    }
                }
                Ok(message) => self.take(message),
                Err(_) => break,
            }
        }
        free
    }

    /// How a file begins. Whatever else comes meanwhile is taken.
    pub(super) fn look_into(
        &mut self,
        name: RemoteName,
        length: u32,
    ) -> Result<Option<Vec<u8>>, Failure> {
        if let Link::Up(drop_box) = &self.link {
            let concern = Concern::UploadInDoubt;
            let operation = Operation::Excerpt {
                name,
                length,
                concern,
            };
            drop_box.submit(FIRST_TICKET, operation);
        }
        while matches!(self.link, Link::Up(_)) {
            match self.receiver.recv() {
                Ok(Message::Transferred(Completed { ticket, result })) if is_look(ticket) => {
                    match result {
                        Ok(Done::Excerpt(bytes)) => return Ok(bytes),
                        Err(error) if error.connection_lost => self.mend(&error.failure),
                        Err(error) => return Err(error.failure),
                        // The answer to a look that nobody waits for any more.
                        Ok(_) => {}
                    }
                }
                Ok(message) => self.take(message),
                Err(_) => break,
            }
        }
        Err(match &self.link {
            Link::Down(failure) => failure.clone(),
            Link::Up(_) | Link::Mending => Failure {
                phase: Phase::Look,
                class: FailureClass::Transient,
                text: "the connection was lost".to_owned(),
            },
        })
    }
}
