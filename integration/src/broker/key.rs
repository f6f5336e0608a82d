//! API keys and whom they belong to: the broker's `api-keys.properties`, fixed.
//!
//! What always holds here: one administrator and two hospitals.

/// The administrator's key.
pub(crate) const ADMIN: &str = "xxxAdmin1234";
/// The first hospital's key.
pub(crate) const NODE_1: &str = "xxxApiKey123";
/// The second hospital's key.
pub(crate) const NODE_2: &str = "xxxApiKey567";

const NODES: [(&str, &str); 2] = [
    (NODE_1, "CN=Hospital One,O=One,L=A"),
    (NODE_2, "CN=Hospital Two,O=Two,L=B"),
];

/// Whom a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Admin,
    /// The hospital of that name.
    Node(&'static str),
}

impl Key {
    /// Reads an `Authorization` header.
    pub(crate) fn from_header(header: &str) -> Option<Self> {
        let key = header.strip_prefix("Bearer ")?;
        if key == ADMIN {
            return Some(Self::Admin);
        }
        let (_, name) = NODES.iter().find(|(node, _)| *node == key)?;
        Some(Self::Node(name))
    }
}

/// The name of the first or second hospital; panics for another, which is the test's error.
pub(crate) fn name_of_hospital(number: u64) -> &'static str {
    match number {
        1 => NODES[0].1,
        2 => NODES[1].1,
        _ => panic!("there are hospitals 1 and 2, and no {number}"),
    }
}

/// The lines of the real broker's `api-keys.properties` for the same keys.
pub(crate) fn properties() -> String {
    let mut lines = format!("{ADMIN}=CN=Admin,O=AKTIN,OU=admin\n");
    for (key, name) in NODES {
        lines += &format!("{key}={name}\n");
    }
    lines
}
