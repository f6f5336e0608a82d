//! The event log: what it is to whoever writes and reads it, and the files that it stands in
//! (`docs/log-format.md` is the specification).
//!
//! What always holds here: an entry that [`EventLog::append`] returned is on disk and is never lost
//! or changed without the next opening saying so; a damaged file is never changed, except by the
//! one row of the recovery table that heals, and that keeps what it cut off. Deliberately absent:
//! clocks, and files other than through [`Storage`]. What events mean is folded in one place only
//! (`ledger`); everything else here knows bytes.

mod canonical;
pub(crate) mod codec;
mod error;
mod event_log;
mod file;
mod header;
mod ledger;

pub use error::LogError;
pub use event_log::{EventLog, Tip};
pub use file::files::Files;
pub use file::journal::{Journal, NewLog, Opened};
pub use file::read::{Progress, Reading, Summary, Tail, read, verify};
pub use file::recovery::{
    Action, End, Facts, History, LogFound, Refusal, Rule, WitnessFound, action,
};
#[cfg(feature = "simulation")]
pub use file::simulated::disk::Fault;
#[cfg(feature = "simulation")]
pub use file::simulated::memory::{Memory, MemoryDisk};
pub use file::storage::{Lock, LogFile, Storage};
pub use file::tail::TornTail;
pub use header::HeaderFault;
pub use ledger::{FoldError, Ledger, read_state};
