//! One thing that happened to one request.
//!
//! What always holds here: nothing that the log does not say. Deliberately absent: words.

use serde::Serialize;

use crate::command::{Command, Removal};
use crate::completion::Completion;
use crate::digest::Digest;
use crate::drift::Drift;
use crate::encryption::Encryption;
use crate::event::Delivery;
use crate::evidence::Evidence;
use crate::failure::{Failure, RemoteAfterFailure};
use crate::found::{Found, Unseen};
use crate::id::{KeyId, Sequence};
use crate::import::LegacyEntry;
use crate::nodes::NodeStatus;
use crate::plan::{Guard, Skipped};
use crate::time::Timestamp;

/// What happened, and which entry says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// The entry.
    pub event: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// How a request came to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Appearance {
    /// For the first time.
    First,
    /// Otherwise than before.
    Changed,
    /// After it was gone, or could not be read.
    Again,
    /// Another request under the same number.
    Another,
    /// As it was then; what came before was left out of a redacted copy.
    Then,
}

/// What became of a delivered file at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placed {
    /// It is in place.
    InPlace,
    /// The recipient took it away.
    PickedUp,
}

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// The replaced program had delivered it.
    TakenOver {
        /// What its `status.xml` said.
        entry: LegacyEntry,
    },
    /// A lost ledger had delivered it, and its file was found.
    Adopted {
        /// The size of the file.
        size_bytes: u64,
        /// The key that it is encrypted with.
        key: KeyId,
        /// How it is encrypted.
        #[serde(skip_serializing_if = "Encryption::is_fernet")]
        encryption: Encryption,
    },
    /// The broker showed it.
    Shown {
        /// How it came to be shown.
        appearance: Appearance,
        /// When it was published; none for a draft.
        published: Option<Timestamp>,
        /// How far it had come.
        completion: Completion,
        /// The nodes whose completion was not known before, and when they completed.
        completed: Vec<NodeStatus>,
    },
    /// The broker listed it, and it could not be read.
    Unreadable {
        /// Why.
        failure: Failure,
    },
    /// It could be read again, and was as it had been.
    ReadAgain,
    /// The broker no longer listed it.
    Gone {
        /// What is known about why.
        evidence: Evidence,
        /// The last poll that still listed it.
        last_listed: Option<Timestamp>,
    },
    /// A command was about to be carried out.
    Begun {
        /// The command.
        command: Command,
        /// The approval that released it.
        approval: Option<Sequence>,
        /// The digest of the saved plan that the run was bound to.
        bound_to: Option<Digest>,
    },
    /// A result was delivered.
    Delivered {
        /// The intent.
        start: Sequence,
        /// What was delivered.
        delivery: Delivery,
        /// What became of it at once.
        placed: Placed,
        /// How far the request had come, as the broker had shown it.
        completion: Completion,
        /// The newest completion that the broker had shown before.
        newest_completion: Option<Timestamp>,
        /// What had stood there before.
        found: Option<Found>,
        /// Why nothing was seen afterwards.
        unseen: Option<Unseen>,
    },
    /// A result is no longer at the drop-box.
    Deleted {
        /// The intent.
        start: Sequence,
        /// Whether it was there.
        removal: Removal,
        /// Why nothing was seen afterwards.
        unseen: Option<Unseen>,
    },
    /// A command did not succeed.
    Failed {
        /// The intent.
        start: Sequence,
        /// How.
        failure: Failure,
        /// What it may have left.
        remote: RemoteAfterFailure,
    },
    /// A command has no outcome: the run was cut off.
    CutOff {
        /// The intent.
        start: Sequence,
    },
    /// While a command was under way, a person took the ledger from who carried it out.
    HolderReplaced {
        /// The intent.
        start: Sequence,
        /// Who held the ledger.
        holder: String,
        /// Who took it over.
        who: String,
        /// Why.
        why: String,
    },
    /// A guard held something back.
    Held {
        /// What was held back, in its own words.
        command: Command,
        /// The guard.
        guard: Guard,
        /// What an approval is given for.
        plan: Digest,
    },
    /// It was left alone.
    LeftAlone {
        /// Why.
        skipped: Skipped,
    },
    /// A person released what was held back.
    Approved {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// Its file was found not to be as it was delivered.
    Drifted {
        /// How it differs.
        drift: Drift,
    },
    /// Its file is again as it was delivered.
    Settled,
    /// Its file is gone, which counts as fetched by the recipient.
    Fetched,
}
