//! Redacted copies of a ledger, as commands read them, and how they call what is not there.
//!
//! What always holds here: what is told of a copy names the events whose contents were not seen. Deliberately absent:
//! commands that need every event; they refuse a copy by themselves.

use std::fmt;
use std::path::Path;

use courier_ledger::log::{self, FoldError, Piece, RedactedReading};
use courier_ledger::{Sequence, State, Timestamp};

use super::arguments::Arguments;
use super::error::{CommandError, LeftOut};
use super::moment::Moment;
use super::parts::location;
use crate::effects::ledger_place::{Location, files};

/// Whether the ledger in this folder is a redacted copy.
pub(super) fn is_copy(location: &Location) -> Result<bool, CommandError> {
    match location {
        Location::Folder(folder) => Ok(log::is_redacted(&files(folder)?)?),
        // A copy is a file that can be handed on.
        Location::Database { .. } => Ok(false),
    }
}

/// The folder that the arguments name, if a redacted copy is there.
pub(super) fn named(arguments: &Arguments) -> Result<Option<std::path::PathBuf>, CommandError> {
    let location = location(arguments)?;
    Ok(is_copy(&location)?.then(|| location.folder().to_owned()))
}

/// Reads a redacted copy, each byte of it checked.
pub(super) fn read(
    working_dir: &Path,
    visit: impl FnMut(Piece) -> Result<(), FoldError>,
) -> Result<RedactedReading, CommandError> {
    Ok(log::read_redacted(&files(working_dir)?, visit)?)
}

/// The state of a copy at a moment before anything was left out.
pub(super) struct Beginning {
    state: State,
    last: Option<(Sequence, Timestamp)>,
    /// The first event that was left out, if one was.
    missing: Option<Sequence>,
    passed: bool,
    at: Option<Moment>,
}

impl Beginning {
    /// Up to that moment, or to the end.
    pub(super) fn up_to(at: Option<Moment>) -> Self {
        Self {
            state: State::default(),
            last: None,
            missing: None,
            passed: false,
            at,
        }
    }

    /// Takes in the next entry; gives whether it belongs to what is asked for.
    pub(super) fn take(&mut self, piece: &Piece) -> Result<bool, FoldError> {
        let Piece::Kept(entry) = piece else {
            // The time of an event that was left out is not known; its number is.
            let number = piece.sequence();
            let asked = match self.at {
                Some(Moment::Event(at)) => number <= at,
                Some(Moment::Time(_) | Moment::Day(..)) | None => true,
            };
            if asked && !self.passed {
                self.missing.get_or_insert(number);
            }
            return Ok(false);
        };
        let at = self.at;
        self.passed |= at.is_some_and(|at| !at.is_not_passed_by(entry.sequence, entry.time));
        let belongs = !self.passed && self.missing.is_none();
        if belongs {
            self.state.advance(entry)?;
            self.last = Some((entry.sequence, entry.time));
        }
        Ok(belongs)
    }

    /// The state, if every event that belongs to it was kept.
    pub(super) fn ended(self) -> Result<State, LeftOut> {
        match self.missing {
            None => Ok(self.state),
            Some(missing) => Err(LeftOut::State {
                missing,
                last: self.last.map_or(Sequence::NONE, |(last, _)| last),
            }),
        }
    }
}

/// Stretches of events, in words: `3–7, 9`.
pub(super) struct Stretches<'a>(pub(super) &'a [(Sequence, Sequence)]);

impl Stretches<'_> {
    /// So many are named one by one.
    const NAMED: usize = 20;

    /// How many events they are.
    pub(super) fn events(&self) -> u64 {
        self.0
            .iter()
            .map(|(first, last)| last.0 - first.0 + 1)
            .sum()
    }
}

impl fmt::Display for Stretches<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.0.iter().take(Self::NAMED).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}–{last}")?,
            }
        }
        match self.0.len().checked_sub(Self::NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} stretches more (`log` shows them all)"),
        }
    }
}
