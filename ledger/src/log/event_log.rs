//! The log as the run loop knows it, however it is stored: the tip, append, read.
//!
//! Deliberately absent: files. A database table with the same entries and hashes can be behind it.

use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::time::Timestamp;

use crate::log::error::LogError;

/// The last entry: its number and hash stand for everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its sequence number; [`Sequence::NONE`] in a log without entries.
    pub sequence: Sequence,
    /// Its hash.
    pub hash: Digest,
}

/// A log with one writer, however it is stored.
pub trait EventLog {
    /// The last entry.
    fn tip(&self) -> Tip;

    /// The log's identity.
    fn log_id(&self) -> LogId;

    /// Appends `events` as the entries from `expected` on and returns when they are on disk: one
    /// fsync for all of them. After an error, part of them may be there; the next opening knows.
    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError>;

    /// The entries from `first` on, checked again as they are read.
    fn read_from(&self, first: Sequence) -> Box<dyn Iterator<Item = Result<Entry, LogError>> + '_>;
}
