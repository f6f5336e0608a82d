//! What has happened, in the past tense: the vocabulary of the log. Each kind has its own line in
//! `docs/events.md`; a test holds the two together.
//!
//! What always holds here: a field that came later stands last in its kind, and older entries, which
//! lack it, are read and written without it ([`crate::added`]). Deliberately absent: defaults for anything
//! else, and optional extras for unknown fields. An event of a newer version is refused, never half
//! understood.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::added::present;
use crate::bundle_entry::BundleEntry;
use crate::clock::ClockDifference;
use crate::command::{Command, RemoteName, Removal};
use crate::digest::Digest;
use crate::drift::RemoteDelta;
use crate::failure::{Failure, RemoteAfterFailure};
use crate::found::{AtTheEnd, Found, Unseen};
use crate::held::Held;
use crate::id::{KeyId, LogId, RequestId, Sequence};
use crate::import::LegacyEntry;
use crate::node_names::NodeName;
use crate::number_set::NumberSet;
use crate::partners::{BrokerChange, DropBoxAddress, DropBoxChange, Partners};
use crate::plan::Blocked;
use crate::policy::Policy;
use crate::published::PublishedSeen;
use crate::recovered::Recovered;
use crate::salt::Salt;
use crate::snapshot::{SnapshotDelta, SnapshotPortion};
use crate::time::Timestamp;

/// How a file came to stand under its final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// By `posix-rename@openssh.com`: atomic, whatever stood there.
    PosixRename,
    /// By a plain rename onto a free name.
    Rename,
    /// The old file was unlinked first: for a moment there was neither.
    UnlinkThenRename,
    /// Written under the final name from the start, because the configuration asks for it.
    Direct,
}

/// What was delivered, in words that an auditor can check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The file.
    pub name: RemoteName,
    /// Size of the token in bytes, as the server confirmed it.
    pub size_bytes: u64,
    /// SHA-256 of what was encrypted.
    pub plaintext_sha256: Digest,
    /// SHA-256 of the token.
    pub token_sha256: Digest,
    /// The key that it was encrypted with.
    pub key: KeyId,
    /// How it was put in place.
    pub placement: Placement,
    /// What the bundle held, where its directory could be read; absent in older entries.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub contents: Option<Vec<BundleEntry>>,
}

/// What a run did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCounts {
    /// Results uploaded, those picked up at once included.
    pub uploaded: u64,
    /// Results deleted, those already absent included.
    pub deleted: u64,
    /// Commands that failed, or were left to the next run; older versions counted the publication of
    /// `status.xml` among them.
    pub failed: u64,
    /// Commands that a guard blocked.
    pub blocked: u64,
    /// Requests that the broker listed and could not be read.
    pub unreadable: u64,
    /// Requests with nothing to do.
    pub unchanged: u64,
}

