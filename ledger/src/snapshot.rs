//! The result of one complete poll.
//!
//! A [`Snapshot`] can only be made from a poll in which every listed request was read or marked
//! unreadable, and every request that is missing from the list was looked into. Half an answer has
//! no type that could mean "delete the rest". Deliberately absent: what is new in it (`state::snapshot`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::added::present;
use crate::digest::{Digest, SnapshotDigest};
use crate::estrangement::WholeListDelta;
use crate::evidence::Evidence;
use crate::failure::Failure;
use crate::id::RequestId;
use crate::observation::{NodeStatus, Observation};
use crate::time::Timestamp;

/// A request that is no longer listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gone {
    /// The request.
    pub id: RequestId,
    /// What is known about why.
    pub evidence: Evidence,
}

/// A request that was listed and whose own status could not be read: nothing is done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// The request.
    pub id: RequestId,
    /// Why.
    pub failure: Failure,
}

impl Unreadable {
    /// Its part in the digest of the whole.
    pub(crate) fn part(id: RequestId) -> Digest {
        Digest::of(&[b"broker-courier unreadable\0", &id.0.to_le_bytes()])
    }
}

/// What changed between two complete polls, with the size and digest of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotDelta {
    /// How many requests the broker listed.
    pub total: u64,
    /// Digest of everything that the poll showed.
    pub digest: SnapshotDigest,
    /// New and changed observations, by id.
    pub changed: Vec<Observation>,
    /// Requests that are no longer listed, or about whose absence more is known now, by id.
    pub gone: Vec<Gone>,
    /// All requests that could not be read this time, by id.
    pub unreadable: Vec<Unreadable>,
    /// What the list of all requests says; absent when it was not read, as by older versions.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub whole: Option<Box<WholeListDelta>>,
}

/// Why a poll is not complete, or contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The list holds a number twice.
    #[error("request {0} is listed twice")]
    ListedTwice(RequestId),
    /// An answer came for a request that is not listed.
    #[error("request {0} was read and is not listed")]
    NotListed(RequestId),
    /// A listed request was neither read nor marked unreadable.
    #[error("request {0} is listed and was not read")]
    NotRead(RequestId),
    /// A request is missing from the list, and nobody looked into it.
    #[error("request {0} is missing from the list, and its absence was not looked into")]
    NotLookedInto(RequestId),
}

enum Reading {
    Pending,
    Read(Observation),
    Unreadable(Failure),
}

/// A poll under way.
pub struct Poll {
    listed: BTreeMap<RequestId, (Option<Timestamp>, Reading)>,
    absent: BTreeMap<RequestId, Evidence>,
    whole: Option<WholeList>,
}

/// Every request that the broker has, tagged or not, with its time of publication.
pub type WholeList = BTreeMap<RequestId, Option<Timestamp>>;

impl Poll {
    /// Begins with the broker's list: each request's number and time of publication.
    pub fn begin(
        listing: impl IntoIterator<Item = (RequestId, Option<Timestamp>)>,
    ) -> Result<Self, PollError> {
        let mut listed = BTreeMap::new();
        for (id, published) in listing {
            if listed.insert(id, (published, Reading::Pending)).is_some() {
                return Err(PollError::ListedTwice(id));
            }
        }
        Ok(Self {
            listed,
            absent: BTreeMap::new(),
            whole: None,
        })
    }

    /// The listed requests, whose status is to be asked for.
    pub fn listed(&self) -> impl Iterator<Item = RequestId> {
        self.listed.keys().copied()
    }

    /// The requests that were expected in the list and are not there: each needs evidence.
    #[must_use]
    pub fn missing(&self, expected: &BTreeSet<RequestId>) -> BTreeSet<RequestId> {
        let listed = |id: &&RequestId| self.listed.contains_key(id);
        expected.iter().filter(|id| !listed(id)).copied().collect()
    }

    /// Takes in one request's status. Nodes that contradict themselves make it unreadable.
    pub fn read(&mut self, id: RequestId, nodes: Vec<NodeStatus>) -> Result<(), PollError> {
        let (published, reading) = self.listed.get_mut(&id).ok_or(PollError::NotListed(id))?;
        *reading = match Observation::new(id, *published, nodes) {
            Some(observation) => Reading::Read(observation),
            None => Reading::Unreadable(Failure {
                phase: crate::failure::Phase::Status,
                class: crate::failure::FailureClass::Transient,
                text: format!("the status of request {id} lists a node twice"),
            }),
        };
        Ok(())
    }

    /// Takes in that one request's status could not be read.
    pub fn unreadable(&mut self, id: RequestId, failure: Failure) -> Result<(), PollError> {
        self.listed.get_mut(&id).ok_or(PollError::NotListed(id))?.1 = Reading::Unreadable(failure);
        Ok(())
    }

    /// Takes in what is known about a request that is missing from the list.
    pub fn absent(&mut self, id: RequestId, evidence: Evidence) {
        self.absent.insert(id, evidence);
    }

    /// Takes in the list of all requests. One that cannot be the same broker's at the same time must
    /// not be taken in.
    pub fn whole(&mut self, whole: WholeList) {
        self.whole = Some(whole);
    }

    /// Ends the poll. An error when any listed request was not asked for, or any that was expected
    /// and is missing was not looked into.
    pub fn complete(self, expected: &BTreeSet<RequestId>) -> Result<Snapshot, PollError> {
        let missing = self.missing(expected);
        if let Some(id) = missing.iter().find(|id| !self.absent.contains_key(id)) {
            return Err(PollError::NotLookedInto(*id));
        }
        let gone = missing
            .into_iter()
            .filter_map(|id| Some((id, *self.absent.get(&id)?)))
            .collect();
        let mut snapshot = Snapshot {
            observations: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            gone,
            whole: self.whole,
        };
        for (id, (_, reading)) in self.listed {
            match reading {
                Reading::Pending => return Err(PollError::NotRead(id)),
                Reading::Read(observation) => {
                    snapshot.observations.insert(id, observation);
                }
                Reading::Unreadable(failure) => {
                    snapshot.unreadable.insert(id, failure);
                }
            }
        }
        Ok(snapshot)
    }
}

/// Everything that one complete poll showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(crate) observations: BTreeMap<RequestId, Observation>,
    pub(crate) unreadable: BTreeMap<RequestId, Failure>,
    pub(crate) gone: BTreeMap<RequestId, Evidence>,
    pub(crate) whole: Option<WholeList>,
}

impl fmt::Display for SnapshotDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "broker lists {}: {} new or changed, {} gone, {} unreadable",
            self.total,
            self.changed.len(),
            self.gone.len(),
            self.unreadable.len()
        )
    }
}
