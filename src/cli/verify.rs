//! `verify`: every byte of the ledger, from the first to the last.

use std::io::Write as _;

use super::arguments::Arguments;
use super::error::CommandError;
use super::{output, place};
use crate::run::ExitCode;

pub(crate) fn verify(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let directory = place::working_dir(arguments)?;
    let summary = place::verify(&directory)?;
    output::write(|output| writeln!(output, "{summary}"))?;
    Ok(ExitCode::Done)
}
