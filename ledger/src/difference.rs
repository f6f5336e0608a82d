//! What differs between two observations of one request, for a person who asks why its result is
//! delivered again.
//!
//! What always holds here: two observations with the same fingerprint do not differ. Deliberately absent:
//! whether a difference matters, which is the policy's (`decide`).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::completion::Completion;
use crate::id::NodeId;
use crate::nodes::NodeStatus;
use crate::observation::Observation;
use crate::time::Timestamp;

/// So many nodes are named; the rest is a number.
const NAMED_NODES: usize = 3;

/// What differs between two observations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How far the request had come, …
    pub was: Completion,
    /// … and how far it has come now.
    pub is: Completion,
    /// When it was published, where it was a draft before.
    pub published: Option<Timestamp>,
    /// Whose part has changed, by node.
    pub nodes: Vec<NodeDifference>,
}

/// One node's part in a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct NodeDifference {
    /// The node.
    pub node: NodeId,
    /// What became of its part.
    pub change: NodeChange,
}

/// What became of one node's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeChange {
    /// It takes part now, and has not delivered yet.
    Joined,
    /// It delivered, for the first time.
    Delivered(Timestamp),
    /// It delivered again.
    DeliveredAgain(Timestamp),
    /// It had delivered, and now counts as not having done so.
    TakenBack,
    /// It takes no part any more.
    Left,
}

impl Difference {
    /// What differs in `is` from `was`.
    #[must_use]
    pub fn between(was: &Observation, is: &Observation) -> Self {
        let parts = |observation: &Observation| -> BTreeMap<NodeId, Option<Timestamp>> {
            let nodes = observation.nodes.iter();
            nodes.map(|NodeStatus(node, time)| (node, time)).collect()
        };
        let (before, now) = (parts(was), parts(is));
        let mut changes: BTreeMap<NodeId, NodeChange> = BTreeMap::new();
        for (node, time) in &now {
            let change = match (before.get(node), time) {
                (None, None) => NodeChange::Joined,
                (None | Some(None), Some(time)) => NodeChange::Delivered(*time),
                (Some(Some(known)), Some(time)) if known != time => {
                    NodeChange::DeliveredAgain(*time)
                }
                (Some(Some(_)), None) => NodeChange::TakenBack,
                (Some(Some(_)), Some(_)) | (Some(None), None) => continue,
            };
            changes.insert(*node, change);
        }
        let left = before.keys().filter(|node| !now.contains_key(node));
        changes.extend(left.map(|node| (*node, NodeChange::Left)));
        let nodes = changes.into_iter();
        Self {
            was: was.completion(),
            is: is.completion(),
            published: is.published.filter(|_| was.published.is_none()),
            nodes: nodes
                .map(|(node, change)| NodeDifference { node, change })
                .collect(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said: Vec<String> = Vec::new();
        if self.was != self.is {
            let (was, is) = (self.was, self.is);
            said.push(format!(
                "{} → {} of {}",
                was.in_words(),
                is.completed,
                is.nodes
            ));
        }
        let published = self.published.map(minute);
        said.extend(published.map(|time| format!("published on {time}")));
        said.extend(self.nodes.iter().take(NAMED_NODES).map(ToString::to_string));
        match self.nodes.len().saturating_sub(NAMED_NODES) {
            0 => {}
            1 => said.push("one other node changed".to_owned()),
            more => said.push(format!("{more} other nodes changed")),
        }
        f.write_str(&said.join("; "))
    }
}

impl fmt::Display for NodeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ", self.node)?;
        match self.change {
            NodeChange::Joined => f.write_str("takes part now"),
            NodeChange::Delivered(time) => write!(f, "delivered on {}", minute(time)),
            NodeChange::DeliveredAgain(time) => write!(f, "delivered again on {}", minute(time)),
            NodeChange::TakenBack => f.write_str("took its delivery back"),
            NodeChange::Left => f.write_str("takes no part any more"),
        }
    }
}

/// A time for people, to the minute.
fn minute(time: Timestamp) -> String {
    let text = time.to_legacy();
    format!("{} UTC", text.get(..16).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::RequestId;

    const HOUR: i64 = 3_600_000_000;

    fn observed(published: Option<i64>, nodes: &[(u64, Option<i64>)]) -> Observation {
        let nodes = nodes
            .iter()
            .map(|(node, time)| NodeStatus(NodeId(*node), time.map(Timestamp)));
        let published = published.map(Timestamp);
        Observation::new(RequestId(7), published, nodes.collect()).expect("canonical")
    }

    fn said(was: &[(u64, Option<i64>)], is: &[(u64, Option<i64>)]) -> String {
        Difference::between(&observed(Some(1), was), &observed(Some(1), is)).to_string()
    }

    #[test]
    fn each_thing_that_can_change_has_its_words() {
        assert_eq!(
            said(
                &[(1, Some(0)), (2, Some(0)), (7, None)],
                &[(1, Some(HOUR)), (2, Some(0)), (7, Some(2 * HOUR))]
            ),
            "2 of 3 hospitals → 3 of 3; node 1 delivered again on 1970-01-01 01:00 UTC; node 7 \
             delivered on 1970-01-01 02:00 UTC"
        );
        assert_eq!(
            said(&[(1, Some(0)), (2, Some(0))], &[(2, None), (3, None)]),
            "2 of 2 hospitals → 0 of 2; node 1 takes no part any more; node 2 took its delivery back; \
             node 3 takes part now"
        );
        assert_eq!(
            said(&[], &[(1, None), (2, None), (3, None), (4, None)]),
            "no hospital has answered → 0 of 4; node 1 takes part now; node 2 takes part now; node 3 \
             takes part now; one other node changed"
        );
        let published = Difference::between(&observed(None, &[]), &observed(Some(HOUR), &[]));
        assert_eq!(published.to_string(), "published on 1970-01-01 01:00 UTC");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_changes_the_fingerprint_of_a_published_request_is_said(
            was in nodes(), is in nodes()
        ) {
            let [was, is] = [was, is].map(|nodes| observed(Some(1), &nodes));
            let difference = Difference::between(&was, &is);
            let same = was.fingerprint() == is.fingerprint();
            prop_assert_eq!(difference.to_string().is_empty(), same, "{}", difference);
        }
    }

    fn nodes() -> impl Strategy<Value = Vec<(u64, Option<i64>)>> {
        let time = prop::option::of(0..3i64);
        prop::collection::btree_map(0..5u64, time, 0..5).prop_map(|map| map.into_iter().collect())
    }
}
