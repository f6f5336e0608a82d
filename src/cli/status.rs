//! `status`: what stands at the drop-box, as far as the ledger knows.

use super::arguments::{Arguments, JsonOption};
use super::error::CommandError;
use super::ledger_view::LedgerView;
use super::{ledger, output};
use crate::exit_code::ExitCode;

pub(crate) fn status(
    arguments: &Arguments,
    options: &JsonOption,
) -> Result<ExitCode, CommandError> {
    let (state, tip) = ledger::read_state(arguments)?;
    let view = LedgerView::new(&state, tip);
    if options.json {
        output::write_json(&view)?;
    } else {
        output::write(|output| view.write(output))?;
    }
    Ok(ExitCode::Done)
}
