//! The embedded AKTIN broker: the admin interface and the calls of two hospitals, in memory.
//!
//! What always holds here: an answer has the real broker's status, headers and bytes, times, UUIDs
//! and the servlet's hash aside (`data/broker-transcript.json`, recorded from the real one). Its own
//! functions act at once and need no network. Deliberately absent: the websocket, XPath beyond
//! comparing tags, targeted requests, anything on disk.

mod bundle;
mod clock;
mod definition;
mod fault;
mod key;
mod predicate;
mod query;
mod reply;
mod resource;
mod routes;
mod server;
mod state;
mod synthetic;
mod xml;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

pub use fault::{Answer, Counters, Route};
pub(crate) use key::properties;

use server::{Server, Shared};
use state::{Database, Delivery, Status};

/// The version that the broker says it has.
const VERSION: &str = "1.5.3-SNAPSHOT";

/// How the broker behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What every call waits for before it is answered.
    pub latency: Duration,
}

/// A broker that runs until it is dropped.
#[derive(Debug)]
pub struct EmbeddedBroker {
    shared: Arc<Shared>,
    server: Server,
}

impl EmbeddedBroker {
    /// The administrator's key.
    pub const ADMIN_KEY: &str = key::ADMIN;
    /// The first hospital's key.
    pub const NODE_1_KEY: &str = key::NODE_1;
    /// The second hospital's key.
    pub const NODE_2_KEY: &str = key::NODE_2;

    /// Starts an empty broker on a free port.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(settings.latency));
        let server = Server::start(Arc::clone(&shared))?;
        Ok(Self { shared, server })
    }

    /// The address below which all paths lie, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Creates and publishes a request with that tag.
    pub fn publish(&self, tag: &str) -> u64 {
        let id = self.draft(tag);
        self.publish_draft(id);
        id
    }

    /// Creates a request with that tag and does not publish it.
    pub fn draft(&self, tag: &str) -> u64 {
        let definition = definition::tagged(tag).into();
        let media_type = definition::MEDIA_TYPE.to_owned();
        self.shared.database().create(definition, media_type)
    }

    /// Publishes a draft.
    pub fn publish_draft(&self, id: u64) {
        let found = self.shared.database().publish(id, Timestamp::now());
        expect(found, id);
    }

    /// The hospital (1 or 2) delivers a result and says that it has completed.
    ///
    /// The hospital's number is not its node id: ids go by first contact, from 0.
    pub fn submit_result(&self, node: u64, id: u64, media_type: &str, body: &[u8]) {
        let now = Timestamp::now();
        let mut database = self.shared.database();
        expect(database.request(id).map(|_| ()), id);
        let delivery = Delivery {
            media_type: media_type.to_owned(),
            body: Bytes::copy_from_slice(body),
            received: now,
        };
        let node = database.contact(key::name_of_hospital(node), now);
        database.deliver(id, node, delivery);
        let media_type = Some(routes::FORM.to_owned());
        database.note((id, node), Status::Completed, media_type, now);
    }

    /// The hospital (1 or 2) reports a status such as `retrieved` or `completed`.
    pub fn set_status(&self, node: u64, id: u64, status: &str) {
        let now = Timestamp::now();
        let mut database = self.shared.database();
        let Some(status) = Status::parse(status) else {
            panic!("the broker knows no status {status:?}");
        };
        let node = database.contact(key::name_of_hospital(node), now);
        let media_type = Some(routes::FORM.to_owned());
        database.note((id, node), status, media_type, now);
    }

    /// From now on the request's bundle is a zip with `status.xml` and one stored entry of that
    /// size, made while it is sent. Statuses stay as they are.
    pub fn set_synthetic_result(&self, id: u64, bytes: u64) {
        self.shared.database().set_synthetic(id, bytes);
    }

    /// Replaces a request's definition by one with another tag.
    pub fn set_tag(&self, id: u64, tag: &str) {
        self.define(id, definition::tagged(tag));
    }

    /// Replaces a request's definition by one that is not XML.
    pub fn break_definition(&self, id: u64) {
        self.define(id, b"not xml".to_vec());
    }

    fn define(&self, id: u64, definition: Vec<u8>) {
        let media_type = definition::MEDIA_TYPE.to_owned();
        let mut database = self.shared.database();
        expect(database.define(id, definition.into(), media_type), id);
    }

    /// Deletes a request; its statuses stay.
    pub fn delete(&self, id: u64) {
        self.shared.database().delete(id);
    }

    /// Closes a request.
    pub fn close(&self, id: u64) {
        let found = self.shared.database().close(id, Timestamp::now());
        expect(found, id);
    }

    /// Everything is gone, and ids begin at 0 again. Faults and counts stay.
    pub fn recreate_database(&self) {
        *self.shared.database() = Database::default();
    }

    /// Forgets all exports, as a restart does: their downloads answer 404.
    pub fn forget_exports(&self) {
        self.shared.database().forget_exports();
    }

    /// The next calls of a route get this answer; orders of the same route queue up.
    pub fn fail_next(&self, route: Route, answer: Answer, times: usize) {
        self.shared.control().order(route, answer, times);
    }

    /// How often the broker was called.
    pub fn counters(&self) -> Counters {
        self.shared.control().counters()
    }
}

/// A test that acts on a request that does not exist is wrong.
fn expect(found: Option<()>, id: u64) {
    assert!(found.is_some(), "there is no request {id}");
}
