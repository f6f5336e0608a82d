//! The door for fuzzing: a configuration file's text, without a file. Files of secrets that it names
//! are looked for.

use std::path::Path;

use super::reader::Folders;
use super::{Configuration, keys, load};

/// Reads the text as a whole configuration, and for its working directory alone; each gives what it
/// would tell a person.
pub fn configuration(text: &str) -> (Result<String, String>, Result<String, String>) {
    let folders = Folders {
        file: Path::new("/nonexistent/courier.toml"),
        home: Some(Path::new("/nonexistent/home")),
    };
    let whole = match Configuration::of_text(text, 0o644, folders) {
        Ok((configuration, warnings)) => Ok(format!("{configuration:?} {warnings:?}")),
        Err(error) => Err(error.to_string()),
    };
    let place = match load::path_of_text(text, folders, &keys::WORKING_DIR) {
        Ok(path) => Ok(path.display().to_string()),
        Err(error) => Err(error.to_string()),
    };
    (whole, place)
}
