//! The pure core of broker-courier: what was seen and done (events), what follows from it (state),
//! what is to be done next (decisions), and the bytes of the log that holds it all.
//!
//! What always holds here: no clock, no environment, no randomness, no network; files only through
//! [`log::Storage`]. Whatever a decision needs comes in as data, so the same log and the same policy
//! give the same plan on any machine, at any time of day. Deliberately absent: effects, retries,
//! configuration files, anything that talks to a broker or a drop-box.

pub mod account;
mod added;
mod bundle_entry;
mod clock;
mod command;
mod completion;
mod counted;
mod decide;
mod decisions;
mod difference;
mod digest;
mod drift;
mod encryption;
mod estrangement;
mod event;
mod evidence;
mod failure;
mod found;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod fuzzing;
mod grounds;
mod held;
mod id;
mod import;
mod kept;
pub mod log;
mod node_names;
mod nodes;
mod number_set;
mod observation;
mod partners;
mod plan;
mod policy;
mod projection;
mod published;
mod quoted;
mod recovered;
mod salt;
mod saved_plan;
mod snapshot;
mod standing;
mod state;
mod time;
mod tip;
pub mod tree;

pub use bundle_entry::BundleEntry;
pub use clock::{BrokerTime, ClockDifference, OtherClock};
pub use command::{
    Command, PatternError, RemoteName, Removal, Replaces, TemporaryPattern, UploadReason,
};
pub use completion::{Completion, Hundredths};
pub use counted::Counted;
pub use decide::{decide, waits_instead_of};
pub use decisions::{Contradiction, Decisions, Otherwise};
pub use difference::{Difference, NodeChange, NodeDifference};
pub use digest::{Digest, SnapshotDigest};
pub use drift::{Drift, Drifted, Look, RemoteDelta, Seen};
pub use encryption::Encryption;
pub use estrangement::{Estrangement, Extent, Renumbered, WholeListDelta};
pub use event::{Delivery, Entry, Event, Placement, RunCounts, RunVerdict};
pub use evidence::Evidence;
pub use failure::{Failure, FailureClass, Phase, RemoteAfterFailure};
pub use found::{Found, Unseen};
pub use grounds::Grounds;
pub use held::Held;
pub use id::{KeyId, LogId, NodeId, RequestId, Sequence};
pub use import::{ImportError, LegacyEntry, LegacyStatus};
pub use kept::{CopyVerdict, KeptCopies};
pub use node_names::{NodeName, NodeNames};
pub use nodes::{NodeStatus, Nodes};
pub use number_set::{NumberSet, Span};
pub use observation::{Fingerprint, Observation};
pub use partners::{
    BrokerAddress, BrokerChange, DropBoxAddress, DropBoxChange, Exchange, Exchanges, Partners,
};
pub use plan::{Blocked, Fallen, Guard, Limit, Plan, Released, Skipped, UnannouncedKey};
pub use policy::{
    ChangeRule, DraftRule, Guards, KeyChangeRule, Policy, ReappearanceRule, RemoteCheckRule,
};
pub use projection::StatusDocument;
pub use published::PublishedSeen;
pub use quoted::Quoted;
pub use recovered::{Adopted, Ancestor, Missing, Recovered};
pub use salt::Salt;
pub use saved_plan::{Moved, SavedPlan};
pub use snapshot::{
    Gone, PORTION_WEIGHT, Poll, PollError, Snapshot, SnapshotDelta, SnapshotPortion, Unreadable,
    WholeList,
};
pub use standing::{Refused, Standing, StatusFound, published_standing, standing};
pub use state::illegal::IllegalEvent;
pub use state::request::{
    Claim, Identity, LedgerLine, Presence, Receipt, Remote, Request, StoredFile, Unproven,
};
pub use state::{Approval, HeldPlan, Intent, Publication, Run, State};
pub use time::Timestamp;
pub use tip::Tip;
pub use tree::{FullTree, Tree};
