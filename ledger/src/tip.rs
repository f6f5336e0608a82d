//! A place in the chain of a log's entries: whoever knows it can tell whether a log is the one that it
//! came from, and whether anything before it was changed.
//!
//! Deliberately absent: where that place is in bytes (`log::file::mark`).

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{LogId, Sequence};

/// The place behind an entry: its number and hash stand for everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tip {
    /// The log.
    pub log: LogId,
    /// The entry's sequence number; [`Sequence::NONE`] before the first.
    pub sequence: Sequence,
    /// The entry's hash; before the first, that of what the chain begins with.
    pub hash: Digest,
}
