//! Events and logs for tests: of this crate, of the program, of whoever keeps entries elsewhere.
//! Behind the feature `simulation`.
//!
//! What always holds here: the same call gives the same bytes. Deliberately absent: commands and what
//! follows from them; histories are told in the language of scenarios.

use crate::digest::Digest;
use crate::event::{Event, RunCounts};
use crate::id::{KeyId, LogId};
use crate::time::Timestamp;

use super::error::FoldError;
use super::event_log::{EventLog, LogPlace, NewLog};
use super::ledger::Ledger;

/// The log that begins.
pub const LOG: LogId = LogId([7; 16]);
/// When everything happens.
pub const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
/// The version of the program that runs.
const VERSION: &str = "0.1.0";
/// How many runs are appended at once.
const BATCH_RUNS: u64 = 2_000;

/// What the log begins with.
#[must_use]
pub fn new_log() -> NewLog {
    NewLog {
        id: LOG,
        version: VERSION.to_owned(),
    }
}

/// The event that this becomes.
#[must_use]
pub fn created() -> Event {
    let NewLog { id, version } = new_log();
    Event::LogCreated { log: id, version }
}

/// A run begins.
#[must_use]
pub fn started() -> Event {
    Event::RunStarted {
        version: VERSION.to_owned(),
        policy: Digest([3; 32]),
        key: KeyId([4; 8]),
        instead_of: None,
        bound_to: None,
        every_minutes: None,
    }
}

/// A run ends in which so many requests were as they had been.
#[must_use]
pub fn finished(unchanged: u64) -> Event {
    let counts = RunCounts {
        unchanged,
        ..RunCounts::default()
    };
    Event::RunFinished {
        counts,
        duration_micros: unchanged,
        verdict: None,
    }
}

/// An event of about `size_bytes`.
#[must_use]
pub fn sized(size_bytes: usize) -> Event {
    Event::DeletionsApproved {
        plan: Digest([5; 32]),
        who: "operator".to_owned(),
        why: "x".repeat(size_bytes),
    }
}

/// Leaves a log of so many runs in which nothing happened, and of its beginning, at a place where
/// there is none; all at one time.
pub fn leave_runs<L: EventLog>(
    place: impl LogPlace<Log = L>,
    time: Timestamp,
    runs: u64,
) -> Result<(), FoldError> {
    let mut ledger = Ledger::create(place, time, new_log())?;
    let mut left = runs;
    while left > 0 {
        let batch = left.min(BATCH_RUNS);
        let events = (0..batch).flat_map(|_| [started(), finished(0)]);
        ledger.append(time, events.collect())?;
        left -= batch;
    }
    Ok(ledger.close()?)
}
