//! `ledger init`: the tables, made by whoever is to own them.

use courier_ledger::log::LogError;

use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, UsageError};
use crate::cli::{output, parts};
use crate::effects::ledger_place::Location;
use crate::exit_code::ExitCode;

pub(super) fn init(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let Location::Database { settings, .. } = parts::location(arguments)? else {
        return Err(UsageError::NoDatabase.into());
    };
    let version = courier_postgres::migrate(&settings).map_err(LogError::from)?;
    output::tell(|output| {
        writeln!(
            output,
            "The tables are there, of version {version}: {}\n\
             Who may do what with them: examples/postgresql/grants.sql",
            settings.address
        )
    });
    Ok(ExitCode::Done)
}
