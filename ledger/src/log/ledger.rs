//! A log that is held by its one runner, and the state that follows from it, kept in step.
//!
//! What always holds here: the state judges an event before it is kept, so that none that cannot
//! follow reaches the log; and what is kept is in the state. Deliberately absent: how the log is kept,
//! clocks, and going on after an error: whoever has one opens the ledger anew.

use crate::event::Event;
use crate::id::Sequence;
use crate::projection::StatusDocument;
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

use super::error::{FoldError, LogError};
use super::event_log::{EventLog, LogPlace, NewLog, belongs_to};

/// A log that is held by its one runner, with its state.
pub struct Ledger<L: EventLog> {
    log: L,
    state: State,
}

impl<L: EventLog> Ledger<L> {
    /// Becomes the one runner of the log at `place`.
    pub fn open(place: impl LogPlace<Log = L>, time: Timestamp) -> Result<Self, FoldError> {
        let (log, state) = place.open(time)?;
        Ok(Self { log, state })
    }

    /// Becomes the one runner of a log that begins now, where there is none.
    pub fn create(
        place: impl LogPlace<Log = L>,
        time: Timestamp,
        new: NewLog,
    ) -> Result<Self, FoldError> {
        let (log, state) = place.create(time, new)?;
        Ok(Self { log, state })
    }

    /// Goes on with a log that `state` was folded from.
    pub fn resume(log: L, state: State) -> Result<Self, LogError> {
        belongs_to(&state, log.tip())?;
        Ok(Self { log, state })
    }

    /// The state after everything that was appended. After an error it may be ahead of the log.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The place behind the last entry.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.log.tip()
    }

    /// The sequence number that the next event will get.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.tip().sequence.next()
    }

    /// Folds events in, then keeps them, all at once if they fit. After an error nothing more can be
    /// appended: the log is as it was, unless it was the log that failed.
    pub fn append(&mut self, now: Timestamp, events: Vec<Event>) -> Result<(), FoldError> {
        if events.is_empty() {
            return Ok(());
        }
        // What an error has left ahead of the log must not be taken for what the log says.
        belongs_to(&self.state, self.tip())?;
        let first = self.next_sequence();
        let mut sequence = first;
        for event in &events {
            self.state.follow(sequence, now, event)?;
            sequence = sequence.next();
        }
        self.log.append(first, now, events)?;
        Ok(())
    }

    /// `status.xml` as of the last entry.
    #[must_use]
    pub fn project(&self) -> StatusDocument {
        StatusDocument::project(&self.state, self.tip())
    }

    /// Leaves the state for the next opening, if that gains by it.
    pub fn cache(&mut self) -> Result<(), LogError> {
        self.log.cache(&self.state)
    }

    /// Ends in good order and lets the next runner in.
    pub fn close(self) -> Result<(), LogError> {
        self.log.close()
    }
}
