//! The audit of a log: header, chain, witness, decodability and encoding of every entry.
//!
//! Deliberately absent: whether the events are legal and what they project to. The caller folds.

use crate::event::Entry;
use crate::id::Sequence;

use super::error::LogError;
use super::read::{Reading, observe};
use super::storage::Storage;

/// How far an audit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last entry that was checked.
    pub sequence: Sequence,
    /// How many bytes of the log were read.
    pub done_bytes: u64,
    /// How many it has.
    pub total_bytes: u64,
}

/// What an audit found in a log that can be relied on: the same as any reading.
pub type Summary = Reading;

/// Checks the whole log without a lock, changes nothing, and ends at the first damage.
///
/// `fold` gets every entry, in order, to check what events mean; `progress` is called each 4,096
/// entries and at the end.
pub fn verify<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    mut fold: impl FnMut(Entry) -> Result<(), E>,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, E> {
    const PROGRESS_ENTRIES: u64 = 4096;
    let summary = observe(storage, &mut |entry, mark, total_bytes| {
        let sequence = entry.sequence;
        fold(entry)?;
        if sequence.0.is_multiple_of(PROGRESS_ENTRIES) {
            progress(Progress {
                sequence,
                done_bytes: mark.offset,
                total_bytes,
            });
        }
        Ok::<(), E>(())
    })?;
    progress(Progress {
        sequence: summary.tip.sequence,
        done_bytes: summary.size_bytes,
        total_bytes: summary.size_bytes,
    });
    Ok(summary)
}
