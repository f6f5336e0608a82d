//! The links that were tried, shown as they come: for people, or as one JSON document in the end
//! (`docs/check.md`).

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::cli::error::CommandError;
use crate::cli::{output, terminal};
use crate::exit_code::ExitCode;

/// The version of the JSON document.
const SCHEMA: &str = "broker-courier.check.1";

/// What words are wrapped at on a terminal, in characters: it fits wherever anybody looks.
const COLUMNS: usize = 80;

/// How the report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// For people, link by link.
    Text,
    /// For programs, in the end.
    Json,
}

/// A link: how programs and people call it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// `broker.api-key`
    pub(super) id: &'static str,
    /// `API key`
    pub(super) title: &'static str,
}

impl Link {
    pub(super) const fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title }
    }
}

/// How a link is.
#[derive(Debug)]
pub(super) enum Standing {
    /// As it should be.
    Holds,
    /// It serves, and a person should know something of it.
    Noted {
        /// What to do.
        remedy: String,
    },
    /// It does not hold.
    Fails {
        /// What `check` exits with, if it is the first.
        code: ExitCode,
        /// What to do.
        remedy: String,
    },
    /// It was not tried.
    NotTried,
}

impl Standing {
    fn word(&self) -> &'static str {
        match self {
            Self::Holds => "ok",
            Self::Noted { .. } => "note",
            Self::Fails { .. } => "failed",
            Self::NotTried => "not tried",
        }
    }

    /// For a terminal: a sign, and the number of its colour.
    fn sign(&self) -> (&'static str, u8) {
        match self {
            Self::Holds => ("✓", 32),
            Self::Noted { .. } => ("!", 33),
            Self::Fails { .. } => ("✗", 31),
            Self::NotTried => ("–", 2),
        }
    }

    fn remedy(&self) -> Option<&str> {
        match self {
            Self::Noted { remedy } | Self::Fails { remedy, .. } => Some(remedy.as_str()),
            Self::Holds | Self::NotTried => None,
        }
        .filter(|remedy| !remedy.is_empty())
    }
}

/// The links that were tried.
pub(super) struct Report {
    shape: Shape,
    links: Vec<LinkView>,
    first_failed: Option<ExitCode>,
    /// Why the report is not shown any more.
    unshown: Option<CommandError>,
}

/// One link in the JSON document.
#[derive(Serialize)]
struct LinkView {
    link: &'static str,
    title: &'static str,
    result: &'static str,
    exit_code: Option<u8>,
    milliseconds: Option<u64>,
    says: Vec<String>,
    remedy: Option<String>,
}

#[derive(Serialize)]
struct ReportView<'a> {
    schema: &'static str,
    ok: bool,
    exit_code: u8,
    links: &'a [LinkView],
}

