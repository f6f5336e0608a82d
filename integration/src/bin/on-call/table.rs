//! What was seen, as a table for people: a line while it is played, and a page that is kept.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::call::{Call, Missing};
use crate::{Outcome, State};

/// Where the page is kept.
const PAGE: &str = "on-call.md";

/// How a state ended.
enum End {
    Well(String),
    Badly(String),
    /// What this machine lacks to prepare it.
    NotPrepared(String),
}

/// One state, and what was seen.
pub(crate) struct Row {
    state: &'static str,
    code: Option<i32>,
    message: String,
    did: Vec<String>,
    end: End,
}

impl Row {
    /// Prepares the state, and lets a person do something about it.
    pub(crate) fn of((state, act): State) -> Self {
        let mut call = match Call::begin() {
            Ok(call) => call,
            Err(error) => return Self::not_begun(state, error.as_ref()),
        };
        let end = match act(&mut call) {
            Ok(()) => End::Well(call.ended()),
            Err(error) if error.is::<Missing>() => End::NotPrepared(error.to_string()),
            Err(error) => End::Badly(error.to_string()),
        };
        let seen = call.into_seen();
        Self {
            state,
            code: seen.code,
            message: seen.message,
            did: seen.did,
            end,
        }
    }

    fn not_begun(state: &'static str, error: &dyn std::error::Error) -> Self {
        Self {
            state,
            code: None,
            message: String::new(),
            did: Vec::new(),
            end: End::Badly(error.to_string()),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, how) = match &self.end {
            End::Well(how) => ("well", how),
            End::Badly(how) => ("BADLY", how),
            End::NotPrepared(how) => ("skipped", how),
        };
        let code = self.code.map_or("–".to_owned(), |code| code.to_string());
        write!(to, "{word:7} {code:>2}  {}: {how}", self.state)
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    pub(crate) fn all_well(&self) -> bool {
        self.count(|end| matches!(end, End::Badly(_))) == 0
    }

    fn count(&self, is: impl Fn(&End) -> bool) -> usize {
        self.0.iter().filter(|row| is(&row.end)).count()
    }

    /// Writes the page; gives its place.
    pub(crate) fn keep(&self) -> Outcome<PathBuf> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let path = Path::new(&target).join(PAGE);
        let mut page = "# On call\n\nWhat cron's mail said, what a person did who read nothing else, and how \
                        it ended.\n\n| state | exit code | message | what a person did | how it ended |\n\
                        |---|---|---|---|---|\n"
            .to_owned();
        for row in &self.0 {
            let (End::Well(how) | End::Badly(how) | End::NotPrepared(how)) = &row.end;
            let cells = [
                row.state.to_owned(),
                row.code.map_or("–".to_owned(), |code| code.to_string()),
                row.message.clone(),
                row.did.join("\n"),
                how.clone(),
            ];
            let cells = cells.map(|cell| cell.trim().replace('|', "\\|").replace('\n', "<br>"));
            writeln!(page, "| {} |", cells.join(" | "))?;
        }
        std::fs::write(&path, page)?;
        Ok(path)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let well = self.count(|end| matches!(end, End::Well(_)));
        let badly = self.count(|end| matches!(end, End::Badly(_)));
        write!(to, "{well} states ended well, {badly} badly")?;
        match self.count(|end| matches!(end, End::NotPrepared(_))) {
            0 => Ok(()),
            skipped => write!(to, ", {skipped} could not be prepared here"),
        }
    }
}
