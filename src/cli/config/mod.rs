//! `config`: begins a configuration (`init`), shows what one comes to (`show`), describes the file to an
//! editor (`schema`).

mod arguments;
mod init;
mod questions;
mod schema;
mod show;

pub(super) use arguments::ConfigCommand;

use super::arguments::Arguments;
use super::error::CommandError;
use crate::exit_code::ExitCode;

pub(crate) fn config(
    arguments: &Arguments,
    command: &ConfigCommand,
) -> Result<ExitCode, CommandError> {
    match command {
        ConfigCommand::Init(options) => init::init(arguments, options),
        ConfigCommand::Show(options) => show::show(arguments, options.json),
        ConfigCommand::Schema => schema::schema(),
    }
}
