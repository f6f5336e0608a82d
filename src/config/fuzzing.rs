//! The door for fuzzing: a configuration file's text, without a file. Files of secrets that it names
//! are looked for.

use std::error::Error;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::reader::Folders;
use super::{Configuration, keys, load};

fn folders() -> Folders<'static> {
    Folders {
        file: Path::new("/nonexistent/courier.toml"),
        home: Some(Path::new("/nonexistent/home")),
        started_in: None,
    }
}

/// Reads the text as a whole configuration.
pub fn configuration(text: &str) -> Result<impl Debug, impl Error> {
    Configuration::of_text(text, 0o644, folders())
}

/// Reads the text for its working directory alone.
pub fn working_dir(text: &str) -> Result<PathBuf, impl Error> {
    load::path_of_text(text, folders(), &keys::WORKING_DIR)
}
