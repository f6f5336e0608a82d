//! The user's home folder: where `$HOME` says, and where it is not set, or empty, what the machine's list of
//! users says. A user of another database has `$HOME` set.

use std::path::{Path, PathBuf};

use super::reader::Folders;
use crate::effects::{environment, users};

/// Where the paths of a configuration file may start, for the user and the place that it is read in.
pub(super) struct Start {
    home: Option<PathBuf>,
    here: Option<PathBuf>,
}

impl Start {
    /// As it is now.
    pub(super) fn now() -> Self {
        Self {
            home: folder(),
            here: std::env::current_dir().ok(),
        }
    }

    /// The same, for one file.
    pub(super) fn folders<'a>(&'a self, file: &'a Path) -> Folders<'a> {
        Folders {
            file,
            home: self.home.as_deref(),
            started_in: self.here.as_deref(),
        }
    }
}

/// The folder, if the user has one.
fn folder() -> Option<PathBuf> {
    let named = environment::value("HOME").map(PathBuf::from);
    named.or_else(|| users::current()?.home)
}
