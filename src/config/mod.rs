//! The configuration file: read once, at the edge, into types that can be relied on.
//!
//! What always holds: a file of the replaced program loads unchanged; all problems are reported at
//! once, each with its line; no value of a secret appears in any message or `Debug` output.
//! Deliberately absent: the files that keys point to, other than those that hold secrets.

mod document;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod keys;
mod kind;
mod load;
mod position;
mod problem;
mod reader;
mod suggestion;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use courier_ledger::{
    ChangeRule, DraftRule, Guards, KeyChangeRule, KeyId, Policy, ReappearanceRule, RemoteCheckRule,
};
use secrecy::SecretString;
use url::Url;

pub use keys::reference_markdown;
pub use problem::Problem;

use crate::effects::sftp::{HostKeyFingerprint, Recipe};

/// Everything that a configuration file says.
#[derive(Debug)]
pub struct Configuration {
    /// `[BROKER]`.
    pub broker: Broker,
    /// `[REQUESTS]`.
    pub requests: Requests,
    /// `[SFTP]`.
    pub sftp: Sftp,
    /// `[SECURITY]`.
    pub security: Security,
    /// `[GUARDS]`.
    pub guards: Guards,
    /// `[REMOTE]`.
    pub remote: Remote,
    /// `[SPOOL]`.
    pub spool: Spool,
    /// `RUN.DEADLINE`.
    pub deadline: Duration,
    /// `RUN.RETRIES`.
    pub retries: u32,
    /// `MISC.WORKING_DIR`.
    pub working_dir: PathBuf,
}

/// `[BROKER]`.
#[derive(Debug)]
pub struct Broker {
    /// The base address.
    pub url: Url,
    /// The key of an administrator.
    pub api_key: SecretString,
    /// Certificate authorities besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// Calls at the same time.
    pub concurrency: NonZeroUsize,
    /// Limit for connecting.
    pub connect_timeout: Duration,
    /// Limit for a list.
    pub list_timeout: Duration,
    /// Limit for one status.
    pub status_timeout: Duration,
    /// Limit for one export.
    pub export_timeout: Duration,
    /// Limit for one download.
    pub download_timeout: Duration,
    /// Limit for the next byte of a download.
    pub silence_timeout: Duration,
    /// Largest list in bytes.
    pub max_answer_bytes: u64,
}

/// `[REQUESTS]`.
#[derive(Debug)]
pub struct Requests {
    /// The tag.
    pub tag: String,
    /// What counts as a change.
    pub change: ChangeRule,
    /// What happens to a request that is back.
    pub reappeared: ReappearanceRule,
    /// What happens to drafts.
    pub drafts: DraftRule,
}

/// `[SFTP]`.
#[derive(Debug)]
pub struct Sftp {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub username: String,
    /// The password.
    pub password: Option<SecretString>,
    /// Whether the keys of the SSH agent are tried.
    pub agent: bool,
    /// The private key's file.
    pub key_file: Option<PathBuf>,
    /// What the private key is encrypted with.
    pub key_passphrase: Option<SecretString>,
    /// Limit for connecting and for silence.
    pub timeout: Duration,
    /// Limit for one file.
    pub upload_timeout: Duration,
    /// The folder.
    pub folder: String,
    /// Accepted host keys; empty when `known_hosts` decides.
    pub host_keys: Vec<HostKeyFingerprint>,
    /// The file of known host keys, unless it is the user's own.
    pub known_hosts: Option<PathBuf>,
    /// Files open at the same time.
    pub concurrency: usize,
    /// How files come under their final names.
    pub recipe: Recipe,
}

/// `[SECURITY]`.
#[derive(Debug)]
pub struct Security {
    /// The key file.
    pub path_encryption_key: PathBuf,
    /// What happens to files under an earlier key.
    pub on_key_change: KeyChangeRule,
}

/// `[REMOTE]`.
#[derive(Clone, Copy, Debug)]
pub struct Remote {
    /// What happens to files that are not as they were delivered.
    pub check: RemoteCheckRule,
}

/// `[SPOOL]`.
#[derive(Clone, Copy, Debug)]
pub struct Spool {
    /// Results up to this size wait in memory, in bytes.
    pub memory_bytes: usize,
    /// What larger ones may take on disk together, in bytes; none for no limit.
    pub max_bytes: Option<u64>,
    /// Free space to leave on the disk, in bytes.
    pub reserve_bytes: u64,
}

impl Configuration {
    /// How to decide, with the key that is in use.
    #[must_use]
    pub fn policy(&self, key: KeyId) -> Policy {
        Policy {
            change: self.requests.change,
            reappeared: self.requests.reappeared,
            drafts: self.requests.drafts,
            on_key_change: self.security.on_key_change,
            remote_check: self.remote.check,
            key,
            guards: self.guards,
        }
    }
}

/// Something that works and should be changed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has problems: all of them.
    #[error("{}", listed(path, problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// By line.
        problems: Vec<Problem>,
    },
}

fn listed(path: &std::path::Path, problems: &[Problem]) -> String {
    let path = path.display();
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{path}{problem}"))
        .collect();
    match lines.as_slice() {
        [only] => only.clone(),
        lines => format!("{} problems\n  {}", lines.len(), lines.join("\n  ")),
    }
}
