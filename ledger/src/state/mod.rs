//! Everything that follows from the log: a fold of its entries, nothing else.
//!
//! What always holds: the same entries give the same state, whatever the machine; the order in which
//! commands that overlapped ended does not show in it. The data is here; how it changes stands in
//! `transition.rs`, in one table of events; `snapshot.rs`, `command.rs`, `keys.rs` and
//! `look.rs` hold its longer rows.

mod acquaintance;
mod approval;
mod command;
pub(crate) mod illegal;
mod keys;
mod look;
mod partners;
mod recovered;
pub(crate) mod request;
mod snapshot;
mod transition;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::command::{Command, RemoteName};
use crate::digest::{Digest, SnapshotDigest};
use crate::event::{RunCounts, RunVerdict};
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::found::Found;
use crate::id::{KeyId, LogId, RequestId, Sequence};
use crate::import::LegacyStatus;
use crate::node_names::NodeNames;
use crate::observation::Observation;
use crate::published::PublishedSeen;
use crate::recovered::Ancestor;
use crate::snapshot::{Gone, SnapshotPortion};
use crate::time::Timestamp;
use crate::tip::Tip;
use acquaintance::Acquaintance;
pub use approval::{Approval, HeldPlan};
use keys::Keys;
use partners::Relations;
use request::{LedgerLine, Leftover, Presence, Request, Unproven};

/// A command that was begun, until its outcome is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The command.
    pub command: Command,
    /// The name under which it writes first, if it writes.
    pub temporary: Option<RemoteName>,
    /// What was found under the final name before it was begun, where that was looked for.
    pub found: Option<Found>,
}

/// What is known of the last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its first entry.
    pub start: Sequence,
    /// When it began.
    pub started: Timestamp,
    /// The key that it encrypts with.
    pub key: KeyId,
    /// Digest of its policy.
    pub policy: Digest,
    /// Whether it has seen a complete snapshot.
    pub polled: bool,
    /// Why it has not.
    pub poll_failure: Option<Failure>,
    /// Whether it has looked at the drop-box.
    pub looked: bool,
    /// The files that this look found not to be as they were delivered, and no earlier one just so.
    pub newly_drifted: BTreeSet<RequestId>,
    /// When and how it ended; none while it is under way, or when it was cut off.
    pub finished: Option<(Timestamp, RunCounts)>,
    /// What it came to; none as long as that, and in ledgers of older versions.
    pub verdict: Option<RunVerdict>,
}

impl Run {
    /// Whether it did all that was to be done.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let Some((_, counts)) = self.finished else {
            return false;
        };
        match &self.verdict {
            Some(verdict) => verdict.exit_code == 0,
            None => self.polled && counts.failed + counts.blocked + counts.unreadable == 0,
        }
    }
}

/// The last publication of `status.xml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The last entry that it showed.
    pub through: Sequence,
    /// When it was recorded.
    pub time: Timestamp,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// The folded log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    log: Option<LogId>,
    tip: Sequence,
    time: Timestamp,
    /// Each in memory of its own: a map of large values is half empty.
    requests: BTreeMap<RequestId, Box<Request>>,
    lines: BTreeMap<(Sequence, u32), RequestId>,
    listing: Listing,
    run: Option<Run>,
    /// When the last run ended that did all that was to be done.
    last_good: Option<Timestamp>,
    intents: BTreeMap<Sequence, Intent>,
    leftovers: BTreeMap<RemoteName, Leftover>,
    held: Option<HeldPlan>,
    approval: Option<Approval>,
    publication: Option<Publication>,
    /// The entry that took over the ledger of the replaced program, if one did.
    legacy: Option<Sequence>,
    /// The last publication that was begun, whatever came of it.
    publishing: Option<Sequence>,
    published_seen: PublishedSeen,
    acquaintance: Acquaintance,
    keys: Keys,
    relations: Relations,
    recovered_from: Option<Tip>,
    ancestors: Vec<Ancestor>,
    node_names: NodeNames,
    /// What was recorded of a poll whose last entry is still to come.
    #[serde(default, skip_serializing_if = "SnapshotPortion::is_empty")]
    portions: SnapshotPortion,
}

