//! API keys and whom they belong to: the broker's `api-keys.properties`.
//!
//! What always holds here: a key is never printed. A hospital is known by its name; its node id comes
//! with its first contact.

use std::fmt;

/// The administrator's key.
pub(crate) const ADMIN: &str = "xxxAdmin1234";
/// The first hospital's key.
pub(crate) const NODE_1: &str = "xxxApiKey123";
/// The second hospital's key.
pub(crate) const NODE_2: &str = "xxxApiKey567";

/// Whom a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'k> {
    Admin,
    /// The hospital of that name.
    Node(&'k str),
}

/// The keys that a broker knows: those of one administrator and of hospitals.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeys {
    admin: String,
    /// Key and name of each hospital.
    nodes: Vec<(String, String)>,
}

impl ApiKeys {
    /// The key of an administrator, and no hospital yet.
    pub fn new(admin: &str) -> Self {
        Self {
            admin: admin.to_owned(),
            nodes: Vec::new(),
        }
    }

    /// The same keys and that of one more hospital; `name` is its distinguished name, such as
    /// `CN=Hospital One,O=One,L=A`.
    #[must_use]
    pub fn with_hospital(mut self, key: &str, name: &str) -> Self {
        self.nodes.push((key.to_owned(), name.to_owned()));
        self
    }

    /// Reads an `Authorization` header.
    pub(crate) fn owner(&self, header: &str) -> Option<Owner<'_>> {
        let key = header.strip_prefix("Bearer ")?;
        if key == self.admin {
            return Some(Owner::Admin);
        }
        let (_, name) = self.nodes.iter().find(|(node, _)| node == key)?;
        Some(Owner::Node(name))
    }

    /// The name of a hospital, counted from 1; panics for one that is not there, which is the test's
    /// error.
    pub(crate) fn hospital(&self, number: u64) -> &str {
        let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        match at.and_then(|at| self.nodes.get(at)) {
            Some((_, name)) => name,
            None => panic!("there is no hospital {number} of {}", self.nodes.len()),
        }
    }

    /// The lines of the real broker's `api-keys.properties` for the same keys.
    pub(crate) fn properties(&self) -> String {
        let mut lines = format!("{}=CN=Admin,O=AKTIN,OU=admin\n", self.admin);
        for (key, name) in &self.nodes {
            lines += &format!("{key}={name}\n");
        }
        lines
    }
}

impl Default for ApiKeys {
    /// The keys of an administrator and two hospitals.
    fn default() -> Self {
        Self::new(ADMIN)
            .with_hospital(NODE_1, "CN=Hospital One,O=One,L=A")
            .with_hospital(NODE_2, "CN=Hospital Two,O=Two,L=B")
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.nodes.iter().map(|(_, name)| name.as_str()).collect();
        f.debug_struct("ApiKeys")
            .field("hospitals", &names)
            .finish_non_exhaustive()
    }
}
