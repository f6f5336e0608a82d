//! What can go wrong with a log, however it is kept.
//!
//! What always holds here: a kind is all that the program decides by; the words come from whoever
//! keeps the entries. Deliberately absent: files (`file::error`), and event contents in messages.

use std::error::Error;
use std::fmt;

use crate::id::Sequence;
use crate::state::illegal::IllegalEvent;

use super::chain::ChainError;

/// An error in the words of whoever keeps the entries, with advice. Not any error will do: each one is
/// told with what a person can do, and of a disk or a database only whoever uses it knows that.
pub trait Advised: Error + Send + Sync + 'static {
    /// What a person can do.
    fn hint(&self) -> &'static str;
}

/// Why a log is not opened, read or written. A place is where it is, for people: a path, a table.
#[derive(Debug)]
pub enum LogError {
    /// Another process is its runner.
    Busy {
        /// Where it is.
        place: String,
        /// Which one, in words, where that is known.
        by: Option<String>,
    },
    /// Another process became its runner while this one was.
    Fenced {
        /// Where it is.
        place: String,
        /// Which one, in words.
        by: String,
    },
    /// There is none.
    Absent {
        /// Where it would be.
        place: String,
    },
    /// One was to be created where there is one.
    Exists {
        /// Where it is.
        place: String,
    },
    /// What is kept cannot be relied on; nothing was changed.
    Refused(Box<dyn Advised>),
    /// Entries were to be appended at another place than the end, or a state was to be kept that is
    /// not the one after the last entry.
    Conflict {
        /// The sequence number that the caller expected.
        expected: Sequence,
        /// The one that is due.
        due: Sequence,
    },
    /// An earlier step failed: what is kept is known only to the next opening.
    Unusable {
        /// Where it is.
        place: String,
    },
    /// What it is kept on failed, or the event cannot be kept.
    Other(Box<dyn Advised>),
}

impl LogError {
    /// What a person can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Busy { by: None, .. } => "wait until the other run has ended",
            Self::Busy { by: Some(_), .. } => {
                "wait until the other run has ended; should its host be dead, its lease ends by itself, and \
                 `broker-courier ledger takeover --why \"…\"` does not wait for that"
            }
            Self::Fenced { .. } => {
                "the other run goes on from what this one had recorded; find out why this one could not \
                 renew its lease in time: it was paused, or the database was out of reach"
            }
            Self::Absent { .. } => "check the path; the first run creates the ledger",
            Self::Exists { .. } => "use the ledger that is there, or another directory",
            Self::Refused(error) | Self::Other(error) => error.hint(),
            Self::Conflict { .. } => "this is a bug; please report it",
            Self::Unusable { .. } => {
                "check free space and the disk, then start again: everything acknowledged is kept"
            }
        }
    }

    /// The words of whoever keeps the entries, if it is theirs.
    #[must_use]
    pub fn told(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(error) | Self::Other(error) => Some(error.as_ref()),
            Self::Busy { .. }
            | Self::Fenced { .. }
            | Self::Absent { .. }
            | Self::Exists { .. }
            | Self::Conflict { .. }
            | Self::Unusable { .. } => None,
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { place, by: None } => {
                write!(f, "{place} is locked: another run is active")
            }
            Self::Busy {
                place,
                by: Some(by),
            } => write!(f, "{place} is held by {by}: another run is active"),
            Self::Fenced { place, by } => {
                write!(
                    f,
                    "{place} was taken from this run by {by}: nothing more is done"
                )
            }
            Self::Absent { place } => write!(f, "there is no ledger at {place}"),
            Self::Exists { place } => write!(f, "there is a ledger at {place} already"),
            Self::Refused(error) | Self::Other(error) => error.fmt(f),
            Self::Conflict { expected, due } => {
                write!(
                    f,
                    "entry {expected} was to be appended, and entry {due} is due"
                )
            }
            Self::Unusable { place } => {
                write!(f, "{place}: nothing can be appended after a failed write")
            }
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.told().and_then(Error::source)
    }
}

impl Advised for ChainError {
    fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "this is more than any known broker shows; please report it",
            Self::Encode { .. } => "this is a bug; please report it",
            Self::Broken { .. } => {
                "find out what changed the ledger, then restore it from a backup; the published \
                 status.xml names the last entry and hash that the backup should have"
            }
            Self::Unknown { .. } => {
                "use the version of the program that wrote the log, or a newer one"
            }
        }
    }
}

impl From<ChainError> for LogError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::TooLarge { .. } | ChainError::Encode { .. } => Self::Other(Box::new(error)),
            ChainError::Broken { .. } | ChainError::Unknown { .. } => {
                Self::Refused(Box::new(error))
            }
        }
    }
}

/// What can go wrong while a log is folded: its entries, or what they mean.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The log cannot be relied on, read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its bytes are whole, and an event in it cannot follow.
    #[error("the ledger holds an event that cannot follow")]
    Illegal(#[from] IllegalEvent),
}
