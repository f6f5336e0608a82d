//! What the broker remembers: requests, statuses, results, nodes and exports.
//!
//! What always holds here: no clock, no network; the time of a change is an argument. Ids are never
//! given twice. Statuses and results outlive the request they belong to, and an export outlives both.
//! As in the broker's tables, definitions, statuses and results need no request of their id.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::archive::{Archive, Content};
use super::clock::{to_microseconds, to_milliseconds};
use super::definition::{self, Element};
use super::media_type;
use super::websocket::Bulletin;

/// How long an export can be fetched.
const EXPORT_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A request that exists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) published: Option<Timestamp>,
    pub(crate) closed: Option<Timestamp>,
}

/// A definition, read once.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) bytes: Bytes,
    /// None when it is not well-formed XML.
    pub(crate) elements: Option<Vec<Element>>,
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

    /// The status of that name, if a node can report it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut reported = Self::ALL
            .into_iter()
            .filter(|status| *status != Self::Deleted);
        reported.find(|status| status.name() == name)
    }
}

/// What one node has said about one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses {
    pub(crate) times: BTreeMap<Status, Timestamp>,
    /// The media type and the text of the last message.
    pub(crate) message: Option<(String, Bytes)>,
}

/// What one node has delivered for one request.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) media_type: String,
    pub(crate) content: Content,
    pub(crate) received: Timestamp,
}

/// A node that has been in contact.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) last_contact: Timestamp,
}

/// An export that can be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) request: u64,
    pub(crate) created: Timestamp,
    pub(crate) archive: Arc<Archive>,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Database {
    next_id: u64,
    requests: BTreeMap<u64, Request>,
    definitions: BTreeMap<(u64, String), Definition>,
    statuses: BTreeMap<(u64, u64), Statuses>,
    deliveries: BTreeMap<(u64, u64), Delivery>,
    nodes: Vec<Node>,
    exports: BTreeMap<Uuid, Export>,
    exports_max: usize,
    /// The status list of every request that no node has touched, made once for all of them.
    crowd: Option<Bytes>,
    bulletin: Bulletin,
}

impl Database {
    /// Where it tells what happens to requests.
    pub(crate) fn bulletin(&self) -> &Bulletin {
        &self.bulletin
    }

    /// Whoever listens is left alone from now on.
    pub(crate) fn end_websockets(&mut self) {
        self.bulletin = Bulletin::default();
    }

    /// From now on every request that no node has touched has this status list.
    pub(crate) fn crowd(&mut self, status_list: Bytes) {
        self.crowd = Some(status_list);
    }

    /// The status list of a request that no node has touched, if one was made for all of them.
    pub(crate) fn crowd_of(&self, id: u64) -> Option<Bytes> {
        let touched = self.statuses(id).next().is_some();
        self.crowd.clone().filter(|_| !touched)
    }

