//! Everything that a report says, as data: what `--json` writes, and what the page is drawn from.
//!
//! What always holds here: it follows from the ledger and the arguments alone, so the same ones give the same
//! report. Times between two moments are in microseconds.

use courier_ledger::account::{
    Decision, Declared, Gap, Placed, Remark, RunAccount, Wait, Withdrawal,
};
use courier_ledger::{
    Completion, Digest, Drift, KeyId, LogId, NodeNames, Nodes, RemoteName, RequestId, Sequence,
    Timestamp,
};
use serde::Serialize;

use super::days::Day;
use super::figures::Figures;
use crate::effects::evidence::Checkpoint;

/// A report; `schema` names this form of it.
#[derive(Serialize)]
pub(super) struct Facts {
    pub(super) schema: &'static str,
    pub(super) log: Option<LogId>,
    /// When the ledger began.
    pub(super) began: Timestamp,
    /// What is reported on.
    pub(super) period: Period,
    pub(super) check: Check,
    /// The last checkpoint that is kept beside the ledger; none where nothing was signed.
    pub(super) checkpoint: Option<CheckpointFacts>,
    /// Whom the ledger dealt with in the period: the last before it, and every change.
    pub(super) partners: Vec<Declared>,
    pub(super) totals: Totals,
    pub(super) waiting: Waiting,
    pub(super) withdrawal: Withdrawn,
    pub(super) requests: Vec<RequestFacts>,
    pub(super) days: Vec<Day>,
    pub(super) usual_interval_micros: Option<i64>,
    pub(super) gaps: Vec<GapFacts>,
    pub(super) decisions: Vec<Decision>,
    pub(super) keys: Vec<KeyFacts>,
    pub(super) drift: Vec<DriftFacts>,
    pub(super) runs: Vec<RunAccount>,
    pub(super) remarks: Vec<Remark>,
    /// What the broker calls its nodes, by number.
    pub(super) hospital_names: NodeNames,
}

/// From when to when.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The last entry that was taken in.
    pub(super) last_event: Sequence,
}

impl Period {
    pub(super) fn has(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.to
    }
}

/// What the reading of the ledger found.
#[derive(Serialize)]
pub(super) struct Check {
    /// It is an error if it is anything else.
    pub(super) verdict: &'static str,
    pub(super) events: Sequence,
    /// The hash of the last one.
    pub(super) hash: Digest,
    pub(super) size_bytes: u64,
    pub(super) tail: &'static str,
}

/// What was signed of the ledger last. It was held against every entry; who signed it is for others to check.
#[derive(Serialize)]
pub(super) struct CheckpointFacts {
    /// The key's name, and the ledger.
    pub(super) origin: String,
    /// How many entries it stands for.
    pub(super) size: u64,
    /// The root of the tree over them, as the checkpoint writes it.
    pub(super) root: String,
    /// How many checkpoints are kept; all are of this history.
    pub(super) kept: u64,
    /// What holds the ledger against checkpoints that were kept elsewhere.
    pub(super) command: String,
}

impl CheckpointFacts {
    /// Those of the last of so many.
    pub(super) fn of(last: &Checkpoint, kept: usize) -> Self {
        let file = last.log().map(RemoteName::checkpoints);
        let file = file.map(|name| name.to_string()).unwrap_or_default();
        Self {
            origin: last.origin.clone(),
            size: last.size,
            root: last.root_text(),
            kept: kept as u64,
            command: format!("broker-courier verify --checkpoints {file} --key VKEY"),
        }
    }
}

/// How many.
#[derive(Serialize)]
pub(super) struct Totals {
    pub(super) requests: u64,
    pub(super) deliveries: u64,
    pub(super) withdrawals: u64,
    pub(super) failed_attempts: u64,
    pub(super) runs: u64,
    pub(super) good_runs: u64,
    pub(super) decisions: u64,
    /// At the drop-box at the end of the period, as far as the ledger knows.
    pub(super) stored: u64,
}

/// How long completions waited for their delivery.
#[derive(Serialize)]
pub(super) struct Waiting {
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) limit_micros: Option<i64>,
    /// How many waited longer, or still do.
    pub(super) over_limit: Option<u64>,
    /// How many wait at the end of the period, …
    pub(super) still: u64,
    /// … and how long the longest has.
    pub(super) longest_still_micros: Option<i64>,
    pub(super) waits: Vec<WaitFacts>,
}

/// One wait.
#[derive(Serialize)]
pub(super) struct WaitFacts {
    #[serde(flatten)]
    pub(super) wait: Wait,
    pub(super) micros: i64,
}

/// How long withdrawn results stayed.
#[derive(Serialize)]
pub(super) struct Withdrawn {
    /// Of the bounds.
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// How many are still to be deleted at the end of the period.
    pub(super) still: u64,
    pub(super) withdrawals: Vec<WithdrawalFacts>,
}

/// One withdrawal.
#[derive(Serialize)]
pub(super) struct WithdrawalFacts {
    #[serde(flatten)]
    pub(super) withdrawal: Withdrawal,
    /// It took at most so long: from when it was last seen listed.
    pub(super) at_most_micros: Option<i64>,
    /// And at least so long: from when it was first missed.
    pub(super) at_least_micros: Option<i64>,
}

/// One request.
#[derive(Serialize)]
pub(super) struct RequestFacts {
    pub(super) request: RequestId,
    pub(super) published: Option<Timestamp>,
    pub(super) first_seen: Timestamp,
    pub(super) last_activity: Timestamp,
    pub(super) completion: Option<Completion>,
    /// Hospitals, and when they completed.
    pub(super) hospitals: Nodes,
    /// At the broker, at the end of the period.
    pub(super) broker: Option<AtBroker>,
    /// At the drop-box, at the end of the period.
    pub(super) drop_box: Option<AtDropBox>,
    pub(super) deliveries: Vec<DeliveryFacts>,
    pub(super) failed_attempts: u64,
    pub(super) withdrawn: Vec<Timestamp>,
    /// The longest wait for one of its deliveries in the period.
    pub(super) longest_wait_micros: Option<i64>,
}

/// What the broker said of a request last.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AtBroker {
    Imported,
    Listed,
    Unreadable,
    Deleted,
    Untagged,
    Missing,
}

/// What is known of a file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AtDropBox {
    Nothing,
    Stored,
    PickedUp,
    Uncertain,
    Withdrawn,
}

/// One delivery.
#[derive(Serialize)]
pub(super) struct DeliveryFacts {
    pub(super) event: Sequence,
    pub(super) time: Timestamp,
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) token_sha256: Digest,
    pub(super) plaintext_sha256: Digest,
    pub(super) key: KeyId,
    pub(super) completion: Completion,
    pub(super) placed: Placed,
}

/// One gap, and how many completions waited in it.
#[derive(Serialize)]
pub(super) struct GapFacts {
    #[serde(flatten)]
    pub(super) gap: Gap,
    pub(super) waiting: u64,
}

/// One key.
#[derive(Serialize)]
pub(super) struct KeyFacts {
    pub(super) key: KeyId,
    pub(super) first_used: Timestamp,
    pub(super) last_used: Timestamp,
    pub(super) deliveries: u64,
    pub(super) announced_by: Option<String>,
}

/// A file that was found otherwise than it was delivered, or again as it was.
#[derive(Serialize)]
pub(super) struct DriftFacts {
    pub(super) event: Sequence,
    pub(super) time: Timestamp,
    pub(super) request: RequestId,
    /// None where it was again as it had been.
    pub(super) drift: Option<Drift>,
}
