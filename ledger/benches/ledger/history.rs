//! A log such as years of runs write it: the broker's requests get one more answer now and then,
//! each change is uploaded, each run publishes the ledger.
//!
//! What always holds here: the same numbers give the same log, and every entry of it is legal.
//! Deliberately absent: whole polls, which would cost more than everything that is measured; what
//! changed is known, so the delta is made from that.

use std::path::Path;

use courier_ledger::log::{EventLog, Files, Journal, LogPlace as _, NewLog};
use courier_ledger::{
    Command, Delivery, Digest, Event, Fingerprint, KeyId, LogId, NodeId, NodeStatus, Observation,
    Placement, RemoteName, RequestId, RunCounts, Sequence, SnapshotDelta, SnapshotDigest,
    Timestamp, UploadReason,
};
use scenario::History;

pub(crate) const LOG: LogId = LogId([7; 16]);
pub(crate) const KEY: KeyId = KeyId(*b"the key.");
const VERSION: &str = "0.1.0";

/// How large the history is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Requests that the broker lists.
    pub(crate) requests: u64,
    /// Nodes of each.
    pub(crate) nodes: u64,
    /// Entries that the log has in the end, or a few more.
    pub(crate) entries: u64,
    /// Requests that change between two runs.
    pub(crate) changes: u64,
}

/// The broker, and what it last showed.
struct Broker {
    requests: Vec<Vec<NodeStatus>>,
    fingerprints: Vec<Option<Digest>>,
    digest: SnapshotDigest,
    turn: u64,
}

impl Broker {
    const PUBLISHED: Option<Timestamp> = Some(Timestamp(1_690_000_000_000_000));

    fn new(size: Size) -> Self {
        let nodes = (0..size.nodes).map(|node| NodeStatus(NodeId(node + 1), None));
        let nodes: Vec<_> = nodes.collect();
        let count = usize::try_from(size.requests).unwrap();
        Self {
            requests: vec![nodes; count],
            fingerprints: vec![None; count],
            digest: SnapshotDigest::EMPTY,
            turn: 0,
        }
    }

    /// A node of this request completes, or completes again.
    fn change(&mut self, request: usize, now: Timestamp) -> Observation {
        self.turn += 1;
        let nodes = &mut self.requests[request];
        let node = usize::try_from(self.turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).unwrap();
        if let Some(count) = nodes.len().checked_sub(1) {
            nodes[node % (count + 1)].1 = Some(Timestamp(now.0 - 60_000_000));
        }
        let id = RequestId(request as u64);
        let observation = Observation::new(id, Self::PUBLISHED, nodes.clone()).unwrap();
        let Fingerprint(part) = observation.fingerprint();
        if let Some(known) = self.fingerprints[request].replace(part) {
            self.digest.remove(known);
        }
        self.digest.add(part);
        observation
    }

    fn snapshot(&self, mut changed: Vec<Observation>) -> Event {
        changed.sort_by_key(|observation| observation.id);
        let known = self.fingerprints.iter().flatten().count();
        Event::SnapshotObserved(SnapshotDelta {
            total: known as u64,
            digest: self.digest,
            changed,
            gone: Vec::new(),
            unreadable: Vec::new(),
            whole: None,
        })
    }
}

/// The writer of the log, and the history that it writes.
struct Writer {
    journal: Journal<Files>,
    history: History,
}

impl Writer {
    fn new(directory: &Path) -> Self {
        let mut history = History::without_log(VERSION, Timestamp(1_700_000_000_000_000));
        history.step_micros = 250_000;
        history.policy.key = KEY;
        history.create(LOG);
        // That one is in the log from its creation.
        drop(history.take_entries());
        Self {
            journal: create(Files::new(directory).unwrap()),
            history,
        }
    }

    /// Writes what was recorded, a thousand at a time.
    fn write(&mut self) {
        if self.history.entries().len() >= 1024 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let first = self.journal.tip().sequence.next();
        let entries = self.history.take_entries().into_iter();
        let events = entries.map(|entry| entry.event).collect();
        self.journal
            .append(first, self.history.now(), events)
            .unwrap();
    }
}

/// Writes the log into an empty directory.
pub(crate) fn write(directory: &Path, size: Size) {
    let mut broker = Broker::new(size);
    let mut writer = Writer::new(directory);
    let first: Vec<_> = (0..broker.requests.len()).collect();
    run(&mut writer, &mut broker, &first);
    let mut next = 0;
    while writer.history.state().tip().0 < size.entries {
        let changes: Vec<_> = (0..size.changes)
            .map(|change| usize::try_from((next + change) % size.requests).unwrap())
            .collect();
        next += size.changes;
        let hour = 3_600_000_000;
        let later = writer.history.now().0 + hour;
        writer.history.set_clock(Timestamp(later));
        run(&mut writer, &mut broker, &changes);
    }
    writer.flush();
    writer.journal.close().unwrap();
}

/// A new log.
pub(crate) fn create<S: courier_ledger::log::Storage>(storage: S) -> Journal<S> {
    let new = NewLog {
        id: LOG,
        version: VERSION.to_owned(),
    };
    storage.create(Timestamp(1), new).unwrap().0
}

fn run(writer: &mut Writer, broker: &mut Broker, changes: &[usize]) {
    writer.history.start_run();
    let reason = |request: &usize| match broker.fingerprints[*request] {
        None => UploadReason::New,
        Some(_) => UploadReason::Changed,
    };
    let reasons: Vec<_> = changes.iter().map(reason).collect();
    let now = writer.history.now();
    let observations: Vec<_> = changes
        .iter()
        .map(|request| broker.change(*request, now))
        .collect();
    writer.history.record(broker.snapshot(observations.clone()));
    // As many at a time as a run has under way: intents first, outcomes as they come.
    for (observations, reasons) in observations.chunks(8).zip(reasons.chunks(8)) {
        let history = &mut writer.history;
        let starts: Vec<_> = observations
            .iter()
            .zip(reasons)
            .map(|(observation, reason)| {
                let command = history.upload(observation.id, *reason).unwrap();
                history.begin(&command)
            })
            .collect();
        for (observation, start) in observations.iter().zip(starts) {
            let delivery = delivery(observation, start);
            history.record(Event::Uploaded {
                start,
                delivery,
                found: None,
                unseen: None,
            });
        }
        writer.write();
    }
    let history = &mut writer.history;
    let name = RemoteName::ledger();
    let start = history.begin(&Command::PublishLedger { name });
    history.record(Event::LedgerPublished {
        start,
        through: start,
        sha256: Digest([5; 32]),
        size_bytes: 180_000,
    });
    history.record(Event::RunFinished {
        counts: RunCounts {
            uploaded: changes.len() as u64,
            unchanged: (broker.requests.len() - changes.len()) as u64,
            ..RunCounts::default()
        },
        duration_micros: 412_345,
        verdict: None,
    });
    writer.write();
}

/// What an upload of this observation delivers.
pub(crate) fn delivery(observation: &Observation, start: Sequence) -> Delivery {
    let sha256 = |what: &[u8]| Digest::of(&[what, &start.0.to_le_bytes()]);
    Delivery {
        name: RemoteName::export(observation.id),
        size_bytes: 87_484,
        plaintext_sha256: sha256(b"plaintext"),
        token_sha256: sha256(b"token"),
        key: KEY,
        placement: Placement::PosixRename,
        contents: None,
    }
}
