//! How far what is under way has come, for whoever shows it: what the broker is being asked for, and how much
//! of each result was fetched and sent.
//!
//! What always holds here: nothing is decided by it, and nobody ever waits for it. Deliberately absent: words,
//! and how fast it goes, which whoever looks twice can tell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::effects::mutex::lock;

use courier_ledger::RequestId;

/// How far everything has come; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headway(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Asked>,
    statuses_read: AtomicU64,
    flows: Mutex<BTreeMap<RequestId, Arc<Flow>>>,
}

/// What the broker is being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Its list of requests.
    #[default]
    List,
    /// The status of each of so many.
    Statuses {
        /// How many have been read.
        read: u64,
        /// How many there are.
        of: u64,
    },
    /// What became of so many that it lists no longer.
    Absences(u64),
    /// Nothing more: it has answered.
    Nothing,
}

impl Headway {
    /// The broker is asked for something else from now on.
    pub(crate) fn asks(&self, asked: Asked) {
        *lock(&self.0.asked) = asked;
    }

    /// One more status was read.
    pub(crate) fn status_read(&self) {
        self.0.statuses_read.fetch_add(1, Ordering::Relaxed);
    }

    /// What the broker is being asked for.
    pub(crate) fn asked(&self) -> Asked {
        match *lock(&self.0.asked) {
            Asked::Statuses { of, .. } => Asked::Statuses {
                read: self.0.statuses_read.load(Ordering::Relaxed),
                of,
            },
            other => other,
        }
    }

    /// The way of one result.
    pub(crate) fn flow(&self, request: RequestId) -> Arc<Flow> {
        Arc::clone(lock(&self.0.flows).entry(request).or_default())
    }
}

/// How far one result has come, in bytes of its token.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    expected: AtomicU64,
    fetched: AtomicU64,
    sent: AtomicU64,
}

impl Flow {
    /// It is fetched, from its beginning on.
    pub(crate) fn begin(&self, expected: Option<u64>) {
        self.expect(expected.unwrap_or(0));
        self.fetched.store(0, Ordering::Relaxed);
    }

    /// So many bytes are to come; 0: nobody knows.
    pub(crate) fn expect(&self, bytes: u64) {
        self.expected.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes have been fetched.
    pub(crate) fn fetched(&self, bytes: u64) {
        self.fetched.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes have been given to the connection to the drop-box.
    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.store(bytes, Ordering::Relaxed);
    }

    /// How far it is: bytes expected, where that is known, fetched, sent.
    pub(crate) fn now(&self) -> (Option<u64>, u64, u64) {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let expected = Some(load(&self.expected)).filter(|bytes| *bytes > 0);
        (expected, load(&self.fetched), load(&self.sent))
    }
}