impl Report {
    /// A report of nothing yet.
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            links: Vec::new(),
            first_failed: None,
            unshown: None,
        }
    }

    /// Adds a link, with what is said of it, line by line.
    pub(super) fn add(
        &mut self,
        link: Link,
        standing: &Standing,
        says: &[String],
        took: Option<Duration>,
    ) {
        let exit_code = match standing {
            Standing::Fails { code, .. } => Some(*code),
            Standing::Holds | Standing::Noted { .. } | Standing::NotTried => None,
        };
        self.first_failed = self.first_failed.or(exit_code);
        self.show(link, standing, says, took);
        self.links.push(LinkView {
            link: link.id,
            title: link.title,
            result: standing.word(),
            exit_code: exit_code.map(ExitCode::number),
            milliseconds: took.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
            says: says.to_vec(),
            remedy: standing.remedy().map(ToOwned::to_owned),
        });
    }

    /// Adds those of `links` that are not there yet as not tried, because of what failed.
    pub(super) fn rest(&mut self, links: &[Link], because: &str) {
        for link in links {
            if !self.links.iter().any(|it| it.link == link.id) {
                let says = [format!("{because} comes first")];
                self.add(*link, &Standing::NotTried, &says, None);
            }
        }
    }

    /// Says that it was asked to end.
    pub(super) fn interrupt(&mut self) {
        self.first_failed.get_or_insert(ExitCode::Incomplete);
        self.write(|output| writeln!(output, "\nIt was ended before everything was tried."));
    }

    /// Shows what is left to be shown, and gives the exit code of the first link that does not hold.
    pub(super) fn end(mut self) -> Result<ExitCode, CommandError> {
        let code = self.first_failed.unwrap_or(ExitCode::Done);
        let count = |word| self.links.iter().filter(|it| it.result == word).count();
        let counts = format!(
            "\n{} links hold, {} with a note, {} failed, {} not tried",
            count("ok") + count("note"),
            count("note"),
            count("failed"),
            count("not tried")
        );
        self.write(|output| writeln!(output, "{counts}"));
        if self.shape == Shape::Json {
            self.unshown = output::write_json(&ReportView {
                schema: SCHEMA,
                ok: code == ExitCode::Done,
                exit_code: code.number(),
                links: &self.links,
            })
            .err();
        }
        match (self.unshown, code) {
            // Whoever reads only the exit code must not take it for a report that all is well.
            (Some(error), ExitCode::Done) => Err(error),
            (Some(_) | None, code) => Ok(code),
        }
    }

    fn show(&mut self, link: Link, standing: &Standing, says: &[String], took: Option<Duration>) {
        let time = took.map(|it| format!(" ({} ms)", it.as_millis()));
        let time = time.unwrap_or_default();
        let said = says.join("\n") + &time;
        let remedy = standing.remedy().map(|it| format!("do: {it}"));
        let (place, title) = (link.id.split('.').next().unwrap_or(""), link.title);
        self.write(|output| {
            if !terminal::output_shows_symbols() {
                // One line a link, for whatever searches them.
                let said = said.replace('\n', "; ");
                let remedy = remedy.map(|it| format!("; {it}")).unwrap_or_default();
                let word = standing.word();
                return writeln!(output, "{word:<9} {:<22} {said}{remedy}", link.id);
            }
            let (sign, colour) = standing.sign();
            let sign = match terminal::output_is_coloured() {
                true => format!("\u{1b}[{colour}m{sign}\u{1b}[0m"),
                false => sign.to_owned(),
            };
            write!(output, "{sign} {place:<8} {title:<16} ")?;
            wrapped(output, &said)?;
            if let Some(remedy) = remedy {
                write!(output, "{:INDENT$}", "")?;
                wrapped(output, &remedy)?;
            }
            Ok(())
        });
    }

    fn write(&mut self, produce: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.shape == Shape::Text
            && self.unshown.is_none()
            && let Err(error) = output::write(produce)
        {
            self.unshown = Some(error);
        }
    }
}

/// Where the words of a link begin on a terminal.
const INDENT: usize = 28;

/// Writes words from the indent on, so that no line is longer than a terminal's, and ends the line.
fn wrapped(output: &mut dyn Write, text: &str) -> io::Result<()> {
    for (index, line) in text.lines().enumerate() {
        let mut column = INDENT;
        if index > 0 {
            write!(output, "{:INDENT$}", "")?;
        }
        for (index, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if index > 0 && column + 1 + length > COLUMNS {
                write!(output, "\n{:INDENT$}", "")?;
                column = INDENT;
            } else if index > 0 {
                write!(output, " ")?;
                column += 1;
            }
            write!(output, "{word}")?;
            column += length;
        }
        writeln!(output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn no_line_is_longer_than_a_terminals() {
        let mut output = Vec::new();
        wrapped(&mut output, &format!("{}\n{}", "words ".repeat(40), "x")).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS));
        let indent = " ".repeat(INDENT);
        assert!(text.lines().skip(1).all(|line| line.starts_with(&indent)));
        assert_eq!(text.split_whitespace().count(), 41);
    }

    #[test]
    fn the_first_that_fails_decides_the_exit_code() {
        let mut report = Report::new(Shape::Json);
        let link = |id| Link { id, title: "" };
        let fails = |code| Standing::Fails {
            code,
            remedy: String::new(),
        };
        report.add(link("a"), &Standing::Holds, &[], None);
        assert_eq!(report.first_failed, None);
        report.add(link("b"), &fails(ExitCode::Broker), &[], None);
        report.add(link("c"), &fails(ExitCode::Configuration), &[], None);
        report.rest(&[link("c"), link("d")], "b");
        report.interrupt();
        assert_eq!(report.first_failed, Some(ExitCode::Broker));
        let results: Vec<&str> = report.links.iter().map(|it| it.result).collect();
        assert_eq!(results, ["ok", "failed", "failed", "not tried"]);
    }
}
