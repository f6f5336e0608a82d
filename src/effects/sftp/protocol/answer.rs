//! Every question that an operation puts to the server, and what can come back to it. A request goes
//! out together with the answer that it will become, so an answer of another kind than its question
//! does not exist.
//!
//! Deliberately absent: what follows from an answer; that is each operation's own.

use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::error::ProtocolError;
use crate::effects::sftp::wire::names::Names;
use crate::effects::sftp::wire::reply::{Reply, Room};
use crate::effects::sftp::wire::status::{Status, StatusCode};

/// The server did so and gave this, or it refused.
pub(crate) type Said<T> = Result<T, Status>;

/// What the server calls an open file.
pub(crate) type Handle = Vec<u8>;

/// An answer, with the question that it is to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a question of an upload that has no file yet.
    Creating(Creating),
    /// To a question of an upload whose bytes are sent.
    Sending(Sending),
    /// To a question of an upload that is read back.
    ReadingBack(ReadingBack),
    /// To a question of an upload on its way to its final name.
    Placing(Placing),
    /// To a question of an upload that is given up.
    GivingUp(GivingUp),
    /// To a question of a removal.
    Removing(Removing),
    /// To a question of a look.
    Looking(Sighted),
    /// To a question of an excerpt.
    Excerpt(Excerpt),
    /// To a question of a listing.
    Listing(Listing),
    /// To the question of a measurement.
    Measuring(Said<Room>),
}

/// An answer to a question that the one who got it never put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misplaced;

macro_rules! groups {
    ($($group:ident($answers:ty) $method:ident;)*) => {
        impl Answer {$(
            /// The answer, for who puts such questions only.
            pub(crate) fn $method(self) -> Result<$answers, Misplaced> {
                match self {
                    Self::$group(answer) => Ok(answer),
                    _ => Err(Misplaced),
                }
            }
        )*}
    };
}

groups! {
    Creating(Creating) creating;
    Sending(Sending) sending;
    ReadingBack(ReadingBack) reading_back;
    Placing(Placing) placing;
    GivingUp(GivingUp) giving_up;
    Removing(Removing) removing;
    Looking(Sighted) looking;
    Excerpt(Excerpt) excerpt;
    Listing(Listing) listing;
    Measuring(Said<Room>) measuring;
}

/// Answers to the question whether a file is there, however it is asked.
#[derive(Debug)]
pub(crate) enum Sighted {
    /// What the server tells of the name.
    Told(Said<Attributes>),
    /// The folder, opened.
    Opened(Said<Handle>),
    /// Some of its names.
    Named(Said<Names>),
    /// It was closed, or not: what was only read cannot have lost anything by it.
    Closed,
}

/// Answers to a removal.
#[derive(Debug)]
pub(crate) enum Removing {
    /// What stood there before.
    LookedBefore(Said<Attributes>),
    /// Whether it was removed.
    Removed(Said<()>),
    /// What stands there now.
    Sighted(Sighted),
}

/// Answers to an upload that has no file yet: one at a time.
#[derive(Debug)]
pub(crate) enum Creating {
    /// What stands under the name that is written to, or under the final one.
    Looked(Sighted),
    /// Whether the file was created, or the old one emptied.
    Created(Said<Handle>),
    /// Whether what stood under the temporary name was removed.
    Cleared(Said<()>),
}

/// Answers to an upload whose bytes are sent.
#[derive(Debug)]
pub(crate) enum Sending {
    /// Whether a piece was written.
    Written(Said<()>),
    /// Whether it is on the disk.
    Synced(Said<()>),
    /// The size of the open file.
    Measured(Said<Attributes>),
    /// Whether it was closed.
    Closed(Said<()>),
    /// What stands under the final name before it is placed there.
    LookedBefore(Sighted),
    /// What stands under the temporary name when it is closed.
    LookedAtTemporary(Said<Attributes>),
    /// The size of the file by its name.
    MeasuredByName(Said<Attributes>),
}

/// Answers to an upload that is read back.
#[derive(Debug)]
pub(crate) enum ReadingBack {
    /// The file, opened again.
    Opened(Said<Handle>),
    /// A piece of it.
    Read(Piece),
    /// It was closed, or not: what was only read cannot have lost anything by it.
    Closed,
}

/// Answers to an upload on its way to its final name.
#[derive(Debug)]
pub(crate) enum Placing {
    /// Whether it was renamed.
    Renamed(Said<()>),
    /// Whether the old version was removed from the final name.
    Unlinked(Said<()>),
    /// What stands under the final name.
    Target(Sighted),
    /// What stands under the temporary name.
    Temporary(Sighted),
}

