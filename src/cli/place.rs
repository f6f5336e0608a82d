//! Where things are: from the arguments to a configuration, a key, the servers; and each error on the
//! way with its exit code and advice. The ledger has a file of its own (`ledger`).

use std::path::{Path, PathBuf};
use std::time::Instant;

use courier_ledger::{Failure, FailureClass, Phase};

use super::arguments::Arguments;
use super::error::CommandError;
use crate::config::{Configuration, ConfigurationError};
use crate::effects::broker::{Broker, Settings};
use crate::effects::fernet::FernetKey;
use crate::effects::persistence::Persistence;
use crate::effects::stop::Stop;
use crate::exit_code::ExitCode;

/// The path of the configuration file.
fn configuration_path(arguments: &Arguments) -> Result<&Path, CommandError> {
    arguments.config.as_deref().ok_or_else(|| {
        CommandError::new(ExitCode::Usage, "no configuration was given")
            .hint("name it with --config FILE, or in $BROKER_COURIER_CONFIG")
    })
}

fn configuration_error(error: ConfigurationError) -> CommandError {
    CommandError::new(ExitCode::Configuration, error)
        .hint("docs/configuration.md describes every key")
}

/// Loads the configuration; its warnings go to the log.
pub(super) fn configuration(arguments: &Arguments) -> Result<Configuration, CommandError> {
    let path = configuration_path(arguments)?;
    let (configuration, warnings) = Configuration::load(path).map_err(configuration_error)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    existing_directory(&configuration.working_dir)?;
    Ok(configuration)
}

/// The folder of the ledger: `--ledger`, or that of the configuration; no secret is needed.
pub(super) fn working_dir(arguments: &Arguments) -> Result<PathBuf, CommandError> {
    let directory = match &arguments.ledger {
        Some(directory) => directory.clone(),
        None => Configuration::working_dir(configuration_path(arguments)?)
            .map_err(configuration_error)?,
    };
    existing_directory(&directory)?;
    Ok(directory)
}

fn existing_directory(directory: &Path) -> Result<(), CommandError> {
    if directory.is_dir() {
        return Ok(());
    }
    let text = format!(
        "the working directory {} does not exist",
        directory.display()
    );
    Err(CommandError::new(ExitCode::Configuration, text)
        .hint("create it, owned by the user that runs the courier, mode 0700 (MISC.WORKING_DIR)"))
}

/// The key file of the configuration.
pub(super) fn key_file(arguments: &Arguments) -> Result<PathBuf, CommandError> {
    Configuration::key_file(configuration_path(arguments)?).map_err(configuration_error)
}

/// Loads a key; a warning about its permissions goes to the log.
pub(super) fn load_key(path: &Path) -> Result<FernetKey, CommandError> {
    let (key, exposed) = FernetKey::load(path).map_err(|error| {
        CommandError::new(ExitCode::Configuration, error)
            .hint("SECURITY.PATH_ENCRYPTION_KEY names it; `broker-courier keygen FILE` makes one")
    })?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(key)
}

/// How long and how often a command tries. `BROKER_COURIER_SEED` repeats the waits of another.
pub(super) fn persistence(configuration: &Configuration) -> Result<Persistence, CommandError> {
    let seed = match std::env::var("BROKER_COURIER_SEED") {
        Ok(text) => text.parse().map_err(|_| {
            CommandError::new(ExitCode::Usage, "BROKER_COURIER_SEED is not a number")
        })?,
        Err(_) => {
            let mut drawn = [0; 8];
            openssl::rand::rand_bytes(&mut drawn)
                .map_err(|error| CommandError::new(ExitCode::Incomplete, error))?;
            u64::from_le_bytes(drawn)
        }
    };
    tracing::debug!(seed, "waits between attempts follow from this seed");
    let stop = Stop::at(Instant::now() + configuration.deadline);
    Ok(Persistence::new(configuration.retries, seed, stop))
}

/// The broker's client.
pub(super) fn broker(
    configuration: &Configuration,
    persistence: Persistence,
) -> Result<Broker, CommandError> {
    let from = &configuration.broker;
    Broker::new(Settings {
        url: from.url.clone(),
        api_key: from.api_key.clone(),
        tag: configuration.requests.tag.clone(),
        ca_bundle: from.ca_bundle.clone(),
        concurrency: from.concurrency,
        connect_timeout: from.connect_timeout,
        list_timeout: from.list_timeout,
        status_timeout: from.status_timeout,
        export_timeout: from.export_timeout,
        download_timeout: from.download_timeout,
        silence_timeout: from.silence_timeout,
        persistence,
        max_answer_bytes: from.max_answer_bytes,
    })
    .map_err(|error| CommandError::new(ExitCode::Configuration, error))
}

/// The run was ended before its time.
fn ended_early(failure: &Failure) -> CommandError {
    CommandError::new(ExitCode::Incomplete, failure.text.clone())
        .hint("what was not done is left to the next run")
}

/// The broker gave no usable answer.
pub(super) fn poll_error(failure: &Failure) -> CommandError {
    if failure.phase == Phase::Run {
        return ended_early(failure);
    }
    CommandError::new(
        ExitCode::Broker,
        format!("the broker gave no usable answer: {failure}"),
    )
    .hint("nothing was changed at the drop-box")
}

/// The drop-box could not be reached.
pub(super) fn drop_box_error(failure: &Failure) -> CommandError {
    if failure.phase == Phase::Run {
        return ended_early(failure);
    }
    let error = CommandError::new(ExitCode::DropBox, failure.to_string());
    if failure.phase == Phase::HostKey {
        return error.hint(
            "no credential was sent; `broker-courier host-key` shows the key and the line \
             (SFTP.HOST_KEY) that accepts it",
        );
    }
    match failure.class {
        FailureClass::NeedsPerson => error,
        FailureClass::Transient | FailureClass::Permanent => {
            error.hint("nothing was uploaded; the next run tries again")
        }
    }
}
