//! What a server says of a request that it did not carry out: a number and a text
//! (draft-ietf-secsh-filexfer-02, section 7; higher numbers from draft 13, which some servers send in
//! version 3 too). The text is somebody else's: it is cleaned before it enters a message.

use std::fmt;

use courier_ledger::FailureClass;

/// The longest server text that is repeated, in characters.
const LONGEST_TEXT: usize = 200;

/// The number of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusCode(pub(crate) u32);

impl StatusCode {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const EOF: Self = Self(1);
    pub(crate) const NO_SUCH_FILE: Self = Self(2);
    pub(crate) const PERMISSION_DENIED: Self = Self(3);
    #[cfg(test)]
    pub(crate) const FAILURE: Self = Self(4);
    pub(crate) const BAD_MESSAGE: Self = Self(5);
    pub(crate) const UNSUPPORTED: Self = Self(8);
    pub(crate) const NO_SUCH_PATH: Self = Self(10);
    pub(crate) const FILE_ALREADY_EXISTS: Self = Self(11);
    pub(crate) const WRITE_PROTECT: Self = Self(12);
    pub(crate) const NO_SPACE: Self = Self(14);
    pub(crate) const QUOTA_EXCEEDED: Self = Self(15);

    /// Whether the file is not there.
    pub(crate) fn is_absent(self) -> bool {
        matches!(self, Self::NO_SUCH_FILE | Self::NO_SUCH_PATH)
    }

    /// Whether the server does not allow it.
    pub(crate) fn is_denied(self) -> bool {
        matches!(self, Self::PERMISSION_DENIED | Self::WRITE_PROTECT)
    }

    /// Whether the disk or the quota is full, as far as the server tells them apart.
    pub(crate) fn is_full(self) -> bool {
        matches!(self, Self::NO_SPACE | Self::QUOTA_EXCEEDED)
    }

    /// What an error of this kind asks for.
    pub(crate) fn class(self) -> FailureClass {
        match self {
            Self::NO_SUCH_FILE
            | Self::NO_SUCH_PATH
            | Self::PERMISSION_DENIED
            | Self::WRITE_PROTECT
            | Self::UNSUPPORTED => FailureClass::NeedsPerson,
            Self::BAD_MESSAGE | Self::NO_SPACE | Self::QUOTA_EXCEEDED => FailureClass::Permanent,
            _ => FailureClass::Transient,
        }
    }

    fn words(self) -> &'static str {
        match self.0 {
            0 => "ok",
            1 => "end of file",
            2 => "no such file",
            3 => "permission denied",
            4 => "failure",
            5 => "bad message",
            6 => "no connection",
            7 => "connection lost",
            8 => "operation unsupported",
            9 => "invalid handle",
            10 => "no such path",
            11 => "file already exists",
            12 => "write protected",
            13 => "no media",
            14 => "no space on the file system",
            15 => "quota exceeded",
            17 => "lock conflict",
            _ => "unknown status",
        }
    }
}

/// A status as a server sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// Its number.
    pub(crate) code: StatusCode,
    /// Its text, cleaned.
    text: String,
}

impl Status {
    /// Takes a status from the wire.
    pub(crate) fn new(code: u32, text: &[u8]) -> Self {
        Self {
            code: StatusCode(code),
            text: printable(text),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.code.words();
        write!(f, "{words} (status {})", self.code.0)?;
        if !self.text.is_empty() && !self.text.eq_ignore_ascii_case(words) {
            write!(f, ", in the server's words: {}", self.text)?;
        }
        Ok(())
    }
}

/// What of a foreign text can be shown: printable characters on one line, at most 200.
pub(crate) fn printable(bytes: &[u8]) -> String {
    // Four bytes is the longest character; cutting first keeps the work bounded.
    let bytes = &bytes[..bytes.len().min(4 * LONGEST_TEXT)];
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| {
            // Format characters can reorder or hide what a terminal shows.
            let hidden = matches!(character,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            if character.is_control() || hidden { ' ' } else { character }
        })
        .take(LONGEST_TEXT)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_text_cannot_break_a_line_or_colour_a_terminal() {
        let status = Status::new(4, b"\x1b[31mdisk\nfull\x00\xff \xe2\x80\xae");
        let shown = status.to_string();
        assert!(
            shown.starts_with("failure (status 4), in the server's words: "),
            "{shown}"
        );
        assert!(shown.chars().all(|character| !character.is_control()));
        assert!(!shown.contains('\u{202e}'));
    }

    #[test]
    fn a_server_text_is_cut() {
        let status = Status::new(4, &[b'x'; 100_000]);
        assert_eq!(status.text.chars().count(), LONGEST_TEXT);
    }

    #[test]
    fn a_text_that_only_repeats_the_number_is_left_out() {
        assert_eq!(
            Status::new(3, b"Permission denied").to_string(),
            "permission denied (status 3)"
        );
        assert_eq!(
            Status::new(99, b"").to_string(),
            "unknown status (status 99)"
        );
    }
}