/// Answers to an upload that is given up.
#[derive(Debug)]
pub(crate) enum GivingUp {
    /// The file was closed, or not: it is given up.
    Closed,
    /// How much room there is.
    Measured(Said<Room>),
    /// Whether it was removed.
    Withdrawn(Said<()>),
    /// Whether it is there still.
    Sighted(Sighted),
}

/// Answers to an excerpt: one at a time.
#[derive(Debug)]
pub(crate) enum Excerpt {
    /// The file, opened.
    Opened(Said<Handle>),
    /// A piece of it.
    Read(Piece),
    /// How long it is.
    Measured(Said<Attributes>),
    /// It was closed, or not: what was only read cannot have lost anything by it.
    Closed,
    /// Whether it is there at all.
    Sighted(Sighted),
}

/// Answers to a listing.
#[derive(Debug)]
pub(crate) enum Listing {
    /// The folder, opened.
    Opened(Said<Handle>),
    /// Some of its names.
    Named(Said<Names>),
    /// It was closed, or not: what was only read cannot have lost anything by it.
    Closed,
}

/// What came for one READ.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it begins.
    pub(crate) offset: u64,
    /// How many bytes were asked for.
    pub(crate) length: u32,
    /// What came.
    pub(crate) bytes: Said<Vec<u8>>,
}

/// The answer that a request awaits, by what it must bring along.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    /// Nothing but that it was done.
    Done(fn(Said<()>) -> Answer),
    /// An open file.
    Handle(fn(Said<Handle>) -> Answer),
    /// A file's attributes.
    Attributes(fn(Said<Attributes>) -> Answer),
    /// Some of a folder's names.
    Names(fn(Said<Names>) -> Answer),
    /// How much room there is.
    Room(fn(Said<Room>) -> Answer),
    /// A piece of a file.
    Piece {
        /// Where it begins.
        offset: u64,
        /// How many bytes are asked for.
        length: u32,
        /// The answer.
        answer: fn(Piece) -> Answer,
    },
}

impl Awaited {
    /// The answer that `reply` is to a request of `words`.
    pub(crate) fn answer(self, reply: Reply, words: &'static str) -> Result<Answer, ProtocolError> {
        let came = reply.words();
        let piece = |offset, length, bytes| Piece {
            offset,
            length,
            bytes,
        };
        Ok(match (self, reply) {
            (Self::Done(answer), Reply::Status(status)) if status.code == StatusCode::OK => {
                answer(Ok(()))
            }
            (Self::Done(answer), Reply::Status(status)) => answer(Err(status)),
            (Self::Handle(answer), Reply::Handle(handle)) => answer(Ok(handle)),
            (Self::Handle(answer), Reply::Status(status)) if status.code != StatusCode::OK => {
                answer(Err(status))
            }
            (Self::Attributes(answer), Reply::Attributes(attributes)) => answer(Ok(attributes)),
            (Self::Attributes(answer), Reply::Status(status)) if status.code != StatusCode::OK => {
                answer(Err(status))
            }
            (Self::Names(answer), Reply::Names(names)) => answer(Ok(names)),
            (Self::Names(answer), Reply::Status(status)) if status.code != StatusCode::OK => {
                answer(Err(status))
            }
            (Self::Room(answer), Reply::Extended(body)) => answer(Ok(Room::decode(&body)?)),
            (Self::Room(answer), Reply::Status(status)) if status.code != StatusCode::OK => {
                answer(Err(status))
            }
            (
                Self::Piece {
                    offset,
                    length,
                    answer,
                },
                Reply::Data(bytes),
            ) => answer(piece(offset, length, Ok(bytes))),
            (
                Self::Piece {
                    offset,
                    length,
                    answer,
                },
                Reply::Status(status),
            ) if status.code != StatusCode::OK => answer(piece(offset, length, Err(status))),
            (
                Self::Done(_)
                | Self::Handle(_)
                | Self::Attributes(_)
                | Self::Names(_)
                | Self::Room(_)
                | Self::Piece { .. },
                Reply::Status(_)
                | Reply::Handle(_)
                | Reply::Data(_)
                | Reply::Names(_)
                | Reply::Attributes(_)
                | Reply::Extended(_),
            ) => {
                return Err(ProtocolError::Unexpected {
                    answer: came,
                    request: words,
                });
            }
        })
    }
}
