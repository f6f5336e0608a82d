//! The embedded AKTIN broker: the admin interface and the calls of two hospitals, in memory.
//!
//! What always holds here: an answer has the real broker's status, headers and bytes, times, UUIDs
//! and the servlet's hash aside (`data/broker-transcript.json` and `data/broker-corners.json`, recorded
//! from the real one); the bytes of a bundle alone differ, as its entries are stored. Its own functions
//! act at once and need no network. Deliberately absent: XPath beyond comparing
//! elements, targeted requests, resources of nodes, anything on disk.

mod archive;
mod bundle;
mod clock;
mod definition;
mod fault;
mod key;
mod media_type;
mod noise;
mod predicate;
mod problem;
mod query;
mod reply;
mod resource;
mod routes;
mod server;
mod state;
mod websocket;
mod xml;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

pub use fault::{Answer, Counters, Route};
pub use key::ApiKeys;

use archive::Content;
use server::{Server, Shared};
use state::{Database, Delivery, Status, Statuses};

/// The version that the broker says it has.
const VERSION: &str = "1.5.3-SNAPSHOT";

/// How the broker behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What every call waits for before it is answered.
    pub latency: Duration,
}

/// The media type that the hospitals' own program gives its statuses.
const FORM: &str = "application/x-www-form-urlencoded";

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

    /// Starts an empty broker on a free port, for the three keys above.
    pub fn start(settings: Settings) -> io::Result<Self> {
        Self::start_with_keys(settings, ApiKeys::default())
    }

    /// Starts an empty broker on a free port, for other keys.
    pub fn start_with_keys(settings: Settings, keys: ApiKeys) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(settings.latency, keys));
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
        let mut database = self.shared.database();
        let id = database.create();
        database.define(id, definition::MEDIA_TYPE, definition::tagged(tag).into());
        id
    }

    /// Publishes a draft.
    pub fn publish_draft(&self, id: u64) {
        let found = self.shared.database().publish(id, Timestamp::now());
        expect(found, id);
    }

    /// The hospital (counted from 1) delivers a result and says that it has completed.
    ///
    /// The hospital's number is not its node id: ids go by first contact, from 0.
    pub fn submit_result(&self, hospital: u64, id: u64, media_type: &str, body: &[u8]) {
        let content = Content::Whole(Bytes::copy_from_slice(body));
        self.deliver(hospital, id, media_type, content);
    }

    /// The hospital (counted from 1) delivers so many bytes, which are made while they are sent, and
    /// says that it has completed.
    pub fn submit_synthetic_result(&self, hospital: u64, id: u64, size_bytes: u64) {
        let media_type = "application/octet-stream";
        self.deliver(hospital, id, media_type, Content::Noise(size_bytes));
    }

    fn deliver(&self, hospital: u64, id: u64, media_type: &str, content: Content) {
        let now = Timestamp::now();
        let mut database = self.shared.database();
        expect(database.request(id).map(|_| ()), id);
        let delivery = Delivery {
            media_type: media_type.to_owned(),
            content,
            received: now,
        };
        let node = database.contact(self.shared.keys().hospital(hospital), now);
        database.deliver(id, node, delivery);
        database.note((id, node), Status::Completed, now);
        database.attach((id, node), FORM, Bytes::new());
    }

    /// The hospital (counted from 1) reports a status such as `retrieved` or `completed`.
    pub fn set_status(&self, hospital: u64, id: u64, status: &str) {
        let now = Timestamp::now();
        let mut database = self.shared.database();
        let Some(status) = Status::parse(status) else {
            panic!("the broker knows no status {status:?}");
        };
        let node = database.contact(self.shared.keys().hospital(hospital), now);
        database.note((id, node), status, now);
        database.attach((id, node), FORM, Bytes::new());
    }

    /// From now on the request's only result is one of so many bytes of node 0, which are made while
    /// they are sent. Statuses stay as they are.
    pub fn set_synthetic_result(&self, id: u64, size_bytes: u64) {
        let mut database = self.shared.database();
        database.drop_deliveries(id);
        let delivery = Delivery {
            media_type: "application/octet-stream".to_owned(),
            content: Content::Noise(size_bytes),
            received: Timestamp::now(),
        };
        database.deliver(id, 0, delivery);
    }

    /// From now on so many hospitals have retrieved and completed every request that none of the
    /// others has touched. Their answer is made once, so that the broker costs next to nothing.
    pub fn let_all_complete(&self, hospitals: u64) {
        let retrieved = clock::to_milliseconds(Timestamp::now());
        let rows: Vec<(u64, Statuses)> = (0..hospitals)
            .map(|node| {
                let later = SignedDuration::from_millis((node * 7919 % 86_400_000).cast_signed());
                let completed = retrieved.saturating_add(later).unwrap_or(retrieved);
                let times = [
                    (Status::Retrieved, retrieved),
                    (Status::Completed, completed),
                ];
                let message = Some((FORM.to_owned(), Bytes::new()));
                let times = times.into_iter().collect();
                (node, Statuses { times, message })
            })
            .collect();
        let list = xml::status_list(rows.iter().map(|(node, statuses)| (*node, statuses)));
        self.shared.database().crowd(list.in_one_line().into());
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
        let mut database = self.shared.database();
        expect(database.request(id).map(|_| ()), id);
        database.define(id, definition::MEDIA_TYPE, definition.into());
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

    /// Ends the connections of all who listen to the websocket.
    pub fn end_websockets(&self) {
        self.shared.database().end_websockets();
    }

    /// The next calls of a route get this answer; orders of the same route queue up.
    pub fn fail_next(&self, route: Route, answer: Answer, times: usize) {
        self.shared.control().order(route, answer, times);
    }

    /// Forgets what [`Self::fail_next`] ordered and was not met.
    pub fn forget_faults(&self) {
        self.shared.control().forget_orders();
    }

    /// From now on every call waits that long, routes with a latency of their own aside.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.control().set_latency(latency);
    }

    /// From now on the clock that answers are dated by is so far ahead of the true one.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.control().set_clock_ahead(seconds);
    }

    /// From now on the calls of a route wait that long.
    pub fn set_route_latency(&self, route: Route, latency: Duration) {
        self.shared.control().set_route_latency(route, latency);
    }

    /// Begins to count anew; calls in flight stay in flight.
    pub fn reset_counters(&self) {
        self.shared.control().reset_counters();
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
