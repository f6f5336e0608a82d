//! The broker as it is: requests with nodes, tags and definitions, and a database that can be
//! recreated.
//!
//! What always holds: its own times only grow, as a broker's do that runs without a `Date` header.
//! Deliberately absent: how it answers (`poll`).

use std::collections::BTreeMap;

use courier_ledger::{Evidence, NodeId, NodeStatus, Observation, RequestId, Timestamp};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) published: Option<i64>,
    pub(crate) nodes: BTreeMap<u64, Option<i64>>,
    pub(crate) tagged: bool,
    /// Whether its definition parses, so that a missing tag can be proven.
    pub(crate) sound: bool,
}

/// What people and hospitals do at the broker.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Draft,
    Create,
    Publish(u64),
    Touch {
        id: u64,
        node: u64,
    },
    /// Also a resubmission: a node that completes again gets a new time.
    Complete {
        id: u64,
        node: u64,
    },
    Untag(u64),
    Retag(u64),
    BreakDefinition(u64),
    Delete(u64),
    DeleteAll,
    RecreateDatabase {
        refill: bool,
    },
}

/// The broker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Broker {
    pub(crate) requests: BTreeMap<u64, Offer>,
    next_id: u64,
    time: i64,
}

impl Broker {
    /// The most requests that exist at once.
    pub(crate) const REQUESTS_MAX: u64 = 8;

    /// Another broker: no two publish anything in the same microsecond.
    pub(crate) fn second() -> Self {
        Self {
            time: 1_000_000,
            ..Self::default()
        }
    }

    fn tick(&mut self) -> i64 {
        self.time += 1;
        self.time
    }

    pub(crate) fn take(&mut self, deed: &Deed) {
        let time = self.tick();
        match deed {
            Deed::Draft => self.create(None),
            Deed::Create => self.create(Some(time)),
            Deed::Publish(id) => self.change(*id, |offer| {
                offer.published.get_or_insert(time);
            }),
            Deed::Touch { id, node } => self.change(*id, |offer| {
                offer.nodes.entry(*node).or_insert(None);
            }),
            Deed::Complete { id, node } => self.change(*id, |offer| {
                offer.nodes.insert(*node, Some(time));
            }),
            Deed::Untag(id) => self.change(*id, |offer| offer.tagged = false),
            Deed::Retag(id) => self.change(*id, |offer| {
                offer.tagged = true;
                offer.sound = true;
            }),
            // The broker itself skips what it cannot parse: it looks untagged.
            Deed::BreakDefinition(id) => self.change(*id, |offer| {
                offer.tagged = false;
                offer.sound = false;
            }),
            Deed::Delete(id) => {
                self.requests.remove(id);
            }
            Deed::DeleteAll => self.requests.clear(),
            Deed::RecreateDatabase { refill } => {
                let count = if *refill { self.requests.len() } else { 0 };
                self.requests.clear();
                self.next_id = 0;
                for _ in 0..count {
                    let time = self.tick();
                    self.create(Some(time));
                }
            }
        }
    }

    fn create(&mut self, published: Option<i64>) {
        if self.requests.len() as u64 >= Self::REQUESTS_MAX {
            return;
        }
        let offer = Offer {
            published,
            nodes: BTreeMap::new(),
            tagged: true,
            sound: true,
        };
        self.requests.insert(self.next_id, offer);
        self.next_id += 1;
    }

    fn change(&mut self, id: u64, how: impl FnOnce(&mut Offer)) {
        if let Some(offer) = self.requests.get_mut(&id) {
            how(offer);
        }
    }

    /// The requests that carry the tag.
    pub(crate) fn tagged(&self) -> impl Iterator<Item = (u64, &Offer)> {
        self.requests
            .iter()
            .filter(|(_, offer)| offer.tagged)
            .map(|(id, offer)| (*id, offer))
    }

    pub(crate) fn is_tagged(&self, id: u64) -> bool {
        self.requests.get(&id).is_some_and(|offer| offer.tagged)
    }

    /// What a look into an absence can prove.
    pub(crate) fn evidence(&self, id: u64) -> Evidence {
        match self.requests.get(&id) {
            // An empty list of everything proves nothing.
            None if self.requests.is_empty() => Evidence::Unconfirmed,
            None => Evidence::Deleted,
            Some(offer) if offer.sound && !offer.tagged => Evidence::Untagged,
            Some(_) => Evidence::Unconfirmed,
        }
    }
}

impl Offer {
    pub(crate) fn node_status(&self) -> Vec<NodeStatus> {
        self.nodes
            .iter()
            .map(|(node, time)| NodeStatus(NodeId(*node), time.map(Timestamp)))
            .collect()
    }

    pub(crate) fn observation(&self, id: u64) -> Observation {
        Observation {
            id: RequestId(id),
            published: self.published.map(Timestamp),
            nodes: self.node_status().into_iter().collect(),
        }
    }
}
