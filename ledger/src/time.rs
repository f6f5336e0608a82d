//! Points in time as integers: microseconds since 1970-01-01T00:00:00Z, never read from a clock here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Microseconds since 1970-01-01T00:00:00Z (UTC); printed, and in JSON, as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse_rfc3339(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

impl Timestamp {
    const LEGACY_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

    /// Reads an RFC 3339 / `xs:dateTime` text with an offset; fractions beyond microseconds are cut.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|time| Self(time.as_microsecond()))
    }

    /// Reads `%Y-%m-%d %H:%M:%S` in UTC, as `status.xml` holds it.
    #[must_use]
    pub fn parse_legacy(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime(Self::LEGACY_FORMAT, text).ok()?;
        let time = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        let parsed = Self(time.as_microsecond());
        (parsed.to_legacy() == text).then_some(parsed)
    }

    /// The text that `status.xml` holds: UTC, whole seconds, `%Y-%m-%d %H:%M:%S`.
    #[must_use]
    pub fn to_legacy(self) -> String {
        self.civil().strftime(Self::LEGACY_FORMAT).to_string()
    }

    fn civil(self) -> jiff::civil::DateTime {
        let whole = jiff::Timestamp::from_microsecond(self.0.clamp(
            jiff::Timestamp::MIN.as_microsecond(),
            jiff::Timestamp::MAX.as_microsecond(),
        ));
        jiff::tz::TimeZone::UTC.to_datetime(whole.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.civil().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_are_read_back() {
        let time = Timestamp::parse_rfc3339("2026-11-23T18:12:19.504672Z").expect("valid");
        assert_eq!(time.to_string(), "2026-11-23T18:12:19.504672Z");
        assert_eq!(time.to_legacy(), "2026-11-23 18:12:19");
        assert_eq!(
            Timestamp::parse_legacy("2026-11-23 18:12:19").map(Timestamp::to_legacy),
            Some("2026-11-23 18:12:19".to_owned())
        );
        assert_eq!(
            Timestamp::parse_rfc3339("2026-11-23T19:12:19.504672999+01:00"),
            Some(time)
        );
    }

    #[test]
    fn malformed_times_are_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-13-23 18:12:19",
            "2026-11-23 18:12:19 ",
            "2026-1-2 3:4:5",
        ] {
            assert_eq!(Timestamp::parse_legacy(text), None, "{text:?}");
        }
        assert_eq!(Timestamp::parse_rfc3339("2026-11-23 18:12"), None);
    }

    #[test]
    fn any_integer_can_be_printed() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            assert!(!Timestamp(micros).to_legacy().is_empty());
        }
    }
}
