//! A short way to write histories: what the broker shows, what the runner does, what the ledger
//! then holds.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries"
)]

use std::collections::BTreeMap;

use courier_ledger::*;

pub(crate) const KEY: KeyId = KeyId(*b"first k.");
pub(crate) const OTHER_KEY: KeyId = KeyId(*b"second k");

/// What the broker shows of one request.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Readable {
        published: Option<i64>,
        nodes: Vec<(u64, Option<i64>)>,
    },
    Unreadable,
}

/// A log in memory with its state, and the broker as it is now.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) entries: Vec<Entry>,
    pub(crate) state: State,
    pub(crate) policy: Policy,
    pub(crate) broker: BTreeMap<u64, Shown>,
    pub(crate) evidence: BTreeMap<u64, Evidence>,
    now: i64,
}

impl History {
    pub(crate) fn new() -> Self {
        let mut history = Self {
            entries: Vec::new(),
            state: State::default(),
            policy: Policy::new(KEY),
            broker: BTreeMap::new(),
            evidence: BTreeMap::new(),
            now: 1_700_000_000_000_000,
        };
        history.record(Event::LogCreated {
            log: LogId([7; 16]),
            version: "test".to_owned(),
        });
        history
    }

    /// Appends one event and folds it in.
    pub(crate) fn record(&mut self, event: Event) -> Sequence {
        self.now += 1_000_000;
        let sequence = self.state.tip().next();
        let entry = Entry {
            sequence,
            time: Timestamp(self.now),
            event,
            hash: Digest([0; 32]),
        };
        self.state = self.state.clone().apply(&entry).unwrap();
        self.entries.push(entry);
        sequence
    }

    /// What the transition table says of an event.
    pub(crate) fn try_event(&self, event: Event) -> Result<State, IllegalEvent> {
        let sequence = self.state.tip().next();
        let entry = Entry {
            sequence,
            time: Timestamp(self.now),
            event,
            hash: Digest([0; 32]),
        };
        self.state.clone().apply(&entry)
    }

    pub(crate) fn import(&mut self, xml: &str) {
        let LegacyStatus { sha256, entries } = LegacyStatus::parse(xml.as_bytes()).unwrap();
        self.record(Event::LegacyImported { sha256, entries });
    }

    /// The broker shows a published request with nodes that have completed at these times.
    pub(crate) fn publish(&mut self, id: u64, published: i64, nodes: &[(u64, Option<i64>)]) {
        let shown = Shown::Readable {
            published: Some(published),
            nodes: nodes.to_vec(),
        };
        self.broker.insert(id, shown);
    }

    pub(crate) fn draft(&mut self, id: u64) {
        self.broker.insert(
            id,
            Shown::Readable {
                published: None,
                nodes: Vec::new(),
            },
        );
    }

    pub(crate) fn unreadable(&mut self, id: u64) {
        self.broker.insert(id, Shown::Unreadable);
    }

    /// The request disappears from the list, on this evidence.
    pub(crate) fn withdraw(&mut self, id: u64, evidence: Evidence) {
        self.broker.remove(&id);
        self.evidence.insert(id, evidence);
    }

