//! What is to be done, in order, and what is deliberately not done, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::drift::Drift;
use crate::estrangement::Estrangement;
use crate::failure::Failure;
use crate::id::{KeyId, RequestId, Sequence};
use crate::partners::Exchanges;
use crate::policy::Guards;

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
    /// The broker seems to be another one, or to have been set up anew.
    OtherBroker,
    /// The run would encrypt with a key that no run used before and nobody announced.
    UnannouncedKey(KeyId),
    /// Another broker, tag or drop-box is configured than the ledger knows.
    OtherPartner,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skipped {
    /// The broker listed it, and its status could not be read.
    Unreadable(RequestId, Failure),
    /// It is back after it was withdrawn, and the policy says to leave it.
    ReappearanceIgnored(RequestId),
    /// It is a draft, and the policy says to wait.
    Draft(RequestId),
    /// Its name is taken by the result of an earlier broker's request, which a person said to keep.
    NameKept(RequestId),
    /// Its file is not at the drop-box as it was delivered, and the policy says to report that.
    Drifted(RequestId, Drift),
    /// The same, of a file that was put back before: it is not put back again and again.
    DriftedAgain(RequestId, Drift),
}

impl Skipped {
    /// The request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        match self {
            Self::Unreadable(id, _)
            | Self::ReappearanceIgnored(id)
            | Self::Draft(id)
            | Self::NameKept(id)
            | Self::Drifted(id, _)
            | Self::DriftedAgain(id, _) => *id,
        }
    }
}

/// More deletions and overwrites than need no approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// How many are to be done.
    pub wanted: u64,
    /// How many need no approval.
    pub allowed: u64,
    /// How many results are at the drop-box.
    pub stored: u64,
    /// What that follows from.
    pub guards: Guards,
}

/// What an approval releases of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The approval.
    pub approval: Sequence,
    /// What would be blocked without it; they stand among the plan's commands.
    pub commands: Vec<Blocked>,
}

/// An approval that was given for another plan than this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// The approval.
    pub approval: Sequence,
    /// Who gave it.
    pub who: String,
    /// What is blocked now, and was not approved.
    pub added: Vec<Command>,
    /// What was approved, and is no longer to be done.
    pub gone: Vec<Command>,
}

/// The commands that lead from what is to what should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is carried out or shown"]
pub struct Plan {
    /// What is to be done: left-over temporaries, deletions, uploads by id, the ledger last.
    pub commands: Vec<Command>,
    /// What a guard holds back.
    pub blocked: Vec<Blocked>,
    /// What a guard would hold back, and an approval has released.
    pub released: Option<Released>,
    /// The approval that holds no longer, because the world moved.
    pub fallen: Option<Fallen>,
    /// Which partners are configured that are not the known ones: then everything is held back.
    pub exchanges: Exchanges,
    /// What speaks for it that the broker is another one: then everything is held back.
    pub estranged: Option<Estrangement>,
    /// What is left alone, and why.
    pub skipped: Vec<Skipped>,
    /// How many requests need nothing.
    pub unchanged: u64,
    /// The key, where a person must say, or has said by an approval, that it is the right one.
    pub unannounced_key: Option<UnannouncedKey>,
    /// How many deletions and overwrites there are, and how many need no approval, where those are fewer.
    pub limit: Option<Limit>,
    /// The requests that alone are dealt with, where a person wants no others to be, …
    pub only: Option<BTreeSet<RequestId>>,
    /// … and what is to be done, and was set aside for that.
    pub set_aside: Vec<Command>,
}

/// A key that no run used before and nobody announced, and what lies under which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnannouncedKey {
    /// The key.
    pub key: KeyId,
    /// The one that it would be used instead of.
    pub instead_of: KeyId,
    /// How many results lie under which key; none is that of the replaced program.
    pub results: BTreeMap<Option<KeyId>, u64>,
}