impl fmt::Display for RunCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            uploaded,
            deleted,
            failed,
            blocked,
            unreadable,
            unchanged,
        } = self;
        write!(
            f,
            "{uploaded} uploaded, {deleted} deleted, {failed} failed, {blocked} blocked, \
             {unreadable} unreadable, {unchanged} unchanged"
        )
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunVerdict {
    /// The exit code that it ended with.
    pub exit_code: u8,
    /// The gravest thing that failed, if anything did.
    pub failure: Option<Failure>,
    /// The requests whose results were to be delivered or withdrawn, and were not begun with: that failed before
    /// it was their turn, nobody wanted it of this run, or the plan that it was bound to no longer held. Absent when there are none, and in older entries.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_begun: Option<NumberSet>,
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.exit_code)?;
        if let Some(failure) = &self.failure {
            write!(f, ", {failure}")?;
        }
        match &self.not_begun {
            Some(requests) => write!(f, "; not begun with {requests}"),
            None => Ok(()),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The log began.
    LogCreated {
        /// Its identity.
        log: LogId,
        /// The program's version.
        version: String,
    },
    /// The ledger of the replaced program was taken over.
    LegacyImported {
        /// SHA-256 of the file.
        sha256: Digest,
        /// What it held, in its order.
        entries: Vec<LegacyEntry>,
    },
    /// A run began.
    RunStarted {
        /// The program's version.
        version: String,
        /// Digest of the policy that it decides by.
        policy: Digest,
        /// The key that it encrypts with.
        key: KeyId,
        /// The key that it should have been, where this one has to wait for a person; absent where
        /// nobody has to be asked, and in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        instead_of: Option<KeyId>,
        /// The digest of the saved plan that it is bound to: it does exactly that, or nothing; absent where it
        /// is bound to none, and in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        bound_to: Option<Digest>,
        /// How often runs are to begin, in minutes, where that is configured; absent where it is not, and in older
        /// entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        every_minutes: Option<u32>,
    },
    /// The broker was asked for everything, and answered.
    SnapshotObserved(SnapshotDelta),
    /// The broker was asked, and did not answer usably.
    PollFailed {
        /// How.
        failure: Failure,
    },
    /// A command is about to be carried out: the intent.
    CommandStarted {
        /// The command.
        command: Command,
        /// The name under which it writes first, if it writes.
        temporary: Option<RemoteName>,
        /// The approval that released it, where a guard had held it; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        approval: Option<Sequence>,
        /// What was found under the final name, where it was looked for before this was recorded: only that
        /// nothing was there; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        found: Option<Found>,
    },
    /// A result is in place: every write acknowledged, the size confirmed, the name final.
    Uploaded {
        /// The intent.
        start: Sequence,
        /// What was delivered.
        delivery: Delivery,
        /// What was found under the final name before, where that was looked for; absent in older
        /// entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        found: Option<Found>,
        /// Why nothing was seen afterwards, where that is so; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        unseen: Option<Unseen>,
    },
    /// Every write was acknowledged, and then the recipient took the file away.
    PickedUp {
        /// The intent.
        start: Sequence,
        /// What was delivered.
        delivery: Delivery,
        /// What was found under the final name before, where that was looked for; absent in older
        /// entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        found: Option<Found>,
        /// Why nothing was seen afterwards, where that is so; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        unseen: Option<Unseen>,
    },
    /// A file is no longer at the drop-box.
    Deleted {
        /// The intent.
        start: Sequence,
        /// Whether it was there.
        removal: Removal,
        /// What was found under the final name before, where that was looked for; absent in older
        /// entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        found: Option<Found>,
        /// Why nothing was seen afterwards, where that is so; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        unseen: Option<Unseen>,
    },
    /// A command did not succeed.
    CommandFailed {
        /// The intent.
        start: Sequence,
        /// How.
        failure: Failure,
        /// What it may have left at the drop-box.
        remote: RemoteAfterFailure,
        /// What was found under the final name before, where that was looked for; absent in older
        /// entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        found: Option<Found>,
    },
    /// A person released what a guard had blocked: as older versions recorded it.
    DeletionsApproved {
        /// Digest of exactly what is released.
        plan: Digest,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// `status.xml` is at the drop-box.
    LedgerPublished {
        /// The intent.
        start: Sequence,
        /// The last entry that it shows.
        through: Sequence,
        /// SHA-256 of the file.
        sha256: Digest,
        /// Its size in bytes.
        size_bytes: u64,
    },
    /// A run ended in good order.
    RunFinished {
        /// What it did.
        counts: RunCounts,
        /// How long it took, in microseconds of a monotonic clock.
        duration_micros: u64,
        /// What it came to; absent in older entries.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        verdict: Option<RunVerdict>,
    },
    /// A torn tail was cut off and kept.
    TailRecovered {
        /// Where it began, in bytes.
        offset: u64,
        /// How long it was, in bytes.
        size_bytes: u64,
        /// SHA-256 of the bytes that were cut off.
        sha256: Digest,
    },
    /// The drop-box was looked at.
    RemoteObserved(RemoteDelta),
    /// The drop-box should have been looked at, and could not be.
    RemoteCheckFailed {
        /// How.
        failure: Failure,
    },
    /// What is held back until a person decides, or left alone, is not what it was.
    PlanHeld {
        /// What names it: what an approval is given for.
        digest: Digest,
        /// What it is; nothing when nothing waits any more.
        held: Box<Held>,
    },
    /// A person released exactly what was held back.
    PlanApproved {
        /// The entry that says what was held back.
        held: Sequence,
        /// Its digest.
        plan: Digest,
        /// What is to be thought of the configured broker, where that is not the known one.
        broker: Option<BrokerChange>,
        /// What is to be thought of the configured drop-box, where that is not the known one.
        drop_box: Option<DropBoxChange>,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// The run's partners and rules are not those that were recorded last.
    PartnersDeclared {
        /// Whom it deals with.
        partners: Box<Partners>,
        /// By which rules it decides.
        policy: Policy,
    },
    /// A person says that nothing is left at a drop-box that the ledger no longer delivers to.
    LeftBehindGone {
        /// The drop-box.
        drop_box: DropBoxAddress,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// A person said that results will be encrypted with another key from now on.
    KeyAnnounced {
        /// The key.
        key: KeyId,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// The ledger was begun anew from what the drop-box of a lost one holds.
    LedgerRecovered {
        /// What was found there.
        recovered: Box<Recovered>,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// Our clock and another do not agree; what follows is stamped by ours.
    ClockDiffers(ClockDifference),
    /// The `status.xml` at the drop-box was not found as the run before had found it.
    PublishedLedgerSeen {
        /// How it was found.
        seen: PublishedSeen,
    },
    /// A part of what the broker answered, recorded before the [`Self::SnapshotObserved`] that it counts
    /// with.
    PortionObserved(SnapshotPortion),
    /// The broker calls nodes otherwise than was known, or for the first time.
    NodesNamed {
        /// Each of them, by number.
        nodes: Vec<NodeName>,
    },
    /// A person who knew that its holder was gone took the ledger from it, before its lease had ended. What it had
    /// begun is in doubt.
    LedgerTakenOver {
        /// Who held it, in the holder's own words.
        holder: String,
        /// The number under which it was taken.
        epoch: u64,
        /// Who.
        who: String,
        /// How that is known.
        why: String,
    },
}

/// One table of kinds, for their names in order and for the name of each: a kind that is not in it does
/// not compile.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        impl Event {
            /// Every kind's name, in the order of the vocabulary.
            pub const KINDS: &[&str] = &[$(stringify!($kind)),*];

            /// The name of the event's kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => stringify!($kind),)*
                }
            }
        }
    };
}

