//! The nodes that touched a request, packed: a state of many requests consists of little else.
//!
//! What always holds here: what was put in comes out, in the same order, whatever it was; two are equal
//! when they list the same. They are written, and read, as the list that they stand for. Deliberately
//! absent: any judgement about the list (`Observation`).

use std::fmt;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use crate::id::NodeId;
use crate::time::Timestamp;

/// One node's part in a request: the pair (node, completed), none while it has not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeStatus(pub NodeId, pub Option<Timestamp>);

/// A list of [`NodeStatus`]; clones share it.
///
/// Each is kept as how its number and its time differ from those before: numbers ascend, and times of
/// one request lie near each other, so that a node takes some eight bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Nodes {
    count: usize,
    packed: Arc<[u8]>,
}

impl Nodes {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = NodeStatus> {
        Unpacking {
            left: self.count,
            rest: &self.packed,
            last: NodeStatus(NodeId(0), None),
            last_time: 0,
        }
    }
}

impl Default for Nodes {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<NodeStatus> for Nodes {
    fn from_iter<I: IntoIterator<Item = NodeStatus>>(nodes: I) -> Self {
        let mut packing = Packing::default();
        for node in nodes {
            packing.push(node);
        }
        packing.end()
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Nodes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Nodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of nodes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Nodes, A::Error> {
                let mut packing = Packing::default();
                while let Some(node) = nodes.next_element()? {
                    packing.push(node);
                }
                Ok(packing.end())
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// A list as it is kept in memory, which is read and written without looking into it: only for what these very
/// sources write and read again.
pub(crate) struct Packed(pub(crate) Nodes);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Nodes { count, packed }) = self;
        (count, Bytes::new(packed)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (count, packed) = <(usize, ByteBuf)>::deserialize(deserializer)?;
        Ok(Self(Nodes {
            count,
            packed: packed.into_vec().into(),
        }))
    }
}

/// A list being packed.
#[derive(Default)]
struct Packing {
    count: usize,
    bytes: Vec<u8>,
    last_node: u64,
    last_time: i64,
}

impl Packing {
    fn push(&mut self, NodeStatus(NodeId(node), completed): NodeStatus) {
        let step = folded(node.wrapping_sub(self.last_node).cast_signed());
        let step = u128::from(step) << 1 | u128::from(completed.is_some());
        push_number(&mut self.bytes, step);
        if let Some(Timestamp(time)) = completed {
            let step = folded(time.wrapping_sub(self.last_time));
            push_number(&mut self.bytes, step.into());
            self.last_time = time;
        }
        self.last_node = node;
        self.count += 1;
    }

    fn end(self) -> Nodes {
        Nodes {
            count: self.count,
            packed: self.bytes.into(),
        }
    }
}

/// A list being read.
struct Unpacking<'n> {
    left: usize,
    rest: &'n [u8],
    last: NodeStatus,
    last_time: i64,
}

impl Iterator for Unpacking<'_> {
    type Item = NodeStatus;

    fn next(&mut self) -> Option<NodeStatus> {
        self.left = self.left.checked_sub(1)?;
        let step = take_number(&mut self.rest);
        let node = u64::try_from(step >> 1).unwrap_or(u64::MAX);
        let node = self.last.0.0.wrapping_add_signed(unfolded(node));
        let mut completed = None;
        if step & 1 == 1 {
            let step = u64::try_from(take_number(&mut self.rest)).unwrap_or(u64::MAX);
            self.last_time = self.last_time.wrapping_add(unfolded(step));
            completed = Some(Timestamp(self.last_time));
        }
        self.last = NodeStatus(NodeId(node), completed);
        Some(self.last)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Unpacking<'_> {}

/// Small for what is near zero, on whichever side.
fn folded(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Only what [`push_number`] wrote is read.
fn take_number(bytes: &mut &[u8]) -> u128 {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u128::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_list() -> impl Strategy<Value = Vec<NodeStatus>> {
        let number = prop_oneof![0..100u64, any::<u64>(), Just(u64::MAX)];
        let time = prop_oneof![0..100i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
        let time = prop::option::of(time.prop_map(Timestamp));
        let node = (number, time).prop_map(|(node, time)| NodeStatus(NodeId(node), time));
        prop::collection::vec(node, 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(
                proptest::test_runner::FileFailurePersistence::Direct("../proptest-regressions/nodes.txt")
            )),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_list_comes_out_as_it_was_put_in_and_is_written_as_a_list(
            list in any_list(), other in any_list()
        ) {
            let nodes: Nodes = list.iter().copied().collect();
            prop_assert_eq!(nodes.len(), list.len());
            prop_assert_eq!(nodes.iter().collect::<Vec<_>>(), &list[..]);
            let others: Nodes = other.iter().copied().collect();
            prop_assert_eq!(nodes == others, list == other);
            let written = rmp_serde::to_vec(&nodes).expect("it can be written");
            prop_assert_eq!(&written, &rmp_serde::to_vec(&list).expect("it can be written"));
            prop_assert_eq!(&rmp_serde::from_slice::<Nodes>(&written).expect("it can be read"), &nodes);
            let packed = rmp_serde::to_vec(&Packed(nodes.clone())).expect("it can be written");
            prop_assert_eq!(rmp_serde::from_slice::<Packed>(&packed).expect("it can be read").0, nodes);
        }
    }

    #[test]
    fn sixty_hospitals_of_one_month_take_little_room() {
        let month = 30 * 86_400_000_000;
        let nodes = (0..60i64).map(|node| {
            let time = 1_764_000_000_000_000 + (node * 7919 % 60) * (month / 60);
            NodeStatus(NodeId(node.cast_unsigned()), Some(Timestamp(time)))
        });
        let nodes: Nodes = nodes.collect();
        assert!(nodes.packed.len() <= 60 * 8, "{}", nodes.packed.len());
    }
}