impl fmt::Display for UnannouncedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            instead_of,
            results,
        } = self;
        let under = |key: &KeyId| results.get(&Some(*key)).copied().unwrap_or(0);
        write!(
            f,
            "the key {key} is not the last run's, {instead_of}, and nobody announced it: \
             {} results lie under {instead_of}, {} under {key}",
            under(instead_of),
            under(key)
        )
    }
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

    /// Sets aside what is about other requests. Guards have judged all of it before: what they hold back
    /// stays held back, however few of it are left.
    pub fn narrow(&mut self, only: &BTreeSet<RequestId>) {
        let is_other = |command: &Command| command.request().is_some_and(|id| !only.contains(&id));
        let (aside, left) = std::mem::take(&mut self.commands)
            .into_iter()
            .partition(is_other);
        self.commands = left;
        self.set_aside = aside;
        self.only = Some(only.clone());
    }

    /// The commands that change results, those that were set aside included.
    pub fn whole(&self) -> impl Iterator<Item = &Command> {
        self.changes().chain(&self.set_aside)
    }

    /// All commands, those that guards hold back included.
    pub fn all(&self) -> impl Iterator<Item = &Command> {
        let blocked = self.blocked.iter().map(|blocked| &blocked.command);
        self.commands.iter().chain(blocked)
    }

    /// What guards hold back, whether it is released or not.
    pub fn held(&self) -> impl Iterator<Item = &Blocked> {
        let released = self.released.iter().flat_map(|it| &it.commands);
        self.blocked.iter().chain(released)
    }

    /// The approval that each released command needs, by its request.
    #[must_use]
    pub fn approvals(&self) -> BTreeMap<RequestId, Sequence> {
        let released = self.released.iter().flat_map(|released| {
            let requests = released
                .commands
                .iter()
                .filter_map(|it| it.command.request());
            requests.map(|id| (id, released.approval))
        });
        released.collect()
    }

    /// Whether a person must decide something.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.blocked.is_empty() || self.estranged.is_some() || !self.exchanges.is_empty()
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEvidence => "nothing proves that the request was withdrawn",
            Self::EmptyListing => "the broker lists nothing while files are stored",
            Self::OtherPartner => "another partner is configured than the ledger knows",
            Self::OtherBroker => "the broker seems to be another one",
            Self::TooManyDeletions => "more deletions than GUARDS.MAX_DELETIONS allows",
            Self::TooManyOverwrites => {
                "more overwrites by other requests than GUARDS.MAX_DELETIONS allows"
            }
            Self::UnannouncedKey(key) => {
                return write!(
                    f,
                    "the key {key} is not the last run's, and nobody announced it"
                );
            }
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            wanted,
            allowed,
            stored,
            guards,
        } = self;
        write!(
            f,
            "{wanted} of {stored} delivered results would be withdrawn or overwritten, {allowed} may be \
             without a person: GUARDS.MAX_DELETIONS = "
        )?;
        match (guards.max_deletions, guards.max_deletions_percent) {
            (number, 0) => write!(f, "{number}"),
            (0, percent) => write!(f, "\"{percent}%\""),
            (number, percent) => write!(f, "{number} or {percent} %, whichever is more"),
        }?;
        if *allowed == stored / 2 {
            f.write_str(", and never more than half")?;
        }
        Ok(())
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
            Self::NameKept(request) => {
                write!(
                    f,
                    "request {request} waits: its name holds the result of an earlier broker's request, \
                     which was to be kept; when it was moved away, `broker-courier left-behind \
                     --gone` says so"
                )
            }
            Self::Drifted(request, Drift::Missing) => {
                write!(
                    f,
                    "the result of request {request} was delivered, and {} (REMOTE.CHECK; if the recipient \
                     takes files away, \"pickup\" records that)",
                    Drift::Missing
                )
            }
            Self::Drifted(request, drift) => {
                write!(
                    f,
                    "the result of request {request} was delivered, and {drift} (REMOTE.CHECK)"
                )
            }
            Self::DriftedAgain(request, drift) => {
                write!(
                    f,
                    "the result of request {request} was uploaded again for that, and {drift} once more: it is \
                     left alone until it changes; if the recipient takes files away, \
                     REMOTE.CHECK = \"pickup\" records that"
                )
            }
        }
    }
}
