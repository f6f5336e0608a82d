//! What is in a folder of delivered files.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::NoFolder;

/// The paths of everything in it, by name.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, NoFolder> {
    let paths = fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| Ok(entry?.path()));
        paths.collect::<Result<Vec<_>, _>>()
    });
    let mut paths = paths.map_err(|error| NoFolder {
        path: folder.to_owned(),
        error,
    })?;
    paths.sort();
    Ok(paths)
}
