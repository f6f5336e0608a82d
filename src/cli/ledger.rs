//! The ledger of the working directory, for writing, for reading, for an audit.

use std::ops::ControlFlow;
use std::path::Path;

use courier_ledger::log::{
    self, FileError, Files, FoldError, Journal, Ledger, LogError, NewLog, Progress, Reading,
    Rehearsal, chain,
};
use courier_ledger::{
    Digest, Entry, LegacyStatus, LogId, Sequence, Standing, State, StatusFound, Tip, standing,
};

use super::arguments::Arguments;
use super::error::{CommandError, NoRandomNumbers, NoStanding, UsageError};
use super::parts::working_dir;
use super::{output, owner};
use crate::config::Configuration;
use crate::effects::status_file::{Found, LocalStatusFile, StatusFileError};
use crate::run::{Clock, StatusFile as _};

/// What is to be imported into a log of which `state` is all, if it may be gone on with.
pub(super) fn legacy(
    working_dir: &Path,
    state: &State,
) -> Result<Option<LegacyStatus>, NoStanding> {
    let file = LocalStatusFile::inside(working_dir);
    let path = || file.path().to_owned();
    let read = file.read();
    let found = match &read {
        Ok(Found::Nothing) => StatusFound::Nothing,
        Ok(Found::Legacy(_)) => StatusFound::Legacy,
        Ok(Found::Projection(tip, _)) => StatusFound::Projection(*tip),
        Err(StatusFileError::NoFile { .. }) => StatusFound::NoFile,
        Err(StatusFileError::Unreadable { .. } | StatusFileError::Damaged { .. }) => {
            StatusFound::Damaged
        }
    };
    match (standing(found, state), read) {
        (Standing::Lost { log }, _) => Err(NoStanding::Lost { path: path(), log }),
        (Standing::OldCopy { shown, last }, _) => Err(NoStanding::OldCopy {
            path: path(),
            shown,
            last,
        }),
        (Standing::Import, Ok(Found::Legacy(legacy))) => Ok(Some(legacy)),
        (Standing::Rewrite, Err(error)) => {
            tracing::warn!("{error}; it is written anew from the ledger");
            Ok(None)
        }
        (Standing::InTheWay, Err(error)) => Err(error.into()),
        (Standing::GoOn | Standing::Import | Standing::Rewrite | Standing::InTheWay, _) => Ok(None),
    }
}

