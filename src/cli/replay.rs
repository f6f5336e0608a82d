//! `replay`: the state as it was after an earlier event.

use std::path::Path;

use courier_ledger::{State, StatusDocument, Tip};

use super::arguments::{Arguments, ReplayOptions};
use super::error::{CommandError, UsageError};
use super::health::Health;
use super::ledger_view::{LedgerView, Shown};
use super::redacted::{self, Beginning};
use super::{ledger, output};
use crate::exit_code::ExitCode;

pub(crate) fn replay(
    arguments: &Arguments,
    options: &ReplayOptions,
) -> Result<ExitCode, CommandError> {
    let (state, tip) = match redacted::named(arguments)? {
        Some(folder) => of_copy(&folder, options)?,
        None => ledger::replay_state(arguments, options.at)?,
    };
    if state.log().is_none() {
        return Err(UsageError::NoEvents.into());
    };
    if options.status_xml {
        let document = StatusDocument::project(&state, tip);
        output::write(|output| output.write_all(document.as_bytes()))?;
    } else if options.json {
        output::write_json(&LedgerView::new(&state, tip).alone())?;
    } else {
        // As it was then: nobody works on an earlier state.
        let health = Health::of(&state, None, state.time());
        output::write(|output| {
            health.write(output)?;
            LedgerView::new(&state, tip).write(output, Shown::All)
        })?;
    }
    Ok(ExitCode::Done)
}

/// The state by a redacted copy, as long as nothing before it was left out.
fn of_copy(folder: &Path, options: &ReplayOptions) -> Result<(State, Tip), CommandError> {
    let mut beginning = Beginning::up_to(options.at);
    let mut last = None;
    let reading = redacted::read(folder, |piece| {
        if beginning.take(&piece)? {
            last = Some((piece.sequence(), piece.hash()));
        }
        Ok(())
    })?;
    let state = beginning.ended()?;
    let (sequence, hash) = last.ok_or(UsageError::NoEvents)?;
    let log = reading.tip.log;
    Ok((
        state,
        Tip {
            log,
            sequence,
            hash,
        },
    ))
}
