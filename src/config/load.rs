//! From the file to the typed configuration.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use courier_ledger::Encryption;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::document::Document;
use super::home::Start;
use super::keys::{self, Key};
use super::kind::{LocalPath, Secret};
use super::places;
use super::problem::Problem;
use super::reader::{Folders, Reader};
use super::server::{self, Server};
use super::{Configuration, ConfigurationError, Evidence, Reports, Rules, Warning, Watching};
use crate::effects::age::Recipients;
use crate::effects::broker::{Address, ApiKey, Proxy, Settings};
use crate::effects::database;
use crate::effects::encoding::{self, NotText};
use crate::effects::evidence::{AnchorSettings, Verifier, Witness};
use crate::effects::fernet::KeyFiles;
use crate::effects::ledger_hold::LedgerHold;
use crate::effects::ledger_place::Location;
use crate::effects::ping::PingUrl;
use crate::effects::secret_file::{self, Exposed};
use crate::effects::sftp::{Credential, Endpoint, HostKeys, PrivateKeyFile, Recipe, Window};
use crate::effects::spool::SpoolLimits;

const KIB: usize = 1 << 10;
const MIB: u64 = 1 << 20;
/// Largest configuration file in bytes: far above any real one.
const MAX_FILE_BYTES: u64 = MIB;

impl Configuration {
    /// Loads a configuration file and the files of secrets that it names. Relative paths in it
    /// start at its own folder, `~/` at the user's home folder. What must be there besides, and is not, is a
    /// problem among the others.
    pub(crate) fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let File { text, mode } = read(path)?;
        let start = Start::now();
        Self::of_text_and(&text, mode, start.folders(path), places::note_missing)
    }

    /// The same from the file's text and mode, whatever is there besides the files of secrets.
    pub(super) fn of_text(
        text: &str,
        mode: u32,
        folders: Folders<'_>,
    ) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        Self::of_text_and(text, mode, folders, |_| ())
    }

    /// Loads a configuration file, whatever is there besides the files of secrets.
    #[cfg(test)]
    pub(super) fn load_alone(path: &Path) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let File { text, mode } = read(path)?;
        Self::of_text(&text, mode, Start::now().folders(path))
    }

    /// From the file's text and mode, and from what else is noted in the end.
    fn of_text_and(
        text: &str,
        mode: u32,
        folders: Folders<'_>,
        besides: impl FnOnce(&mut Reader<'_>),
    ) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let mut reader = Reader::new(Document::parse(text), folders);
        let secrets = [
            &keys::API_KEY,
            &keys::PROXY_PASSWORD,
            &keys::PASSWORD,
            &keys::KEY_PASSPHRASE,
            &keys::EVIDENCE_PASSPHRASE,
            &keys::LEDGER_PASSWORD,
        ];
        if secrets.into_iter().any(|secret| reader.has(secret)) {
            reader.warn_of_file(Exposed::of(folders.file, mode));
        }
        let configuration = configuration(&mut reader);
        besides(&mut reader);
        let (problems, warnings) = reader.finish();
        match configuration {
            Some(configuration) if problems.is_empty() => Ok((configuration, warnings)),
            _ => Err(ConfigurationError::Problems {
                path: folders.file.to_owned(),
                problems,
            }),
        }
    }

    /// Only where the ledger is: needs no secret, and no other key.
    pub(crate) fn working_dir(path: &Path) -> Result<PathBuf, ConfigurationError> {
        let start = Start::now();
        path_of_text(&read(path)?.text, start.folders(path), &keys::WORKING_DIR)
    }

    /// Only where the ledger is, and what a database takes to be reached.
    pub(crate) fn existing_location(path: &Path) -> Result<Location, ConfigurationError> {
        let start = Start::now();
        part_of_text(&read(path)?.text, start.folders(path), |reader| {
            let folder = reader.required_path(&keys::WORKING_DIR);
            places::note_missing_working_dir(reader);
            let database = ledger(reader);
            Some(super::location(database, folder?))
        })
    }

    /// Only who the SFTP server is, and what is known of its host key.
    pub(crate) fn server(path: &Path) -> Result<Server, ConfigurationError> {
        let start = Start::now();
        part_of_text(&read(path)?.text, start.folders(path), server::server)
    }

    /// Only whom results are encrypted for, if that is how.
    pub(crate) fn recipients(path: &Path) -> Result<Option<Recipients>, ConfigurationError> {
        let start = Start::now();
        part_of_text(&read(path)?.text, start.folders(path), |reader| {
            Some(recipients(reader))
        })
    }

    /// Only where the encryption keys are.
    pub(crate) fn key_files(path: &Path) -> Result<KeyFiles, ConfigurationError> {
        let start = Start::now();
        key_files_of_text(&read(path)?.text, start.folders(path))
    }
}

