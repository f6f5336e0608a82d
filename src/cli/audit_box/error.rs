//! Why a folder cannot be judged by what was given.

use std::io;
use std::path::PathBuf;

use crate::cli::error::CommandError;
use crate::effects::evidence::NoteError;
use crate::exit_code::ExitCode;

/// Why a folder cannot be judged by what was given.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadSource {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is something else.
    #[error("{} is not what it is given as, or is not whole", .0.display())]
    Form(PathBuf),
    /// Nobody says who must have signed.
    #[error("who must have signed is not given")]
    NoKey,
    /// It is signed by nobody who is known, or was changed.
    #[error("{}: {error}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// Why.
        error: NoteError,
    },
    /// The manifest and a checkpoint contradict each other.
    #[error("the manifest and the checkpoint of {0} events are of two histories: both were signed")]
    Forked(u64),
    /// The manifest and `status.xml` are of two ledgers.
    #[error("{} is of another ledger than the manifest", .0.display())]
    Another(PathBuf),
    /// The checkpoints are of another ledger.
    #[error("the checkpoints are of another ledger, {0}")]
    Checkpoints(String),
}

impl From<BadSource> for CommandError {
    fn from(error: BadSource) -> Self {
        let (code, hint) = match &error {
            BadSource::Unreadable { .. } | BadSource::Form(_) => (
                ExitCode::Usage,
                "name the files as they stand at the drop-box: manifest-….txt, checkpoints-….txt, status.xml",
            ),
            BadSource::NoKey => (
                ExitCode::Usage,
                "--key takes the line that `evidence-key` showed to the sender (NAME+ID+KEY)",
            ),
            BadSource::Signature {
                error: NoteError::Unsigned,
                ..
            } => (
                ExitCode::Ledger,
                "--key must be that of the sender; ask over a way that nobody else writes to",
            ),
            BadSource::Another(_) | BadSource::Checkpoints(_) => (
                ExitCode::Usage,
                "a ledger that was begun anew has files of its own; take those that belong together",
            ),
            BadSource::Signature { .. } | BadSource::Forked(_) => (
                ExitCode::Ledger,
                "do not rely on what it says; keep it, and ask the sender",
            ),
        };
        Self::new(code, error).hint(hint)
    }
}
