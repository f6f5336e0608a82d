//! Moments as people name them: an event by its number, a time, a day, how long ago.
//!
//! What always holds here: a day is one of the machine's time zone (`TZ`); what is shown is UTC.

use std::str::FromStr;

use courier_ledger::{Sequence, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This event.
    Event(Sequence),
    /// This time.
    Time(Timestamp),
    /// From the first moment of a day to its last.
    Day(Timestamp, Timestamp),
}

impl Moment {
    /// The first time that belongs to it; none for an event.
    pub(super) fn first(self) -> Option<Timestamp> {
        match self {
            Self::Event(_) => None,
            Self::Time(time) | Self::Day(time, _) => Some(time),
        }
    }

    /// Whether an event is at it or later.
    pub(super) fn is_reached_by(self, sequence: Sequence, time: Timestamp) -> bool {
        match self {
            Self::Event(first) => sequence >= first,
            Self::Time(first) | Self::Day(first, _) => time >= first,
        }
    }

    /// Whether an event is at it or earlier.
    pub(super) fn is_not_passed_by(self, sequence: Sequence, time: Timestamp) -> bool {
        match self {
            Self::Event(last) => sequence <= last,
            Self::Time(last) | Self::Day(_, last) => time <= last,
        }
    }

    /// As `text` names it at the time `now`, where days begin as in `zone`.
    fn read(text: &str, now: jiff::Timestamp, zone: &TimeZone) -> Option<Self> {
        if let Ok(sequence) = text.trim_start_matches('#').parse() {
            return Some(Self::Event(sequence));
        }
        if let Some(time) = Timestamp::parse_rfc3339(text) {
            return Some(Self::Time(time));
        }
        if let Some(ago) = text.strip_prefix('-') {
            let span: jiff::Span = ago.parse().ok()?;
            let span = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
            return Some(Self::Time(stamp(now.checked_sub(span.ok()?).ok()?)));
        }
        let today = zone.to_datetime(now).date();
        match text {
            "now" => return Some(Self::Time(stamp(now))),
            "today" => return Self::day(today, zone),
            "yesterday" => return Self::day(today.yesterday().ok()?, zone),
            _ => {}
        }
        if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
            return Self::day(date, zone);
        }
        let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"];
        let civil = formats
            .iter()
            .find_map(|format| DateTime::strptime(format, text).ok())?;
        Some(Self::Time(stamp(zone.to_timestamp(civil).ok()?)))
    }

    fn day(date: Date, zone: &TimeZone) -> Option<Self> {
        let begin = |date: Date| {
            let midnight = date.at(0, 0, 0, 0);
            Some(stamp(zone.to_timestamp(midnight).ok()?))
        };
        let (first, next) = (begin(date)?, begin(date.tomorrow().ok()?)?);
        Some(Self::Day(first, Timestamp(next.0 - 1)))
    }
}

fn stamp(time: jiff::Timestamp) -> Timestamp {
    Timestamp(time.as_microsecond())
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, jiff::Timestamp::now(), &TimeZone::system()).ok_or(
            "expected an event's number, an RFC 3339 time, a date (2026-11-23), `today`, `yesterday`, or how \
             long ago (-2h, -3d)",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<(i64, i64)> {
        let now = jiff::Timestamp::from_second(1_774_864_800).ok()?;
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").ok()?;
        let (first, last) = match Moment::read(text, now, &berlin)? {
            Moment::Time(time) => (time, time),
            Moment::Day(first, last) => (first, last),
            Moment::Event(_) => return None,
        };
        Some((first.0 / 1_000_000, last.0 / 1_000_000))
    }

    #[test]
    fn moments_are_read_as_people_name_them() {
        const NOON: i64 = 1_774_864_800;
        const HOUR: i64 = 3_600;
        assert_eq!(at("2026-03-30T10:00:00Z"), Some((NOON, NOON)));
        assert_eq!(at("now"), Some((NOON, NOON)));
        assert_eq!(at("-2h"), Some((NOON - 2 * HOUR, NOON - 2 * HOUR)));
        let today = (NOON - 12 * HOUR, NOON + 12 * HOUR - 1);
        assert_eq!(at("today"), Some(today));
        assert_eq!(at("2026-03-30"), Some(today));
        assert_eq!(at("2026-03-30 12:00"), Some((NOON, NOON)));
        // The clocks were put forward in its night.
        let yesterday = (today.0 - 23 * HOUR, today.0 - 1);
        assert_eq!(at("yesterday"), Some(yesterday));
        for text in ["", "the other day", "2026-13-01", "-2", "--", "12:00"] {
            assert_eq!(at(text), None, "{text}");
        }
        for text in ["12", "#12"] {
            assert_eq!(text.parse(), Ok(Moment::Event(Sequence(12))));
        }
    }
}
