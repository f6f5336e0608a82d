//! `config schema`: the JSON Schema of the file.

use crate::cli::error::CommandError;
use crate::cli::output;
use crate::config;
use crate::exit_code::ExitCode;

pub(super) fn schema() -> Result<ExitCode, CommandError> {
    output::write_json(&config::json_schema())?;
    Ok(ExitCode::Done)
}
