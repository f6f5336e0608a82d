//! A log such as years of runs write it: the broker's requests get one more answer now and then,
//! each change is uploaded, each run publishes the ledger.
//!
//! What always holds here: the same numbers give the same log, and every entry of it is legal.

use std::path::Path;

use courier_ledger::log::{EventLog, Files, Journal, LogError, NewLog};
use courier_ledger::{
    Command, Delivery, Digest, Event, Fingerprint, KeyId, LogId, NodeId, NodeStatus, Observation,
    Placement, RemoteName, Replaces, RequestId, RunCounts, Sequence, SnapshotDelta, SnapshotDigest,
    Timestamp, UploadReason,
};

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

/// The broker, and what was last uploaded.
struct Broker {
    requests: Vec<Vec<NodeStatus>>,
    fingerprints: Vec<Option<Digest>>,
    digest: SnapshotDigest,
    now: i64,
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
            now: 1_700_000_000_000_000,
            turn: 0,
        }
    }

    /// A node of this request completes, or completes again.
    fn change(&mut self, request: usize) -> Observation {
        self.turn += 1;
        let nodes = &mut self.requests[request];
        let node = usize::try_from(self.turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).unwrap();
        if let Some(count) = nodes.len().checked_sub(1) {
            nodes[node % (count + 1)].1 = Some(Timestamp(self.now - 60_000_000));
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
        })
    }
}

/// The writer of the log, with the clock of the history.
struct Writer {
    journal: Journal<Files>,
    pending: Vec<Event>,
}

impl Writer {
    fn due(&self) -> Sequence {
        Sequence(self.journal.tip().sequence.0 + 1 + self.pending.len() as u64)
    }

    fn record(&mut self, broker: &mut Broker, event: Event) -> Sequence {
        let sequence = self.due();
        self.pending.push(event);
        broker.now += 250_000;
        if self.pending.len() == 1024 {
            self.flush(broker);
        }
        sequence
    }

    fn flush(&mut self, broker: &Broker) {
        let first = self.journal.tip().sequence.next();
        let events = std::mem::take(&mut self.pending);
        self.journal
            .append(first, Timestamp(broker.now), events)
            .unwrap();
    }
}

/// Writes the log into an empty directory.
pub(crate) fn write(directory: &Path, size: Size) {
    let mut broker = Broker::new(size);
    let mut writer = Writer {
        journal: create(Files::new(directory).unwrap()),
        pending: Vec::new(),
    };
    let first: Vec<_> = (0..broker.requests.len()).collect();
    run(&mut writer, &mut broker, &first);
    let mut next = 0;
    while writer.due().0 < size.entries {
        let changes: Vec<_> = (0..size.changes)
            .map(|change| usize::try_from((next + change) % size.requests).unwrap())
            .collect();
        next += size.changes;
        broker.now += 3_600_000_000;
        run(&mut writer, &mut broker, &changes);
    }
    writer.flush(&broker);
    writer.journal.close().unwrap();
}

/// A new log.
pub(crate) fn create<S: courier_ledger::log::Storage>(storage: S) -> Journal<S> {
    let new = NewLog {
        id: LOG,
        version: VERSION.to_owned(),
    };
    Journal::create::<LogError>(storage, Timestamp(1), new, |_| Ok(())).unwrap()
}

fn run(writer: &mut Writer, broker: &mut Broker, changes: &[usize]) {
    let start = Event::RunStarted {
        version: VERSION.to_owned(),
        policy: Digest([4; 32]),
        key: KEY,
    };
    writer.record(broker, start);
    let firsts: Vec<_> = changes
        .iter()
        .map(|request| broker.fingerprints[*request].is_none())
        .collect();
    let observations: Vec<_> = changes
        .iter()
        .map(|request| broker.change(*request))
        .collect();
    let snapshot = broker.snapshot(observations.clone());
    writer.record(broker, snapshot);
    // As many at a time as a run has under way: intents first, outcomes as they come.
    for (observations, firsts) in observations.chunks(8).zip(firsts.chunks(8)) {
        let starts: Vec<_> = observations
            .iter()
            .zip(firsts)
            .map(|(observation, first)| {
                let command = upload(observation, *first);
                let temporary = command.temporary(LOG, writer.due());
                writer.record(broker, Event::CommandStarted { command, temporary })
            })
            .collect();
        for (observation, start) in observations.iter().zip(starts) {
            let delivery = delivery(observation, start);
            writer.record(broker, Event::Uploaded { start, delivery });
        }
    }
    let command = Command::PublishLedger {
        name: RemoteName::ledger(),
    };
    let temporary = command.temporary(LOG, writer.due());
    let start = writer.record(broker, Event::CommandStarted { command, temporary });
    let published = Event::LedgerPublished {
        start,
        through: start,
        sha256: Digest([5; 32]),
        size_bytes: 180_000,
    };
    writer.record(broker, published);
    let finished = Event::RunFinished {
        counts: RunCounts {
            uploaded: changes.len() as u64,
            unchanged: (broker.requests.len() - changes.len()) as u64,
            ..RunCounts::default()
        },
        duration_micros: 412_345,
    };
    writer.record(broker, finished);
}

fn upload(observation: &Observation, first: bool) -> Command {
    Command::Upload {
        request: observation.id,
        name: RemoteName::export(observation.id),
        published: observation.published,
        fingerprint: observation.fingerprint(),
        completion: observation.completion(),
        reason: if first {
            UploadReason::New
        } else {
            UploadReason::Changed
        },
        replaces: if first {
            Replaces::Nothing
        } else {
            Replaces::Own
        },
    }
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
    }
}
