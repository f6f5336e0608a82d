//! What is to be done, in order, and what is deliberately not done, with the reason.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::{Command, RemoteName};
use crate::digest::Digest;
use crate::drift::Drift;
use crate::failure::Failure;
use crate::id::RequestId;

/// What held a command back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The request is no longer listed, and nothing proves why.
    NoEvidence,
    /// The broker listed nothing while files are stored, and not every disappearance has evidence.
    EmptyListing,
    /// More deletions than allowed.
    TooManyDeletions,
    /// More overwrites by another request under the same number than allowed.
    TooManyOverwrites,
}

/// A command that a guard held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// The command.
    pub command: Command,
    /// The guard.
    pub guard: Guard,
}

/// A request that is left alone although something about it is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The broker listed it, and its status could not be read.
    Unreadable(RequestId, Failure),
    /// It is back after it was withdrawn, and the policy says to leave it.
    ReappearanceIgnored(RequestId),
    /// It is a draft, and the policy says to wait.
    Draft(RequestId),
    /// Its file is not at the drop-box as it was delivered, and the policy says to report that.
    Drifted(RequestId, Drift),
}

/// The commands that lead from what is to what should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is carried out or shown"]
pub struct Plan {
    /// What is to be done: left-over temporaries, deletions, uploads by id, the ledger last.
    pub commands: Vec<Command>,
    /// What a guard holds back.
    pub blocked: Vec<Blocked>,
    /// What is left alone, and why.
    pub skipped: Vec<Skipped>,
    /// How many requests need nothing.
    pub unchanged: u64,
}

impl Plan {
    /// The commands that change results; the ledger's own publication is not one of them.
    pub fn changes(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| match command {
            Command::PublishLedger { .. } => false,
            Command::RemoveTemporary { .. } | Command::Delete { .. } | Command::Upload { .. } => {
                true
            }
        })
    }

    /// Names exactly the blocked commands and their guards: what an approval holds for.
    #[must_use]
    pub fn approval_digest(&self) -> Digest {
        let text: String = self
            .blocked
            .iter()
            .map(|blocked| format!("{blocked:?}\n"))
            .collect();
        Digest::of(&[b"broker-courier approval 1\n", text.as_bytes()])
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEvidence => "nothing proves that the request was withdrawn",
            Self::EmptyListing => "the broker lists nothing while files are stored",
            Self::TooManyDeletions => "more deletions than GUARDS.MAX_DELETIONS allows",
            Self::TooManyOverwrites => {
                "more overwrites by other requests than GUARDS.MAX_DELETIONS allows"
            }
        })
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(request, failure) => {
                write!(f, "request {request} could not be read: {failure}")
            }
            Self::ReappearanceIgnored(request) => {
                write!(
                    f,
                    "request {request} is back and ignored (REQUESTS.REAPPEARED)"
                )
            }
            Self::Draft(request) => {
                write!(
                    f,
                    "request {request} is not published yet (REQUESTS.DRAFTS)"
                )
            }
            Self::Drifted(request, drift) => {
                write!(
                    f,
                    "{} was delivered, and {drift} (REMOTE.CHECK)",
                    RemoteName::export(*request)
                )
            }
        }
    }
}
