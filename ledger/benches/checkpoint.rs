//! How long a long log takes to open, with its checkpoint and without, and how large a state is.
//!
//! `cargo bench -p courier-ledger --bench checkpoint [-- ENTRIES [REQUESTS [NODES]]]` writes a log of
//! so many entries (5,000,000 about 1,000 requests of 30 nodes) into the build folder and removes it
//! again; it needs about 500 bytes of disk an entry. Deliberately absent: a cold cache. What lies
//! before the checkpoint is not read, so there is little that a cold one could add.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed, measures time and prints"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use courier_ledger::log::{EventLog as _, Files, Ledger, NewLog, read_state};
use courier_ledger::*;

const LOG: LogId = LogId([7; 16]);
const KEY: KeyId = KeyId(*b"the key.");
const VERSION: &str = "0.1.0";
const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
const PUBLISHED: Option<Timestamp> = Some(Timestamp(1_690_000_000_000_000));
/// Requests that change between two runs.
const CHANGES: u64 = 10;
const ROUNDS: usize = 21;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = words
        .iter()
        .filter_map(|word| word.replace([',', '_'], "").parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (entries, requests, nodes) = (number(0, 5_000_000), number(1, 1_000), number(2, 30));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path();
    let began = Instant::now();
    let state = write(path, entries, requests, nodes);
    let size = |name: &str| std::fs::metadata(path.join(name)).unwrap().len();
    println!(
        "written    {} entries, {requests} requests of {nodes} nodes, {} MB of log, in {:.1} s",
        state.tip(),
        size("ledger.log") >> 20,
        began.elapsed().as_secs_f64()
    );
    println!(
        "state      {} bytes of checkpoint",
        size("ledger.checkpoint")
    );

    let (writing, reading) = (timed(path, ROUNDS, opened), timed(path, ROUNDS, read));
    show("with it", &writing, &reading);
    assert_eq!(opened(path), state);
    assert_eq!(read(path), state);
    std::fs::remove_file(path.join("ledger.checkpoint")).unwrap();
    let (writing, reading) = (timed(path, 1, opened), timed(path, 1, read));
    show("without", &writing, &reading);
    assert_eq!(opened(path), state);
}

/// As `run` opens it.
fn opened(path: &Path) -> State {
    Ledger::open(Files::new(path).unwrap(), TIME).unwrap().state
}

/// As `status` and `plan` read it.
fn read(path: &Path) -> State {
    read_state(&Files::new(path).unwrap()).unwrap().0
}

/// How long each of some rounds takes, ascending.
fn timed(path: &Path, rounds: usize, open: fn(&Path) -> State) -> Vec<Duration> {
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let began = Instant::now();
            let state = open(path);
            let time = began.elapsed();
            drop(state);
            time
        })
        .collect();
    times.sort_unstable();
    times
}

fn show(what: &str, writing: &[Duration], reading: &[Duration]) {
    let line = |times: &[Duration]| {
        let millis = |time: &Duration| time.as_secs_f64() * 1e3;
        let (first, middle) = (&times[0], &times[times.len() / 2]);
        let last = &times[times.len() - 1];
        format!(
            "{:.2} ms (best {:.2}, worst {:.2} of {})",
            millis(middle),
            millis(first),
            millis(last),
            times.len()
        )
    };
    println!("{what}    open {}", line(writing));
    println!("{what}    read {}", line(reading));
}

/// A log such as years of runs leave: a few requests get one more answer, each is uploaded, each run
/// publishes the ledger. Gives the state that it ends with, and leaves a checkpoint of it.
fn write(path: &Path, entries: u64, requests: u64, nodes: u64) -> State {
    let new = NewLog {
        id: LOG,
        version: VERSION.to_owned(),
    };
    let mut ledger = Ledger::create(Files::new(path).unwrap(), TIME, new).unwrap();
    let mut broker = Broker {
        nodes: vec![
            vec![None; usize::try_from(nodes).unwrap()];
            usize::try_from(requests).unwrap()
        ],
        shown: vec![None; usize::try_from(requests).unwrap()],
        digest: SnapshotDigest::EMPTY,
    };
    let mut pending = Vec::new();
    let mut next = 0;
    while ledger.state.tip().0 + (pending.len() as u64) < entries {
        let changes = if next == 0 {
            requests
        } else {
            CHANGES.min(requests)
        };
        let ids: Vec<u64> = (next..next + changes).map(|id| id % requests).collect();
        next += changes;
        let due = Sequence(ledger.state.tip().0 + 1 + pending.len() as u64);
        broker.run(ids, due, &mut pending);
        if pending.len() >= 8 * 1024 {
            append(&mut ledger, &mut pending);
        }
    }
    append(&mut ledger, &mut pending);
    ledger.journal.leave_checkpoint(&ledger.state).unwrap();
    ledger.journal.close().unwrap();
    ledger.state
}

