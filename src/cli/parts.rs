//! From the arguments to a configuration, and from it to the parts of a command: the key, the broker,
//! the drop-box, what fetches.
//!
//! Deliberately absent: what an error of theirs means to a person (`error`), and the ledger (`ledger`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use courier_ledger::{BrokerAddress, DropBoxAddress, Partners};

use super::arguments::Arguments;
use super::error::{CommandError, NoPrivateKey, NoRandomNumbers, NoWorkingDirectory, UsageError};
use super::ledger_argument::LedgerArgument;
use crate::config::{Configuration, Server};
use crate::effects::age::Recipients;
use crate::effects::broker::{Broker, Network};
use crate::effects::carrier::Fetcher;
use crate::effects::clock::SystemClock;
use crate::effects::database;
use crate::effects::environment;
use crate::effects::evidence::{AnchorSettings, Anchors, EvidenceKey, Keeper};
use crate::effects::fernet::{FernetKey, KeyFiles, OldKeys};
use crate::effects::ledger_place::Location;
use crate::effects::persistence::Persistence;
use crate::effects::post::Poster;
use crate::effects::sealing::Sealing;
use crate::effects::secret_file::{self, Exposed};
use crate::effects::sftp::{self, Endpoint, PrivateKeyFile};
use crate::effects::spool::SpoolDirectory;
use crate::effects::stop::Stop;

/// The path of the configuration file.
pub(super) fn configuration_path(arguments: &Arguments) -> Result<&Path, UsageError> {
    let path = arguments.config.as_deref();
    path.ok_or(UsageError::NoConfiguration)
}

/// Loads the configuration; its warnings go to the log.
pub(super) fn configuration(arguments: &Arguments) -> Result<Configuration, CommandError> {
    let (configuration, warnings) = Configuration::load(configuration_path(arguments)?)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(configuration)
}

/// Where the ledger is: `--ledger`, or what the configuration says; no secret is needed but a database's.
pub(super) fn location(arguments: &Arguments) -> Result<Location, CommandError> {
    match &arguments.ledger {
        Some(ledger) => named(ledger),
        None => Ok(Configuration::existing_location(configuration_path(
            arguments,
        )?)?),
    }
}

/// Where a ledger is that is named by itself.
pub(super) fn named(ledger: &LedgerArgument) -> Result<Location, CommandError> {
    match ledger {
        LedgerArgument::Folder(directory) => {
            existing_directory(directory)?;
            Ok(Location::Folder(directory.clone()))
        }
        LedgerArgument::Unusable(error) => Err(UsageError::Address(Arc::clone(error)).into()),
        LedgerArgument::Database(address) => Ok(Location::Database {
            settings: Box::new(database::named((**address).clone())),
            folder: None,
        }),
    }
}

/// The SFTP server, as far as it takes no secret to know it.
pub(super) fn server(arguments: &Arguments) -> Result<Server, CommandError> {
    Ok(Configuration::server(configuration_path(arguments)?)?)
}

/// The folder of the ledger that the configuration names.
pub(super) fn configured_working_dir(arguments: &Arguments) -> Result<PathBuf, CommandError> {
    Ok(Configuration::working_dir(configuration_path(arguments)?)?)
}

fn existing_directory(directory: &Path) -> Result<(), NoWorkingDirectory> {
    if directory.is_dir() {
        Ok(())
    } else {
        Err(NoWorkingDirectory(directory.to_owned()))
    }
}

/// The key files of the configuration.
pub(super) fn key_files(arguments: &Arguments) -> Result<KeyFiles, CommandError> {
    Ok(Configuration::key_files(configuration_path(arguments)?)?)
}

/// Whom the configuration encrypts results for, if that is how.
pub(super) fn recipients(arguments: &Arguments) -> Result<Option<Recipients>, CommandError> {
    Ok(Configuration::recipients(configuration_path(arguments)?)?)
}

/// Loads a key; a warning about its permissions goes to the log.
pub(super) fn load_key(path: &Path) -> Result<FernetKey, CommandError> {
    let (key, exposed) = FernetKey::load(path)?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(key)
}

/// Loads the earlier keys that can be found; those that cannot be read go to the log.
pub(super) fn load_old_keys(files: &KeyFiles) -> Vec<FernetKey> {
    let OldKeys {
        keys,
        failures,
        exposed,
    } = files.load_old();
    for failure in failures {
        tracing::warn!("an earlier key cannot be used (SECURITY.OLD_KEYS): {failure}");
    }
    for exposed in exposed {
        tracing::warn!("{exposed}");
    }
    keys.into_iter().map(|(_, key)| key).collect()
}

