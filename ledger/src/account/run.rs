//! One run, as the log tells it.
//!
//! What always holds here: a run without an end was cut off, or is under way; the log alone cannot tell
//! these apart.

use serde::Serialize;

use crate::digest::Digest;
use crate::event::{RunCounts, RunVerdict};
use crate::failure::Failure;
use crate::id::{KeyId, Sequence};
use crate::time::Timestamp;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunAccount {
    /// Its first entry.
    pub start: Sequence,
    /// When it began.
    pub started: Timestamp,
    /// The program's version.
    pub version: String,
    /// The key that it encrypted with.
    pub key: KeyId,
    /// The digest of the saved plan that it was bound to.
    pub bound_to: Option<Digest>,
    /// How often runs were to begin, in minutes, where that was configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
    /// When the broker answered completely.
    pub polled: Option<Timestamp>,
    /// When it ended; none where it was cut off, or is under way.
    pub finished: Option<Timestamp>,
    /// How long it took by a clock that never goes back.
    pub duration_micros: Option<u64>,
    /// What it did.
    pub counts: Option<RunCounts>,
    /// What it came to; none in ledgers of older versions.
    pub verdict: Option<RunVerdict>,
    /// The first thing that failed.
    pub failure: Option<Failure>,
}

impl RunAccount {
    /// Whether it did all that was to be done.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let Some(counts) = self.counts else {
            return false;
        };
        match &self.verdict {
            Some(verdict) => verdict.exit_code == 0,
            None => {
                self.polled.is_some() && counts.failed + counts.blocked + counts.unreadable == 0
            }
        }
    }

    /// Whether something was held back in it, and nothing worse happened.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.counts.is_some_and(|counts| counts.blocked > 0) && self.gravest().is_none()
    }

    /// The gravest thing that failed in it.
    #[must_use]
    pub fn gravest(&self) -> Option<&Failure> {
        let verdict = self.verdict.as_ref();
        let told = verdict.and_then(|verdict| verdict.failure.as_ref());
        told.or(self.failure.as_ref())
    }
}
