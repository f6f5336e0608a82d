//! What a person reads when the key in use cannot be read. Where results were made with one, another is
//! no help: its file is to be restored. Only an empty ledger is told to make one.

use std::path::Path;

use courier_ledger::{KeyId, State};

use super::error::CommandError;
use super::ledger;
use crate::effects::fernet::{FernetKey, KeyError, KeyFiles};
use crate::effects::secret_file::Exposed;
use crate::exit_code::ExitCode;

/// What the ledger knows of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing was ever made with one.
    Nothing,
    /// The last run used this key, and so many results lie under it.
    Used { key: KeyId, results: u64 },
    /// The replaced program made so many results, with a key that it did not record.
    Unrecorded { results: u64 },
    /// It cannot be read.
    Unreadable,
}

impl Known {
    fn of(state: &State) -> Self {
        let results = state.results_by_key();
        let under = |key| results.get(&key).copied().unwrap_or(0);
        // A ledger that was recovered has results and no run yet.
        let most = results.iter().filter(|(key, _)| key.is_some());
        let most = most.max_by_key(|(_, count)| **count);
        let known = state.accepted_key().or(most.and_then(|(key, _)| *key));
        match (known, under(None)) {
            (Some(key), _) => Self::Used {
                key,
                results: under(Some(key)),
            },
            (None, 0) => Self::Nothing,
            (None, results) => Self::Unrecorded { results },
        }
    }

    fn hint(self) -> String {
        let restore = match self {
            Self::Nothing => {
                return "SECURITY.PATH_ENCRYPTION_KEY names it; `broker-courier keygen FILE` makes one"
                    .to_owned();
            }
            Self::Unreadable => {
                return "restore its file (SECURITY.PATH_ENCRYPTION_KEY); the ledger, which would say \
                        which key it was, cannot be read: `broker-courier verify` says why"
                    .to_owned();
            }
            Self::Used { key, results: 0 } => {
                format!("restore the key {key}, which runs used so far")
            }
            Self::Used { key, results } => {
                format!("restore the key {key}, {results} results were made with it")
            }
            Self::Unrecorded { results } => format!(
                "restore the key of the replaced program, {results} results were made with it"
            ),
        };
        format!(
            "{restore} (SECURITY.PATH_ENCRYPTION_KEY). Only if it is lost for good: \
             `broker-courier rotate-key --why \"…\"` makes another; what lies under the lost one can then \
             be read by nobody but those who have it"
        )
    }
}

/// Loads the key in use; a warning about its permissions goes to the log.
pub(super) fn load(files: &KeyFiles, working_dir: &Path) -> Result<FernetKey, CommandError> {
    let (key, exposed) = load_and_exposed(files, working_dir)?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(key)
}

/// The same, with the warning.
pub(super) fn load_and_exposed(
    files: &KeyFiles,
    working_dir: &Path,
) -> Result<(FernetKey, Option<Exposed>), CommandError> {
    FernetKey::load(&files.current).map_err(|error| explained(error, working_dir))
}

fn explained(error: KeyError, working_dir: &Path) -> CommandError {
    let known = match ledger::current_state(working_dir) {
        Ok((state, _)) => Known::of(&state),
        Err(_) => Known::Unreadable,
    };
    CommandError::new(ExitCode::Configuration, error).hint(known.hint())
}
