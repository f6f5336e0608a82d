//! Faults on order and counts of calls: what a test asks of the broker beyond its answers.
//!
//! What always holds here: faults of a route are used up in the order in which they were ordered,
//! one per call; a call is in flight from its arrival until its last byte has been handed out.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;

use super::xml;

/// The calls that a test can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `GET broker/request/filtered`.
    List,
    /// `GET broker/request/{id}/status`.
    Status,
    /// `GET broker/request`.
    WholeList,
    /// `GET broker/request/{id}`.
    Definition,
    /// `OPTIONS broker/request/{id}`.
    Existence,
    /// `POST broker/export/request-bundle/{id}`.
    Export,
    /// `GET broker/download/{uuid}`.
    Download,
    /// `GET broker/status`.
    BrokerStatus,
    /// `GET broker/node` and `GET broker/node/{id}`.
    Node,
    /// `GET broker/websocket`.
    Websocket,
    /// Everything else.
    Other,
}

/// What comes instead of the broker's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This answer; the call itself is not carried out.
    Instead {
        /// The HTTP status.
        status: u16,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// This answer with these headers; the call itself is not carried out. A `Content-Length` among
    /// them is sent as it is, even when the body is shorter.
    Custom {
        /// The HTTP status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The true answer, its body in pieces of so many bytes with a pause before each.
    Drip {
        /// The size of a piece, at least 1.
        piece_bytes: u64,
        /// The wait before each piece.
        pause: Duration,
    },
    /// The call is not carried out, and never answered: the connection stays open.
    Silence,
    /// The true answer, whose connection is closed after so many bytes of its body. A body that is
    /// not longer loses its last byte; an answer without a body is left whole.
    Cut(u64),
}

impl Answer {
    /// 302 to another address.
    pub fn redirect(location: &str) -> Self {
        Self::Custom {
            status: 302,
            headers: vec![("location".to_owned(), location.to_owned())],
            body: Vec::new(),
        }
    }

    /// A list of requests, well-formed and empty.
    pub fn empty_list() -> Self {
        Self::Instead {
            status: 200,
            content_type: "application/xml".to_owned(),
            body: xml::request_list([]).in_one_line().into_bytes(),
        }
    }

    /// An error status with a page that a proxy might answer.
    pub fn error(status: u16) -> Self {
        Self::Instead {
            status,
            content_type: "text/html".to_owned(),
            body: format!("<html><body>{status}</body></html>").into_bytes(),
        }
    }
}

/// How often the broker was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All calls.
    pub total: u64,
    /// The calls by route; a route without calls is absent.
    pub by_route: BTreeMap<Route, u64>,
    /// The largest number of calls that were in flight together.
    pub max_in_flight: u64,
    /// The calls that are in flight now.
    pub in_flight: u64,
    /// When the first download was asked for.
    pub first_download: Option<SystemTime>,
}

impl Counters {
    /// The calls of one route.
    pub fn route(&self, route: Route) -> u64 {
        self.by_route.get(&route).copied().unwrap_or_default()
    }
}

/// Orders that wait and calls that came.
#[derive(Debug, Default)]
pub(crate) struct Control {
    faults: BTreeMap<Route, VecDeque<(Answer, usize)>>,
    counters: Counters,
    latency: Duration,
    latency_by_route: BTreeMap<Route, Duration>,
    clock_ahead_seconds: i64,
}

impl Control {
    /// From now on the clock that answers are dated by is so far ahead of the true one.
    pub(crate) fn set_clock_ahead(&mut self, seconds: i64) {
        self.clock_ahead_seconds = seconds;
    }

    /// How far it is ahead.
    pub(crate) fn clock_ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.clock_ahead_seconds)
    }

    /// From now on every call waits that long, routes with a latency of their own aside.
    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// From now on the calls of a route wait that long.
    pub(crate) fn set_route_latency(&mut self, route: Route, latency: Duration) {
        self.latency_by_route.insert(route, latency);
    }

    /// What a call of a route waits for.
    pub(crate) fn latency(&self, route: Route) -> Duration {
        self.latency_by_route
            .get(&route)
            .copied()
            .unwrap_or(self.latency)
    }

    /// Begins to count anew; calls in flight stay in flight.
    pub(crate) fn reset_counters(&mut self) {
        let in_flight = self.counters.in_flight;
        self.counters = Counters {
            in_flight,
            max_in_flight: in_flight,
            ..Counters::default()
        };
    }

    /// Orders the same fault for some calls of a route, behind those that already wait.
    pub(crate) fn order(&mut self, route: Route, answer: Answer, times: usize) {
        if times > 0 {
            let queue = self.faults.entry(route).or_default();
            queue.push_back((answer, times));
        }
    }

    /// Forgets every order.
    pub(crate) fn forget_orders(&mut self) {
        self.faults.clear();
    }

    /// A call arrives: its fault, if one waits.
    pub(crate) fn arrive(&mut self, route: Route) -> Option<Answer> {
        let counters = &mut self.counters;
        counters.total += 1;
        *counters.by_route.entry(route).or_default() += 1;
        counters.in_flight += 1;
        if route == Route::Download {
            counters.first_download.get_or_insert_with(SystemTime::now);
        }
        counters.max_in_flight = counters.max_in_flight.max(counters.in_flight);
        let queue = self.faults.get_mut(&route)?;
        let (answer, times) = queue.front_mut()?;
        *times -= 1;
        if *times > 0 {
            return Some(answer.clone());
        }
        queue.pop_front().map(|(answer, _)| answer)
    }

    /// A call's answer has been handed out.
    pub(crate) fn leave(&mut self) {
        self.counters.in_flight = self.counters.in_flight.saturating_sub(1);
    }

    /// The counts so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counters.clone()
    }
}