    /// Adds a draft without a definition and gives its id.
    pub(crate) fn create(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.requests.insert(id, Request::default());
        self.bulletin.tell(format!("created {id}"));
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

    /// Puts a definition in place of the request's earlier one of that media type.
    pub(crate) fn define(&mut self, id: u64, media_type: &str, bytes: Bytes) {
        let elements = definition::elements(&bytes);
        let definition = Definition { bytes, elements };
        self.definitions
            .insert((id, media_type.to_owned()), definition);
    }

    /// The definitions of a request with their media types.
    pub(crate) fn definitions(&self, id: u64) -> impl Iterator<Item = (&str, &Definition)> {
        let rows = self.definitions.range((id, String::new())..);
        rows.take_while(move |((other, _), _)| *other == id)
            .map(|((_, media_type), definition)| (media_type.as_str(), definition))
    }

    /// Publishes a request; a second time changes nothing. None when there is no such request.
    pub(crate) fn publish(&mut self, id: u64, now: Timestamp) -> Option<()> {
        let request = self.requests.get_mut(&id)?;
        if request.published.is_none() {
            request.published = Some(to_microseconds(now));
            self.bulletin.tell(format!("published {id}"));
        }
        Some(())
    }

    /// Closes a request; a second time changes nothing. None when there is no such request.
    pub(crate) fn close(&mut self, id: u64, now: Timestamp) -> Option<()> {
        let request = self.requests.get_mut(&id)?;
        if request.closed.is_none() {
            request.closed = Some(to_microseconds(now));
            self.bulletin.tell(format!("closed {id}"));
        }
        Some(())
    }

    /// Deletes a request with its definitions, if it exists.
    pub(crate) fn delete(&mut self, id: u64) {
        self.requests.remove(&id);
        let types: Vec<_> = self
            .definitions(id)
            .map(|(name, _)| name.to_owned())
            .collect();
        for media_type in types {
            self.definitions.remove(&(id, media_type));
        }
    }

    /// The id of the node of that name, given at its first contact.
    pub(crate) fn contact(&mut self, name: &str, now: Timestamp) -> u64 {
        let last_contact = to_milliseconds(now);
        let at = self.nodes.iter().position(|node| node.name == name);
        let at = at.unwrap_or_else(|| {
            let name = name.to_owned();
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

    /// Notes what a node says; the same status again gets the new time, and any ends an interaction.
    pub(crate) fn note(&mut self, (id, node): (u64, u64), status: Status, time: Timestamp) {
        let statuses = self.statuses.entry((id, node)).or_default();
        statuses.times.remove(&Status::Interaction);
        statuses.times.insert(status, to_milliseconds(time));
        let status = status.name();
        self.bulletin.tell(format!("status {id} {node} {status}"));
    }

    /// Keeps the message that came with a status.
    pub(crate) fn attach(&mut self, (id, node): (u64, u64), media_type: &str, text: Bytes) {
        let statuses = self.statuses.entry((id, node)).or_default();
        statuses.message = Some((media_type.to_owned(), text));
    }

    /// Hides a request from a node. None when there is no such request, or it is hidden already.
    pub(crate) fn hide(&mut self, (id, node): (u64, u64), now: Timestamp) -> Option<()> {
        self.request(id)?;
        let statuses = self.statuses.entry((id, node)).or_default();
        let now = to_microseconds(now);
        let earlier = statuses.times.insert(Status::Deleted, now);
        if let Some(earlier) = earlier {
            statuses.times.insert(Status::Deleted, earlier);
        }
        earlier.is_none().then_some(())
    }

    /// What one node has said about a request.
    pub(crate) fn status(&self, id: u64, node: u64) -> Option<&Statuses> {
        self.statuses.get(&(id, node))
    }

    /// What the nodes have said about a request, whether it exists or not.
    pub(crate) fn statuses(&self, id: u64) -> impl Iterator<Item = (u64, &Statuses)> {
        let rows = self.statuses.range((id, 0)..=(id, u64::MAX));
        rows.map(|((_, node), statuses)| (*node, statuses))
    }

    /// Takes a node's result in place of its earlier one.
    pub(crate) fn deliver(&mut self, id: u64, node: u64, delivery: Delivery) {
        let media_type = media_type::told(&delivery.media_type);
        self.bulletin
            .tell(format!("result {id} {node} {media_type}"));
        self.deliveries.insert((id, node), delivery);
    }

    /// What the nodes have delivered for a request.
    pub(crate) fn deliveries(&self, id: u64) -> impl Iterator<Item = (u64, &Delivery)> {
        let rows = self.deliveries.range((id, 0)..=(id, u64::MAX));
        rows.map(|((_, node), delivery)| (*node, delivery))
    }

    /// Drops all results of a request.
    pub(crate) fn drop_deliveries(&mut self, id: u64) {
        self.deliveries.retain(|(other, _), _| *other != id);
    }

    /// Keeps an export for ten minutes.
    pub(crate) fn keep(&mut self, uuid: Uuid, export: Export) {
        let now = export.created;
        self.exports.insert(uuid, export);
        // Looked through when it has doubled: what has expired is not handed out anyway.
        if self.exports.len() > self.exports_max {
            self.exports.retain(|_, export| is_fresh(export, now));
            self.exports_max = 2 * self.exports.len() + 100;
        }
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
