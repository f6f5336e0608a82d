//! Payload ⇄ event: MessagePack, a map `{"time": microseconds, "event": …, "salt": …}` with named fields, the
//! last of which is absent where no text is to be kept from being guessed.
//!
//! What always holds here: a payload that decodes re-encodes to the same bytes. rmp-serde accepts
//! trailing bytes, integers longer than they need be and structs without names; `canonical` accepts
//! none of them, and the comparison, which has the last word about what `canonical` refuses, does
//! neither. So every event has exactly one encoding. Deliberately absent: defaults.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::added::present;
use crate::event::Event;
use crate::log::canonical;
use crate::salt::Salt;
use crate::time::Timestamp;

#[derive(Serialize)]
struct PayloadRef<'a> {
    time: Timestamp,
    event: &'a Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<Salt>,
}

/// What an entry is kept as, but for its place.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    pub(crate) time: Timestamp,
    pub(crate) event: Event,
    #[serde(default, deserialize_with = "present")]
    pub(crate) salt: Option<Salt>,
}

/// Why bytes with the right hash are not a payload of this version.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("it is not an event of this version")]
    Unknown(#[from] rmp_serde::decode::Error),
    #[error("its bytes are not the ones that this event is written as")]
    NotCanonical,
}

/// Appends the payload's bytes to `bytes`.
pub(crate) fn encode(
    time: Timestamp,
    event: &Event,
    salt: Option<Salt>,
    bytes: &mut Vec<u8>,
) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write_named(bytes, &PayloadRef { time, event, salt })
}

/// Reads a payload that is in its own encoding.
pub(crate) fn decode(bytes: &[u8]) -> Result<Payload, DecodeError> {
    match canonical::from_slice(bytes) {
        Ok(payload) => {
            debug_assert!(is_encoding_of(bytes, &payload), "{payload:?} as {bytes:x?}");
            Ok(payload)
        }
        Err(canonical::Refused) => decode_and_compare(bytes),
    }
}

/// Reads a payload, and holds it against its own encoding.
fn decode_and_compare(bytes: &[u8]) -> Result<Payload, DecodeError> {
    let payload = rmp_serde::from_slice(bytes)?;
    if is_encoding_of(bytes, &payload) {
        Ok(payload)
    } else {
        Err(DecodeError::NotCanonical)
    }
}

fn is_encoding_of(bytes: &[u8], payload: &Payload) -> bool {
    let mut rest = Comparison { rest: bytes };
    let payload = PayloadRef {
        time: payload.time,
        event: &payload.event,
        salt: payload.salt,
    };
    rmp_serde::encode::write_named(&mut rest, &payload).is_ok() && rest.rest.is_empty()
}

/// The version that a payload names which is no event of this version: a start, of a log or a run,
/// to which a newer version added something.
pub(crate) fn version_named(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Start {
        version: String,
    }
    #[derive(Deserialize)]
    enum AnyStart {
        LogCreated(Start),
        RunStarted(Start),
    }
    #[derive(Deserialize)]
    struct StartPayload {
        event: AnyStart,
    }
    let StartPayload { event } = rmp_serde::from_slice(bytes).ok()?;
    let (AnyStart::LogCreated(start) | AnyStart::RunStarted(start)) = event;
    Some(start.version)
}

/// A writer that accepts exactly the bytes it was given, so that comparing needs no second buffer.
struct Comparison<'a> {
    rest: &'a [u8],
}

