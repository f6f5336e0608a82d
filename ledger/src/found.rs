//! What looks at a final name showed: before anything was changed there, and behind what a command did.
//!
//! What always holds: what was not looked at is not there, and what could not be seen is said to be so.
//! Deliberately absent: looks at what was delivered long ago (`drift.rs`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Sequence;

/// What was found under the final name before anything was changed there: looked for where an earlier
/// upload had no outcome, and nothing of this ledger's stood there before it; and before an upload that
/// writes under the final name itself is begun, which then owns what grows there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file of this ledger's: the intent that put it there.
    Own(Sequence),
    /// Somebody else's, which is left alone.
    Foreign,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing was there"),
            Self::Own(start) => write!(f, "there was what #{start} had put there"),
            Self::Foreign => f.write_str("there was somebody else's file"),
        }
    }
}

/// Why a claim rests on what the server answered: nothing was seen afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unseen {
    /// It lets this user look at nothing.
    Forbidden,
    /// It answers neither yes nor no.
    Untold,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "not looked at afterwards: the server forbids it",
            Self::Untold => "not seen afterwards: the server does not tell",
        })
    }
}

/// What was found and could not be seen, at the end of a line.
pub(crate) struct AtTheEnd(pub(crate) Option<Found>, pub(crate) Option<Unseen>);

impl fmt::Display for AtTheEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(found) = &self.0 {
            write!(f, " ({found})")?;
        }
        match &self.1 {
            Some(unseen) => write!(f, " ({unseen})"),
            None => Ok(()),
        }
    }
}
