//! `replay`: the state as it was after an earlier event.

use courier_ledger::StatusDocument;

use super::arguments::{Arguments, ReplayOptions};
use super::error::{CommandError, UsageError};
use super::health::Health;
use super::ledger_view::{LedgerView, Shown};
use super::{ledger, output};
use crate::exit_code::ExitCode;

pub(crate) fn replay(
    arguments: &Arguments,
    options: &ReplayOptions,
) -> Result<ExitCode, CommandError> {
    let (state, tip) = ledger::replay_state(arguments, options.at)?;
    if state.log().is_none() {
        return Err(UsageError::NoEvents.into());
    };
    if options.status_xml {
        let document = StatusDocument::project(&state, tip);
        output::write(|output| output.write_all(document.as_bytes()))?;
    } else if options.json {
        output::write_json(&LedgerView::new(&state, tip))?;
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
