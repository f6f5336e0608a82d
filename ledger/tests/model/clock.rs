//! The clock, which may be set to anything between any two steps, and what a log must say then.

use courier_ledger::{ClockDifference, Event, OtherClock, Timestamp};

use super::sabotage::Sabotage;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// What the clock will say when something is recorded next.
    pub(crate) fn next_time(&self) -> Timestamp {
        Timestamp(self.clock.saturating_add(1_000_001))
    }

    /// The time of what is recorded now: none before that of the entry before it, except where it says so.
    pub(crate) fn time_of(&self, events: &[Event]) -> Timestamp {
        let now = Timestamp(self.clock);
        let first = self.entries.is_empty();
        if first || self.sabotage == Some(Sabotage::SayNothingOfClocks) || goes_back(events) {
            return now;
        }
        now.max(self.state.time())
    }

    /// Whoever begins to write says that the clock is behind the last entry, if it is.
    pub(crate) fn note_clock(&mut self) -> Result<(), Violation> {
        let difference = ClockDifference::behind(self.state.time(), self.next_time());
        match difference {
            Some(difference) if self.sabotage != Some(Sabotage::SayNothingOfClocks) => {
                self.record(vec![Event::ClockDiffers(difference)])
            }
            _ => Ok(()),
        }
    }

    /// No entry claims a time before that of the one before it, unless it says so, with both times.
    pub(crate) fn times_go_back_only_where_that_is_said(&self) -> Result<(), Violation> {
        let pairs = self.entries.iter().zip(self.entries.iter().skip(1));
        for (before, entry) in pairs {
            let said = match &entry.event {
                Event::ClockDiffers(ClockDifference {
                    whose: OtherClock::LastEntry,
                    theirs,
                    ours,
                }) => Some((*theirs, *ours)),
                _ => None,
            };
            let due = (entry.time < before.time).then_some((before.time, entry.time));
            Property::Clock.holds(said == due, || {
                let (sequence, time) = (entry.sequence, entry.time);
                format!(
                    "{sequence} is of {time}, after {}, and says {said:?}",
                    before.time
                )
            })?;
        }
        Ok(())
    }
}

/// Whether an append says itself that times go back.
pub(crate) fn goes_back(events: &[Event]) -> bool {
    let first = events.first();
    first.is_some_and(|event| {
        matches!(event, Event::ClockDiffers(difference) if difference.whose == OtherClock::LastEntry)
    })
}
