//! The user's home folder: where `$HOME` says, and where it is not set, or empty, what the machine's list of
//! users says. A user of another database has `$HOME` set.

use std::path::PathBuf;

use crate::effects::{environment, users};

/// The folder, if the user has one.
pub(super) fn folder() -> Option<PathBuf> {
    let named = environment::value("HOME").map(PathBuf::from);
    named.or_else(|| users::current()?.home)
}