fn append(ledger: &mut Ledger<Files>, pending: &mut Vec<Event>) {
    let due = ledger.journal.tip().sequence.next();
    let events = std::mem::take(pending);
    for entry in ledger.journal.append(due, TIME, events).unwrap() {
        ledger.state = std::mem::take(&mut ledger.state).apply(&entry).unwrap();
    }
}

/// What the broker shows.
struct Broker {
    /// When each node of each request completed.
    nodes: Vec<Vec<Option<Timestamp>>>,
    shown: Vec<Option<Fingerprint>>,
    digest: SnapshotDigest,
}

impl Broker {
    /// The events of one run, from `due` on, in which these requests have changed.
    fn run(&mut self, mut ids: Vec<u64>, due: Sequence, events: &mut Vec<Event>) {
        let first = events.len() as u64;
        let next = |events: &Vec<Event>| Sequence(due.0 + events.len() as u64 - first);
        events.push(Event::RunStarted {
            version: VERSION.to_owned(),
            policy: Digest([4; 32]),
            key: KEY,
        });
        ids.sort_unstable();
        let changed: Vec<_> = ids.iter().map(|id| self.change(*id, due)).collect();
        events.push(Event::SnapshotObserved(SnapshotDelta {
            total: self.shown.iter().flatten().count() as u64,
            digest: self.digest,
            changed: changed.iter().map(|(shown, _)| shown.clone()).collect(),
            gone: Vec::new(),
            unreadable: Vec::new(),
        }));
        for (observation, reason) in changed {
            let replaces = match reason {
                UploadReason::New => Replaces::Nothing,
                _ => Replaces::Own,
            };
            let start = next(events);
            let command = Command::Upload {
                request: observation.id,
                name: RemoteName::export(observation.id),
                published: PUBLISHED,
                fingerprint: observation.fingerprint(),
                completion: observation.completion(),
                reason,
                replaces,
            };
            events.push(started(command, start));
            let sha256 = |what: &[u8]| Digest::of(&[what, &start.0.to_le_bytes()]);
            let delivery = Delivery {
                name: RemoteName::export(observation.id),
                size_bytes: 87_484,
                plaintext_sha256: sha256(b"plaintext"),
                token_sha256: sha256(b"token"),
                key: KEY,
                placement: Placement::PosixRename,
            };
            events.push(Event::Uploaded { start, delivery });
        }
        let start = next(events);
        let name = RemoteName::ledger();
        events.push(started(Command::PublishLedger { name }, start));
        events.push(Event::LedgerPublished {
            start,
            through: start,
            sha256: Digest([5; 32]),
            size_bytes: 180_000,
        });
        events.push(Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 412_345,
        });
    }

    /// One more node of this request completes, or completes again.
    fn change(&mut self, id: u64, due: Sequence) -> (Observation, UploadReason) {
        let index = usize::try_from(id).unwrap();
        let nodes = &mut self.nodes[index];
        let node = usize::try_from(due.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).unwrap();
        if let Some(last) = nodes.len().checked_sub(1) {
            nodes[node % (last + 1)] = Some(Timestamp(TIME.0 + i64::try_from(due.0).unwrap()));
        }
        let nodes = (1..)
            .zip(nodes.iter())
            .map(|(node, completed)| NodeStatus(NodeId(node), *completed));
        let observation = Observation::new(RequestId(id), PUBLISHED, nodes.collect()).unwrap();
        let fingerprint = observation.fingerprint();
        let reason = match self.shown[index].replace(fingerprint) {
            Some(known) => {
                self.digest.remove(known.0);
                UploadReason::Changed
            }
            None => UploadReason::New,
        };
        self.digest.add(fingerprint.0);
        (observation, reason)
    }
}

fn started(command: Command, start: Sequence) -> Event {
    let temporary = command.temporary(LOG, start);
    Event::CommandStarted { command, temporary }
}
