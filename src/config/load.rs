//! From the file to the typed configuration.

use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::document::Document;
use super::keys::{self, Key};
use super::kind::LocalPath;
use super::problem::Problem;
use super::reader::{Folders, Reader};
use super::{
    Broker, Configuration, ConfigurationError, Remote, Requests, Security, Sftp, Spool, Warning,
};
use crate::effects::secret_file::{self, Exposed};
use crate::effects::sftp::Recipe;

const KIB: usize = 1 << 10;
const MIB: u64 = 1 << 20;
/// Largest configuration file in bytes: far above any real one.
const MAX_FILE_BYTES: u64 = MIB;
const MAX_TAG_CHARACTERS: usize = 200;

impl Configuration {
    /// Loads a configuration file and the files of secrets that it names. Relative paths in it
    /// start at its own folder, `~/` at the user's home folder.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let home = std::env::home_dir();
        let folders = Folders {
            file: path,
            home: home.as_deref(),
        };
        let File { text, mode } = read(path)?;
        Self::of_text(&text, mode, folders)
    }

    /// The same from the file's text and mode.
    pub(super) fn of_text(
        text: &str,
        mode: u32,
        folders: Folders<'_>,
    ) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let mut reader = Reader::new(Document::parse(text), folders);
        let secrets = [&keys::API_KEY, &keys::PASSWORD, &keys::KEY_PASSPHRASE];
        if secrets.into_iter().any(|secret| reader.has(secret)) {
            reader.warn_of_file(Exposed::of(folders.file, mode));
        }
        let configuration = configuration(&mut reader);
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
    pub fn working_dir(path: &Path) -> Result<PathBuf, ConfigurationError> {
        path_only(path, &keys::WORKING_DIR)
    }

    /// Only where the encryption key is.
    pub fn key_file(path: &Path) -> Result<PathBuf, ConfigurationError> {
        path_only(path, &keys::PATH_ENCRYPTION_KEY)
    }
}

fn path_only(path: &Path, key: &Key<LocalPath>) -> Result<PathBuf, ConfigurationError> {
    let home = std::env::home_dir();
    let folders = Folders {
        file: path,
        home: home.as_deref(),
    };
    path_of_text(&read(path)?.text, folders, key)
}

/// One path of a file, whatever else is wrong in it: what reads the ledger must not depend on a
/// complete configuration. When the path is not there all problems are told, for one of the unknown
/// keys may be the one that was meant.
pub(super) fn path_of_text(
    text: &str,
    folders: Folders<'_>,
    key: &Key<LocalPath>,
) -> Result<PathBuf, ConfigurationError> {
    let mut reader = Reader::new(Document::parse(text), folders);
    match reader.required_path(key) {
        Some(found) if reader.is_content() => Ok(found),
        _ => Err(ConfigurationError::Problems {
            path: folders.file.to_owned(),
            problems: reader.finish().0,
        }),
    }
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
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(File {
            text: Zeroizing::new(text.to_owned()),
            mode,
        }),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to());
            Err(ConfigurationError::Problems {
                path: path.to_owned(),
                problems: vec![Problem {
                    line: Some(1 + before.filter(|byte| **byte == b'\n').count()),
                    column: None,
                    text: "not UTF-8 text".to_owned(),
                }],
            })
        }
    }
}

/// None only when something is missing or malformed that has no default, which the reader noted.
fn configuration(reader: &mut Reader<'_>) -> Option<Configuration> {
    // Each is read before any is missed, so that all problems are found.
    let broker = broker(reader);
    let requests = requests(reader);
    let sftp = sftp(reader);
    let security = security(reader);
    let guards = reader.guards(&keys::MAX_DELETIONS);
    let spool = spool(reader);
    let deadline = reader.seconds(&keys::DEADLINE);
    let retries = reader.number(&keys::RETRIES);
    let working_dir = reader.required_path(&keys::WORKING_DIR);
    Some(Configuration {
        broker: broker?,
        requests: requests?,
        sftp: sftp?,
        security: security?,
        remote: Remote {
            check: reader.choice(&keys::REMOTE_CHECK),
        },
        guards,
        spool,
        deadline,
        retries,
        working_dir: working_dir?,
    })
}

fn broker(reader: &mut Reader<'_>) -> Option<Broker> {
    let url = url(reader);
    if !reader.has(&keys::API_KEY) && !reader.has(&keys::API_KEY_FILE) {
        reader.missing(&keys::API_KEY, " (or BROKER.API_KEY_FILE)");
    }
    let api_key = reader.secret(&keys::API_KEY, &keys::API_KEY_FILE);
    if let Some(api_key) = &api_key
        && api_key.expose_secret().chars().any(char::is_control)
    {
        // It goes into a line of HTTP.
        let text = "must not contain control characters or line breaks";
        if reader.has(&keys::API_KEY) {
            reader.wrong(&keys::API_KEY, text);
        } else {
            reader.wrong(&keys::API_KEY_FILE, &format!("names a key that {text}"));
        }
    }
    let ca_bundle = reader.path(&keys::CA_BUNDLE);
    let concurrency = reader.number(&keys::BROKER_CONCURRENCY);
    let connect_timeout = reader.seconds(&keys::CONNECT_TIMEOUT);
    let list_timeout = reader.seconds(&keys::LIST_TIMEOUT);
    let status_timeout = reader.seconds(&keys::STATUS_TIMEOUT);
    let export_timeout = reader.seconds(&keys::EXPORT_TIMEOUT);
    let download_timeout = reader.seconds(&keys::DOWNLOAD_TIMEOUT);
    let silence_timeout = reader.seconds(&keys::SILENCE_TIMEOUT);
    let max_answer_bytes = reader.number(&keys::MAX_ANSWER_MIB) * MIB;
    Some(Broker {
        url: url?,
        api_key: api_key?,
        ca_bundle,
        concurrency: NonZeroUsize::new(concurrency)?,
        connect_timeout,
        list_timeout,
        status_timeout,
        export_timeout,
        download_timeout,
        silence_timeout,
        max_answer_bytes,
    })
}

