//! A log that goes on from another one in memory and is thrown away: what `plan` writes to.

use courier_ledger::log::{EventLog, LogError, Tip};
use courier_ledger::{Digest, Entry, Event, LogId, Sequence, Timestamp};

/// A log in memory. Its hashes mean nothing, because nobody will ever verify them.
pub struct Rehearsal {
    log: LogId,
    tip: Tip,
}

impl Rehearsal {
    /// Goes on after `sequence` of the log `log`.
    #[must_use]
    pub fn after(log: LogId, sequence: Sequence) -> Self {
        Self {
            log,
            tip: Tip {
                sequence,
                hash: Digest([0; 32]),
            },
        }
    }
}

impl EventLog for Rehearsal {
    fn log_id(&self) -> LogId {
        self.log
    }

    fn tip(&self) -> Tip {
        self.tip
    }

    fn append(
        &mut self,
        _expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        let entries = events.into_iter().map(|event| {
            self.tip.sequence = self.tip.sequence.next();
            Entry {
                sequence: self.tip.sequence,
                time,
                event,
                hash: self.tip.hash,
            }
        });
        Ok(entries.collect())
    }
}
