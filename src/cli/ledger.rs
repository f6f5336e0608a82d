//! The ledger of the working directory, for writing, for reading, for an audit; and each error on the
//! way with its exit code and advice.

use std::path::Path;

use courier_ledger::log::{
    self, Files, FoldError, Ledger, LogError, NewLog, Progress, Summary, Tip,
};
use courier_ledger::{Digest, Entry, LegacyStatus, LogId, Sequence, State};

use super::arguments::Arguments;
use super::error::CommandError;
use super::place::working_dir;
use crate::config::Configuration;
use crate::effects::status_file::{Found, LocalStatusFile, StatusFileError};
use crate::exit_code::ExitCode;
use crate::run::{Clock, RecordError, Rehearsal, StatusFile as _};

/// The ledger cannot be used.
pub(super) fn log_error(error: LogError) -> CommandError {
    let code = match error {
        LogError::Locked { .. } => ExitCode::Busy,
        LogError::NotFound { .. } => ExitCode::Usage,
        LogError::Exists { .. }
        | LogError::Refused(_)
        | LogError::Storage { .. }
        | LogError::Conflict { .. }
        | LogError::Poisoned { .. }
        | LogError::TooLarge { .. }
        | LogError::Encode { .. } => ExitCode::Ledger,
    };
    let hint = error.hint();
    CommandError::new(code, error).hint(hint)
}

fn fold_error(error: FoldError) -> CommandError {
    match error {
        FoldError::Log(error) => log_error(error),
        FoldError::Illegal(_) => CommandError::new(ExitCode::Ledger, error).hint(
            "its bytes are whole, so the program that wrote it, or this one, has a defect: please \
             report it with the output of `broker-courier log`",
        ),
    }
}

/// Nothing more could be recorded.
pub(super) fn record_error(error: RecordError) -> CommandError {
    match error {
        RecordError::Log(error) => log_error(error),
        RecordError::Illegal(_) | RecordError::StatusFile { .. } => {
            CommandError::new(ExitCode::Ledger, error)
                .hint("everything recorded before stands, and the next run goes on from there")
        }
    }
}

/// What `status.xml` says to a log of which `state` is all: the ledger of the replaced program is
/// taken over while the log has not begun or has only just. One of ours that shows another ledger, or
/// more than there is, means that the log was lost or is an old copy: to go on with it would be to
/// forget what was delivered since.
pub(super) fn legacy(
    working_dir: &Path,
    state: &State,
) -> Result<Option<LegacyStatus>, CommandError> {
    let file = LocalStatusFile::inside(working_dir);
    let has_begun = state.tip() > Sequence(1);
    let ledger = |text: String, hint: &'static str| {
        Err(CommandError::new(ExitCode::Ledger, text).hint(hint))
    };
    match file.read() {
        Ok(Found::Nothing) => Ok(None),
        Ok(Found::Legacy(_)) if has_begun => Ok(None),
        Ok(Found::Legacy(legacy)) => Ok(Some(legacy)),
        Ok(Found::Projection(tip, _)) if state.log() != Some(tip.log) => ledger(
            format!(
                "{} was written from the ledger {}, and that ledger is not here",
                file.path().display(),
                tip.log
            ),
            "restore ledger.log and ledger.head from a backup; to begin anew on purpose, move \
             status.xml away (every result is then uploaded again)",
        ),
        Ok(Found::Projection(tip, _)) if tip.sequence > state.tip() => ledger(
            format!(
                "{} shows the ledger as of event {}, and the ledger ends with event {}: it is an \
                 old copy",
                file.path().display(),
                tip.sequence,
                state.tip()
            ),
            "restore ledger.log and ledger.head from a newer backup; if there is none, move \
             status.xml away: what was delivered since is then met as somebody else's file and \
             left alone until a person moves it away at the drop-box",
        ),
        Ok(Found::Projection(..)) => Ok(None),
        Err(error @ StatusFileError::NoFile { .. }) => ledger(
            error.to_string(),
            "move it away; the next run writes status.xml anew",
        ),
        // It is only a projection then, and this run replaces it.
        Err(error) if has_begun => {
            tracing::warn!("{error}; it is written anew from the ledger");
            Ok(None)
        }
        Err(error @ StatusFileError::Unreadable { .. }) => {
            Err(CommandError::new(ExitCode::Ledger, error).hint("check its permissions"))
        }
        Err(error @ StatusFileError::Damaged { .. }) => {
            Err(CommandError::new(ExitCode::Ledger, error).hint(
                "the drop-box holds the last complete copy; to begin without it, move the file \
                 away (every result is then uploaded again)",
            ))
        }
    }
}

