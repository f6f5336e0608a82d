//! What a person reads when the key in use cannot be read. Where results were made with one, another is
//! no help: its file is to be restored. Only an empty ledger is told to make one.

use courier_ledger::{KeyId, State};

use super::error::CommandError;
use super::ledger;
use crate::config::Configuration;
use crate::effects::fernet::{FernetKey, KeyError};
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
    /// Results are encrypted for recipients, whose keys are elsewhere.
    Marks,
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
            Self::Marks => {
                return "restore its file (SECURITY.PATH_ENCRYPTION_KEY). With `age` it opens nothing that is \
                        delivered now: it marks what is this ledger's, and opens what still lies under \
                        Fernet. Only if it is lost for good: `broker-courier keygen FILE` makes another; what \
                        an interrupted upload left under the lost one is then a stranger's"
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
pub(super) fn load(configuration: &Configuration) -> Result<FernetKey, CommandError> {
    let (key, exposed) = load_and_exposed(configuration)?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(key)
}

/// The same, with the warning.
pub(super) fn load_and_exposed(
    configuration: &Configuration,
) -> Result<(FernetKey, Option<Exposed>), CommandError> {
    FernetKey::load(&configuration.key_files.current)
        .map_err(|error| explained(error, configuration))
}

fn explained(error: KeyError, configuration: &Configuration) -> CommandError {
    let known = match ledger::current_state(&configuration.location()) {
        Ok((state, _)) => match (Known::of(&state), &configuration.recipients) {
            (Known::Nothing, _) => Known::Nothing,
            (_, Some(_)) => Known::Marks,
            (known, None) => known,
        },
        Err(_) => Known::Unreadable,
    };
    CommandError::new(ExitCode::Configuration, error).hint(known.hint())
}
