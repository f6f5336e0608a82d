//! `ledger`: what is done to a ledger as a whole, beside runs.
//!
//! Deliberately absent: what runs write into it.

mod arguments;
mod copy;
mod init;
mod takeover;

pub(crate) use arguments::UpkeepCommand;

use super::arguments::Arguments;
use super::error::CommandError;
use crate::exit_code::ExitCode;

pub(crate) fn upkeep(
    arguments: &Arguments,
    command: &UpkeepCommand,
) -> Result<ExitCode, CommandError> {
    match command {
        UpkeepCommand::Init => init::init(arguments),
        UpkeepCommand::Copy(options) => copy::copy(arguments, options),
        UpkeepCommand::Takeover(options) => takeover::takeover(arguments, options),
    }
}
