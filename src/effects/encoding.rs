//! Files that people wrote, as text: UTF-8, without the mark that some editors put before it.
//!
//! What always holds here: what cannot be read is said with its place, and nothing of it is quoted, for it
//! may be a secret. Deliberately absent: guessing; what is in another encoding is for its author to save
//! anew.

use std::fmt;

/// Why bytes are not such a text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What they are.
    pub kind: Encoding,
}

/// What bytes are that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two bytes a character.
    Utf16,
    /// Something with bytes that UTF-8 has not there.
    Other,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf16 => {
                "not UTF-8 text: it is UTF-16, which some editors call \"Unicode\"; save it as UTF-8"
            }
            Self::Other => {
                "not UTF-8 text: this byte is none of it; was the file saved as Latin-1 (Windows-1252)? \
                 save it as UTF-8"
            }
        })
    }
}

/// The text, without a byte order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, NotText> {
    let is_utf16 = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // Without a mark, ASCII has a zero in each pair.
        [0, second, ..] => *second != 0,
        [_, 0, third, 0, ..] => *third != 0,
        _ => false,
    };
    if is_utf16 {
        let kind = Encoding::Utf16;
        return Err(NotText {
            line: 1,
            column: 1,
            kind,
        });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let (line, column) = position(&String::from_utf8_lossy(before));
        let kind = Encoding::Other;
        NotText { line, column, kind }
    })
}

/// The line and the column, in characters, of what follows `before`, both from 1.
pub(crate) fn position(before: &str) -> (usize, usize) {
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line + 1, last.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, kind: Encoding) -> Result<&'static str, NotText> {
        Err(NotText { line, column, kind })
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xef\xbb\xbfa = 1"), Ok("a = 1"));
        assert_eq!(text("ä\r\n".as_bytes()), Ok("ä\r\n"));
        assert_eq!(text(b""), Ok(""));
        assert_eq!(text(b"\0"), Ok("\0"));
    }

    #[test]
    fn what_it_is_instead_is_said_with_its_place() {
        for utf16 in [
            &b"\xff\xfea\0"[..],
            b"\xfe\xff\0a",
            b"a\0b\0",
            b"\0a\0b",
            b"\xff\xfe",
        ] {
            assert_eq!(text(utf16), at(1, 1, Encoding::Utf16), "{utf16:x?}");
        }
        assert_eq!(text(b"a\n\xc3\xa4b\xe4"), at(2, 3, Encoding::Other));
        assert_eq!(text(b"\xef\xbb\xbfa\xe4"), at(1, 2, Encoding::Other));
    }
}
