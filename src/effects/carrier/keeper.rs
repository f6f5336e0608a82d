//! A connection to the drop-box that outlives the run that made it, for the next one.
//!
//! What always holds here: what is kept was in order when its run ended, and has nothing under way; it is asked for
//! `status.xml` before anything else, as a new one is, and one that does not answer is given up for a new one.
//! Deliberately absent: when a run needs one.

use std::io;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use courier_ledger::{RemoteName, StatusFound};

use super::ahead::FIRST_TICKET;
use super::message::Message;
use crate::effects::mutex::lock;
use crate::effects::sftp::{Completed, Concern, Done, DropBox, Operation, STATUS_HEAD_BYTES};
use crate::effects::waker::Waker;

/// Where a connection tells what has ended: whichever run is under way.
#[derive(Clone)]
pub(super) struct Outlet(Arc<Mutex<Option<Sender<Message>>>>);

impl Outlet {
    pub(super) fn closed() -> Self {
        Self(Arc::default())
    }

    /// From now on it is told there.
    pub(super) fn lead_to(&self, messages: Sender<Message>) {
        *lock(&self.0) = Some(messages);
    }

    pub(super) fn tell(&self, message: Message) {
        if let Some(messages) = &*lock(&self.0) {
            // The run is over when nobody listens any more.
            let _unheard = messages.send(message);
        }
    }
}

/// Keeps a connection from one run to the next. Clones are the same.
#[derive(Clone)]
pub(crate) struct Keeper {
    kept: Arc<Mutex<Option<(DropBox, Instant)>>>,
    outlet: Outlet,
    waker: Waker,
}

impl Keeper {
    /// Keeps nothing yet. Fails when there are no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            kept: Arc::default(),
            outlet: Outlet::closed(),
            waker: Waker::new()?,
        })
    }

    /// Ends the connection, if nobody needed it for so long; else says when that will be, where there is one.
    pub(crate) fn end_idle(&self, idle: Duration) -> Option<Instant> {
        let mut kept = lock(&self.kept);
        let until = kept.as_ref().map(|(_, since)| *since + idle);
        if until.is_some_and(|until| until <= Instant::now()) {
            *kept = None;
            return None;
        }
        until
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    pub(super) fn keep(&self, drop_box: DropBox) {
        *lock(&self.kept) = Some((drop_box, Instant::now()));
    }

    /// The connection that was kept, if it still stands, and what is in place of `status.xml` now.
    pub(super) fn take(&self, told: &Receiver<Message>) -> Option<(DropBox, StatusFound)> {
        let (drop_box, _) = lock(&self.kept).take()?;
        let operation = Operation::Excerpt {
            name: RemoteName::ledger(),
            length: u32::try_from(STATUS_HEAD_BYTES).unwrap_or(u32::MAX),
            concern: Concern::UploadInDoubt,
        };
        drop_box.submit(FIRST_TICKET, operation);
        loop {
            match told.recv().ok()? {
                Message::Transferred(Completed {
                    ticket: FIRST_TICKET,
                    result,
                }) => {
                    let found = match result {
                        Ok(Done::Excerpt(Some(bytes))) => StatusFound::of_beginning(&bytes),
                        Ok(Done::Excerpt(None)) => Some(StatusFound::Nothing),
                        // A new connection shows it once more, with all that is asked of a new one.
                        Ok(_) | Err(_) => None,
                    };
                    return Some((drop_box, found?));
                }
                Message::Stopped(_) => return None,
                Message::Connected(_)
                | Message::Arriving(..)
                | Message::Fetched(..)
                | Message::Transferred(_) => {}
            }
        }
    }
}
