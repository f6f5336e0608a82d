//! What the broker calls its nodes: which hospital a number stands for.
//!
//! What always holds here: a name is recorded when it is new or another than before, so that the log tells who a
//! number meant at any time. Deliberately absent: any use of names in decisions.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::quoted::Quoted;

/// A node and what the broker calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeName {
    /// Its number.
    pub node: NodeId,
    /// The distinguished name that it logs in with (RFC 4514), as the broker shows it.
    pub name: String,
}

/// The names of nodes by number.
pub type NodeNames = BTreeMap<NodeId, String>;

impl NodeName {
    /// The names among `seen` that are not the `known` ones, by node.
    #[must_use]
    pub fn new_among(seen: &NodeNames, known: &NodeNames) -> Vec<Self> {
        let is_new = |(node, name): &(&NodeId, &String)| known.get(*node) != Some(*name);
        let new = seen.iter().filter(is_new);
        new.map(|(node, name)| Self {
            node: *node,
            name: name.clone(),
        })
        .collect()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.node, Quoted(&self.name))
    }
}