/// Opens the log for writing, or creates it; gives what is to be imported.
pub(super) fn open_for_writing(
    working_dir: &Path,
    clock: &dyn Clock,
) -> Result<(Ledger<Journal<Files>>, Option<LegacyStatus>), CommandError> {
    match open(working_dir, clock) {
        Ok(ledger) => {
            let legacy = legacy(working_dir, ledger.state())?;
            Ok((ledger, legacy))
        }
        Err(FoldError::Log(LogError::Absent { .. })) => {
            // Read first: a file that cannot be taken over must not leave a log behind.
            let legacy = legacy(working_dir, &State::default())?;
            Ok((create(working_dir, clock)?, legacy))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a log that must exist for writing, for its owner alone.
pub(super) fn open_existing_for_writing(
    arguments: &Arguments,
    clock: &dyn Clock,
) -> Result<Ledger<Journal<Files>>, CommandError> {
    let working_dir = working_dir(arguments)?;
    owner::require(arguments, &working_dir)?;
    let mut ledger = open(&working_dir, clock)?;
    if let Some(difference) = ledger.note_clock(clock.now())? {
        output::warn_of_clock(&difference);
    }
    Ok(ledger)
}

fn open(working_dir: &Path, clock: &dyn Clock) -> Result<Ledger<Journal<Files>>, FoldError> {
    let ledger = Ledger::open(files(working_dir)?, clock.now())?;
    for tail in ledger.log().recovered() {
        tracing::warn!("an event that a crash had cut short was kept aside: {tail:?}");
    }
    Ok(ledger)
}

fn create(working_dir: &Path, clock: &dyn Clock) -> Result<Ledger<Journal<Files>>, CommandError> {
    let mut id = [0; 16];
    openssl::rand::rand_bytes(&mut id).map_err(NoRandomNumbers::LogId)?;
    let new = NewLog {
        id: LogId(id),
        version: crate::run::VERSION.to_owned(),
    };
    Ok(Ledger::create(files(working_dir)?, clock.now(), new)?)
}

fn files(working_dir: &Path) -> Result<Files, LogError> {
    Files::new(working_dir).map_err(|source| {
        LogError::from(FileError {
            path: working_dir.display().to_string(),
            operation: "opening",
            source,
        })
    })
}

/// What `plan` decides on: the state as of now over a log that is thrown away, and what is to be
/// imported. Reads the log without its lock.
pub(super) fn rehearsal(
    configuration: &Configuration,
) -> Result<(Ledger<Rehearsal>, Option<LegacyStatus>), CommandError> {
    let working_dir = &configuration.working_dir;
    let (state, tip) = current_state(working_dir)?;
    let legacy = legacy(working_dir, &state)?;
    let tip = match state.log() {
        Some(_) => tip,
        None => chain::start(NOTHING.log),
    };
    Ok((Ledger::resume(Rehearsal::after(tip), state)?, legacy))
}

/// The state as of now; empty when there is no log yet.
pub(super) fn current_state(working_dir: &Path) -> Result<(State, Tip), CommandError> {
    let files = files(working_dir)?;
    match log::read_state(&files) {
        Ok(read) => Ok(read),
        Err(FoldError::Log(LogError::Absent { .. })) => Ok((State::default(), NOTHING)),
        Err(error) => Err(error.into()),
    }
}

/// The state that the working directory holds; no secret is needed.
pub(super) fn read_state(arguments: &Arguments) -> Result<(State, Tip), CommandError> {
    current_state(&working_dir(arguments)?)
}

/// The tip of a log that has not begun.
const NOTHING: Tip = Tip {
    log: LogId([0; 16]),
    sequence: Sequence::NONE,
    hash: Digest([0; 32]),
};

/// The state after the entry `at`, or after all, folded from the first entry on; empty when there is
/// no log yet.
pub(super) fn replay_state(
    arguments: &Arguments,
    at: Option<Sequence>,
) -> Result<(State, Tip), CommandError> {
    let (mut state, mut tip) = (State::default(), NOTHING);
    visit(&working_dir(arguments)?, |entry| {
        if at.is_none_or(|at| entry.sequence <= at) {
            state.advance(&entry)?;
            tip = Tip {
                log: state.log().unwrap_or(NOTHING.log),
                sequence: entry.sequence,
                hash: entry.hash,
            };
        }
        Ok(())
    })?;
    match at {
        Some(at) if at != tip.sequence => Err(UsageError::NoSuchEvent {
            asked: at,
            last: tip.sequence,
        }
        .into()),
        _ => Ok((state, tip)),
    }
}

/// Hands on the entries from `first` on, as they are read, once it is known that the ledger can be
/// relied on; nothing to read is no error.
pub(super) fn read_from(
    arguments: &Arguments,
    first: Sequence,
    visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), CommandError> {
    let files = files(&working_dir(arguments)?)?;
    let entries = match log::read_from(&files, first) {
        Ok(entries) => entries,
        Err(LogError::Absent { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        if visitor(entry?).is_break() {
            break;
        }
    }
    Ok(())
}

/// Reads every entry without the lock; nothing to read is no error.
fn visit(
    working_dir: &Path,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
) -> Result<(), CommandError> {
    let files = files(working_dir)?;
    match log::read(&files, visitor) {
        Ok(_) | Err(FoldError::Log(LogError::Absent { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Checks every byte of the log, and hands on every entry.
pub(super) fn audit(
    working_dir: &Path,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
    progress: impl FnMut(Progress),
) -> Result<Reading, CommandError> {
    let files = files(working_dir)?;
    Ok(log::verify(&files, visitor, progress)?)
}