/// The last snapshot as a whole, kept up to date from what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    /// How many requests are listed.
    total: u64,
    /// Digest over the observations of the listed requests, readable or not.
    observed: SnapshotDigest,
    /// Listed requests that were never read.
    never_read: BTreeSet<RequestId>,
    /// Requests that could not be read in the last poll.
    unreadable: BTreeMap<RequestId, Failure>,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            total: 0,
            observed: SnapshotDigest::EMPTY,
            never_read: BTreeSet::new(),
            unreadable: BTreeMap::new(),
        }
    }
}

impl State {
    /// What the broker calls its nodes, as far as it was asked.
    #[must_use]
    pub fn node_names(&self) -> &NodeNames {
        &self.node_names
    }

    /// When the last run ended that did all that was to be done.
    #[must_use]
    pub fn last_good(&self) -> Option<Timestamp> {
        self.last_good
    }

    /// The log's identity; none before its first entry.
    #[must_use]
    pub fn log(&self) -> Option<LogId> {
        self.log
    }

    /// The last entry's sequence number.
    #[must_use]
    pub fn tip(&self) -> Sequence {
        self.tip
    }

    /// The last entry's time, by the clock of whoever wrote it.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// What was recorded of a poll whose last entry is still to come: nothing follows from it yet.
    #[must_use]
    pub fn portions(&self) -> &SnapshotPortion {
        &self.portions
    }

    /// Every request that is known, by id.
    pub fn requests(&self) -> impl Iterator<Item = (RequestId, &Request)> {
        self.requests.iter().map(|(id, request)| (*id, &**request))
    }

    /// One request.
    #[must_use]
    pub fn request(&self, id: RequestId) -> Option<&Request> {
        self.requests.get(&id).map(|request| &**request)
    }

    /// How the broker last showed a request, as far as it could be read.
    #[must_use]
    pub fn observed(&self, id: RequestId) -> Option<&Observation> {
        let (observation, _) = self.requests.get(&id)?.observed.as_ref()?;
        Some(observation)
    }

    /// The lines of `status.xml`, in order of first upload.
    pub fn lines(&self) -> impl Iterator<Item = (RequestId, &LedgerLine)> {
        self.lines
            .values()
            .filter_map(|id| Some((*id, self.requests.get(id)?.line.as_ref()?)))
    }

    /// How many requests the last snapshot listed.
    #[must_use]
    pub fn listed(&self) -> u64 {
        self.listing.total
    }

    /// The requests that the last poll could not read.
    pub fn unreadable(&self) -> impl Iterator<Item = (RequestId, &Failure)> {
        self.listing
            .unreadable
            .iter()
            .map(|(id, failure)| (*id, failure))
    }

    /// Why the last poll could not read a request, if it could not.
    pub(crate) fn unreadable_because(&self, id: RequestId) -> Option<&Failure> {
        self.listing.unreadable.get(&id)
    }