/// Opens the log for writing, or creates it; gives what is to be imported.
pub(super) fn open_for_writing(
    working_dir: &Path,
    clock: &dyn Clock,
) -> Result<(Ledger<Files>, Option<LegacyStatus>), CommandError> {
    match open(working_dir, clock) {
        Ok(ledger) => {
            let legacy = legacy(working_dir, &ledger.state)?;
            Ok((ledger, legacy))
        }
        Err(FoldError::Log(LogError::NotFound { .. })) => {
            // Read first: a file that cannot be taken over must not leave a log behind.
            let legacy = legacy(working_dir, &State::default())?;
            Ok((create(working_dir, clock)?, legacy))
        }
        Err(error) => Err(fold_error(error)),
    }
}

/// Opens a log that must exist for writing.
pub(super) fn open_existing_for_writing(
    working_dir: &Path,
    clock: &dyn Clock,
) -> Result<Ledger<Files>, CommandError> {
    open(working_dir, clock).map_err(fold_error)
}

fn open(working_dir: &Path, clock: &dyn Clock) -> Result<Ledger<Files>, FoldError> {
    let ledger = Ledger::open(files(working_dir)?, clock.now())?;
    for tail in &ledger.recovered {
        tracing::warn!("an event that a crash had cut short was kept aside: {tail:?}");
    }
    Ok(ledger)
}

fn create(working_dir: &Path, clock: &dyn Clock) -> Result<Ledger<Files>, CommandError> {
    let mut id = [0; 16];
    openssl::rand::rand_bytes(&mut id)
        .map_err(|error| CommandError::new(ExitCode::Ledger, error).hint("no random numbers"))?;
    let new = NewLog {
        id: LogId(id),
        version: crate::run::VERSION.to_owned(),
    };
    files(working_dir)
        .map_err(FoldError::from)
        .and_then(|files| Ledger::create(files, clock.now(), new))
        .map_err(fold_error)
}

fn files(working_dir: &Path) -> Result<Files, LogError> {
    Files::new(working_dir).map_err(|source| LogError::Storage {
        path: working_dir.display().to_string(),
        operation: "opening",
        source,
    })
}

/// What `plan` decides on: the state as of now, and a log that is thrown away.
pub(super) struct Rehearsed {
    pub(super) log: Rehearsal,
    pub(super) state: State,
    pub(super) legacy: Option<LegacyStatus>,
}

/// Reads the log without its lock.
pub(super) fn rehearsal(configuration: &Configuration) -> Result<Rehearsed, CommandError> {
    let working_dir = &configuration.working_dir;
    let (state, tip) = current_state(working_dir)?;
    let legacy = legacy(working_dir, &state)?;
    let log = Rehearsal::after(state.log().unwrap_or(LogId([0; 16])), tip.sequence);
    Ok(Rehearsed { log, state, legacy })
}

/// The state as of now; empty when there is no log yet.
fn current_state(working_dir: &Path) -> Result<(State, Tip), CommandError> {
    let files = files(working_dir).map_err(log_error)?;
    match log::read_state(&files) {
        Ok(read) => Ok(read),
        Err(FoldError::Log(LogError::NotFound { .. })) => Ok((State::default(), NOTHING)),
        Err(error) => Err(fold_error(error)),
    }
}

/// The state that the working directory holds; no secret is needed.
pub(super) fn read_state(arguments: &Arguments) -> Result<(State, Tip), CommandError> {
    current_state(&working_dir(arguments)?)
}

/// The tip of a log that has not begun.
const NOTHING: Tip = Tip {
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
            tip = Tip {
                sequence: entry.sequence,
                hash: entry.hash,
            };
            state.advance(&entry)?;
        }
        Ok(())
    })?;
    match at {
        Some(at) if at != tip.sequence => {
            let text = format!(
                "the ledger has no event {at}; its last one is {}",
                tip.sequence
            );
            Err(CommandError::new(ExitCode::Usage, text)
                .hint("`broker-courier log` lists the events with their numbers"))
        }
        _ => Ok((state, tip)),
    }
}

/// Hands on every entry.
pub(super) fn read_entries(
    arguments: &Arguments,
    visitor: &mut dyn FnMut(Entry),
) -> Result<(), CommandError> {
    let directory = working_dir(arguments)?;
    visit(&directory, |entry| {
        visitor(entry);
        Ok(())
    })
}

/// Reads every entry without the lock; nothing to read is no error.
fn visit(
    working_dir: &Path,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
) -> Result<(), CommandError> {
    let files = files(working_dir).map_err(log_error)?;
    match log::read(&files, visitor) {
        Ok(_) | Err(FoldError::Log(LogError::NotFound { .. })) => Ok(()),
        Err(error) => Err(fold_error(error)),
    }
}

/// Checks every byte of the log, and hands on every entry.
pub(super) fn audit(
    working_dir: &Path,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
    progress: impl FnMut(Progress),
) -> Result<Summary, CommandError> {
    let files = files(working_dir).map_err(log_error)?;
    log::verify(&files, visitor, progress).map_err(fold_error)
}
