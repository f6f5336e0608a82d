//! A log in memory that is written entry by entry, with the state that it folds to and the broker
//! that it speaks of.
//!
//! What always holds: only what the transition table allows is written. Deliberately absent:
//! decisions; a recipe says itself what comes next.
#![allow(
    clippy::expect_used,
    reason = "a recipe that cannot be followed fails the test"
)]

use std::collections::BTreeMap;

use courier_ledger::log::{EventLog as _, Journal, LogError, Memory, MemoryDisk, NewLog};
use courier_ledger::*;

/// The version that golden logs of this format say they were written by.
const VERSION: &str = "0.1.0";
const KEY: KeyId = KeyId(*b"the key.");

/// A log's two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFiles {
    pub(crate) log: Vec<u8>,
    pub(crate) head: Vec<u8>,
}

/// A log under way.
pub(crate) struct Story {
    disk: MemoryDisk,
    journal: Journal<Memory>,
    pub(crate) state: State,
    broker: BTreeMap<RequestId, Option<Observation>>,
    now: i64,
}

impl Story {
    pub(crate) fn begin() -> Self {
        let id = *b"\x00golden log id\xfe\xff";
        let time = Timestamp(1_795_000_000_000_001);
        let disk = MemoryDisk::new();
        let mut first = None;
        let new = NewLog {
            id: LogId(id),
            version: VERSION.to_owned(),
        };
        let journal = Journal::create(disk.process(), time, new, |entry| {
            first = Some(entry);
            Ok::<(), LogError>(())
        });
        let first = first.expect("a log has a first entry");
        Self {
            disk,
            journal: journal.expect("created"),
            state: State::default().apply(&first).expect("legal"),
            broker: BTreeMap::new(),
            now: time.0,
        }
    }

    pub(crate) fn record(&mut self, event: Event) -> Sequence {
        self.now += 1_000_003;
        let next = self.journal.tip().sequence.next();
        let entries = self.journal.append(next, Timestamp(self.now), vec![event]);
        for entry in entries.expect("appended") {
            let state = std::mem::take(&mut self.state);
            self.state = state.apply(&entry).expect("legal");
        }
        next
    }

    /// The files when the log is closed.
    pub(crate) fn end(self) -> LogFiles {
        self.journal.close().expect("sealed");
        let contents = |name| self.disk.contents(name).expect("there");
        LogFiles {
            log: contents("ledger.log"),
            head: contents("ledger.head"),
        }
    }

    pub(crate) fn start_run(&mut self) {
        self.record(Event::RunStarted {
            version: VERSION.to_owned(),
            policy: digest("the policy"),
            key: KEY,
        });
    }

    /// A run whose first poll shows request 1, with a node of every kind.
    pub(crate) fn publish_first(&mut self) {
        self.start_run();
        let nodes = [(1, Some(1_794_000_000_000_000)), (300, None)];
        self.show(1, Some(1_793_000_000_000_000), &nodes);
    }

    /// A poll shows this, too.
    pub(crate) fn show(&mut self, id: u64, published: Option<i64>, nodes: &[(u64, Option<i64>)]) {
        self.list(id, published, nodes);
        self.poll(Evidence::Unconfirmed);
    }

    /// The next poll shows this, too.
    pub(crate) fn list(&mut self, id: u64, published: Option<i64>, nodes: &[(u64, Option<i64>)]) {
        let nodes = nodes
            .iter()
            .map(|(node, completed)| NodeStatus(NodeId(*node), completed.map(Timestamp)));
        let published = published.map(Timestamp);
        let observation = Observation::new(RequestId(id), published, nodes.collect());
        self.broker
            .insert(RequestId(id), Some(observation.expect("canonical")));
    }

    /// The next poll lists a request whose status cannot be read.
    pub(crate) fn list_unreadable(&mut self, id: u64) {
        self.broker.insert(RequestId(id), None);
    }