    /// The complete poll of the broker as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let listing = self.broker.iter().map(|(id, shown)| match shown {
            Shown::Readable { published, .. } => (RequestId(*id), published.map(Timestamp)),
            Shown::Unreadable => (RequestId(*id), Some(Timestamp(1))),
        });
        let mut poll = Poll::begin(listing).unwrap();
        for (id, shown) in &self.broker {
            match shown {
                Shown::Readable { nodes, .. } => {
                    let nodes = nodes.iter().map(|(node, completed)| {
                        NodeStatus(NodeId(*node), completed.map(Timestamp))
                    });
                    poll.read(RequestId(*id), nodes.collect()).unwrap();
                }
                Shown::Unreadable => poll.unreadable(RequestId(*id), failure()).unwrap(),
            }
        }
        for id in poll.missing(&self.state) {
            let evidence = self
                .evidence
                .get(&id.0)
                .copied()
                .unwrap_or(Evidence::Unconfirmed);
            poll.absent(id, evidence);
        }
        poll.complete(&self.state).unwrap()
    }

    /// Starts a run, polls, and decides.
    pub(crate) fn plan(&mut self) -> Plan {
        let (policy, key) = (self.policy.digest(), self.policy.key);
        self.record(Event::RunStarted {
            version: "test".to_owned(),
            policy,
            key,
        });
        let delta = self.snapshot().delta(&self.state);
        self.record(Event::SnapshotObserved(delta));
        decide(&self.state, &self.policy)
    }

    /// A whole run in which everything succeeds; gives the changes it made, in words.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let plan = self.plan();
        let mut done = Vec::new();
        for command in &plan.commands {
            self.carry_out(command);
            if !matches!(command, Command::PublishLedger { .. }) {
                done.push(brief(command));
            }
        }
        self.finish();
        done
    }

    pub(crate) fn begin(&mut self, command: &Command) -> Sequence {
        let start = self.state.tip().next();
        let temporary = command.temporary(self.state.log().unwrap(), start);
        self.record(Event::CommandStarted {
            command: command.clone(),
            temporary,
        })
    }

    pub(crate) fn succeed(&mut self, start: Sequence, command: &Command) {
        let event = match command {
            Command::RemoveTemporary { .. } | Command::Delete { .. } => Event::Deleted {
                start,
                removal: Removal::Removed,
            },
            Command::Upload { name, .. } => Event::Uploaded {
                start,
                delivery: delivery(name, self.policy.key),
            },
            Command::PublishLedger { .. } => Event::LedgerPublished {
                start,
                through: start,
                sha256: Digest([1; 32]),
                size_bytes: 1,
            },
        };
        self.record(event);
    }

    pub(crate) fn carry_out(&mut self, command: &Command) {
        let start = self.begin(command);
        self.succeed(start, command);
    }

    pub(crate) fn finish(&mut self) {
        let counts = RunCounts::default();
        self.record(Event::RunFinished {
            counts,
            duration_micros: 1,
        });
    }

    pub(crate) fn status_xml(&self) -> String {
        let tip = ProjectionTip {
            log: self.state.log().unwrap(),
            sequence: self.state.tip(),
            hash: Digest([0; 32]),
        };
        let document = StatusDocument::project(&self.state, tip);
        let text = String::from_utf8(document.as_bytes().to_vec()).unwrap();
        text.split_once('>').unwrap().1.to_owned()
    }
}

pub(crate) fn delivery(name: &RemoteName, key: KeyId) -> Delivery {
    Delivery {
        name: name.clone(),
        size_bytes: 100,
        plaintext_sha256: Digest([2; 32]),
        token_sha256: Digest([3; 32]),
        key,
        placement: Placement::PosixRename,
    }
}

pub(crate) fn failure() -> Failure {
    Failure {
        phase: Phase::Status,
        class: FailureClass::Transient,
        text: "the broker answered 500".to_owned(),
    }
}

/// A command in a few words: `upload 3 new`.
pub(crate) fn brief(command: &Command) -> String {
    match command {
        Command::RemoveTemporary { name } => format!("remove {name}"),
        Command::Delete { request, .. } => format!("delete {request}"),
        Command::Upload {
            request, reason, ..
        } => format!("upload {request} {reason:?}"),
        Command::PublishLedger { .. } => "publish".to_owned(),
    }
}

pub(crate) fn changes(plan: &Plan) -> Vec<String> {
    plan.changes().map(brief).collect()
}

pub(crate) fn blocked(plan: &Plan) -> Vec<(String, Guard)> {
    plan.blocked
        .iter()
        .map(|blocked| (brief(&blocked.command), blocked.guard))
        .collect()
}
