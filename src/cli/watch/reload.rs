//! The configuration, read again while a watch goes on.
//!
//! What always holds here: one that cannot be used is refused, and so is one for another folder, whose lock is held.
//! Deliberately absent: what follows for whoever goes by it.

use std::path::Path;

use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, MovedWorkingDirectory};
use crate::cli::parts;
use crate::config::Configuration;

/// The configuration as it is now, in place of one of this working directory.
pub(super) fn read(arguments: &Arguments, before: &Path) -> Result<Configuration, CommandError> {
    let configuration = parts::configuration(arguments)?;
    match is_same_folder(before, &configuration.working_dir) {
        true => Ok(configuration),
        false => Err(MovedWorkingDirectory(before.to_owned()).into()),
    }
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
