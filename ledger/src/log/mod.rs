//! The event log on disk: `ledger.log`, append-only, and its witness `ledger.head`
//! (`docs/log-format.md`).
//!
//! Two seams: the run loop knows [`EventLog`], which a database table could be as well; the file
//! sits on [`Storage`], which a test can make fail.

mod error;
mod files;
mod frame;
mod header;
mod journal;
mod recovery;
mod scan;
mod storage;
mod witness;

use crate::{Digest, Entry, Event, LogId, Sequence, Timestamp};

pub use error::LogError;
pub use files::Files;
pub use frame::PayloadError;
pub use journal::{Journal, Opened, Reading, Vacancy, read};
pub use recovery::{Action, EndFound, Findings, HeaderFound, Rule, WitnessFound, action};
pub use storage::Storage;

const LOG: &str = "ledger.log";
const WITNESS: &str = "ledger.head";

/// A position in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The entry's number.
    pub sequence: Sequence,
    /// The entry's hash.
    pub hash: Digest,
}

/// A log that one runner appends to.
pub trait EventLog {
    /// Its identity.
    fn log_id(&self) -> LogId;

    /// Its last entry.
    fn tip(&self) -> Tip;

    /// Appends events, the first of which gets the number `expected`; returns when all of them are
    /// durable. After an error the log must not be used any more.
    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError>;
}
