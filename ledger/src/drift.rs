//! A look at the drop-box: what differs there from what the ledger knows, as a delta like that of
//! the broker's snapshot, so that an unchanged look adds next to nothing to the log.
//!
//! Only names that the ledger delivered are ever looked at. Deliberately absent: other people's
//! files, results that the recipient was seen to take away, and what is new in a look (`state::look`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::added::present;
use crate::command::RemoteName;
use crate::counted::Counted;
use crate::id::RequestId;

/// How a delivered file differs from what stands under its name now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Drift {
    /// Nothing stands there.
    Missing,
    /// A file of another size stands there.
    Resized {
        /// That size in bytes.
        size_bytes: u64,
    },
}

/// A file that is not as it was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drifted {
    /// The request that it belongs to.
    pub id: RequestId,
    /// How it differs.
    pub drift: Drift,
}

/// What one look at the drop-box changed in what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteDelta {
    /// How many files were looked at.
    pub total: u64,
    /// How many of them have drifted, those known before included.
    pub drifted: u64,
    /// Drift that was not known just so, by id.
    pub changed: Vec<Drifted>,
    /// Files that are again as they were delivered, by id.
    pub settled: Vec<RequestId>,
    /// Files that are gone, and by the policy count as fetched by the recipient, by id: they are not looked at
    /// any more. Absent when there are none, and in older entries.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub picked_up: Option<Vec<RequestId>>,
}

impl RemoteDelta {
    /// Files that count as fetched by the recipient, by id.
    #[must_use]
    pub fn picked_up(&self) -> &[RequestId] {
        self.picked_up.as_deref().unwrap_or_default()
    }
}

/// One file as a look saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is not there.
    Absent,
    /// It is there; its size in bytes, if the server tells it.
    Present(Option<u64>),
}

/// One look at the drop-box: what was seen, by name.
pub type Look = BTreeMap<RemoteName, Seen>;

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "it is no longer at the drop-box"),
            Self::Resized { size_bytes } => {
                write!(f, "it has {size_bytes} bytes at the drop-box now")
            }
        }
    }
}

impl fmt::Display for RemoteDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            drifted,
            changed,
            settled,
            picked_up: _,
        } = self;
        write!(
            f,
            "looked at {}: {drifted} not as delivered ({} newly, {} settled)",
            Counted(*total, "file"),
            changed.len(),
            settled.len()
        )?;
        match self.picked_up().len() {
            0 => Ok(()),
            count => write!(f, ", {count} fetched by the recipient"),
        }
    }
}
