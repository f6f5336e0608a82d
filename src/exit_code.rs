//! The exit codes that cron reads. They never change meaning; their words stand here alone, for
//! `--help` and for `docs/exit-codes.md`, which a test holds to them.
//!
//! Deliberately absent: what to do about each, which is the document's, and which code an error has,
//! which is the command line's.

use std::fmt;

macro_rules! exit_codes {
    ($($name:ident = $number:literal $words:literal;)*) => {
        /// The exit codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ExitCode {
            $(#[doc = $words] $name = $number,)*
        }

        impl ExitCode {
            /// All of them, by number.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// What it means.
            pub(crate) fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

exit_codes! {
    Done = 0 "done, or nothing to do";
    Incomplete = 1 "some commands failed and will be tried again next run";
    Usage = 2 "wrong usage";
    Configuration = 3 "the configuration cannot be used";
    Broker = 4 "broker unreachable, or its answer unusable";
    DropBox = 5 "SFTP server unreachable, login refused, or host key wrong";
    Blocked = 6 "blocked by a guard: a person must decide";
    Ledger = 7 "the ledger is damaged, or cannot be read or written";
    Busy = 8 "another run is active";
    Pending = 10 "changes are pending (plan --exit-code only)";
}

impl ExitCode {
    /// As the operating system knows it.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// All codes with their words, as `--help` lists them.
pub(crate) struct ExitCodes;

impl fmt::Display for ExitCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exit codes:")?;
        for code in ExitCode::ALL {
            write!(f, "\n{:>3}  {}", code.number(), code.words())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const DOCUMENT: &str = include_str!("../docs/exit-codes.md");
    const README: &str = include_str!("../README.md");

    /// The columns of each row of the tables in a document.
    fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
        text.lines()
            .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
            .map(|row| row.split(" | ").collect())
    }

    #[test]
    fn the_document_has_every_code_with_its_words() {
        let documented: Vec<(u8, &str)> = rows(DOCUMENT)
            .filter_map(|row| Some((row[0].parse().ok()?, row[1])))
            .collect();
        let known: Vec<(u8, &str)> = ExitCode::ALL
            .iter()
            .map(|code| (code.number(), code.words()))
            .collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn the_readme_names_known_codes_and_means_the_same_by_them() {
        let mut told = 0;
        for row in rows(README) {
            let Some(rest) = row[0].strip_prefix("exit ") else {
                continue;
            };
            let (number, message) = rest.split_once(", ").unwrap_or((rest, ""));
            let number: u8 = number.parse().unwrap();
            let code = ExitCode::ALL.iter().find(|code| code.number() == number);
            let code = code.unwrap_or_else(|| panic!("no code is {number}: {row:?}"));
            // A row about one message may mean something narrower.
            let is_the_codes = message.is_empty();
            assert!(!is_the_codes || row[1].starts_with(code.words()), "{row:?}");
            told += 1;
        }
        assert!(told > 0, "the table is not found");
    }
}