/// A whole configuration, with what must be there besides.
#[cfg(test)]
pub(super) fn of_text_with_places(
    text: &str,
    folders: Folders<'_>,
) -> Result<(Configuration, Vec<Warning>), ConfigurationError> {
    Configuration::of_text_and(text, 0o600, folders, places::note_missing)
}

/// One path of a file, whatever else is wrong in it: what reads the ledger must not depend on a
/// complete configuration.
pub(super) fn path_of_text(
    text: &str,
    folders: Folders<'_>,
    key: &Key<LocalPath>,
) -> Result<PathBuf, ConfigurationError> {
    part_of_text(text, folders, |reader| reader.required_path(key))
}

/// The same of the files of the keys.
pub(super) fn key_files_of_text(
    text: &str,
    folders: Folders<'_>,
) -> Result<KeyFiles, ConfigurationError> {
    part_of_text(text, folders, key_files)
}

/// When the part is not there all problems are told, for one of the unknown keys may be the one that
/// was meant.
fn part_of_text<T>(
    text: &str,
    folders: Folders<'_>,
    part: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Result<T, ConfigurationError> {
    let mut reader = Reader::new(Document::parse(text), folders);
    match part(&mut reader) {
        Some(found) if reader.is_content() => Ok(found),
        _ => Err(ConfigurationError::Problems {
            path: folders.file.to_owned(),
            problems: reader.finish().0,
        }),
    }
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<Zeroizing<String>, ConfigurationError> {
    Ok(read(path)?.text)
}

struct File {
    text: Zeroizing<String>,
    mode: u32,
}

fn read(path: &Path) -> Result<File, ConfigurationError> {
    let unreadable = |source| ConfigurationError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    let bytes = secret_file::read_all(file, MAX_FILE_BYTES).map_err(unreadable)?;
    let bytes = bytes.ok_or_else(|| {
        let text = "larger than 1 MiB, which no configuration is";
        unreadable(io::Error::new(io::ErrorKind::FileTooLarge, text))
    })?;
    match encoding::text(&bytes) {
        Ok(text) => Ok(File {
            text: Zeroizing::new(text.to_owned()),
            mode,
        }),
        Err(NotText { line, column, kind }) => Err(ConfigurationError::Problems {
            path: path.to_owned(),
            problems: vec![Problem {
                line: Some(line),
                column: Some(column),
                text: kind.to_string(),
            }],
        }),
    }
}

/// None only when something is missing or malformed that has no default, which the reader noted.
fn configuration(reader: &mut Reader<'_>) -> Option<Configuration> {
    // Each is read before any is missed, so that all problems are found.
    let broker = broker(reader);
    let drop_box = drop_box(reader);
    let private_key = private_key(
        reader,
        &keys::KEY_FILE,
        &keys::KEY_PASSPHRASE,
        &keys::KEY_PASSPHRASE_FILE,
    );
    let key_files = key_files(reader);
    let recipients = recipients(reader);
    let rules = rules(reader);
    let spool = spool(reader);
    let reports = reports(reader);
    let deadline = reader.seconds(&keys::DEADLINE);
    let every_minutes = reader.number(&keys::EVERY_MINUTES);
    let retries = reader.number(&keys::RETRIES);
    let evidence = evidence(reader);
    let publish_at_least = reader.number(&keys::PUBLISH_AT_LEAST);
    let watch = watch(reader);
    let ledger = ledger(reader);
    let working_dir = reader.required_path(&keys::WORKING_DIR);
    Some(Configuration {
        broker: broker?,
        drop_box: drop_box?,
        private_key,
        key_files: key_files?,
        recipients,
        rules,
        spool,
        deadline,
        every_minutes: Some(every_minutes).filter(|every| *every > 0),
        retries,
        reports,
        evidence,
        publish_at_least: Some(publish_at_least)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
        watch,
        ledger,
        working_dir: working_dir?,
    })
}

fn watch(reader: &mut Reader<'_>) -> Watching {
    Watching {
        interval: reader.seconds(&keys::WATCH_INTERVAL),
        listen: reader.optional(&keys::WATCH_LISTEN),
        idle: reader.seconds(&keys::WATCH_IDLE),
        settle: Duration::from_millis(reader.number(&keys::WATCH_SETTLE)),
    }
}

/// The database of the ledger, if it is in one.
fn ledger(reader: &mut Reader<'_>) -> Option<Box<courier_postgres::Settings>> {
    let address = reader.optional(&keys::LEDGER_URL);
    let password = reader.secret(&keys::LEDGER_PASSWORD, &keys::LEDGER_PASSWORD_FILE);
    let ca_file = reader.path(&keys::LEDGER_CA_FILE);
    let chain = reader.path(&keys::LEDGER_CERTIFICATE);
    let key = reader.path(&keys::LEDGER_KEY_FILE);
    let lease = reader.seconds(&keys::LEDGER_LEASE);
    if chain.is_some() != key.is_some() {
        let text = "and LEDGER.KEY_FILE belong together: give both, or none";
        reader.wrong(&keys::LEDGER_CERTIFICATE, text);
    }
    if lease < LEASE_LEAST {
        let text = "is shorter than a database may take to answer: 3 at least";
        reader.wrong(&keys::LEDGER_LEASE, text);
    }
    if !reader.has(&keys::LEDGER_URL) && (password.is_some() || chain.is_some()) {
        let text = "is missing: without it the ledger is in files, and nobody asks for a password or a certificate";
        reader.wrong(&keys::LEDGER_URL, text);
    }
    let settings = courier_postgres::Settings {
        password,
        ca_file,
        certificate: chain
            .zip(key)
            .map(|(chain, key)| courier_postgres::Certificate { chain, key }),
        lease,
        ..courier_postgres::Settings::new(address?, database::holder())
    };
    Some(Box::new(settings))
}

/// A lease that is shorter could not be renewed in time.
const LEASE_LEAST: Duration = Duration::from_secs(3);

fn broker(reader: &mut Reader<'_>) -> Option<Settings> {
    let address = reader.required(&keys::BROKER_URL);
    if address.as_ref().is_some_and(Address::is_exposed) {
        let text = "is not https: the API key and the results cross the network unencrypted";
        reader.warn(&keys::BROKER_URL, text);
    }
    let api_key = api_key(reader);
    let tag = reader.required(&keys::TAG);
    let ca_bundle = reader.path(&keys::CA_BUNDLE);
    let proxy = proxy(reader);
    let concurrency = reader.number(&keys::BROKER_CONCURRENCY);
    let connect_timeout = reader.seconds(&keys::CONNECT_TIMEOUT);
    let list_timeout = reader.seconds(&keys::LIST_TIMEOUT);
    let status_timeout = reader.seconds(&keys::STATUS_TIMEOUT);
    let export_timeout = reader.seconds(&keys::EXPORT_TIMEOUT);
    let download_timeout = reader.seconds(&keys::DOWNLOAD_TIMEOUT);
    let silence_timeout = reader.seconds(&keys::SILENCE_TIMEOUT);
    let max_answer_bytes = reader.number(&keys::MAX_ANSWER_MIB) * MIB;
    Some(Settings {
        address: address?,
        api_key: api_key?,
        tag: tag?,
        ca_bundle,
        proxy,
        concurrency,
        connect_timeout,
        list_timeout,
        status_timeout,
        export_timeout,
        download_timeout,
        silence_timeout,
        max_answer_bytes,
    })
}

/// How the broker is reached, and who asks for that.
fn proxy(reader: &mut Reader<'_>) -> Proxy {
    let proxy = reader.or_default(&keys::PROXY);
    let login = (
        &keys::PROXY_USERNAME,
        &keys::PROXY_PASSWORD,
        &keys::PROXY_PASSWORD_FILE,
    );
    let is_named = matches!(proxy, Proxy::At { .. });
    let login = server::proxy_login(reader, login, is_named);
    proxy.with_login(login)
}

fn key_files(reader: &mut Reader<'_>) -> Option<KeyFiles> {
    let current = reader.required_path(&keys::PATH_ENCRYPTION_KEY);
    let old = reader.paths(&keys::OLD_KEYS);
    Some(KeyFiles {
        current: current?,
        old,
    })
}

/// Whom results are encrypted for, if that is how.
fn recipients(reader: &mut Reader<'_>) -> Option<Recipients> {
    let recipients = Recipients::new(reader.several(&keys::RECIPIENTS));
    match reader.choice(&keys::ENCRYPTION) {
        Encryption::Age => {
            if !reader.has(&keys::RECIPIENTS) {
                reader.missing(&keys::RECIPIENTS, ", as SECURITY.ENCRYPTION is `age`");
            }
            recipients
        }
        Encryption::Fernet => {
            if reader.has(&keys::RECIPIENTS) {
                let text = "is not used: SECURITY.ENCRYPTION is not `age`";
                reader.warn(&keys::RECIPIENTS, text);
            }
            None
        }
    }
}

fn api_key(reader: &mut Reader<'_>) -> Option<ApiKey> {
    if !reader.has(&keys::API_KEY) && !reader.has(&keys::API_KEY_FILE) {
        reader.missing(&keys::API_KEY, " (or BROKER.API_KEY_FILE)");
    }
    let secret = reader.secret(&keys::API_KEY, &keys::API_KEY_FILE)?;
    if reader.has(&keys::API_KEY) {
        let api_key = ApiKey::new(secret);
        return api_key
            .map_err(|error| reader.wrong(&keys::API_KEY, &error.to_string()))
            .ok();
    }
    // Blanks around it cannot be meant: no key has any.
    let trimmed = SecretString::from(secret.expose_secret().trim());
    let column = ApiKey::first_unsendable(trimmed.expose_secret());
    match ApiKey::new(trimmed) {
        Ok(api_key) => Some(api_key),
        Err(error) => {
            let path = reader.path(&keys::API_KEY_FILE).unwrap_or_default();
            let place = column.map(|column| format!(" (column {column} of it)"));
            let (path, place) = (path.display(), place.unwrap_or_default());
            let text = format!("cannot be used: {path} holds a key that {error}{place}");
            reader.wrong(&keys::API_KEY_FILE, &text);
            None
        }
    }
}

fn rules(reader: &mut Reader<'_>) -> Rules {
    Rules {
        change: reader.choice(&keys::CHANGE),
        reappeared: reader.choice(&keys::REAPPEARED),
        drafts: reader.choice(&keys::DRAFTS),
        on_key_change: reader.choice(&keys::ON_KEY_CHANGE),
        encryption: reader.choice(&keys::ENCRYPTION),
        remote_check: reader.choice(&keys::REMOTE_CHECK),
        guards: reader.guards(&keys::MAX_DELETIONS),
    }
}

fn drop_box(reader: &mut Reader<'_>) -> Option<Endpoint> {
    let host = server::host(reader);
    let port = reader.number(&keys::PORT);
    let route = server::route(reader);
    let username = reader.required(&keys::USERNAME);
    let credentials = credentials(reader);
    let timeouts = server::timeouts(reader);
    let folder = folder(reader);
    let host_keys = host_keys(reader);
    let concurrency = reader.number(&keys::SFTP_CONCURRENCY);
    let recipe = Recipe {
        placing: reader.choice(&keys::UPLOAD),
        verification: reader.choice(&keys::VERIFY),
    };
    let temporary = reader.or_default(&keys::TEMPORARY);
    Some(Endpoint {
        host: host?,
        port,
        route,
        username: username?,
        credentials,
        host_keys,
        folder: folder?,
        timeouts,
        window: Window::of(concurrency),
        recipe,
        temporary,
        hold: LedgerHold::default(),
    })
}

/// What proves who logs in, but for a key in a file.
fn credentials(reader: &mut Reader<'_>) -> Vec<Credential> {
    let agent = reader.switch(&keys::AGENT);
    if !reader.has(&keys::PASSWORD)
        && !reader.has(&keys::PASSWORD_FILE)
        && !reader.has(&keys::KEY_FILE)
        && !agent
    {
        let instead = " (or SFTP.PASSWORD_FILE, or SFTP.KEY_FILE, or SFTP.AGENT = true)";
        reader.missing(&keys::PASSWORD, instead);
    }
    let password = reader.secret(&keys::PASSWORD, &keys::PASSWORD_FILE);
    let agent = agent.then_some(Credential::Agent);
    let password = password.map(Credential::Password);
    agent.into_iter().chain(password).collect()
}

/// A private key, and what it is encrypted with.
fn private_key(
    reader: &mut Reader<'_>,
    file: &Key<LocalPath>,
    secret: &Key<Secret>,
    secret_file: &Key<LocalPath>,
) -> Option<PrivateKeyFile> {
    let path = reader.path(file);
    let passphrase = reader.secret(secret, secret_file);
    if passphrase.is_some() && !reader.has(file) {
        let text = format!("is not used: there is no {}", file.name);
        match reader.has(secret) {
            true => reader.warn(secret, &text),
            false => reader.warn(secret_file, &text),
        }
    }
    let path = path?;
    Some(PrivateKeyFile { path, passphrase })
}

fn host_keys(reader: &mut Reader<'_>) -> HostKeys {
    let pinned = reader.several(&keys::HOST_KEY);
    let known_hosts = reader.path(&keys::KNOWN_HOSTS);
    if reader.has(&keys::HOST_KEY) && reader.has(&keys::KNOWN_HOSTS) {
        reader.warn(&keys::KNOWN_HOSTS, "is not used: SFTP.HOST_KEY decides");
    }
    if pinned.is_empty() {
        HostKeys::KnownHosts(known_hosts.map_or_else(|| reader.known_hosts(), |path| vec![path]))
    } else {
        HostKeys::Pinned(pinned)
    }
}

fn folder(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.required(&keys::FOLDERNAME)?;
    if text.split('/').any(|part| part == "..") {
        reader.wrong(&keys::FOLDERNAME, "must not contain `..`");
        return None;
    }
    Some(match text.trim_end_matches('/') {
        "" => "/".to_owned(),
        cut => cut.to_owned(),
    })
}

fn reports(reader: &mut Reader<'_>) -> Reports {
    Reports {
        textfile: reader.path(&keys::METRICS_TEXTFILE),
        command: reader.optional(&keys::NOTIFY_COMMAND),
        url: ping_url(reader),
    }
}

/// The key that signs, and who attests what it signed; nobody attests what nobody signed.
fn evidence(reader: &mut Reader<'_>) -> Option<Evidence> {
    let authority = reader.optional(&keys::TIMESTAMP_URL);
    let witness = witness(reader);
    let every = reader.seconds(&keys::ANCHOR_EVERY);
    let key = private_key(
        reader,
        &keys::EVIDENCE_KEY,
        &keys::EVIDENCE_PASSPHRASE,
        &keys::EVIDENCE_PASSPHRASE_FILE,
    );
    if key.is_none() {
        for attests in [&keys::TIMESTAMP_URL, &keys::WITNESS_URL] {
            if reader.has(attests) {
                reader.wrong(attests, "attests what EVIDENCE.KEY signs: give that, too");
            }
        }
    }
    Some(Evidence {
        key: key?,
        anchors: AnchorSettings {
            authority,
            witness,
            every,
        },
    })
}

fn witness(reader: &mut Reader<'_>) -> Option<Witness> {
    let url = reader.optional(&keys::WITNESS_URL);
    let key: Option<Verifier> = reader.optional(&keys::WITNESS_KEY);
    if key.as_ref().is_some_and(|key| !key.is_witness()) {
        let text = "is the key of somebody who signs, not of a witness";
        reader.wrong(&keys::WITNESS_KEY, text);
    }
    match (
        reader.has(&keys::WITNESS_URL),
        reader.has(&keys::WITNESS_KEY),
    ) {
        (true, false) => reader.wrong(&keys::WITNESS_URL, "needs EVIDENCE.WITNESS_KEY"),
        (false, true) => reader.wrong(&keys::WITNESS_KEY, "needs EVIDENCE.WITNESS_URL"),
        (true, true) | (false, false) => {}
    }
    Some(Witness {
        url: url?,
        key: key?,
    })
}

fn ping_url(reader: &mut Reader<'_>) -> Option<PingUrl> {
    let text = reader.secret(&keys::NOTIFY_URL, &keys::NOTIFY_URL_FILE)?;
    let url = PingUrl::new(&text);
    if let Err(error) = &url {
        let is_inline = reader.has(&keys::NOTIFY_URL);
        match is_inline {
            true => reader.wrong(&keys::NOTIFY_URL, &error.to_string()),
            false => reader.wrong(
                &keys::NOTIFY_URL_FILE,
                &format!("cannot be used: it {error}"),
            ),
        }
    }
    url.ok()
}

fn spool(reader: &mut Reader<'_>) -> SpoolLimits {
    SpoolLimits {
        memory_bytes: reader.number(&keys::MEMORY_KIB) * KIB,
        limit_bytes: match reader.number(&keys::MAX_MIB) {
            0 => u64::MAX,
            limit => limit * MIB,
        },
        reserve_bytes: reader.number(&keys::RESERVE_MIB) * MIB,
    }
}
