//! The event log on disk: `ledger.log`, its witness `ledger.head`, its checkpoint, and what recovery
//! cut off (`docs/log-format.md` is the specification).
//!
//! What always holds here: an entry that [`EventLog::append`] returned is on disk and is never lost
//! or changed without the next opening saying so; a damaged file is never changed, except by the
//! one row of the recovery table that heals, and that keeps what it cut off. Deliberately absent:
//! clocks, and files other than through [`Storage`]. What events mean is folded in one place only
//! (`ledger`); everything else here knows bytes.

mod ahead;
mod canonical;
mod checkpoint;
pub(crate) mod codec;
mod disk;
mod error;
mod event_log;
mod examine;
mod files;
mod frame;
mod frames;
mod header;
mod heal;
mod journal;
mod ledger;
mod memory;
mod read;
mod recovery;
mod storage;
mod tail;
mod verify;
mod walk;
mod witness;

#[cfg(test)]
mod tests;

pub use disk::Fault;
pub use error::{LogError, Refusal, Rule};
pub use event_log::{EventLog, Tip};
pub use files::Files;
pub use journal::{Journal, NewLog, Opened};
pub use ledger::{FoldError, Ledger, read_state};
pub use memory::{Memory, MemoryDisk};
pub use read::{Reading, Tail, read};
pub use recovery::{Action, End, Facts, HeaderFault, History, LogFound, WitnessFound, action};
pub use storage::{Lock, LogFile, Storage};
pub use tail::TornTail;
pub use verify::{Progress, Summary, verify};
