//! How the broker's model answers a poll, and what a complete answer showed.
//!
//! What always holds: an answer that is not complete gives no snapshot; if it did, that would be a
//! violation.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    Digest, Evidence, Failure, FailureClass, Gone, NodeId, NodeStatus, Observation, Phase, Poll,
    PollError, RequestId, Snapshot, SnapshotDelta, SnapshotDigest, State, Timestamp,
};

use super::broker::Broker;
use super::step::Answer;
use super::{Property, Violation};

/// Everything that a complete answer showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) observations: BTreeMap<u64, Observation>,
    pub(crate) unreadable: BTreeSet<u64>,
    pub(crate) gone: BTreeMap<u64, Evidence>,
    /// Every request that exists, tagged or not; none when that was not shown.
    pub(crate) whole: Option<BTreeMap<u64, Option<i64>>>,
}

pub(crate) fn failure(phase: Phase) -> Failure {
    Failure {
        phase,
        class: FailureClass::Transient,
        text: "the model wanted it so".to_owned(),
    }
}

/// Polls. `Ok(None)` when the answer was rightly refused.
pub(crate) fn poll(
    broker: &Broker,
    answer: &Answer,
    others_exist: bool,
    trusting: bool,
    state: &State,
) -> Result<Option<(Snapshot, Shown)>, Violation> {
    let empty = matches!(answer, Answer::Empty | Answer::FilteredEmpty);
    let listed: Vec<_> = broker.tagged().filter(|_| !empty).collect();
    let mut listing: Vec<_> = listed
        .iter()
        .map(|(id, offer)| (RequestId(*id), offer.published.map(Timestamp)))
        .collect();
    if let (Answer::ListedTwice, Some(first)) = (answer, listing.first().copied()) {
        listing.push(first);
        let refused = matches!(Poll::begin(listing), Err(PollError::ListedTwice(_)));
        let refusal = || "a list with a number twice was taken".to_owned();
        return Property::NoMassDeletion
            .holds(refused, refusal)
            .map(|()| None);
    }
    if matches!(answer, Answer::Failed) {
        return Ok(None);
    }
    let mut poll = Poll::begin(listing).unwrap();
    let mut shown = Shown::default();
    let mut complete = true;
    for (index, (id, offer)) in listed.iter().enumerate() {
        let request = RequestId(*id);
        match answer {
            Answer::Partial if index + 1 == listed.len() => complete = false,
            Answer::Unreadable(which) if which >> (index % 8) & 1 == 1 => {
                poll.unreadable(request, failure(Phase::Status)).unwrap();
                shown.unreadable.insert(*id);
            }
            Answer::NodeTwice(which) if which >> (index % 8) & 1 == 1 => {
                let twice = vec![NodeStatus(NodeId(1), None); 2];
                poll.read(request, twice).unwrap();
                shown.unreadable.insert(*id);
            }
            _ => {
                // The order of the answer means nothing.
                let mut nodes = offer.node_status();
                nodes.reverse();
                poll.read(request, nodes).unwrap();
                shown.observations.insert(*id, offer.observation(*id));
            }
        }
    }
    let unproven = matches!(answer, Answer::Empty | Answer::NoEvidence);
    if !unproven && !broker.requests.is_empty() {
        let all = broker.requests.iter();
        let whole: BTreeMap<_, _> = all.map(|(id, offer)| (*id, offer.published)).collect();
        let list = whole.iter();
        poll.whole(
            list.map(|(id, at)| (RequestId(*id), at.map(Timestamp)))
                .collect(),
        );
        shown.whole = Some(whole);
    }
    let expected = state.expected();
    for id in poll.missing(&expected) {
        let evidence = match answer {
            _ if trusting => Evidence::Deleted,
            Answer::NotLookedInto => {
                complete = false;
                continue;
            }
            Answer::Empty | Answer::NoEvidence => Evidence::Unconfirmed,
            _ if others_exist && !broker.requests.contains_key(&id.0) => Evidence::Deleted,
            _ => broker.evidence(id.0),
        };
        poll.absent(id, evidence);
        shown.gone.insert(id.0, evidence);
    }
    match (poll.complete(&expected), complete) {
        (Ok(snapshot), true) => Ok(Some((snapshot, shown))),
        (Err(_), false) => Ok(None),
        (Ok(_), false) => {
            Err(Property::NoMassDeletion.violated("half an answer became a snapshot"))
        }
        (Err(error), true) => {
            Err(Property::Legality.violated(format!("a complete poll was refused: {error}")))
        }
    }
}

impl Shown {
    /// How many requests were listed.
    pub(crate) fn total(&self) -> u64 {
        (self.observations.len() + self.unreadable.len()) as u64
    }

    /// The digest of the whole, computed from the whole.
    pub(crate) fn digest(&self) -> SnapshotDigest {
        let mut digest = SnapshotDigest::EMPTY;
        for observation in self.observations.values() {
            digest.add(observation.fingerprint().0);
        }
        for id in &self.unreadable {
            digest.add(Digest::of(&[
                b"broker-courier unreadable\0",
                &id.to_le_bytes(),
            ]));
        }
        digest
    }

    /// Ways in which a recorded delta could be wrong; each must be refused.
    pub(crate) fn falsified(delta: &SnapshotDelta) -> Vec<SnapshotDelta> {
        let mut wrong = Vec::new();
        let mut falsify = |how: &dyn Fn(&mut SnapshotDelta)| {
            let mut copy = delta.clone();
            how(&mut copy);
            wrong.push(copy);
        };
        falsify(&|delta| delta.total += 1);
        falsify(&|delta| delta.digest.add(Digest([1; 32])));
        if !delta.changed.is_empty() {
            falsify(&|delta| {
                delta.changed.pop();
            });
            falsify(&|delta| delta.changed[0].published = Some(Timestamp(-5)));
        }
        if !delta.unreadable.is_empty() {
            falsify(&|delta| {
                delta.unreadable.pop();
            });
        }
        if delta.whole.is_some() {
            falsify(&|delta| delta.whole.get_or_insert_default().total += 1);
        }
        let unknown = RequestId(u64::MAX);
        falsify(&|delta| {
            let evidence = Evidence::Deleted;
            delta.gone.push(Gone {
                id: unknown,
                evidence,
            });
        });
        wrong
    }
}
