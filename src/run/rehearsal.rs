//! A log that goes on from another one in memory and is thrown away: what `plan` writes to.

use courier_ledger::log::{EventLog, LogError, Tip};
use courier_ledger::{Digest, Entry, Event, LogId, Sequence, Timestamp};

/// A log in memory. Its hashes mean nothing, because nobody will ever verify them.
pub struct Rehearsal {
    log: LogId,
    tip: Tip,
    entries: Vec<Entry>,
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
            entries: Vec::new(),
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
        let first = self.entries.len();
        for event in events {
            self.tip.sequence = self.tip.sequence.next();
            let Tip { sequence, hash } = self.tip;
            self.entries.push(Entry {
                sequence,
                time,
                event,
                hash,
            });
        }
        Ok(self.entries.get(first..).unwrap_or_default().to_vec())
    }

    fn read_from(&self, first: Sequence) -> Box<dyn Iterator<Item = Result<Entry, LogError>> + '_> {
        let from_there = self
            .entries
            .iter()
            .filter(move |entry| entry.sequence >= first);
        Box::new(from_there.cloned().map(Ok))
    }
}
