//! The stanza of an age header that tells which upload the file was made for: the first of all, so that it
//! stands at a fixed place, before those of the recipients, which pass over it.
//!
//! What always holds here: bytes in, facts out; nothing is believed of them. Deliberately absent: how the mark
//! is made and held against an intent, which `fernet` does for files of either encryption.

use base64_simd::STANDARD_NO_PAD;
use courier_ledger::KeyId;

/// What the stanza is called.
pub(crate) const TAG: &str = "broker-courier/intent";

/// How every age file of this program begins.
const BEFORE: &[u8] = b"age-encryption.org/v1\n-> broker-courier/intent\n";

/// What the stanza holds: time, recipients, what was drawn, and the mark.
const BODY_BYTES: usize = 32;
const TIME: usize = 0;
const RECIPIENTS: usize = 8;
const DRAWN: usize = 16;
const MARK: usize = 24;

const BODY_TEXT_BYTES: usize = (BODY_BYTES * 8).div_ceil(6);

/// What the stanza takes.
pub(crate) const STANZA_BYTES: usize = START_BYTES - VERSION_BYTES;
const VERSION_BYTES: usize = b"age-encryption.org/v1\n".len();

/// So many bytes of a file hold the whole stanza, the end of its line included.
pub(crate) const START_BYTES: usize = BEFORE.len() + BODY_TEXT_BYTES + 1;

/// What the stanza says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntentStanza {
    /// When the file was made, seconds since 1970 UTC.
    pub(crate) time_seconds: u64,
    /// Whom it is for.
    pub(crate) recipients: KeyId,
    /// What was drawn for it alone.
    pub(crate) drawn: [u8; 8],
    /// The keyed mark over that and the intent.
    pub(crate) mark: [u8; 8],
}

impl IntentStanza {
    /// Its body.
    #[must_use]
    pub(crate) fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[TIME..RECIPIENTS].copy_from_slice(&self.time_seconds.to_be_bytes());
        body[RECIPIENTS..DRAWN].copy_from_slice(&self.recipients.0);
        body[DRAWN..MARK].copy_from_slice(&self.drawn);
        body[MARK..].copy_from_slice(&self.mark);
        body
    }

    /// That of a file that begins so; none if it is no age file of this program.
    #[must_use]
    pub(crate) fn read(start: &[u8]) -> Option<Self> {
        let (text, rest) = start
            .strip_prefix(BEFORE)?
            .split_at_checked(BODY_TEXT_BYTES)?;
        if rest.first() != Some(&b'\n') {
            return None;
        }
        let begun = Begun {
            body: STANDARD_NO_PAD.decode_to_vec(text).ok()?,
        };
        Some(Self {
            time_seconds: u64::from_be_bytes(begun.part(TIME)?),
            recipients: begun.recipients()?,
            drawn: begun.drawn()?,
            mark: begun.part(MARK)?,
        })
    }
}

/// A stanza as far as a file goes that may be cut within it.
pub(crate) struct Begun {
    body: Vec<u8>,
}

impl Begun {
    /// That of a file of which this is all; none if no age file of this program begins so.
    #[must_use]
    pub(crate) fn read(start: &[u8]) -> Option<Self> {
        let Some(text) = start.strip_prefix(BEFORE) else {
            let is_begun = BEFORE.starts_with(start);
            return is_begun.then_some(Self { body: Vec::new() });
        };
        let text = &text[..text.len().min(BODY_TEXT_BYTES)];
        let is_text = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        if !text.iter().all(is_text) {
            return None;
        }
        // The last piece of the whole text is shorter than the others.
        let whole = match text.len() {
            BODY_TEXT_BYTES => text,
            length => &text[..length / 4 * 4],
        };
        let body = STANDARD_NO_PAD.decode_to_vec(whole).ok()?;
        Some(Self { body })
    }

    /// Whom it is for, as far as that is there.
    pub(crate) fn recipients(&self) -> Option<KeyId> {
        self.part(RECIPIENTS).map(KeyId)
    }

    /// What was drawn for it.
    pub(crate) fn drawn(&self) -> Option<[u8; 8]> {
        self.part(DRAWN)
    }

    /// The mark, as far as it is there.
    pub(crate) fn mark(&self) -> &[u8] {
        self.body.get(MARK..).unwrap_or_default()
    }

    fn part(&self, at: usize) -> Option<[u8; 8]> {
        self.body.get(at..)?.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_stanza_is_read_as_it_was_written_and_as_far_as_it_goes() {
        let stanza = IntentStanza {
            time_seconds: 1_790_000_000,
            recipients: KeyId([2; 8]),
            drawn: [3; 8],
            mark: [4, 5, 6, 7, 8, 9, 10, 11],
        };
        let text = STANDARD_NO_PAD.encode_to_string(stanza.body());
        let file = [BEFORE, text.as_bytes(), b"\n-> X25519 "].concat();
        assert_eq!(
            &file[..START_BYTES],
            [BEFORE, text.as_bytes(), b"\n"].concat()
        );
        assert_eq!(IntentStanza::read(&file), Some(stanza));
        assert_eq!(IntentStanza::read(&file[..START_BYTES]), Some(stanza));
        for length in 0..START_BYTES {
            let begun = &file[..length];
            assert_eq!(IntentStanza::read(begun), None, "{length}");
            let read = Begun::read(begun).unwrap();
            assert!(stanza.mark.starts_with(read.mark()), "{length}");
            for at in 0..length.min(BEFORE.len()) {
                let mut other = begun.to_vec();
                other[at] ^= 1;
                assert!(Begun::read(&other).is_none(), "{length} {at}");
            }
        }
        let whole = Begun::read(&file[..START_BYTES]).unwrap();
        assert_eq!(whole.mark(), stanza.mark);
        assert_eq!(whole.recipients(), Some(stanza.recipients));
    }
}
