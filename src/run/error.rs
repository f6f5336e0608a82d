//! Why nothing more can be recorded. The run stops at once.

use courier_ledger::IllegalEvent;
use courier_ledger::log::{FoldError, LogError};

/// Why nothing more can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The log could not be written.
    #[error("the event log could not be written")]
    Log(#[from] LogError),
    /// An event does not follow from the state: a defect of this program. It is not in the log.
    #[error("an event was about to be recorded that cannot follow; please report this defect")]
    Illegal(#[from] IllegalEvent),
    /// `status.xml` could not be replaced.
    #[error("{} could not be replaced", path.display())]
    StatusFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl From<FoldError> for RecordError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Log(error) => error.into(),
            FoldError::Illegal(error) => error.into(),
        }
    }
}
