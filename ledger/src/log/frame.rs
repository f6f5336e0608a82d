//! One entry as bytes.
//!
//! u32 length · u64 seq · CRC-32(length, seq) · payload (MessagePack, named fields) ·
//! SHA-256(prev ‖ length ‖ seq ‖ payload); little-endian. The hash covers the bytes on disk, and a
//! payload that does not re-encode to the same bytes is refused: rmp-serde alone would accept
//! trailing garbage and integers that are longer than they need be.

use serde::{Deserialize, Serialize};

use crate::{Digest, Entry, Event, Sequence, Timestamp};

/// Bytes before the payload.
pub(crate) const PREFIX_BYTES: usize = 4 + 8 + 4;
/// Bytes after the payload.
pub(crate) const HASH_BYTES: usize = 32;
/// The largest payload in bytes: 64 MiB, many times a first snapshot of 5,000 requests.
pub(crate) const MAX_PAYLOAD_BYTES: u32 = 64 << 20;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) length: u32,
    pub(crate) sequence: Sequence,
}

impl Prefix {
    /// Reads a prefix whose checksum fits and whose length is possible.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<PREFIX_BYTES>()?;
        let [
            l0,
            l1,
            l2,
            l3,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
            c0,
            c1,
            c2,
            c3,
        ] = *bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let sequence = Sequence(u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]));
        let crc = u32::from_le_bytes([c0, c1, c2, c3]);
        let fits = length <= MAX_PAYLOAD_BYTES && crc32fast::hash(&bytes[..12]) == crc;
        fits.then_some(Self { length, sequence })
    }

    fn encode(self) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.sequence.0.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(self) -> usize {
        PREFIX_BYTES + self.length as usize + HASH_BYTES
    }

    /// The hash that a frame with this prefix and payload must carry after `prev`.
    pub(crate) fn hash(self, prev: Digest, payload: &[u8]) -> Digest {
        Digest::of(&[&prev.0, &self.encode()[..12], payload])
    }
}

#[derive(Serialize)]
struct PayloadRef<'a> {
    time: Timestamp,
    event: &'a Event,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    time: Timestamp,
    event: Event,
}

/// Why a payload whose hash fits is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is no event that this version knows.
    #[error("not an event that this version knows: {0}")]
    Unknown(String),
    /// It decodes, and its canonical form is another.
    #[error("an event that is not in its canonical form")]
    NotCanonical,
}

/// Appends the frame of an event to `bytes`; gives its hash, or none when it is too large.
pub(crate) fn encode(
    bytes: &mut Vec<u8>,
    prev: Digest,
    sequence: Sequence,
    time: Timestamp,
    event: &Event,
) -> Option<Digest> {
    let payload = rmp_serde::to_vec_named(&PayloadRef { time, event }).ok()?;
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|it| *it <= MAX_PAYLOAD_BYTES)?;
    let prefix = Prefix { length, sequence };
    let hash = prefix.hash(prev, &payload);
    bytes.extend(prefix.encode());
    bytes.extend(&payload);
    bytes.extend(hash.0);
    Some(hash)
}

/// Decodes payloads, reusing one buffer for the check of the canonical form.
#[derive(Default)]
pub(crate) struct PayloadDecoder {
    canonical: Vec<u8>,
}

impl PayloadDecoder {
    pub(crate) fn decode(
        &mut self,
        sequence: Sequence,
        hash: Digest,
        bytes: &[u8],
    ) -> Result<Entry, PayloadError> {
        let Payload { time, event } = rmp_serde::from_slice(bytes)
            .map_err(|error| PayloadError::Unknown(error.to_string()))?;
        self.canonical.clear();
        let mut serializer = rmp_serde::Serializer::new(&mut self.canonical).with_struct_map();
        PayloadRef {
            time,
            event: &event,
        }
        .serialize(&mut serializer)
        .map_err(|error| PayloadError::Unknown(error.to_string()))?;
        if self.canonical != bytes {
            return Err(PayloadError::NotCanonical);
        }
        Ok(Entry {
            sequence,
            time,
            event,
            hash,
        })
    }
}