/// The broker's address, with a slash at its end: what is joined to it lies below it.
fn url(reader: &mut Reader<'_>) -> Option<Url> {
    let key = &keys::BROKER_URL;
    let text = reader.required(key)?;
    let parsed = Url::parse(text.trim()).ok();
    let Some(mut url) =
        parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    else {
        reader.malformed(key);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        reader.wrong(key, "must not contain a user name or a password");
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        reader.wrong(key, "must not contain a query or a fragment");
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    if url.scheme() == "http" && !is_this_machine(&url) {
        let text = "is not https: the API key and the results cross the network unencrypted";
        reader.warn(key, text);
    }
    Some(url)
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn requests(reader: &mut Reader<'_>) -> Option<Requests> {
    let tag = reader.required(&keys::TAG);
    if let Some(tag) = &tag
        && tag.chars().count() > MAX_TAG_CHARACTERS
    {
        let text = format!("takes at most {MAX_TAG_CHARACTERS} characters");
        reader.wrong(&keys::TAG, &text);
    }
    let change = reader.choice(&keys::CHANGE);
    let reappeared = reader.choice(&keys::REAPPEARED);
    let drafts = reader.choice(&keys::DRAFTS);
    Some(Requests {
        tag: tag?,
        change,
        reappeared,
        drafts,
    })
}

fn sftp(reader: &mut Reader<'_>) -> Option<Sftp> {
    let host = host(reader);
    let port = reader.number(&keys::PORT);
    let username = reader.required(&keys::USERNAME);
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
    let key_file = reader.path(&keys::KEY_FILE);
    let key_passphrase = reader.secret(&keys::KEY_PASSPHRASE, &keys::KEY_PASSPHRASE_FILE);
    if key_passphrase.is_some() && !reader.has(&keys::KEY_FILE) {
        let text = "is not used: there is no SFTP.KEY_FILE";
        if reader.has(&keys::KEY_PASSPHRASE) {
            reader.warn(&keys::KEY_PASSPHRASE, text);
        } else {
            reader.warn(&keys::KEY_PASSPHRASE_FILE, text);
        }
    }
    let timeout = reader.seconds(&keys::SFTP_TIMEOUT);
    let upload_timeout = reader.seconds(&keys::UPLOAD_TIMEOUT);
    let folder = folder(reader);
    let host_keys = reader.host_keys(&keys::HOST_KEY);
    let known_hosts = reader.path(&keys::KNOWN_HOSTS);
    if reader.has(&keys::HOST_KEY) && reader.has(&keys::KNOWN_HOSTS) {
        reader.warn(&keys::KNOWN_HOSTS, "is not used: SFTP.HOST_KEY decides");
    }
    let concurrency = reader.number(&keys::SFTP_CONCURRENCY);
    let recipe = Recipe {
        placing: reader.choice(&keys::UPLOAD),
        verification: reader.choice(&keys::VERIFY),
    };
    Some(Sftp {
        host: host?,
        port,
        username: username?,
        password,
        agent,
        key_file,
        key_passphrase,
        timeout,
        upload_timeout,
        folder: folder?,
        host_keys,
        known_hosts,
        concurrency,
        recipe,
    })
}

fn host(reader: &mut Reader<'_>) -> Option<String> {
    let host = reader.required(&keys::HOST)?;
    // An IPv6 address has colons, and at least two of them.
    let has_port = host.matches(':').count() == 1;
    if has_port || host.contains(['/', '@', '[', ']']) || host.contains(char::is_whitespace) {
        let text = "takes a name or an address alone, without scheme, user, brackets or port \
                    (SFTP.PORT, SFTP.USERNAME)";
        reader.wrong(&keys::HOST, text);
        return None;
    }
    Some(host)
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

fn security(reader: &mut Reader<'_>) -> Option<Security> {
    let path_encryption_key = reader.required_path(&keys::PATH_ENCRYPTION_KEY);
    let on_key_change = reader.choice(&keys::ON_KEY_CHANGE);
    Some(Security {
        path_encryption_key: path_encryption_key?,
        on_key_change,
    })
}

fn spool(reader: &mut Reader<'_>) -> Spool {
    let max_bytes = reader.number(&keys::MAX_MIB) * MIB;
    Spool {
        memory_bytes: reader.number(&keys::MEMORY_KIB) * KIB,
        max_bytes: (max_bytes > 0).then_some(max_bytes),
        reserve_bytes: reader.number(&keys::RESERVE_MIB) * MIB,
    }
}