    /// How many results stand at the drop-box, as far as is known.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.requests
            .values()
            .filter(|request| request.remote.is_ours())
            .count() as u64
    }

    /// How many results stand at the drop-box under which key, as far as is known; none is that of
    /// the replaced program, which did not record it.
    #[must_use]
    pub fn results_by_key(&self) -> BTreeMap<Option<KeyId>, u64> {
        let mut results = BTreeMap::new();
        let files = self
            .requests
            .values()
            .filter_map(|request| request.remote.file());
        for file in files {
            *results.entry(file.key).or_insert(0) += 1;
        }
        results
    }

    /// The last run.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The commands whose outcome is not known.
    pub fn intents(&self) -> impl Iterator<Item = (Sequence, &Intent)> {
        self.intents.iter().map(|(start, intent)| (*start, intent))
    }

    /// Files that may remain at the drop-box and that nobody needs: temporary ones, and results that were
    /// delivered anew under another name.
    pub fn leftovers(&self) -> impl Iterator<Item = &RemoteName> {
        self.leftovers.keys()
    }

    /// The uploads, one of which must have put there whatever stands under the command's final name, if it
    /// is this ledger's at all: nothing of this ledger's stood there before them.
    #[must_use]
    pub fn unproven(&self, command: &Command) -> Vec<Unproven> {
        let of_request = |id, name: &RemoteName| {
            let request: Option<&Request> = self.request(id);
            let request = request.filter(|it| name.encryption_of(id) == Some(it.encryption));
            request.map(Request::unproven).unwrap_or_default()
        };
        match command {
            Command::Upload { request, name, .. } | Command::Delete { request, name, .. } => {
                of_request(*request, name)
            }
            Command::RemoveTemporary { name } => {
                let left = self.leftovers.get(name);
                left.map(Leftover::unproven).unwrap_or_default()
            }
            Command::PublishLedger { .. } => Vec::new(),
        }
    }

    /// What is put, or may have been put, under this name is the request's file from now on.
    fn turn_to(&mut self, id: RequestId, name: &RemoteName) {
        let Some((request, encryption)) = self.requests.get_mut(&id).zip(name.encryption_of(id))
        else {
            return;
        };
        let before = request.name(id);
        if let Some(left) = request.turn_to(encryption) {
            self.leftovers.insert(before, left);
        }
    }

    /// What is held back until a person decides, and what is left alone, as it was last recorded.
    #[must_use]
    pub fn held(&self) -> Option<&HeldPlan> {
        self.held.as_ref()
    }

    /// What a person has released, until the next complete run has ended.
    #[must_use]
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }

    /// The last publication of `status.xml`.
    #[must_use]
    pub fn publication(&self) -> Option<&Publication> {
        self.publication.as_ref()
    }

    /// The entry that took over the `status.xml` of the replaced program.
    #[must_use]
    pub fn legacy(&self) -> Option<Sequence> {
        self.legacy
    }

    /// The last publication of `status.xml` that was begun, whatever came of it.
    #[must_use]
    pub fn publishing(&self) -> Option<Sequence> {
        self.publishing
    }

    /// How the `status.xml` at the drop-box was found when that was last recorded.
    #[must_use]
    pub fn published_seen(&self) -> &PublishedSeen {
        &self.published_seen
    }

    /// The state that the next run will decide on: every command without an outcome is in doubt, and
    /// nobody has looked at the drop-box yet.
    #[must_use]
    pub fn as_next_run_finds_it(&self) -> Self {
        let mut next = self.clone();
        next.put_intents_in_doubt();
        if let Some(run) = &mut next.run {
            run.looked = false;
        }
        next
    }

    /// The requests that the next list should hold, or whose absence is to be looked into: evidence
    /// holds only for the poll that found it, so a file that still waits for its deletion needs it
    /// anew.
    #[must_use]
    pub fn expected(&self) -> BTreeSet<RequestId> {
        let expected = self
            .requests
            .iter()
            .filter(|(_, request)| match request.presence {
                Presence::Imported | Presence::Listed | Presence::Gone(Evidence::Unconfirmed) => {
                    true
                }
                Presence::Gone(Evidence::Deleted | Evidence::Untagged) => request.remote.is_ours(),
            });
        expected.map(|(id, _)| *id).collect()
    }

    /// As [`Self::expected`], once the next run has begun and has taken over `legacy`, if that is due: so
    /// that the broker can be asked before anything is recorded.
    #[must_use]
    pub fn expected_by_next_run(&self, legacy: Option<&LegacyStatus>) -> BTreeSet<RequestId> {
        let mut expected = self.expected();
        // What is under way will be in doubt, and then it is this ledger's.
        let under_way = self.intents.values().filter_map(|it| it.command.request());
        expected.extend(under_way.filter(|id| self.requests.contains_key(id)));
        let taken_over = legacy.into_iter().flat_map(|it| &it.entries);
        let stored = taken_over.filter(|entry| entry.deleted.is_none());
        expected.extend(stored.map(|entry| entry.id));
        expected
    }

    /// Whether the last snapshot showed the request just so.
    fn shows(&self, id: RequestId, observation: &Observation) -> bool {
        self.requests.get(&id).is_some_and(|request| {
            request.presence == Presence::Listed
                && request
                    .observed
                    .as_ref()
                    .is_some_and(|(known, _)| known == observation)
        })
    }

    /// Whether this is already known about an absent request.
    fn knows_gone(&self, gone: Gone) -> bool {
        self.requests
            .get(&gone.id)
            .is_some_and(|request| request.presence == Presence::Gone(gone.evidence))
    }
}