kinds![
    LogCreated,
    LegacyImported,
    RunStarted,
    SnapshotObserved,
    PollFailed,
    CommandStarted,
    Uploaded,
    PickedUp,
    Deleted,
    CommandFailed,
    DeletionsApproved,
    LedgerPublished,
    RunFinished,
    TailRecovered,
    RemoteObserved,
    RemoteCheckFailed,
    PlanHeld,
    PlanApproved,
    KeyAnnounced,
    PartnersDeclared,
    LeftBehindGone,
    LedgerRecovered,
    ClockDiffers,
    PublishedLedgerSeen,
    PortionObserved,
    NodesNamed,
    LedgerTakenOver,
];

impl Event {
    /// Whether it tells something about this request by itself. An outcome does not: it names the
    /// intent that it belongs to ([`Self::outcome_of`]), and that names the request.
    #[must_use]
    pub fn concerns(&self, request: RequestId) -> bool {
        match self {
            Self::LegacyImported { entries, .. } => entries.iter().any(|it| it.id == request),
            Self::SnapshotObserved(delta) => {
                delta.changed.iter().any(|it| it.id == request)
                    || delta.gone.iter().any(|it| it.id == request)
                    || delta.unreadable.iter().any(|it| it.id == request)
            }
            Self::PortionObserved(portion) => {
                portion.changed.iter().any(|it| it.id == request)
                    || portion.gone.iter().any(|it| it.id == request)
                    || portion.unreadable.iter().any(|it| it.id == request)
            }
            Self::RemoteObserved(delta) => {
                delta.changed.iter().any(|it| it.id == request)
                    || delta.settled.contains(&request)
                    || delta.picked_up().contains(&request)
            }
            Self::CommandStarted { command, .. } => command.request() == Some(request),
            Self::LedgerRecovered { recovered, .. } => {
                recovered.entries.iter().any(|it| it.id == request)
                    || recovered.adopted.iter().any(|it| it.request == request)
            }
            Self::PlanHeld { held, .. } => {
                let blocked = |it: &Blocked| it.command.request() == Some(request);
                held.commands.iter().any(blocked)
                    || held.left_alone.iter().any(|it| it.request() == request)
            }
            Self::LogCreated { .. }
            | Self::RunStarted { .. }
            | Self::PollFailed { .. }
            | Self::Uploaded { .. }
            | Self::PickedUp { .. }
            | Self::Deleted { .. }
            | Self::CommandFailed { .. }
            | Self::DeletionsApproved { .. }
            | Self::PlanApproved { .. }
            | Self::PartnersDeclared { .. }
            | Self::LeftBehindGone { .. }
            | Self::PublishedLedgerSeen { .. }
            | Self::LedgerPublished { .. }
            | Self::RunFinished { .. }
            | Self::TailRecovered { .. }
            | Self::RemoteCheckFailed { .. }
            | Self::KeyAnnounced { .. }
            | Self::NodesNamed { .. }
            | Self::LedgerTakenOver { .. }
            | Self::ClockDiffers(_) => false,
        }
    }

