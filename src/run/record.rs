//! The log and the state that follows from it, kept in step: nothing reaches the state that is not
//! in the log first.

use courier_ledger::log::{EventLog, LogError, Tip};
use courier_ledger::{Event, IllegalEvent, LogId, ProjectionTip, Sequence, State, StatusDocument};

use super::seams::Clock;

/// Why nothing more can be recorded. The run stops at once.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The log could not be written.
    #[error("the event log could not be written")]
    Log(#[from] LogError),
    /// An event does not follow from the state: a defect of this program.
    #[error("an event was about to be recorded that cannot follow; please report this defect")]
    Illegal(#[from] IllegalEvent),
    /// `status.xml` could not be replaced.
    #[error("{} could not be replaced", path.display())]
    StatusFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The log, its state, and the clock that stamps new entries.
pub struct Record<'a> {
    log: &'a mut dyn EventLog,
    clock: &'a dyn Clock,
    state: State,
}

impl<'a> Record<'a> {
    /// Goes on from a log that `state` was folded from.
    pub fn new(log: &'a mut dyn EventLog, clock: &'a dyn Clock, state: State) -> Self {
        Self { log, clock, state }
    }

    /// The state after everything recorded.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Gives the state away.
    #[must_use]
    pub fn into_state(self) -> State {
        self.state
    }

    /// The clock that stamps entries.
    #[must_use]
    pub fn clock(&self) -> &'a dyn Clock {
        self.clock
    }

    /// The sequence number that the next event will get.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.log.tip().sequence.next()
    }

    /// The log's identity.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.log.log_id()
    }

    /// Records events with one fsync, then folds them in.
    pub fn append(&mut self, events: Vec<Event>) -> Result<(), RecordError> {
        if events.is_empty() {
            return Ok(());
        }
        let entries = self
            .log
            .append(self.next_sequence(), self.clock.now(), events)?;
        for entry in &entries {
            self.state.advance(entry)?;
        }
        Ok(())
    }

    /// `status.xml` as of now.
    #[must_use]
    pub fn project(&self) -> StatusDocument {
        let Tip { sequence, hash } = self.log.tip();
        let tip = ProjectionTip {
            log: self.log.log_id(),
            sequence,
            hash,
        };
        StatusDocument::project(&self.state, tip)
    }
}
