//! What a poll could prove about a request that is no longer listed.
//!
//! Deliberately absent: how it is found out (`docs/broker.md`), and what follows from it (`decide`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a request that is no longer listed, as far as the same poll could prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The whole list is well-formed, not empty, and does not hold it.
    Deleted,
    /// It exists, and its definition parses and has no such tag.
    Untagged,
    /// Nothing is proven.
    Unconfirmed,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "the request was deleted",
            Self::Untagged => "the request no longer has the tag",
            Self::Unconfirmed => "the request is no longer listed, and nothing proves why",
        })
    }
}