    /// Whether it holds text that people wrote, names of people or of what is called after them, or the words of
    /// servers: what somebody who has only the hashes around it could guess and confirm.
    #[must_use]
    pub fn holds_text(&self) -> bool {
        match self {
            Self::SnapshotObserved(delta) => !delta.unreadable.is_empty(),
            Self::PortionObserved(portion) => !portion.unreadable.is_empty(),
            Self::RunFinished { verdict, .. } => {
                verdict.as_ref().is_some_and(|it| it.failure.is_some())
            }
            Self::PublishedLedgerSeen { seen } => matches!(seen, PublishedSeen::Unreadable(_)),
            Self::PlanHeld { .. }
            | Self::PollFailed { .. }
            | Self::CommandFailed { .. }
            | Self::DeletionsApproved { .. }
            | Self::PlanApproved { .. }
            | Self::PartnersDeclared { .. }
            | Self::LeftBehindGone { .. }
            | Self::KeyAnnounced { .. }
            | Self::LedgerRecovered { .. }
            | Self::RemoteCheckFailed { .. }
            | Self::NodesNamed { .. }
            | Self::LedgerTakenOver { .. } => true,
            Self::LogCreated { .. }
            | Self::LegacyImported { .. }
            | Self::RunStarted { .. }
            | Self::CommandStarted { .. }
            | Self::Uploaded { .. }
            | Self::PickedUp { .. }
            | Self::Deleted { .. }
            | Self::LedgerPublished { .. }
            | Self::TailRecovered { .. }
            | Self::RemoteObserved(_)
            | Self::ClockDiffers(_) => false,
        }
    }

