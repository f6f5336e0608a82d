//! From the file to the typed configuration.

use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use courier_ledger::{ChangeRule, DraftRule, Guards, KeyChangeRule, ReappearanceRule};
use secrecy::SecretString;
use url::Url;

use super::document::{self, Document, show};
use super::secret_file;
use super::{Broker, Configuration, ConfigurationError, Requests, Security, Sftp, Spool, Warning};

const MIB: u64 = 1 << 20;
const DAY_SECONDS: u64 = 24 * 60 * 60;
const SECRETS: [document::Path; 3] = [
    ("BROKER", "API_KEY"),
    ("SFTP", "PASSWORD"),
    ("SFTP", "KEY_PASSPHRASE"),
];

impl Configuration {
    /// Loads a configuration file. Relative paths in it start at its own folder.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigurationError> {
        let unreadable = |source| ConfigurationError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mode = std::fs::metadata(path).map_err(unreadable)?.mode();
        let mut loading = Loading {
            document: Document::parse(&text),
            folder: path.parent().unwrap_or(Path::new("")),
            warnings: Vec::new(),
        };
        if SECRETS.iter().any(|secret| loading.document.has(*secret)) {
            loading.warnings.extend(secret_file::exposure(path, mode));
        }
        let configuration = loading.configuration();
        let Loading {
            document, warnings, ..
        } = loading;
        let problems = document.into_problems();
        match configuration {
            Some(configuration) if problems.is_empty() => Ok((configuration, warnings)),
            _ => Err(ConfigurationError::Problems {
                path: path.to_owned(),
                problems,
            }),
        }
    }

    /// Only where the ledger is: needs no secret, and no other key.
    pub fn working_dir(path: &Path) -> Result<PathBuf, ConfigurationError> {
        Self::path_only(path, ("MISC", "WORKING_DIR"))
    }

    /// Only where the encryption key is.
    pub fn key_file(path: &Path) -> Result<PathBuf, ConfigurationError> {
        Self::path_only(path, ("SECURITY", "PATH_ENCRYPTION_KEY"))
    }

    fn path_only(path: &Path, key: document::Path) -> Result<PathBuf, ConfigurationError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigurationError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut document = Document::parse(&text);
        let found = folder.join(document.required(key));
        let problems = document.into_problems();
        if problems.is_empty() {
            Ok(found)
        } else {
            Err(ConfigurationError::Problems {
                path: path.to_owned(),
                problems,
            })
        }
    }
}

struct Loading<'a> {
    document: Document,
    folder: &'a Path,
    warnings: Vec<Warning>,
}

