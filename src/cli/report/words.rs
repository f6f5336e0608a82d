//! The two languages of a report, and how each writes numbers and times.
//!
//! Deliberately absent: what the ledger has a word for (`vocabulary`).

use clap::ValueEnum;
use courier_ledger::{Completion, Timestamp};

/// The language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// German
    De,
}

const SECOND: i64 = 1_000_000;

impl Lang {
    /// The language's code.
    pub(super) fn code(self) -> &'static str {
        self.say("en", "de")
    }

    /// The words of this language.
    pub(super) fn say(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::En => english,
            Self::De => german,
        }
    }

    /// A whole number.
    pub(super) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push_str(self.say(",", "."));
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A size.
    pub(super) fn size(self, bytes: u64) -> String {
        let (unit, name): (u64, _) = match bytes {
            0..1_000 => return format!("{bytes} B"),
            1_000..1_000_000 => (1_000, "kB"),
            1_000_000..1_000_000_000 => (1_000_000, "MB"),
            _ => (1_000_000_000, "GB"),
        };
        let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
        let point = self.say(".", ",");
        format!("{}{point}{} {name}", tenths / 10, tenths % 10)
    }

    /// A time between two moments.
    pub(super) fn span(self, micros: i64) -> String {
        let seconds = micros / SECOND;
        let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
        let minutes = seconds / 60 % 60;
        match seconds {
            ..60 => format!("{seconds} s"),
            60..3_600 => format!("{minutes} min"),
            3_600..86_400 if minutes == 0 => format!("{hours} h"),
            3_600..86_400 => format!("{hours} h {minutes} min"),
            _ => {
                let name = match days {
                    1 => self.say("day", "Tag"),
                    _ => self.say("days", "Tage"),
                };
                format!("{days} {name} {hours} h")
            }
        }
    }

    /// A moment, to the minute, UTC.
    pub(super) fn time(self, time: Timestamp) -> String {
        let text = time.to_legacy();
        let minute = text.get(11..16).unwrap_or_default();
        format!("{} {minute}", self.date(time))
    }

    /// Its day.
    pub(super) fn date(self, time: Timestamp) -> String {
        let text = time.to_legacy();
        let part = |from, to| text.get(from..to).unwrap_or_default();
        match self {
            Self::En => part(0, 10).to_owned(),
            Self::De => format!("{}.{}.{}", part(8, 10), part(5, 7), part(0, 4)),
        }
    }

    /// Its month.
    pub(super) fn month(self, time: Timestamp) -> String {
        let text = time.to_legacy();
        let part = |from, to| text.get(from..to).unwrap_or_default();
        match self {
            Self::En => part(0, 7).to_owned(),
            Self::De => format!("{}/{}", part(5, 7), part(0, 4)),
        }
    }

    /// How far a request has come.
    pub(super) fn completion(self, completion: Completion) -> String {
        let Completion { completed, nodes } = completion;
        match self {
            Self::En => format!("{completed} of {nodes}"),
            Self::De => format!("{completed} von {nodes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_each_language_does() {
        let time = Timestamp::parse_legacy("2026-03-02 06:07:08").unwrap_or_default();
        let told = |lang: Lang| {
            let span = lang.span(90_061 * SECOND);
            [
                lang.number(1_234_567),
                lang.size(1_250_000),
                lang.time(time),
                span,
            ]
        };
        assert_eq!(
            told(Lang::En),
            ["1,234,567", "1.3 MB", "2026-03-02 06:07", "1 day 1 h"]
        );
        assert_eq!(
            told(Lang::De),
            ["1.234.567", "1,3 MB", "02.03.2026 06:07", "1 Tag 1 h"]
        );
        assert_eq!(Lang::En.span(59 * SECOND), "59 s");
        assert_eq!(Lang::En.span(3_599 * SECOND), "59 min");
        assert_eq!(Lang::En.span(7_260 * SECOND), "2 h 1 min");
    }
}
