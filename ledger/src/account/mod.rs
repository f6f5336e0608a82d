//! What the log tells: of each request, of each run, of what people decided. Stories and reports are
//! written from it.
//!
//! What always holds here: it follows from the entries alone, and the same entries give the same account.
//! Deliberately absent: words, and what stands at the drop-box now, which the state knows.

mod decision;
mod fold;
mod gap;
mod happening;
mod request;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::clock::ClockDifference;
use crate::command::Command;
use crate::failure::Failure;
use crate::held::Held;
use crate::id::{LogId, RequestId, Sequence};
use crate::node_names::NodeNames;
use crate::partners::Partners;
use crate::policy::Policy;
use crate::published::PublishedSeen;
use crate::snapshot::SnapshotPortion;
use crate::time::Timestamp;

pub use decision::{Decided, Decision};
pub use gap::{Cause, Gap, gaps, usual_interval_micros};
pub use happening::{Appearance, Happening, Placed, What};
pub use request::{RequestAccount, Wait, Withdrawal};
pub use run::RunAccount;

/// Whom the ledger dealt with, and by which rules, from an entry on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// The entry.
    pub event: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// Whom.
    pub partners: Partners,
    /// The rules.
    pub policy: Policy,
}

/// Something worth knowing that concerns no request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The entry.
    pub event: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// What it is.
    #[serde(flatten)]
    pub what: Remarkable,
}

/// What is worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Remarkable {
    /// The ledger of the replaced program was taken over.
    TakenOver {
        /// How many entries it had.
        entries: u64,
    },
    /// A torn tail was cut off.
    TailRecovered {
        /// How long it was.
        size_bytes: u64,
    },
    /// Two clocks did not agree.
    ClockDiffers(ClockDifference),
    /// The published `status.xml` was found so.
    PublishedSeen {
        /// How.
        seen: PublishedSeen,
    },
    /// The drop-box could not be looked at.
    NotLookedAt {
        /// Why.
        failure: Failure,
    },
}

/// A stretch of time in which something was held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldPeriod {
    /// The entry that began it.
    pub event: Sequence,
    /// When.
    pub from: Timestamp,
    /// When nothing was held back any more; none while it is.
    pub until: Option<Timestamp>,
    /// What was held back first.
    pub held: Held,
}

/// Everything that the log tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The log.
    pub log: Option<LogId>,
    /// When it began.
    pub began: Timestamp,
    /// The last entry, and its time.
    pub last: (Sequence, Timestamp),
    /// Each request.
    pub requests: BTreeMap<RequestId, RequestAccount>,
    /// Each run, in order.
    pub runs: Vec<RunAccount>,
    /// What people decided, in order.
    pub decisions: Vec<Decision>,
    /// Whom it dealt with, in order.
    pub declared: Vec<Declared>,
    /// What was held back, in order.
    pub held: Vec<HeldPeriod>,
    /// What else is worth knowing.
    pub remarks: Vec<Remark>,
    /// What the broker calls its nodes, as it did last.
    pub node_names: NodeNames,
    /// Whether entries were left out of what was read, and whether the last one was.
    holes: Holes,
    portions: SnapshotPortion,
    last_poll: Option<Timestamp>,
    unreadable: BTreeSet<RequestId>,
    waits: Held,
    open: BTreeMap<Sequence, Open>,
}

/// What was left out of what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holes {
    /// Nothing.
    #[default]
    None,
    /// Something, and not the last entry.
    Before,
    /// The last entry.
    Here,
}

/// A command that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    command: Command,
    newest_completion: Option<Timestamp>,
}
