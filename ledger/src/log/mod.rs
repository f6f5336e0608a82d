//! The event log: the chain of its entries, the seam behind which they are kept, the ledger that folds
//! them, and the files that they are kept in (`docs/log-format.md` is the specification).
//!
//! What always holds here: an entry that [`EventLog::append`] returned is kept and is never lost or
//! changed without the next opening saying so. Deliberately absent: clocks, and files other than
//! through [`Storage`].

mod canonical;
pub mod chain;
pub(crate) mod codec;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod contract;
mod error;
mod event_log;
mod file;
mod header;
mod ledger;
mod rehearsal;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod sample;

#[cfg(test)]
mod tests;

pub use error::{Advised, FoldError, LogError};
pub use event_log::{Claim, Entries, EventLog, LogPlace, NewLog, Vacancy};
pub use file::error::FileError;
pub use file::files::Files;
pub use file::journal::Journal;
pub use file::kept_state::{keep_state, kept_state};
pub use file::place::{Vacant, read_state, read_state_and_hashes};
pub use file::read::{Progress, Reading, Tail, read, read_from, verify};
pub use file::recovery::{Refusal, Rule};
pub use file::redacted::{Piece, RedactedReading, Redactor, is_redacted, read_redacted};
#[cfg(feature = "simulation")]
pub use file::simulated::disk::Fault;
#[cfg(feature = "simulation")]
pub use file::simulated::memory::{Memory, MemoryDisk};
pub use file::state_cache::CACHE_ENTRIES;
pub use file::storage::{Lock, LogFile, Storage};
pub use file::tail::TornTail;
pub use header::HeaderFault;
pub use ledger::{Claimed, Ledger};
pub use rehearsal::Rehearsal;
