//! The configuration file: read once, at the edge, into types that can be relied on.
//!
//! What always holds: a file of the replaced program loads unchanged; all problems are reported at
//! once, each with its line; no value of a secret appears in any message or `Debug` output.
//! Deliberately absent: the files that keys point to, other than those that hold secrets.

mod document;
mod effective;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod home;
mod keys;
mod kind;
mod load;
mod places;
mod position;
mod problem;
mod reader;
mod schema;
mod server;
mod suggestion;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use courier_ledger::{
    ChangeRule, DraftRule, Encryption, Guards, KeyChangeRule, KeyId, Policy, ReappearanceRule,
    RemoteCheckRule,
};

pub(crate) use effective::{Effective, Origin};
pub use keys::reference_markdown;
pub(crate) use problem::Problem;
pub(crate) use schema::json_schema;
pub(crate) use server::Server;
pub(crate) use template::{Answers, Name, Proof};

use crate::effects::age::Recipients;
use crate::effects::broker;
use crate::effects::evidence::AnchorSettings;
use crate::effects::exposition::Place;
use crate::effects::fernet::KeyFiles;
use crate::effects::ledger_place::Location;
use crate::effects::ping::PingUrl;
use crate::effects::secret_file::Exposed;
use crate::effects::sftp::{Endpoint, PrivateKeyFile};
use crate::effects::spool::SpoolLimits;

/// Everything that a configuration file says, in the types of what it is said to.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The broker, and what it is asked for.
    pub broker: broker::Settings,
    /// The drop-box, without the private key, if there is one: that is still in its file.
    pub drop_box: Endpoint,
    /// The file of the private key that opens the drop-box.
    pub private_key: Option<PrivateKeyFile>,
    /// The files of the key that results are encrypted with, and of earlier ones.
    pub key_files: KeyFiles,
    /// Whom results are encrypted for; none where that is whoever has the key.
    pub recipients: Option<Recipients>,
    /// How to decide.
    pub rules: Rules,
    /// What the spool may take.
    pub spool: SpoolLimits,
    /// Limit for a run as a whole.
    pub deadline: Duration,
    /// How often runs are to begin, in minutes; none where nobody says so.
    pub every_minutes: Option<u32>,
    /// How often a run repeats what failed.
    pub retries: u32,
    /// Who else hears of a run.
    pub reports: Reports,
    /// What signs the ledger, if anything does, and who attests that.
    pub evidence: Option<Evidence>,
    /// After how long `status.xml` is published although it says nothing new; none where that is left to the
    /// command.
    pub publish_at_least: Option<Duration>,
    /// How a process watches that runs on and on.
    pub watch: Watching,
    /// The database of the ledger; none where it is in files.
    pub ledger: Option<Box<courier_postgres::Settings>>,
    /// The folder of the ledger, and of what stays on this machine.
    pub working_dir: PathBuf,
}

impl Configuration {
    /// Where the ledger is.
    pub(crate) fn location(&self) -> Location {
        location(self.ledger.clone(), self.working_dir.clone())
    }
}

fn location(database: Option<Box<courier_postgres::Settings>>, folder: PathBuf) -> Location {
    match database {
        None => Location::Folder(folder),
        Some(settings) => Location::Database {
            settings,
            folder: Some(folder),
        },
    }
}

/// How a process watches that runs on and on.
#[derive(Clone, Debug)]
pub(crate) struct Watching {
    /// How long there may be no run.
    pub interval: Duration,
    /// Where figures and health are told, if anywhere.
    pub listen: Option<Place>,
    /// How long a connection to the drop-box is kept that nobody needs.
    pub idle: Duration,
    /// How long what the broker tells is gathered.
    pub settle: Duration,
}

/// Who else hears of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    /// A file of figures for a monitoring system.
    pub textfile: Option<PathBuf>,
    /// A command that is told of failures.
    pub command: Option<String>,
    /// A monitor that hears of each run.
    pub url: Option<PingUrl>,
}

/// How to decide: a policy, but for the key that is in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// What counts as a change.
    pub change: ChangeRule,
    /// What happens to a request that is back.
    pub reappeared: ReappearanceRule,
    /// What happens to drafts.
    pub drafts: DraftRule,
    /// What happens to files under an earlier key.
    pub on_key_change: KeyChangeRule,
    /// How results are encrypted.
    pub encryption: Encryption,
    /// What happens to files that are not as they were delivered.
    pub remote_check: RemoteCheckRule,
    /// What needs approval.
    pub guards: Guards,
}

impl Rules {
    /// The policy, with the key that is in use.
    #[must_use]
    pub(crate) fn policy(self, key: KeyId) -> Policy {
        let Self {
            change,
            reappeared,
            drafts,
            on_key_change,
            encryption,
            remote_check,
            guards,
        } = self;
        Policy {
            change,
            reappeared,
            drafts,
            on_key_change,
            remote_check,
            key,
            guards,
            encryption,
        }
    }
}

/// Something that works and should be changed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// Of a key's value.
    Key(String),
    /// Of a file with secrets.
    Exposed(Exposed),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(text) => f.write_str(text),
            Self::Exposed(exposed) => exposed.fmt(f),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
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

/// What signs the ledger.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The key.
    pub key: PrivateKeyFile,
    /// Who attests what it signed.
    pub anchors: AnchorSettings,
}
