//! What the broker showed of one request, in a canonical form that can be compared by one digest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::completion::Completion;
use crate::digest::Digest;
use crate::id::RequestId;
use crate::nodes::{NodeStatus, Nodes};
use crate::time::Timestamp;

/// One request as the broker showed it in one poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The request's number.
    pub id: RequestId,
    /// When it was published; none for a draft. With the number it is the request's identity.
    pub published: Option<Timestamp>,
    /// The nodes that touched it, ascending, each once; shared between the entry and the state.
    pub nodes: Nodes,
}

impl Observation {
    /// Puts the nodes in order; `None` when a node is listed twice, which says nothing certain.
    #[must_use]
    pub fn new(
        id: RequestId,
        published: Option<Timestamp>,
        mut nodes: Vec<NodeStatus>,
    ) -> Option<Self> {
        nodes.sort_unstable();
        let observation = Self {
            id,
            published,
            nodes: nodes.into_iter().collect(),
        };
        observation.is_canonical().then_some(observation)
    }

    /// The same, with the nodes of `known` where they are equal, so that they are in memory once.
    pub(crate) fn sharing(mut self, known: Option<&Self>) -> Self {
        if let Some(known) = known.filter(|known| known.nodes == self.nodes) {
            self.nodes = known.nodes.clone();
        }
        self
    }

    /// Whether every node is listed once, in ascending order.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        let numbers = self.nodes.iter().map(|NodeStatus(node, _)| node);
        numbers.is_sorted_by(|earlier, later| earlier < later)
    }

    /// How many of the nodes have completed.
    #[must_use]
    pub fn completion(&self) -> Completion {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Completion {
            completed: count(self.nodes.iter().filter(|node| node.1.is_some()).count()),
            nodes: count(self.nodes.len()),
        }
    }

    /// SHA-256 over id, published and nodes, each integer as eight little-endian bytes behind a
    /// byte that tells some (1) from none (0).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut bytes = Vec::with_capacity(64 + 17 * self.nodes.len());
        bytes.extend(b"broker-courier observation\0");
        let time = |bytes: &mut Vec<u8>, time: Option<Timestamp>| match time {
            Some(Timestamp(micros)) => {
                bytes.push(1);
                bytes.extend(micros.to_le_bytes());
            }
            None => bytes.push(0),
        };
        bytes.extend(self.id.0.to_le_bytes());
        time(&mut bytes, self.published);
        for NodeStatus(node, completed) in self.nodes.iter() {
            bytes.extend(node.0.to_le_bytes());
            time(&mut bytes, completed);
        }
        Fingerprint(Digest::of(&[&bytes]))
    }
}

/// Two observations with the same fingerprint are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Digest);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeId;

    fn observed(nodes: &[(u64, Option<i64>)]) -> Option<Observation> {
        let nodes = nodes
            .iter()
            .map(|(id, time)| NodeStatus(NodeId(*id), time.map(Timestamp)))
            .collect();
        Observation::new(RequestId(7), Some(Timestamp(1)), nodes)
    }

    #[test]
    fn the_order_of_the_answer_does_not_matter() {
        assert_eq!(
            observed(&[(2, None), (1, Some(5))]),
            observed(&[(1, Some(5)), (2, None)])
        );
    }

    #[test]
    fn a_node_listed_twice_is_not_an_observation() {
        assert_eq!(observed(&[(1, None), (1, Some(5))]), None);
    }

    #[test]
    fn a_resubmission_changes_the_fingerprint_and_not_the_completion() {
        let [first, second] =
            [5, 6].map(|time| observed(&[(1, Some(time)), (2, None)]).expect("canonical"));
        assert_eq!(first.completion(), second.completion());
        assert_ne!(first.fingerprint(), second.fingerprint());
    }
}
