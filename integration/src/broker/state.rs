//! What the broker remembers: requests, statuses, results, nodes and exports.
//!
//! What always holds here: no clock, no network; the time of a change is an argument. Ids are never
//! given twice. Statuses and results outlive the request they belong to, and an export outlives both.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::clock::{to_microseconds, to_milliseconds};
use super::synthetic::Archive;

/// How long an export can be fetched.
const EXPORT_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A request that exists.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) definition: Bytes,
    pub(crate) media_type: String,
    pub(crate) published: Option<Timestamp>,
    pub(crate) closed: Option<Timestamp>,
}

/// What a node can say about a request, in the order in which the broker writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Deleted,
    Retrieved,
    Queued,
    Processing,
    Completed,
    Rejected,
    Failed,
    Expired,
    Interaction,
}

impl Status {
    const ALL: [Self; 9] = [
        Self::Deleted,
        Self::Retrieved,
        Self::Queued,
        Self::Processing,
        Self::Completed,
        Self::Rejected,
        Self::Failed,
        Self::Expired,
        Self::Interaction,
    ];

    /// The name in paths and documents.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retrieved => "retrieved",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Interaction => "interaction",
        }
    }

    /// The status of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What one node has said about one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses {
    pub(crate) times: BTreeMap<Status, Timestamp>,
    pub(crate) media_type: Option<String>,
}

/// What one node has delivered for one request.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) media_type: String,
    pub(crate) body: Bytes,
    pub(crate) received: Timestamp,
}

/// A node that has been in contact.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) last_contact: Timestamp,
}

/// What an export hands out.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A bundle in memory.
    Bundle(Bytes),
    /// A bundle made while it is sent.
    Synthetic(Arc<Archive>),
}

/// An export that can be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) request: u64,
    pub(crate) created: Timestamp,
    pub(crate) content: Content,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Database {
    next_id: u64,
    requests: BTreeMap<u64, Request>,
    statuses: BTreeMap<(u64, u64), Statuses>,
    deliveries: BTreeMap<(u64, u64), Delivery>,
    nodes: Vec<Node>,
    exports: BTreeMap<Uuid, Export>,
    synthetic: BTreeMap<u64, u64>,
}

impl Database {
    /// Adds a draft and gives its id.
    pub(crate) fn create(&mut self, definition: Bytes, media_type: String) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request {
            definition,
            media_type,
            published: None,
            closed: None,
        };
        self.requests.insert(id, request);
        id
    }

    /// A request that exists.
    pub(crate) fn request(&self, id: u64) -> Option<&Request> {
        self.requests.get(&id)
    }

    /// All requests that exist, by id.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (u64, &Request)> {
        self.requests.iter().map(|(id, request)| (*id, request))
    }

    /// Puts another definition into a request. None when there is no such request.
    pub(crate) fn define(&mut self, id: u64, definition: Bytes, media_type: String) -> Option<()> {
        let request = self.requests.get_mut(&id)?;
        request.definition = definition;
        request.media_type = media_type;
        Some(())
    }

    /// Publishes a request; a second time changes nothing. None when there is no such request.
    pub(crate) fn publish(&mut self, id: u64, now: Timestamp) -> Option<()> {
        let request = self.requests.get_mut(&id)?;
        request.published.get_or_insert(to_microseconds(now));
        Some(())
    }

    /// Closes a request; a second time changes nothing. None when there is no such request.
    pub(crate) fn close(&mut self, id: u64, now: Timestamp) -> Option<()> {
        let request = self.requests.get_mut(&id)?;
        request.closed.get_or_insert(to_microseconds(now));
        Some(())
    }

    /// Deletes a request, if it exists.
    pub(crate) fn delete(&mut self, id: u64) {
        self.requests.remove(&id);
    }

    /// The id of the node of that name, given at its first contact.
    pub(crate) fn contact(&mut self, name: &'static str, now: Timestamp) -> u64 {
        let last_contact = to_milliseconds(now);
        let at = self.nodes.iter().position(|node| node.name == name);
        let at = at.unwrap_or_else(|| {
            self.nodes.push(Node { name, last_contact });
            self.nodes.len() - 1
        });
        self.nodes[at].last_contact = last_contact;
        at as u64
    }

    /// The nodes by id.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (u64, &Node)> {
        (0..).zip(&self.nodes)
    }

    /// Notes what a node says; the same status again gets the new time.
    pub(crate) fn note(
        &mut self,
        (id, node): (u64, u64),
        status: Status,
        media_type: Option<String>,
        time: Timestamp,
    ) {
        let statuses = self.statuses.entry((id, node)).or_default();
        statuses.times.insert(status, to_milliseconds(time));
        statuses.media_type = media_type;
    }

    /// What the nodes have said about a request, whether it exists or not.
    pub(crate) fn statuses(&self, id: u64) -> impl Iterator<Item = (u64, &Statuses)> {
        let rows = self.statuses.range((id, 0)..=(id, u64::MAX));
        rows.map(|((_, node), statuses)| (*node, statuses))
    }

    /// Takes a node's result in place of its earlier one.
    pub(crate) fn deliver(&mut self, id: u64, node: u64, delivery: Delivery) {
        self.deliveries.insert((id, node), delivery);
    }

    /// What the nodes have delivered for a request.
    pub(crate) fn deliveries(&self, id: u64) -> impl Iterator<Item = (u64, &Delivery)> {
        let rows = self.deliveries.range((id, 0)..=(id, u64::MAX));
        rows.map(|((_, node), delivery)| (*node, delivery))
    }

    /// From now on a request's bundle holds one entry of that size, made while it is sent.
    pub(crate) fn set_synthetic(&mut self, id: u64, size_bytes: u64) {
        self.synthetic.insert(id, size_bytes);
    }

    /// The size of a request's synthetic result.
    pub(crate) fn synthetic(&self, id: u64) -> Option<u64> {
        self.synthetic.get(&id).copied()
    }

    /// Keeps an export for ten minutes.
    pub(crate) fn keep(&mut self, uuid: Uuid, export: Export) {
        let now = export.created;
        self.exports.retain(|_, export| is_fresh(export, now));
        self.exports.insert(uuid, export);
    }

    /// An export that has not expired.
    pub(crate) fn export(&self, uuid: Uuid, now: Timestamp) -> Option<&Export> {
        self.exports
            .get(&uuid)
            .filter(|export| is_fresh(export, now))
    }

    /// Forgets all exports, as a restart does.
    pub(crate) fn forget_exports(&mut self) {
        self.exports.clear();
    }
}

fn is_fresh(export: &Export, now: Timestamp) -> bool {
    now.duration_since(export.created) < EXPORT_LIFETIME
}
