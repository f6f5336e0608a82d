//! What comes from a pipe, kept as it is in a file without a name, so that it can be read twice.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;

const PIECE_BYTES: usize = 64 * 1024;

/// Why it cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipeError {
    /// The pipe cannot be read.
    #[error("cannot read standard input")]
    Read(#[source] io::Error),
    /// The folder for temporary files cannot take it.
    #[error("cannot write to {}", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Everything that comes until the other end is closed, in a file in the folder for temporary files.
pub(crate) fn keep(input: &mut impl Read) -> Result<File, PipeError> {
    let unkept = |source| PipeError::Write {
        folder: std::env::temp_dir(),
        source,
    };
    let mut kept = tempfile::tempfile().map_err(unkept)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match input.read(&mut piece) {
            Ok(0) => return Ok(kept),
            Ok(count) => kept.write_all(&piece[..count]).map_err(unkept)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(PipeError::Read(error)),
        }
    }
}
