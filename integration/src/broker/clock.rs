//! Times as the broker writes them.
//!
//! What always holds here: nothing reads the clock; a time is an argument.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Cuts a time to microseconds, as the broker's database does.
pub(crate) fn to_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Cuts a time to milliseconds, as the broker does with what it stamps itself.
pub(crate) fn to_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// The text of Java's `Instant`: no fraction, or three, six or nine digits of it.
pub(crate) fn instant(time: Timestamp) -> String {
    match time.subsec_nanosecond() {
        0 => format!("{time:.0}"),
        n if n % 1_000_000 == 0 => format!("{time:.3}"),
        n if n % 1_000 == 0 => format!("{time:.6}"),
        _ => format!("{time:.9}"),
    }
}

/// The text of an HTTP header (RFC 9110, section 5.6.7), in whole seconds.
pub(crate) fn http_date(time: Timestamp) -> String {
    let printer = rfc2822::DateTimePrinter::new();
    // Fails only for years that the format cannot hold.
    printer
        .timestamp_to_rfc9110_string(&time)
        .unwrap_or_default()
}

/// Reads the time in a `Date` header.
pub(crate) fn from_http_date(text: &str) -> Option<Timestamp> {
    let parser = rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_come_in_groups_of_three_digits() {
        for text in [
            "2026-11-23T18:12:19Z",
            "2026-11-23T18:12:19.500Z",
            "2026-11-23T18:12:19.554950Z",
            "2026-11-23T18:12:19.406754453Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(instant(time), text);
        }
    }

    #[test]
    fn http_dates_are_read_as_they_are_written() {
        let time: Timestamp = "2026-11-23T18:12:19Z".parse().unwrap();
        assert_eq!(http_date(time), "Mon, 23 Nov 2026 18:12:19 GMT");
        assert_eq!(from_http_date(&http_date(time)), Some(time));
    }
}
