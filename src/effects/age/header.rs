//! The header of an age file: a line that says what it is, a stanza for each recipient and whatever else, and a
//! mark over all that.
//!
//! What always holds here: what is read was written canonically, as the specification asks; stanzas of an
//! unknown kind are passed over. Deliberately absent: keys.

use std::io::{self, BufRead};

use base64_simd::STANDARD_NO_PAD;

use super::secrets::{FILE_KEY_BYTES, TAG_BYTES, Wrapped};

/// How every age file begins, of whatever version.
pub(crate) const MAGIC: &[u8] = b"age-encryption.org/";

const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const STANZA: &[u8] = b"-> ";
const LAST_LINE: &[u8] = b"---";
const RECIPIENT_TAG: &str = "X25519";
const LINE_BYTES: usize = 64;
const MAC_TEXT_BYTES: usize = 43;
/// No header of a person's making is longer.
const LIMIT_BYTES: u64 = 1 << 20;

/// What a header takes besides the stanzas of recipients, and the one of a recipient.
pub(super) const FRAME_BYTES: usize = VERSION_LINE.len() + LAST_LINE.len() + 1 + MAC_TEXT_BYTES + 1;
pub(super) const RECIPIENT_BYTES: usize = STANZA.len() + RECIPIENT_TAG.len() + 2 * (1 + 43) + 1;

/// A header that is being written.
pub(super) struct Written(Vec<u8>);

impl Written {
    pub(super) fn new() -> Self {
        Self(VERSION_LINE.to_vec())
    }

    /// Adds a stanza whose body fits into one line.
    pub(super) fn add(&mut self, tag: &str, argument: Option<&[u8]>, body: &[u8; 32]) {
        self.0.extend_from_slice(STANZA);
        self.0.extend_from_slice(tag.as_bytes());
        if let Some(argument) = argument {
            self.0.push(b' ');
            let text = STANDARD_NO_PAD.encode_to_string(argument);
            self.0.extend_from_slice(text.as_bytes());
        }
        let body = STANDARD_NO_PAD.encode_to_string(body);
        self.0.extend_from_slice(format!("\n{body}\n").as_bytes());
    }

    /// Adds a recipient's stanza.
    pub(super) fn add_recipient(&mut self, wrapped: &Wrapped) {
        self.add(RECIPIENT_TAG, Some(&wrapped.share), &wrapped.body);
    }

    /// Ends it with the mark over it.
    pub(super) fn end<E>(
        mut self,
        mac: impl FnOnce(&[u8]) -> Result<[u8; 32], E>,
    ) -> Result<Vec<u8>, E> {
        self.0.extend_from_slice(LAST_LINE);
        let mac = STANDARD_NO_PAD.encode_to_string(mac(&self.0)?);
        self.0.extend_from_slice(format!(" {mac}\n").as_bytes());
        Ok(self.0)
    }
}

/// A header that was read.
pub(super) struct Header {
    /// What the mark stands over.
    pub(super) marked: Vec<u8>,
    /// The mark.
    pub(super) mac: [u8; 32],
    /// The file key, for each recipient of the kind that is known here.
    pub(super) wrapped: Vec<Wrapped>,
}

impl Header {
    /// Reads one; `None` for anything else. What follows is left unread.
    pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut lines = Lines {
            input,
            marked: Vec::new(),
        };
        if lines.next()?.as_deref() != Some(VERSION_LINE) {
            return Ok(None);
        }
        let mut wrapped = Vec::new();
        loop {
            let before = lines.marked.len();
            let Some(line) = lines.next()? else {
                return Ok(None);
            };
            if line.starts_with(LAST_LINE) {
                lines.marked.truncate(before + LAST_LINE.len());
                let marked = lines.marked;
                let header = mac(&line).map(|mac| Self {
                    marked,
                    mac,
                    wrapped,
                });
                return Ok(header);
            }
            let Some((tag, arguments)) = kind(&line) else {
                return Ok(None);
            };
            let Some(body) = lines.body()? else {
                return Ok(None);
            };
            if tag == RECIPIENT_TAG {
                match recipient(&arguments, &body) {
                    Some(it) => wrapped.push(it),
                    None => return Ok(None),
                }
            }
        }
    }
}

/// A header's lines, each with the end of the line.
struct Lines<'a, R> {
    input: &'a mut R,
    marked: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next one; none at the end, and where there is more than any header has.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let left = LIMIT_BYTES.saturating_sub(self.marked.len() as u64);
        let mut line = Vec::new();
        io::Read::take(&mut *self.input, left).read_until(b'\n', &mut line)?;
        self.marked.extend_from_slice(&line);
        Ok(line.ends_with(b"\n").then_some(line))
    }

    /// A stanza's body, in lines of which the last is shorter.
    fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.next()? else {
                return Ok(None);
            };
            let text = &line[..line.len() - 1];
            let Ok(bytes) = STANDARD_NO_PAD.decode_to_vec(text) else {
                return Ok(None);
            };
            body.extend(bytes);
            match text.len() {
                LINE_BYTES => {}
                0..LINE_BYTES => return Ok(Some(body)),
                _ => return Ok(None),
            }
        }
    }
}

/// A stanza's kind and arguments.
fn kind(line: &[u8]) -> Option<(String, Vec<String>)> {
    let words = line.strip_prefix(STANZA)?.strip_suffix(b"\n")?;
    let is_word = |word: &&[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    let words: Vec<&[u8]> = words.split(|byte| *byte == b' ').collect();
    if !words.iter().all(is_word) {
        return None;
    }
    let mut words = words
        .into_iter()
        .map(|word| String::from_utf8_lossy(word).into_owned());
    let tag = words.next()?;
    Some((tag, words.collect()))
}

fn recipient(arguments: &[String], body: &[u8]) -> Option<Wrapped> {
    let [share] = arguments else {
        return None;
    };
    let share = STANDARD_NO_PAD.decode_to_vec(share).ok()?;
    Some(Wrapped {
        share: share.try_into().ok()?,
        body: <[u8; FILE_KEY_BYTES + TAG_BYTES]>::try_from(body).ok()?,
    })
}

fn mac(line: &[u8]) -> Option<[u8; 32]> {
    let text = line.strip_prefix(b"--- ")?.strip_suffix(b"\n")?;
    STANDARD_NO_PAD.decode_to_vec(text).ok()?.try_into().ok()
}
