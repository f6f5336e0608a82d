//! An upload whose bytes are read back and compared with what was sent. Nothing here changes a name.

use courier_ledger::Phase;

use super::super::answer::{self, Answer, Handle, Piece};
use super::super::outbox::{Flow, Requests};
use super::super::recipe::Placing as Way;
use super::State;
use super::comparison::{ReadBack, Sum};
use super::giving_up::Left;
use super::names::Before;
use super::placing::Placing;
use super::task::{Order, Task};
use crate::effects::sftp::wire::request::Request;
use crate::effects::sftp::wire::status::Status;

/// A file that is being read back.
pub(super) enum ReadingBack {
    /// It is being opened again.
    Opening(Sent),
    /// It is being read, or closed when all of it was read.
    Reading {
        /// What it should be.
        sent: Sent,
        /// The open file.
        handle: Handle,
        /// What was read of it.
        read: ReadBack,
    },
    /// It is closed, and not what was sent, or given up.
    Closed,
}

/// What was sent.
#[derive(Clone)]
pub(super) struct Sent {
    size_bytes: u64,
    sum: Sum,
    /// What stood under both names then.
    before: Before,
}

impl ReadingBack {
    /// Opens the file again.
    pub(super) fn begin(
        size_bytes: u64,
        sum: Sum,
        before: Before,
        order: &Order,
        out: &mut Requests<'_>,
    ) -> State {
        let path = order.written();
        out.open(Request::OpenRead { path }, |said| {
            Answer::ReadingBack(answer::ReadingBack::Opened(said))
        });
        State::ReadingBack(Self::Opening(Sent {
            size_bytes,
            sum,
            before,
        }))
    }

    /// Whether the server has the file open.
    pub(super) fn has_file_open(&self) -> bool {
        matches!(self, Self::Reading { .. })
    }

    /// Asks for the next piece.
    pub(super) fn ask(&mut self, room: usize, out: &mut Requests<'_>) -> Flow {
        match self {
            Self::Reading { handle, read, .. } => read.ask(handle, room, out),
            Self::Opening(_) | Self::Closed => Flow::End,
        }
    }

    /// Takes an answer.
    pub(super) fn answer(
        self,
        answer: answer::ReadingBack,
        task: &mut Task,
        out: &mut Requests<'_>,
    ) -> State {
        use answer::ReadingBack::{Closed, Opened, Read};
        State::ReadingBack(match (self, answer) {
            (Self::Opening(sent), Opened(Ok(handle))) => Self::Reading {
                read: ReadBack::new(sent.size_bytes),
                sent,
                handle,
            },
            // Under its final name it may have been picked up already, which is a delivery.
            (Self::Opening(sent), Opened(Err(status)))
                if status.code.is_absent()
                    && task.order.recipe.placing == Way::Direct
                    && task.failure.is_none() =>
            {
                return Placing::begin(sent.size_bytes, sent.before, task, out);
            }
            (Self::Opening(_), Opened(Err(status))) => {
                cannot_be_read(&status, task);
                Self::Closed
            }
            (
                Self::Reading {
                    sent,
                    handle,
                    mut read,
                },
                Read(piece),
            ) => {
                take(&mut read, piece, &handle, task, out);
                Self::Reading { sent, handle, read }
            }
            (Self::Reading { sent, read, .. }, Closed) => {
                return compare(sent, read, task, out);
            }
            // The file is opened, read and closed in this order.
            (state @ Self::Opening(_), Read(_) | Closed)
            | (state @ Self::Reading { .. }, Opened(_))
            | (state @ Self::Closed, Opened(_) | Read(_) | Closed) => state,
        })
    }

    /// Closes the file that was read to its end. Otherwise more is to be asked for.
    pub(super) fn go_on(&self, out: &mut Requests<'_>) {
        if let Self::Reading { handle, read, .. } = self
            && read.is_complete()
        {
            out.act(Request::Close { handle }, |_| {
                Answer::ReadingBack(answer::ReadingBack::Closed)
            });
        }
    }

    /// Gives the window back what it held.
    pub(super) fn release(&self, out: &mut Requests<'_>) {
        match self {
            Self::Reading { read, .. } => out.outbox.release(read.held_bytes()),
            Self::Opening(_) | Self::Closed => {}
        }
    }

    /// What it may have left.
    pub(super) fn left(self, order: &Order) -> Left {
        let handle = match self {
            Self::Reading { handle, .. } => Some(handle),
            Self::Opening(_) | Self::Closed => None,
        };
        Left {
            handle,
            ..Left::unfinished(order)
        }
    }
}

/// Takes a piece that was read back.
fn take(read: &mut ReadBack, piece: Piece, handle: &[u8], task: &mut Task, out: &mut Requests<'_>) {
    if let Err(difference) = read.take(piece, handle, out) {
        let name = &task.order.name;
        task.differs(format!(
            "what the server holds of {name} is not what was sent and acknowledged: {difference}"
        ));
    }
}

/// Goes on with a file that is what was sent.
fn compare(sent: Sent, read: ReadBack, task: &mut Task, out: &mut Requests<'_>) -> State {
    if task.failure.is_none() {
        if read.finish() == sent.sum {
            return Placing::begin(sent.size_bytes, sent.before, task, out);
        }
        let name = &task.order.name;
        task.differs(format!(
            "what the server holds of {name} differs from what was sent and acknowledged, at the \
             same size"
        ));
    }
    State::ReadingBack(ReadingBack::Closed)
}

fn cannot_be_read(status: &Status, task: &mut Task) {
    let hint = if status.code.is_denied() {
        "; SFTP.VERIFY = \"size\" does without reading"
    } else {
        ""
    };
    let name = &task.order.name;
    let text = format!("the server does not let {name} be read back: {status}{hint}");
    task.fail(Phase::Confirm, status.code.class(), text);
}