/// How long and how often a command tries. `BROKER_COURIER_SEED` repeats the waits of another.
pub(super) fn persistence(configuration: &Configuration) -> Result<Persistence, CommandError> {
    let seed = match environment::text(environment::SEED) {
        Some(text) => text.parse().map_err(|_| UsageError::Seed)?,
        None => {
            let mut drawn = [0; 8];
            openssl::rand::rand_bytes(&mut drawn).map_err(NoRandomNumbers::Seed)?;
            u64::from_le_bytes(drawn)
        }
    };
    tracing::debug!(seed, "waits between attempts follow from this seed");
    let stop = Stop::at(Instant::now() + configuration.deadline);
    Ok(Persistence::new(configuration.retries, seed, stop))
}

/// What calls to the broker are made over.
pub(super) fn network(configuration: &Configuration) -> Result<Arc<Network>, CommandError> {
    Ok(Arc::new(Network::new(&configuration.broker)?))
}

/// The broker's client.
pub(super) fn broker(
    configuration: &Configuration,
    persistence: Persistence,
) -> Result<Broker, CommandError> {
    Ok(Broker::new(configuration.broker.clone(), persistence)?)
}

/// What signs checkpoints, and who attests them, if anything does. A warning about the key's permissions goes
/// to the log.
pub(super) fn evidence(
    configuration: &Configuration,
) -> Result<Option<(Keeper, Option<Anchors>)>, CommandError> {
    let Some(evidence) = &configuration.evidence else {
        return Ok(None);
    };
    let PrivateKeyFile { path, passphrase } = &evidence.key;
    let (key, exposed) = EvidenceKey::load(path, passphrase.as_ref())?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    let working_dir = &configuration.working_dir;
    let anchors = match &evidence.anchors {
        AnchorSettings {
            authority: None,
            witness: None,
            ..
        } => None,
        settings => {
            let poster = Poster::new(&configuration.broker)?;
            Some(Anchors::new(settings.clone(), poster, working_dir.clone()))
        }
    };
    Ok(Some((Keeper::new(key, working_dir.clone()), anchors)))
}

/// The drop-box; reads the private key if the configuration names one. A warning about its permissions goes
/// to the log.
pub(super) fn endpoint(configuration: &Configuration) -> Result<Endpoint, CommandError> {
    let (endpoint, exposed) = endpoint_and_exposed(configuration)?;
    if let Some(exposed) = exposed {
        tracing::warn!("{exposed}");
    }
    Ok(endpoint)
}

/// The same, with the warning.
pub(super) fn endpoint_and_exposed(
    configuration: &Configuration,
) -> Result<(Endpoint, Option<Exposed>), CommandError> {
    let mut endpoint = configuration.drop_box.clone();
    let mut warning = None;
    if let Some(PrivateKeyFile { path, passphrase }) = &configuration.private_key {
        let unusable = |error| NoPrivateKey {
            path: path.clone(),
            error,
        };
        let (bytes, exposed) = secret_file::read(path, secret_file::TEXT_LIMIT_BYTES)
            .map_err(|error| unusable(error.into()))?;
        let pem = sftp::private_key(&bytes, passphrase.as_ref())
            .map_err(|fault| unusable(fault.into()))?;
        warning = exposed;
        endpoint.offer(pem, passphrase.clone());
    }
    Ok((endpoint, warning))
}

/// Whom a run deals with, as the configuration names them.
pub(super) fn partners(configuration: &Configuration) -> Partners {
    let Configuration {
        broker, drop_box, ..
    } = configuration;
    Partners {
        broker: BrokerAddress {
            url: broker.address.to_string(),
            tag: broker.tag.to_string(),
        },
        drop_box: DropBoxAddress {
            host: drop_box.host.clone(),
            port: drop_box.port,
            folder: drop_box.folder.clone(),
        },
        user: drop_box.username.clone(),
        host_key: None,
    }
}

/// How results are encrypted, with the key in use.
pub(super) fn sealing(configuration: &Configuration, key: FernetKey) -> Sealing {
    Sealing::new(key, configuration.recipients.clone())
}

/// What fetches results from the broker and encrypts them.
pub(super) fn fetcher(
    configuration: &Configuration,
    key: &FernetKey,
    broker: Arc<Broker>,
) -> Result<Fetcher, CommandError> {
    Ok(Fetcher {
        broker,
        sealing: sealing(configuration, key.clone()),
        known_keys: std::iter::once(key.clone())
            .chain(load_old_keys(&configuration.key_files))
            .collect(),
        spool: SpoolDirectory::open(&configuration.working_dir, configuration.spool)?,
        concurrency: configuration.broker.concurrency.get(),
        clock: Box::new(SystemClock::start()),
    })
}