impl Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest = self
            .rest
            .strip_prefix(bytes)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::event::RunCounts;
    use crate::found::Found;
    use crate::id::{LogId, Sequence};
    use crate::log::file::frame::{FrameHeader, HASH_BYTES};
    use crate::log::header::Header;

    fn event() -> Event {
        Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 5,
            verdict: None,
        }
    }

    fn encoded(event: &Event) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(Timestamp(-3), event, None, &mut bytes).expect("encodes");
        bytes
    }

    #[test]
    fn a_payload_is_read_back() {
        let bytes = encoded(&event());
        let payload = |event| Payload {
            time: Timestamp(-3),
            event,
            salt: None,
        };
        assert_eq!(decode(&bytes).expect("decodes"), payload(event()));
        let log = Event::LogCreated {
            log: LogId([1; 16]),
            version: "0.1.0".to_owned(),
        };
        assert_eq!(decode(&encoded(&log)).expect("decodes"), payload(log));
        let published = Event::LedgerPublished {
            start: Sequence(2),
            through: Sequence(u64::MAX),
            sha256: Digest([9; 32]),
            size_bytes: 1 << 40,
        };
        let read = decode(&encoded(&published)).expect("decodes");
        assert_eq!(read, payload(published));
    }

    #[test]
    fn the_bytes_are_named_fields() {
        let bytes = encoded(&Event::LogCreated {
            log: LogId([1; 16]),
            version: "v".to_owned(),
        });
        let mut expected =
            b"\x82\xa4time\xfd\xa5event\x81\xaaLogCreated\x82\xa3log\xc4\x10".to_vec();
        expected.extend([1; 16]);
        expected.extend(b"\xa7version\xa1v");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn trailing_bytes_long_integers_and_positional_structs_are_refused() {
        let bytes = encoded(&event());
        let mut trailing = bytes.clone();
        trailing.push(0xc0);
        assert!(matches!(decode(&trailing), Err(DecodeError::NotCanonical)));
        // -3 as int 8 instead of a negative fixint.
        let mut long = b"\x82\xa4time\xd0\xfd".to_vec();
        long.extend(&bytes[7..]);
        assert!(matches!(decode(&long), Err(DecodeError::NotCanonical)));
        let positional = rmp_serde::to_vec(&PayloadRef {
            time: Timestamp(-3),
            event: &event(),
            salt: None,
        });
        assert!(matches!(
            decode(&positional.expect("encodes")),
            Err(DecodeError::NotCanonical)
        ));
    }

    #[test]
    fn unknown_kinds_unknown_fields_and_missing_fields_are_refused() {
        for bytes in [
            b"\x82\xa4time\x01\xa5event\x81\xa7Unknown\x80".as_slice(),
            b"\x83\xa4time\x01\xa5event\x81\xa7Deleted\x82\xa5start\x01\xa7removal\xa7removed\xa1x\x01",
            b"\x82\xa4time\x01\xa5event\x81\xa7Deleted\x83\xa5start\x01\xa7removal\xa7removed\xa1x\x01",
            b"\x82\xa4time\x01\xa5event\x81\xa7Deleted\x81\xa5start\x01",
            b"\x81\xa4time\x01",
            b"",
            b"\xc0",
        ] {
            assert!(matches!(decode(bytes), Err(DecodeError::Unknown(_))), "{bytes:x?}");
        }
        let known =
            b"\x82\xa4time\x01\xa5event\x81\xa7Deleted\x82\xa5start\x01\xa7removal\xa7removed";
        assert!(decode(known).is_ok());
    }

    #[test]
    fn a_field_that_came_later_is_there_or_has_no_bytes() {
        let without =
            b"\x82\xa4time\x01\xa5event\x81\xa7Deleted\x82\xa5start\x01\xa7removal\xa7removed";
        let with = |found: &[u8]| {
            let mut bytes = without.to_vec();
            let map = bytes.iter().rposition(|byte| *byte == 0x82).expect("a map");
            bytes[map] = 0x83;
            bytes.extend(b"\xa5found");
            bytes.extend(found);
            bytes
        };
        let found = |bytes: &[u8]| match decode(bytes) {
            Ok(Payload {
                event: Event::Deleted { found, .. },
                ..
            }) => Some(found),
            _ => None,
        };
        assert_eq!(found(without), Some(None));
        assert_eq!(found(&with(b"\xa7nothing")), Some(Some(Found::Nothing)));
        let own = Found::Own(Sequence(7));
        assert_eq!(found(&with(b"\x81\xa3own\x07")), Some(Some(own)));
        // Nil would be a second way to say that it is not there.
        for other in [
            b"\xc0".as_slice(),
            b"\xa3own",
            b"\xa7unknown",
            b"",
            b"\x81\xa3own\xcc\x07",
        ] {
            assert_eq!(found(&with(other)), None, "{other:x?}");
        }
        let mut salted = b"\x83".to_vec();
        salted.extend(&without[1..]);
        salted.extend(b"\xa4salt\xc4\x10");
        salted.extend([7; 16]);
        let payload = decode(&salted).expect("decodes");
        assert_eq!(payload.salt, Some(Salt([7; 16])));
        salted.pop();
        assert!(decode(&salted).is_err());
        let mut long = without.to_vec();
        let map = long.iter().rposition(|byte| *byte == 0x82).expect("a map");
        long[map] = 0x83;
        assert_eq!(found(&long), None);
    }

    /// The payloads of the logs that hold every variant of everything.
    fn every_variant() -> Vec<&'static [u8]> {
        let mut payloads = payloads(include_bytes!("../../tests/golden/v1/every-variant.log"));
        payloads.extend(self::payloads(include_bytes!(
            "../../tests/golden/v1/found.log"
        )));
        payloads.extend(self::payloads(include_bytes!(
            "../../tests/golden/v1/looks.log"
        )));
        payloads.extend(few_payloads(include_bytes!(
            "../../tests/golden/v1/salted.log"
        )));
        payloads
    }

    fn payloads(log: &'static [u8]) -> Vec<&'static [u8]> {
        let payloads = few_payloads(log);
        assert!(payloads.len() > 16);
        payloads
    }

    fn few_payloads(log: &'static [u8]) -> Vec<&'static [u8]> {
        let mut rest = &log[Header::SIZE_BYTES..];
        let mut payloads = Vec::new();
        while let Some((start, behind)) = rest.split_first_chunk() {
            let length = FrameHeader::unchecked(start).length as usize;
            payloads.push(&behind[..length]);
            rest = &behind[length + HASH_BYTES..];
        }
        payloads
    }

    #[test]
    fn the_fast_reader_reads_everything_that_is_written() {
        for bytes in every_variant() {
            let payload: Payload = canonical::from_slice(bytes).expect("the one form");
            assert_eq!(decode_and_compare(bytes).expect("decodes"), payload);
        }
    }

    #[test]
    fn the_fast_reader_accepts_nothing_that_re_encodes_otherwise() {
        let mut accepted = 0;
        let mut hold = |bytes: &[u8]| {
            if let Ok(payload) = canonical::from_slice(bytes) {
                assert!(is_encoding_of(bytes, &payload), "{payload:?}: {bytes:x?}");
                accepted += 1;
            }
        };
        // Each byte is replaced, left out, and preceded by each that begins another form.
        let forms: [u8; 20] = [
            0x00, 0x7f, 0x80, 0x81, 0x90, 0xa0, 0xc0, 0xc4, 0xc5, 0xcc, 0xcd, 0xce, 0xcf, 0xd0,
            0xd1, 0xd3, 0xd9, 0xdc, 0xde, 0xff,
        ];
        for bytes in every_variant() {
            for at in 0..bytes.len() {
                let (before, after) = (&bytes[..at], &bytes[at + 1..]);
                hold(&[before, after].concat());
                for form in forms {
                    hold(&[before, &[form], after].concat());
                    hold(&[before, &[form], &bytes[at..]].concat());
                }
            }
        }
        assert!(accepted > 0);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic() {
        let bytes = encoded(&event());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(Payload { time, event, salt }) = decode(&flipped) {
                let mut again = Vec::new();
                encode(time, &event, salt, &mut again).expect("encodes");
                assert_eq!(again, flipped);
            }
        }
        assert!(decode(&[0x91; 100_000]).is_err());
        assert!(decode(b"\x82\xa4time\x01\xa5event\x81\xaeLegacyImported\x82\xa6sha256\xc4\x00\xa7entries\xdd\xff\xff\xff\xff").is_err());
    }
}
