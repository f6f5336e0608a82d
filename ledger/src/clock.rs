//! How our clock compares with others: what the broker's says, and what the ledger's last entry claims.
//!
//! What always holds here: only what is certain is a difference; a time on the way, and a clock that tells
//! whole seconds, are taken for what they may have been. Deliberately absent: clocks, and any decision; a
//! difference is recorded and said, and changes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The most that two clocks may be apart without a word.
const TOLERANCE_MICROS: i64 = 5 * 60 * SECOND_MICROS;
const SECOND_MICROS: i64 = 1_000_000;

/// What our clock is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherClock {
    /// The broker's.
    Broker,
    /// The one that stamped the entry before.
    LastEntry,
}

/// Two clocks that do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockDifference {
    /// Whose the other one is.
    pub whose: OtherClock,
    /// What it says.
    pub theirs: Timestamp,
    /// What ours says.
    pub ours: Timestamp,
}

impl ClockDifference {
    /// Our clock is behind the entry before, if it is.
    #[must_use]
    pub fn behind(last: Timestamp, now: Timestamp) -> Option<Self> {
        let difference = Self {
            whose: OtherClock::LastEntry,
            theirs: last,
            ours: now,
        };
        (now < last).then_some(difference)
    }

    /// Whether the two are as far apart as they must be to be called different.
    pub(crate) fn is_one(&self) -> bool {
        match self.whose {
            OtherClock::Broker => self.micros().unsigned_abs() > TOLERANCE_MICROS.unsigned_abs(),
            OtherClock::LastEntry => self.ours < self.theirs,
        }
    }

    /// How far theirs is ahead of ours.
    fn micros(&self) -> i64 {
        self.theirs.0.saturating_sub(self.ours.0)
    }
}

/// What the broker's clock said, and ours around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerTime {
    /// Ours, before the broker was asked.
    pub sent: Timestamp,
    /// Ours, when its answer began.
    pub answered: Timestamp,
    /// What it said in between, in whole seconds, the rest cut off.
    pub date: Timestamp,
}

impl BrokerTime {
    /// The difference that there is at least, if it is more than what needs no word.
    #[must_use]
    pub fn difference(self) -> Option<ClockDifference> {
        let Self {
            sent,
            answered,
            date,
        } = self;
        let (first, last) = (sent.min(answered), sent.max(answered));
        let latest = Timestamp(date.0.saturating_add(SECOND_MICROS));
        let difference = |theirs, ours| ClockDifference {
            whose: OtherClock::Broker,
            theirs,
            ours,
        };
        [difference(date, last), difference(latest, first)]
            .into_iter()
            .min_by_key(|it| it.micros().unsigned_abs())
            .filter(|_| date > last || latest < first)
            .filter(ClockDifference::is_one)
    }
}

impl fmt::Display for ClockDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            whose,
            theirs,
            ours,
        } = self;
        let apart = Span(self.micros().unsigned_abs());
        match whose {
            OtherClock::Broker => write!(
                f,
                "our clock says {ours}, and the broker's {theirs}: at least {apart} apart"
            ),
            OtherClock::LastEntry => write!(
                f,
                "our clock says {ours}, and the ledger's last entry is of {theirs}, {apart} later"
            ),
        }
    }
}

/// A time between two others, in microseconds, as the largest unit that it has more than one of.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = SECOND_MICROS.unsigned_abs();
        let units = [
            (24 * 60 * 60 * SECOND, "days"),
            (60 * 60 * SECOND, "hours"),
            (60 * SECOND, "minutes"),
            (SECOND, "seconds"),
        ];
        match units.into_iter().find(|(unit, _)| self.0 / unit > 1) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => f.write_str("a second or less"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * SECOND_MICROS;

    fn difference(sent: i64, answered: i64, date: i64) -> Option<(i64, i64)> {
        let time = BrokerTime {
            sent: Timestamp(sent),
            answered: Timestamp(answered),
            date: Timestamp(date),
        };
        time.difference().map(|it| (it.theirs.0, it.ours.0))
    }

    #[test]
    fn only_what_is_certain_is_a_difference() {
        let (noon, second) = (1_000 * MINUTE, SECOND_MICROS);
        assert_eq!(difference(noon, noon, noon), None);
        // It is ahead: what counts is its earliest and our latest.
        assert_eq!(difference(noon, noon, noon + 5 * MINUTE), None);
        let ahead = noon + 5 * MINUTE + second;
        assert_eq!(difference(noon, noon, ahead), Some((ahead, noon)));
        assert_eq!(difference(noon, noon + 2 * second, ahead), None);
        // It is behind: its latest, and our earliest.
        let behind = noon - 5 * MINUTE - second;
        assert_eq!(difference(noon, noon, behind), None);
        let behind = behind - second;
        assert_eq!(
            difference(noon, noon, behind),
            Some((behind + second, noon))
        );
        assert_eq!(difference(noon - 2 * second, noon, behind), None);
        // A slow answer says nothing of what may have been during it.
        assert_eq!(
            difference(noon - 30 * MINUTE, noon + 30 * MINUTE, noon),
            None
        );
        // Our clock was set back meanwhile.
        assert_eq!(difference(noon, noon - MINUTE, noon + 4 * MINUTE), None);
        for date in [i64::MIN, i64::MAX] {
            assert!(difference(0, 0, date).is_some());
        }
    }

    #[test]
    fn a_clock_is_behind_an_entry_that_is_later() {
        let behind = |last, now| ClockDifference::behind(Timestamp(last), Timestamp(now));
        assert_eq!(behind(5, 5), None);
        assert_eq!(behind(5, 6), None);
        assert_eq!(behind(5, 4).map(|it| it.is_one()), Some(true));
    }

    #[test]
    fn a_difference_is_said_in_a_unit_that_fits() {
        let span = |seconds: u64| Span(seconds * SECOND_MICROS.unsigned_abs()).to_string();
        assert_eq!(span(1), "a second or less");
        assert_eq!(span(119), "119 seconds");
        assert_eq!(span(301), "5 minutes");
        assert_eq!(span(3 * 365 * 86_400), "1095 days");
    }
}
