//! A log that goes on from another one in memory and is thrown away: what a dry run writes to.
//!
//! What always holds here: its entries have the numbers and hashes that they would have behind the
//! same place in any other log, and what does not belong there is refused as any other log would.
//! Deliberately absent: what lies before that place.

use crate::event::{Entry, Event};
use crate::id::Sequence;
use crate::time::Timestamp;
use crate::tip::Tip;

use super::chain;
use super::error::LogError;
use super::event_log::{Entries, EventLog};

/// A log in memory.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    tip: Tip,
    entries: Vec<Entry>,
    payload: Vec<u8>,
}

impl Rehearsal {
    /// Goes on behind `tip`; [`chain::start`] gives the one before the first entry.
    #[must_use]
    pub fn after(tip: Tip) -> Self {
        Self {
            tip,
            entries: Vec::new(),
            payload: Vec::new(),
        }
    }
}

impl EventLog for Rehearsal {
    fn tip(&self) -> Tip {
        self.tip
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        let due = self.tip.sequence.next();
        if expected != due {
            return Err(LogError::Conflict { expected, due });
        }
        let mut tip = self.tip;
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            self.payload.clear();
            tip = chain::extend(tip, time, &event, None, &mut self.payload)?;
            entries.push(Entry {
                sequence: tip.sequence,
                time,
                event,
                salt: None,
                hash: tip.hash,
            });
        }
        self.tip = tip;
        self.entries.extend_from_slice(&entries);
        Ok(entries)
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        let from = self.entries.partition_point(|entry| entry.sequence < first);
        let entries = self.entries.iter().skip(from);
        Box::new(entries.cloned().map(Ok))
    }

    fn close(self) -> Result<(), LogError> {
        Ok(())
    }
}
