//! What a person decided, with the name and the reason that the log has for it.

use serde::Serialize;

use crate::digest::Digest;
use crate::id::{KeyId, LogId, Sequence};
use crate::partners::{BrokerChange, DropBoxAddress, DropBoxChange};
use crate::plan::Blocked;
use crate::time::Timestamp;

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The entry.
    pub event: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// Who: what was typed, or the login name; nobody has checked it.
    pub who: String,
    /// Why.
    pub why: String,
    /// What was decided.
    #[serde(flatten)]
    pub what: Decided,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decided", rename_all = "kebab-case")]
pub enum Decided {
    /// What was held back was released.
    Released {
        /// The entry that says what was held back; none as older versions recorded it.
        held: Option<Sequence>,
        /// What names it.
        plan: Digest,
        /// What another broker is.
        broker: Option<BrokerChange>,
        /// What another drop-box is.
        drop_box: Option<DropBoxChange>,
        /// The commands, and what had held each.
        commands: Vec<Blocked>,
    },
    /// Another key was announced.
    KeyAnnounced {
        /// The key.
        key: KeyId,
    },
    /// Nothing is left at an earlier drop-box.
    LeftBehindGone {
        /// The drop-box.
        drop_box: DropBoxAddress,
    },
    /// The ledger was taken from its holder.
    LedgerTakenOver {
        /// The holder.
        holder: String,
        /// The number under which it was taken.
        epoch: u64,
    },
    /// The ledger was begun anew.
    Recovered {
        /// The lost one.
        lost: LogId,
        /// The last of its entries that is known.
        sequence: Sequence,
        /// How many files were found to be its.
        adopted: u64,
        /// How many were not found.
        missing: u64,
    },
}