impl Loading<'_> {
    /// None only when a value without a default is missing or malformed, which is a problem noted.
    fn configuration(&mut self) -> Option<Configuration> {
        let broker = self.broker();
        let requests = self.requests();
        let sftp = self.sftp();
        let security = self.security();
        let guards = self.guards();
        let spool = self.spool();
        let deadline = self.seconds(("RUN", "DEADLINE"), 21600);
        let working_dir = self.required_path(("MISC", "WORKING_DIR"));
        Some(Configuration {
            broker: broker?,
            requests,
            sftp: sftp?,
            security,
            guards,
            spool,
            deadline,
            working_dir,
        })
    }

    fn broker(&mut self) -> Option<Broker> {
        let url = self.url();
        let api_key = self.secret(("BROKER", "API_KEY"), ("BROKER", "API_KEY_FILE"));
        if api_key.is_none()
            && !self.document.has(("BROKER", "API_KEY"))
            && !self.document.has(("BROKER", "API_KEY_FILE"))
        {
            self.document.add(
                None,
                "BROKER.API_KEY is missing (or BROKER.API_KEY_FILE)".to_owned(),
            );
        }
        let ca_bundle = self.path(("", "REQUESTS_CA_BUNDLE"));
        let concurrency = self.document.number(("BROKER", "CONCURRENCY"), 1..=256, 16);
        let megabytes = self
            .document
            .number(("BROKER", "MAX_ANSWER_MIB"), 1..=1024, 32);
        let broker = |url, api_key, loading: &mut Self| Broker {
            url,
            api_key,
            ca_bundle,
            concurrency: NonZeroUsize::new(concurrency).unwrap_or(NonZeroUsize::MIN),
            connect_timeout: loading.seconds(("BROKER", "CONNECT_TIMEOUT"), 10),
            list_timeout: loading.seconds(("BROKER", "LIST_TIMEOUT"), 120),
            status_timeout: loading.seconds(("BROKER", "STATUS_TIMEOUT"), 30),
            export_timeout: loading.seconds(("BROKER", "EXPORT_TIMEOUT"), 900),
            download_timeout: loading.seconds(("BROKER", "DOWNLOAD_TIMEOUT"), 3600),
            silence_timeout: loading.seconds(("BROKER", "SILENCE_TIMEOUT"), 60),
            max_answer_bytes: megabytes * MIB,
        };
        // Built in any case, so that every limit is checked.
        let placeholder = Url::parse("http://localhost/").ok()?;
        let complete = url.is_some() && api_key.is_some();
        let broker = broker(
            url.unwrap_or(placeholder),
            api_key.unwrap_or_else(|| "".into()),
            self,
        );
        complete.then_some(broker)
    }

    fn url(&mut self) -> Option<Url> {
        const KEY: document::Path = ("BROKER", "URL");
        let text = self.document.required(KEY);
        if text.is_empty() {
            return None;
        }
        let parsed = Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
        });
        match parsed {
            Some(url) if url.username().is_empty() && url.password().is_none() => Some(url),
            Some(_) => {
                self.document
                    .add_at(KEY, "must not contain a user name or a password");
                None
            }
            None => {
                self.document.wrong(KEY);
                None
            }
        }
    }

    fn requests(&mut self) -> Requests {
        const TAG: document::Path = ("REQUESTS", "TAG");
        let tag = self.document.required(TAG);
        if tag.chars().any(char::is_control) || tag.chars().count() > 200 {
            self.document.add_at(
                TAG,
                "takes at most 200 characters, none of them control characters",
            );
        }
        let document = &mut self.document;
        Requests {
            tag,
            change: document.choice(
                ("REQUESTS", "CHANGE"),
                &[
                    ("fingerprint", ChangeRule::Fingerprint),
                    ("completion", ChangeRule::Completion),
                ],
            ),
            reappeared: document.choice(
                ("REQUESTS", "REAPPEARED"),
                &[
                    ("upload", ReappearanceRule::Upload),
                    ("ignore", ReappearanceRule::Ignore),
                ],
            ),
            drafts: document.choice(
                ("REQUESTS", "DRAFTS"),
                &[("upload", DraftRule::Upload), ("wait", DraftRule::Wait)],
            ),
        }
    }

    fn sftp(&mut self) -> Option<Sftp> {
        let host = self.document.required(("SFTP", "HOST"));
        let username = self.document.required(("SFTP", "USERNAME"));
        let folder = self.folder_name();
        let password = self.secret(("SFTP", "PASSWORD"), ("SFTP", "PASSWORD_FILE"));
        let key_file = self.path(("SFTP", "KEY_FILE"));
        let proofs = [
            ("SFTP", "PASSWORD"),
            ("SFTP", "PASSWORD_FILE"),
            ("SFTP", "KEY_FILE"),
        ];
        if !proofs.iter().any(|proof| self.document.has(*proof)) {
            let text = "SFTP.PASSWORD is missing (or SFTP.PASSWORD_FILE, or SFTP.KEY_FILE)";
            self.document.add(None, text.to_owned());
        }
        let key_passphrase =
            self.secret(("SFTP", "KEY_PASSPHRASE"), ("SFTP", "KEY_PASSPHRASE_FILE"));
        let mut host_keys = Vec::new();
        for text in self.document.texts(("SFTP", "HOST_KEY")) {
            match text.parse() {
                Ok(key) => host_keys.push(key),
                Err(_) => self.document.wrong(("SFTP", "HOST_KEY")),
            }
        }
        Some(Sftp {
            host,
            port: self.document.number(("SFTP", "PORT"), 1..=65535, 22),
            username,
            password,
            key_file,
            key_passphrase,
            timeout: self.seconds(("SFTP", "TIMEOUT"), 25),
            upload_timeout: self.seconds(("SFTP", "UPLOAD_TIMEOUT"), 3600),
            folder,
            host_keys,
            known_hosts: self.path(("SFTP", "KNOWN_HOSTS")),
            concurrency: self.document.number(("SFTP", "CONCURRENCY"), 1..=1024, 64),
        })
    }

    fn folder_name(&mut self) -> String {
        const KEY: document::Path = ("SFTP", "FOLDERNAME");
        let text = self.document.required(KEY);
        if text.split('/').any(|part| part == "..") || text.chars().any(char::is_control) {
            self.document
                .add_at(KEY, "must not contain `..` or control characters");
        }
        match text.trim_end_matches('/') {
            "" if text.starts_with('/') => "/".to_owned(),
            cut => cut.to_owned(),
        }
    }

    fn security(&mut self) -> Security {
        Security {
            path_encryption_key: self.required_path(("SECURITY", "PATH_ENCRYPTION_KEY")),
            on_key_change: self.document.choice(
                ("SECURITY", "ON_KEY_CHANGE"),
                &[
                    ("keep", KeyChangeRule::Keep),
                    ("reupload", KeyChangeRule::Reupload),
                ],
            ),
        }
    }

    fn guards(&mut self) -> Guards {
        const KEY: document::Path = ("GUARDS", "MAX_DELETIONS");
        let Some(text) = self.document.text(KEY) else {
            return Guards::default();
        };
        let guards = match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|it| *it <= 100)
                .map(|percent| Guards {
                    max_deletions: 0,
                    max_deletions_percent: percent,
                }),
            None => text.trim().parse().ok().map(|number| Guards {
                max_deletions: number,
                max_deletions_percent: 0,
            }),
        };
        if guards.is_none() {
            self.document.wrong(KEY);
        }
        guards.unwrap_or_default()
    }

    fn spool(&mut self) -> Spool {
        const MAX_MIB: u64 = u64::MAX / MIB;
        let max = self.document.number(("SPOOL", "MAX_MIB"), 0..=MAX_MIB, 0);
        Spool {
            memory_bytes: self
                .document
                .number(("SPOOL", "MEMORY_KIB"), 0..=65536, 1024)
                * 1024,
            max_bytes: (max > 0).then_some(max * MIB),
            reserve_bytes: self
                .document
                .number(("SPOOL", "RESERVE_MIB"), 0..=MAX_MIB, 8)
                * MIB,
        }
    }

    fn seconds(&mut self, key: document::Path, default: u64) -> Duration {
        Duration::from_secs(self.document.number(key, 1..=7 * DAY_SECONDS, default))
    }

    fn path(&mut self, key: document::Path) -> Option<PathBuf> {
        self.document.text(key).map(|text| self.folder.join(text))
    }

    fn required_path(&mut self, key: document::Path) -> PathBuf {
        let text = self.document.required(key);
        self.folder.join(text)
    }

    /// A secret, from the file itself or from one of its own; both at once is a problem.
    fn secret(&mut self, key: document::Path, file: document::Path) -> Option<SecretString> {
        if self.document.has(key) && self.document.has(file) {
            let text = format!(
                "and {} are both given: one of them, please",
                show(file.0, file.1)
            );
            self.document.add_at(key, &text);
        }
        if let Some(path) = self.path(file) {
            return match secret_file::read(&path) {
                Ok((secret, warning)) => {
                    self.warnings.extend(warning);
                    Some(secret)
                }
                Err(problem) => {
                    self.document
                        .add_at(file, &format!("cannot be used: {problem}"));
                    None
                }
            };
        }
        self.document.text(key).map(SecretString::from)
    }
}
