//! A log that is held by its one runner, and the state that follows from it, kept in step.
//!
//! What always holds here: the state judges an event before it is kept, so that none that cannot
//! follow reaches the log; what is kept is in the state; and times go back only behind an event that
//! says so. Deliberately absent: how the log is kept,
//! clocks, and going on after an error: whoever has one opens the ledger anew.

use crate::clock::{ClockDifference, OtherClock};
use crate::digest::Digest;
use crate::event::Event;
use crate::id::Sequence;
use crate::projection::StatusDocument;
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

use super::error::{FoldError, LogError};
use super::event_log::{Claim, EventLog, LogPlace, NewLog, Vacancy as _, belongs_to};

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

    /// Says that our clock is behind the last entry, if it is: from there on times go back, and nobody
    /// who reads them need wonder.
    pub fn note_clock(&mut self, now: Timestamp) -> Result<Option<ClockDifference>, FoldError> {
        let begun = self.state.log().is_some();
        let behind = ClockDifference::behind(self.state.time(), now).filter(|_| begun);
        if let Some(difference) = behind {
            self.append(now, vec![Event::ClockDiffers(difference)])?;
        }
        Ok(behind)
    }

    /// Folds events in, then keeps them, all at once if they fit. After an error nothing more can be
    /// appended: the log is as it was, unless it was the log that failed.
    pub fn append(&mut self, now: Timestamp, events: Vec<Event>) -> Result<(), FoldError> {
        if events.is_empty() {
            return Ok(());
        }
        // What an error has left ahead of the log must not be taken for what the log says.
        belongs_to(&self.state, self.tip())?;
        let now = self.not_before_the_last(now, &events);
        let first = self.next_sequence();
        let mut sequence = first;
        for event in &events {
            self.state.follow(sequence, now, event)?;
            sequence = sequence.next();
        }
        self.log.append(first, now, events)?;
        Ok(())
    }

    /// The time of new entries: no entry claims one before that of the entry before it, except where it
    /// says so itself. Logs of older versions do.
    fn not_before_the_last(&self, now: Timestamp, events: &[Event]) -> Timestamp {
        match events.first() {
            Some(Event::ClockDiffers(ClockDifference {
                whose: OtherClock::LastEntry,
                ..
            })) => now,
            _ if self.state.log().is_none() => now,
            _ => now.max(self.state.time()),
        }
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

/// What the one runner of a place holds before anything is written: a ledger, or the place where one can
/// begin.
pub enum Claimed<P: LogPlace> {
    /// A ledger.
    Ledger(Ledger<P::Log>),
    /// No ledger has begun yet: the place, and the state of nothing.
    Vacant(P::Vacancy, State),
}

impl<P: LogPlace> Claimed<P> {
    /// Becomes the one runner at `place`.
    pub fn at(place: P, time: Timestamp) -> Result<Self, FoldError> {
        Ok(match place.claim(time)? {
            Claim::Log(log, state) => Self::Ledger(Ledger { log, state: *state }),
            Claim::Vacant(vacancy) => Self::Vacant(vacancy, State::default()),
        })
    }

    /// The state that is gone on from.
    #[must_use]
    pub fn state(&self) -> &State {
        match self {
            Self::Ledger(ledger) => ledger.state(),
            Self::Vacant(_, nothing) => nothing,
        }
    }

    /// The hash of an entry; none where there is no such entry.
    pub fn hash_of(&self, entry: Sequence) -> Result<Option<Digest>, LogError> {
        match self {
            Self::Ledger(ledger) => ledger.log.hash_of(entry),
            Self::Vacant(..) => Ok(None),
        }
    }

    /// The ledger, which begins now if it has not yet.
    pub fn begun(self, time: Timestamp, new: NewLog) -> Result<Ledger<P::Log>, FoldError> {
        match self {
            Self::Ledger(ledger) => Ok(ledger),
            Self::Vacant(vacancy, _) => {
                let (log, state) = vacancy.begin(time, new)?;
                Ok(Ledger { log, state })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LogId;
    use crate::log::rehearsal::Rehearsal;
    use crate::log::{chain, sample};

    #[test]
    fn times_go_back_only_behind_an_event_that_says_so() {
        let log = Rehearsal::after(chain::start(LogId([7; 16])));
        let mut ledger = Ledger::resume(log, State::default()).expect("a new log");
        let created = Event::LogCreated {
            log: LogId([7; 16]),
            version: "test".to_owned(),
        };
        assert_eq!(
            ledger.note_clock(Timestamp(9)).expect("nothing to say"),
            None
        );
        ledger
            .append(Timestamp(9), vec![created])
            .expect("the first");
        let mut write = |now| {
            let event = sample::started();
            ledger.append(Timestamp(now), vec![event]).expect("a run");
            ledger.state().time().0
        };
        assert_eq!([write(8), write(10), write(1)], [9, 10, 10]);
        let difference = ledger.note_clock(Timestamp(5)).expect("it is said");
        assert_eq!(difference.map(|it| (it.theirs.0, it.ours.0)), Some((10, 5)));
        assert_eq!(
            ledger.note_clock(Timestamp(5)).expect("nothing to say"),
            None
        );
        ledger
            .append(Timestamp(4), vec![sample::started()])
            .expect("a run");
        assert_eq!(ledger.state().time(), Timestamp(5));
    }
}
