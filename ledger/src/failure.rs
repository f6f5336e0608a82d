//! Errors as recorded data: where, of what kind, in words without secrets.
//!
//! Deliberately absent: sources and backtraces; what is recorded must read the same in ten years.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Asking the broker for its list of requests.
    List,
    /// Asking the broker for one request's status.
    Status,
    /// Asking the broker what became of a request that is no longer listed.
    Evidence,
    /// The broker's building of a bundle.
    Export,
    /// Fetching the bundle.
    Download,
    /// Encrypting it.
    Encrypt,
    /// Keeping its ciphertext in the working directory.
    Spool,
    /// Connecting to the SFTP server.
    Connect,
    /// Verifying the server's host key.
    HostKey,
    /// Authenticating to the server.
    Authenticate,
    /// Creating the temporary file.
    Create,
    /// Writing it.
    Write,
    /// Comparing what the server holds with what was sent.
    Confirm,
    /// Putting it under its final name.
    Place,
    /// Removing a file.
    Remove,
    /// Waiting for the outcome: the run ended first.
    Run,
    /// Looking whether delivered files are still as they were.
    Look,
}

/// What an error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// May go away by itself: tried again.
    Transient,
    /// Will not go away by itself within this run.
    Permanent,
    /// Goes away only when a person does something.
    NeedsPerson,
}

/// An error as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Where it happened.
    pub phase: Phase,
    /// What it asks for.
    pub class: FailureClass,
    /// In words, without secrets.
    pub text: String,
}

impl Failure {
    /// That there is no room at the drop-box: bytes are refused for good for nothing else.
    #[must_use]
    pub const fn no_room(text: String) -> Self {
        Self {
            phase: Phase::Write,
            class: FailureClass::Permanent,
            text,
        }
    }

    /// Whether it is that.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        self.phase == Phase::Write && self.class == FailureClass::Permanent
    }
}

/// What a failed command may have left at the drop-box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteAfterFailure {
    /// The final name is as it was, and no temporary file remains.
    Untouched,
    /// The final name is as it was; the temporary file may remain.
    TemporaryMayRemain,
    /// The final name may hold the old version, the new one, (where it had to be unlinked) none, or
    /// (where it is written directly) a part of the new one.
    Uncertain,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "list",
            Self::Status => "status",
            Self::Evidence => "evidence",
            Self::Export => "export",
            Self::Download => "download",
            Self::Encrypt => "encrypt",
            Self::Spool => "spool",
            Self::Connect => "connect",
            Self::HostKey => "host key",
            Self::Authenticate => "authenticate",
            Self::Create => "create",
            Self::Write => "write",
            Self::Confirm => "confirm",
            Self::Place => "place",
            Self::Remove => "remove",
            Self::Run => "run",
            Self::Look => "look",
        })
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::NeedsPerson => "needs a person",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.phase, self.text, self.class)
    }
}