    /// A poll no longer lists a request, on this evidence.
    pub(crate) fn withdraw(&mut self, id: u64, evidence: Evidence) {
        self.broker.remove(&RequestId(id));
        self.poll(evidence);
    }

    fn poll(&mut self, evidence: Evidence) {
        let listing = self.broker.iter().map(|(id, shown)| {
            let published = shown.as_ref().and_then(|shown| shown.published);
            (*id, published)
        });
        let mut poll = Poll::begin(listing).expect("each once");
        for (id, shown) in &self.broker {
            match shown {
                Some(shown) => poll.read(*id, shown.nodes.to_vec()),
                None => poll.unreadable(*id, failure(Phase::Status, FailureClass::Transient)),
            }
            .expect("listed");
        }
        for id in poll.missing(&self.state) {
            let known = self.state.request(id).map(|request| request.presence);
            let evidence = match known {
                Some(Presence::Gone(known)) => known,
                Some(Presence::Imported | Presence::Listed) | None => evidence,
            };
            poll.absent(id, evidence);
        }
        let snapshot = poll.complete(&self.state).expect("complete");
        let delta = snapshot.delta(&self.state);
        self.record(Event::SnapshotObserved(delta));
    }

    pub(crate) fn command(&mut self, command: Command) -> Sequence {
        let log = self.state.log().expect("created");
        let temporary = command.temporary(log, self.state.tip().next());
        self.record(Event::CommandStarted { command, temporary })
    }

    pub(crate) fn upload(&mut self, id: u64, reason: UploadReason) -> Sequence {
        let request = self.state.request(RequestId(id)).expect("known");
        let (observation, fingerprint) = request.observed.as_ref().expect("read");
        let command = Command::Upload {
            request: RequestId(id),
            name: RemoteName::export(RequestId(id)),
            published: observation.published,
            fingerprint: *fingerprint,
            completion: observation.completion(),
            reason,
            replaces: match request.remote.is_ours() {
                true => Replaces::Own,
                false => Replaces::Nothing,
            },
        };
        self.command(command)
    }

    /// A whole upload.
    pub(crate) fn store(&mut self, id: u64, placement: Placement) {
        let start = self.upload(id, UploadReason::New);
        let delivery = delivery(id, placement);
        self.record(Event::Uploaded { start, delivery });
    }

    /// A look at the drop-box that finds everything but one file, and that with another size.
    pub(crate) fn look_for(&mut self, resized: u64) {
        let drift = |id| match id == RequestId(resized) {
            true => Drift::Resized { size_bytes: 1 },
            false => Drift::Missing,
        };
        let changed: Vec<_> = (self.state.stored_files())
            .map(|(id, _)| Drifted {
                id,
                drift: drift(id),
            })
            .collect();
        self.record(Event::RemoteObserved(RemoteDelta {
            total: changed.len() as u64,
            drifted: changed.len() as u64,
            changed,
            settled: Vec::new(),
        }));
    }

    pub(crate) fn delete(&mut self, id: u64, evidence: Evidence, removal: Removal) {
        let request = RequestId(id);
        let name = RemoteName::export(request);
        let start = self.command(Command::Delete {
            request,
            name,
            evidence,
        });
        self.record(Event::Deleted { start, removal });
    }
}

pub(crate) fn delivery(id: u64, placement: Placement) -> Delivery {
    Delivery {
        name: RemoteName::export(RequestId(id)),
        size_bytes: 1_000_000 + id,
        plaintext_sha256: digest("the bundle"),
        token_sha256: digest("the token"),
        key: KEY,
        placement,
    }
}

pub(crate) fn failure(phase: Phase, class: FailureClass) -> Failure {
    Failure {
        phase,
        class,
        text: format!("what went wrong at “{phase}”"),
    }
}

pub(crate) fn digest(of: &str) -> Digest {
    Digest::of(&[of.as_bytes()])
}
