//! One thing that is wrong with a configuration file. A problem names a place, a key and what is
//! expected; it never holds a value, which may be a secret.

use std::cmp::Ordering;
use std::fmt;

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, from 1; none for what is missing with its whole table.
    pub line: Option<usize>,
    /// The column in characters, from 1; only where the file is not TOML.
    pub column: Option<usize>,
    /// What is wrong, and what is expected.
    pub text: String,
}

impl Problem {
    /// What problems are sorted by; what has no line comes last.
    fn place(&self) -> (usize, usize) {
        (
            self.line.unwrap_or(usize::MAX),
            self.column.unwrap_or_default(),
        )
    }
}

impl Ord for Problem {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.place(), &self.text).cmp(&(other.place(), &other.text))
    }
}

impl PartialOrd for Problem {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As a compiler would say it, to be put behind the file's name: `:7: SFTP.PORT takes …`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.text)
    }
}
