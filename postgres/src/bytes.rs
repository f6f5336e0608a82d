//! Numbers and hashes as columns have them.
//!
//! Deliberately absent: rows.

use courier_ledger::{Digest, LogId, Sequence};

/// A sequence number as a column holds it. Longer logs than that cannot be.
pub(crate) fn column(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

/// The sequence number in a column; none for what is none.
pub(crate) fn sequence(column: i64) -> Option<Sequence> {
    u64::try_from(column).ok().map(Sequence)
}

/// The hash in a column; none for what is none.
pub(crate) fn digest(column: &[u8]) -> Option<Digest> {
    column.try_into().ok().map(Digest)
}

/// The log's id in a column; none for what is none.
pub(crate) fn log(column: &[u8]) -> Option<LogId> {
    column.try_into().ok().map(LogId)
}
