//! What a delivered bundle held, by the directory at its end.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// One entry of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleEntry {
    /// Its name.
    pub name: String,
    /// Its size in bytes, unpacked.
    pub size_bytes: u64,
    /// Its CRC-32, as the archive tells it (APPNOTE.TXT 4.4.7).
    pub crc32: u32,
}

impl BundleEntry {
    /// The node whose result it is: the broker names it `N_result` and an ending.
    #[must_use]
    pub fn result_of(&self) -> Option<NodeId> {
        let (node, rest) = self.name.split_once('_')?;
        let is_result = rest == "result" || rest.starts_with("result.");
        let node = node.parse().ok().filter(|_| is_result)?;
        Some(NodeId(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_result_tells_its_node() {
        let of = |name: &str| {
            let entry = BundleEntry {
                name: name.to_owned(),
                size_bytes: 1,
                crc32: 2,
            };
            entry.result_of()
        };
        assert_eq!(of("0_result.txt"), Some(NodeId(0)));
        assert_eq!(of("17_result"), Some(NodeId(17)));
        for other in [
            "17_info.xml",
            "status.xml",
            "x_result.txt",
            "1_results.txt",
            "_result.txt",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
