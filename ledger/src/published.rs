//! What the `status.xml` at the drop-box said to the ledger, where that is not what was expected: words
//! for the log.
//!
//! What always holds here: what is said was seen by the run that says it. Deliberately absent: what
//! keeps a run from going on (`standing`); such a run records nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What was found in place of the published `status.xml`, by a run that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedSeen {
    /// What should be there: one that this ledger contains, or none of its own before it published one.
    #[default]
    AsExpected,
    /// Nothing, although one was published.
    Missing,
    /// The server does not let it be read.
    Unreadable(Failure),
    /// Neither one of a ledger nor one of the replaced program: damaged, or somebody else's.
    Unusable,
}

impl PublishedSeen {
    /// Whether both say the same, whatever the server's words.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for PublishedSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsExpected => f.write_str("the status.xml at the drop-box is as expected"),
            Self::Missing => f.write_str(
                "the status.xml that was published is not at the drop-box any more; only what is kept \
                 here tells whether the ledger is an old copy",
            ),
            Self::Unreadable(failure) => write!(
                f,
                "the status.xml at the drop-box cannot be read, so only what is kept here tells \
                 whether the ledger is an old copy: {failure}"
            ),
            Self::Unusable => f.write_str(
                "the status.xml at the drop-box is damaged or somebody else's; it is written anew \
                 from the ledger",
            ),
        }
    }
}
