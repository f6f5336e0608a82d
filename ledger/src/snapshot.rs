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
use crate::nodes::NodeStatus;
use crate::observation::Observation;
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

/// A part of what changed between two complete polls, recorded before the [`SnapshotDelta`] that it belongs
/// to: one entry has a limit, and a broker has none. It counts with that entry, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotPortion {
    /// New and changed observations, by id, behind those of the portion before.
    pub changed: Vec<Observation>,
    /// Requests that are no longer listed, by id, in the same way.
    pub gone: Vec<Gone>,
    /// Requests that could not be read this time, by id, in the same way.
    pub unreadable: Vec<Unreadable>,
}

/// What takes as much room as the largest portion: in nodes of an observation, of at most some 16 bytes.
pub const PORTION_WEIGHT: usize = 1 << 20;

impl SnapshotPortion {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty() && self.unreadable.is_empty()
    }

    /// Takes in the portion behind it.
    pub(crate) fn extend(&mut self, next: &Self) {
        self.changed.extend_from_slice(&next.changed);
        self.gone.extend_from_slice(&next.gone);
        self.unreadable.extend_from_slice(&next.unreadable);
    }

    fn weight(&self) -> usize {
        let changed = self.changed.iter().map(observation_weight);
        let unreadable = self.unreadable.iter().map(unreadable_weight);
        changed.chain(unreadable).sum::<usize>() + GONE_WEIGHT * self.gone.len()
    }
}

const GONE_WEIGHT: usize = 4;

fn observation_weight(observation: &Observation) -> usize {
    8 + observation.nodes.len()
}

fn unreadable_weight(unreadable: &Unreadable) -> usize {
    8 + unreadable.failure.text.len() / 16
}

impl SnapshotDelta {
    /// Cuts it into portions no heavier than `most`, and what is to be recorded behind them: all of it, where
    /// it is light enough by itself. A single request is never cut.
    #[must_use]
    pub fn portioned(mut self, most: usize) -> (Vec<SnapshotPortion>, Self) {
        let all = self.take(usize::MAX);
        if all.weight() <= most {
            return (Vec::new(), self.with(all));
        }
        let mut portions = vec![SnapshotPortion::default()];
        let mut weight = 0;
        let mut room = |portions: &mut Vec<SnapshotPortion>, more: usize| {
            if weight > 0 && weight + more > most {
                portions.push(SnapshotPortion::default());
                weight = 0;
            }
            weight += more;
        };
        for it in all.changed {
            room(&mut portions, observation_weight(&it));
            if let Some(last) = portions.last_mut() {
                last.changed.push(it);
            }
        }
        for it in all.gone {
            room(&mut portions, GONE_WEIGHT);
            if let Some(last) = portions.last_mut() {
                last.gone.push(it);
            }
        }
        for it in all.unreadable {
            room(&mut portions, unreadable_weight(&it));
            if let Some(last) = portions.last_mut() {
                last.unreadable.push(it);
            }
        }
        let last = portions.pop().unwrap_or_default();
        (portions, self.with(last))
    }

    /// This delta, with what a portion holds.
    fn with(&self, portion: SnapshotPortion) -> Self {
        let SnapshotPortion {
            changed,
            gone,
            unreadable,
        } = portion;
        Self {
            total: self.total,
            digest: self.digest,
            changed,
            gone,
            unreadable,
            whole: self.whole.clone(),
        }
    }

    /// Takes out so many of its requests, in the order in which portions have them.
    pub fn take(&mut self, requests: usize) -> SnapshotPortion {
        fn first<T>(from: &mut Vec<T>, left: &mut usize) -> Vec<T> {
            let count = from.len().min(*left);
            *left -= count;
            let rest = from.split_off(count);
            std::mem::replace(from, rest)
        }
        let mut left = requests;
        SnapshotPortion {
            changed: first(&mut self.changed, &mut left),
            gone: first(&mut self.gone, &mut left),
            unreadable: first(&mut self.unreadable, &mut left),
        }
    }

    /// The delta that it is together with the portions before it.
    pub(crate) fn behind(&self, portions: &SnapshotPortion) -> Self {
        let mut all = portions.clone();
        all.extend(&SnapshotPortion {
            changed: self.changed.clone(),
            gone: self.gone.clone(),
            unreadable: self.unreadable.clone(),
        });
        self.with(all)
    }

    /// What is left of it behind these portions of it.
    #[must_use]
    pub fn after(mut self, portions: &SnapshotPortion) -> Self {
        let known = |id: RequestId| {
            portions.changed.iter().any(|it| it.id == id)
                || portions.gone.iter().any(|it| it.id == id)
                || portions.unreadable.iter().any(|it| it.id == id)
        };
        self.changed.retain(|it| !known(it.id));
        self.gone.retain(|it| !known(it.id));
        self.unreadable.retain(|it| !known(it.id));
        self
    }
}

impl fmt::Display for SnapshotPortion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "part of what the broker lists: {} new or changed, {} gone, {} unreadable",
            self.changed.len(),
            self.gone.len(),
            self.unreadable.len()
        )
    }
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
        self.read_knowing(id, nodes, None)
    }

    /// The same; what is `known` of the request already is not kept a second time.
    pub fn read_knowing(
        &mut self,
        id: RequestId,
        nodes: Vec<NodeStatus>,
        known: Option<&Observation>,
    ) -> Result<(), PollError> {
        let (published, reading) = self.listed.get_mut(&id).ok_or(PollError::NotListed(id))?;
        *reading = match Observation::new(id, *published, nodes) {
            Some(observation) => Reading::Read(observation.sharing(known)),
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

impl Snapshot {
    /// Whether the poll says anything of this request: it is listed, or it is known what became of it.
    #[must_use]
    pub fn tells_of(&self, id: RequestId) -> bool {
        self.observations.contains_key(&id)
            || self.unreadable.contains_key(&id)
            || self.gone.contains_key(&id)
    }
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