    /// The entry of the intent whose outcome it is.
    #[must_use]
    pub fn outcome_of(&self) -> Option<Sequence> {
        match self {
            Self::Uploaded { start, .. }
            | Self::PickedUp { start, .. }
            | Self::Deleted { start, .. }
            | Self::LedgerPublished { start, .. }
            | Self::CommandFailed { start, .. } => Some(*start),
            Self::LogCreated { .. }
            | Self::LegacyImported { .. }
            | Self::RunStarted { .. }
            | Self::SnapshotObserved(_)
            | Self::PortionObserved(_)
            | Self::PollFailed { .. }
            | Self::CommandStarted { .. }
            | Self::DeletionsApproved { .. }
            | Self::PlanHeld { .. }
            | Self::PlanApproved { .. }
            | Self::PartnersDeclared { .. }
            | Self::LeftBehindGone { .. }
            | Self::LedgerRecovered { .. }
            | Self::PublishedLedgerSeen { .. }
            | Self::RunFinished { .. }
            | Self::TailRecovered { .. }
            | Self::RemoteObserved(_)
            | Self::RemoteCheckFailed { .. }
            | Self::KeyAnnounced { .. }
            | Self::NodesNamed { .. }
            | Self::LedgerTakenOver { .. }
            | Self::ClockDiffers(_) => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogCreated { log, version } => write!(f, "log {log} created by {version}"),
            Self::LegacyImported { sha256, entries } => {
                write!(
                    f,
                    "status.xml imported: {} entries, SHA-256 {sha256}",
                    entries.len()
                )
            }
            Self::RunStarted {
                version,
                key,
                instead_of,
                bound_to,
                ..
            } => {
                write!(f, "run by {version}, key {key}")?;
                if let Some(last) = instead_of {
                    write!(f, ", which nobody announced in place of {last}")?;
                }
                match bound_to {
                    Some(plan) => write!(f, ", bound to the plan {plan}"),
                    None => Ok(()),
                }
            }
            Self::SnapshotObserved(delta) => delta.fmt(f),
            Self::PollFailed { failure } => write!(f, "poll failed: {failure}"),
            Self::CommandStarted {
                command,
                approval,
                found,
                ..
            } => {
                command.fmt(f)?;
                if let Some(approval) = approval {
                    write!(f, ", released by #{approval}")?;
                }
                AtTheEnd(*found, None).fmt(f)
            }
            Self::Uploaded {
                start,
                delivery,
                found,
                unseen,
            } => {
                write!(
                    f,
                    "#{start}: {} in place, {} bytes{}",
                    delivery.name,
                    delivery.size_bytes,
                    AtTheEnd(*found, *unseen)
                )
            }
            Self::PickedUp {
                start,
                delivery,
                found,
                unseen,
            } => {
                let found = AtTheEnd(*found, *unseen);
                write!(
                    f,
                    "#{start}: {} delivered and picked up{found}",
                    delivery.name
                )
            }
            Self::Deleted {
                start,
                removal,
                found,
                unseen,
            } => {
                let removed = match removal {
                    Removal::Removed => "removed",
                    Removal::AlreadyAbsent => "was already absent",
                };
                write!(f, "#{start}: {removed}{}", AtTheEnd(*found, *unseen))
            }
            Self::CommandFailed {
                start,
                failure,
                found,
                ..
            } => {
                let found = AtTheEnd(*found, None);
                write!(f, "#{start}: failed: {failure}{found}")
            }
            Self::DeletionsApproved { who, why, plan } => {
                write!(f, "plan {plan} approved by {who}: {why}")
            }
            Self::LedgerPublished { start, through, .. } => {
                write!(f, "#{start}: status.xml published, through #{through}")
            }
            Self::RunFinished {
                counts, verdict, ..
            } => {
                write!(f, "run finished: {counts}")?;
                match verdict {
                    Some(verdict) => write!(f, "; {verdict}"),
                    None => Ok(()),
                }
            }
            Self::TailRecovered {
                offset, size_bytes, ..
            } => {
                write!(
                    f,
                    "torn tail of {size_bytes} bytes cut off at byte {offset}"
                )
            }
            Self::RemoteObserved(delta) => delta.fmt(f),
            Self::RemoteCheckFailed { failure } => {
                write!(f, "the drop-box could not be looked at: {failure}")
            }
            Self::PlanHeld { digest, held } => write_held(f, *digest, held),
            Self::PlanApproved { held, who, why, .. } => {
                write!(f, "what #{held} holds back approved by {who}: {why}")
            }
            Self::ClockDiffers(difference) => difference.fmt(f),
            Self::KeyAnnounced { key, who, why } => {
                write!(f, "key {key} announced by {who}: {why}")
            }
            Self::PartnersDeclared { partners, policy } => {
                write!(f, "{partners}; key {}", policy.key)
            }
            Self::LedgerRecovered {
                recovered,
                who,
                why,
            } => write!(
                f,
                "begun anew from ledger {} as of event {}, {} files adopted, {} missing, {} unknown, \
                 by {who}: {why}",
                recovered.lost.log,
                recovered.lost.sequence,
                recovered.adopted.len(),
                recovered.missing().count(),
                recovered.unknown.len()
            ),
            Self::LeftBehindGone { drop_box, who, why } => {
                write!(f, "nothing is left at {drop_box}, says {who}: {why}")
            }
            Self::PublishedLedgerSeen { seen } => seen.fmt(f),
            Self::PortionObserved(portion) => portion.fmt(f),
            Self::LedgerTakenOver {
                holder,
                epoch,
                who,
                why,
            } => write!(
                f,
                "taken over from {holder} under epoch {epoch} by {who}: {why}"
            ),
            Self::NodesNamed { nodes } => {
                let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
                write!(f, "nodes: {}", nodes.join(", "))
            }
        }
    }
}

fn write_held(f: &mut fmt::Formatter<'_>, digest: Digest, held: &Held) -> fmt::Result {
    if held.waits() {
        write!(f, "{} held back as {digest}", held.commands.len())?;
    } else {
        f.write_str("nothing held back")?;
    }
    if !held.left_alone.is_empty() {
        write!(f, ", {} left alone", held.left_alone.len())?;
    }
    if !held.exchanges.is_empty() {
        write!(f, "; {}", held.exchanges)?;
    }
    match &held.estranged {
        Some(estranged) => write!(f, "; {estranged}"),
        None => Ok(()),
    }
}

/// An event in its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub sequence: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// What happened.
    pub event: Event,
    /// What keeps the text in it from being guessed; absent where there is none, and in older entries.
    pub salt: Option<Salt>,
    /// The hash of its frame, and through it of everything before (`docs/log-format.md`).
    pub hash: Digest,
}
