//! Ledgers with a story, written as runs write them, with times and hashes that are the same each time.
//!
//! Deliberately absent: the run loop and its effects; here every command ends as the story wants.

use std::path::Path;

use courier_ledger::log::{Files, Journal, Ledger, NewLog};
use courier_ledger::*;

pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// 2026-03-02T06:00:00Z, a Monday.
pub(crate) const BEGINNING: i64 = 1_772_431_200_000_000;

const KEY: KeyId = KeyId([0x51; 8]);
const NEXT_KEY: KeyId = KeyId([0x7e; 8]);

/// How one run goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    Good,
    /// The broker does not answer.
    NoBroker,
    /// The drop-box is not reached.
    NoDropBox,
    /// The first upload fails.
    UploadRefused,
    /// It is killed after the first intent.
    Killed,
    /// It does nothing of what it has decided, and does not say so.
    Idle,
}

/// A ledger that grows run by run.
pub(crate) struct Teller {
    ledger: Ledger<Journal<Files>>,
    pub(crate) broker: scenario::Broker,
    policy: Policy,
    /// How often runs are to begin, as they record it.
    pub(crate) every_minutes: Option<u32>,
    time: i64,
}

impl Teller {
    pub(crate) fn new(folder: &Path) -> Self {
        let new = NewLog {
            id: LogId([0xe7; 16]),
            version: "0.1.0".to_owned(),
        };
        let files = Files::new(folder).unwrap();
        let ledger = Ledger::create(files, Timestamp(BEGINNING), new).unwrap();
        Self {
            ledger,
            broker: scenario::Broker::default(),
            policy: Policy::new(KEY),
            every_minutes: None,
            time: BEGINNING,
        }
    }

    /// Shows a published request with nodes; times are minutes since the beginning.
    pub(crate) fn show(&mut self, id: u64, published: i64, nodes: &[(u64, Option<i64>)]) {
        let time = |minute: i64| BEGINNING + minute * MINUTE;
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(node, it)| (*node, it.map(time)))
            .collect();
        self.broker.publish(id, time(published), &nodes);
    }

    pub(crate) fn append(&mut self, event: Event) {
        self.ledger
            .append(Timestamp(self.time), vec![event])
            .unwrap();
    }

    pub(crate) fn announce_next_key(&mut self) {
        self.append(Event::KeyAnnounced {
            key: NEXT_KEY,
            who: "Grace".to_owned(),
            why: "the recipient has a new key".to_owned(),
        });
        self.policy.key = NEXT_KEY;
    }

    /// Releases what is held back.
    pub(crate) fn approve(&mut self, who: &str, why: &str) {
        let held = self.ledger.state().held().unwrap();
        let approved = Event::PlanApproved {
            held: held.entry,
            plan: held.digest,
            broker: None,
            drop_box: None,
            who: who.to_owned(),
            why: why.to_owned(),
        };
        self.append(approved);
    }

    pub(crate) fn close(self) {
        self.ledger.close().unwrap();
    }

    /// One run.
    pub(crate) fn run(&mut self, luck: Luck) {
        let began = self.time;
        let instead_of = waits_instead_of(self.ledger.state(), &self.policy);
        self.append(Event::RunStarted {
            version: "0.1.0".to_owned(),
            policy: self.policy.digest(),
            key: self.policy.key,
            instead_of,
            bound_to: None,
            every_minutes: self.every_minutes,
        });
        self.time += 2_000_000;
        let mut counts = RunCounts::default();
        if luck == Luck::NoBroker {
            let failure = failure(Phase::List, "connection refused");
            self.append(Event::PollFailed {
                failure: failure.clone(),
            });
            return self.finish(began, counts, 4, Some(failure));
        }
        let expected = self.ledger.state().expected();
        let delta = self.broker.snapshot(&expected).delta(self.ledger.state());
        self.append(Event::SnapshotObserved(delta));
        self.declare(luck);
        let plan = decide(self.ledger.state(), &self.policy);
        self.hold(&plan);
        counts.blocked = plan.blocked.len() as u64;
        counts.unchanged = plan.unchanged;
        if luck == Luck::NoDropBox {
            counts.failed = plan.changes().count() as u64;
            let failure = failure(Phase::Connect, "drop-box.example.org: no route to host");
            self.publish(Some(failure.clone()));
            return self.finish(began, counts, 5, Some(failure));
        }
        let approvals = plan.approvals();
        let waits = plan.waits();
        let mut first = None;
        for command in plan.commands {
            let approval = command.request().and_then(|id| approvals.get(&id).copied());
            let start = self.ledger.next_sequence();
            if luck == Luck::Idle || matches!(command, Command::PublishLedger { .. }) {
                continue;
            }
            self.append(Event::CommandStarted {
                temporary: command.temporary(LogId([0xe7; 16]), start),
                command: command.clone(),
                approval,
                found: None,
            });
            if luck == Luck::Killed {
                return;
            }
            self.time += 1_000_000;
            if luck == Luck::UploadRefused && first.is_none() {
                let failure = failure(Phase::Write, "quota \u{202e}exceeded <b>&");
                first = Some(failure.clone());
                counts.failed += 1;
                let remote = RemoteAfterFailure::TemporaryMayRemain;
                self.append(Event::CommandFailed {
                    start,
                    failure,
                    remote,
                    found: None,
                });
                continue;
            }
            match &command {
                Command::Upload { .. } => counts.uploaded += 1,
                Command::Delete { .. } => counts.deleted += 1,
                _ => {}
            }
            self.append(self.outcome(&command, start));
        }
        self.publish(None);
        let code = match (&first, waits) {
            (_, true) => 6,
            (Some(_), false) => 1,
            (None, false) => 0,
        };
        self.finish(began, counts, code, first);
    }

    fn outcome(&self, command: &Command, start: Sequence) -> Event {
        match command {
            Command::Upload { name, .. } => Event::Uploaded {
                start,
                delivery: Delivery {
                    name: name.clone(),
                    size_bytes: 20_000 + start.0,
                    plaintext_sha256: Digest::of(&[b"plain", &start.0.to_le_bytes()]),
                    token_sha256: Digest::of(&[b"token", &start.0.to_le_bytes()]),
                    key: self.policy.key,
                    placement: Placement::PosixRename,
                    contents: None,
                },
                found: None,
                unseen: None,
            },
            _ => Event::Deleted {
                start,
                removal: Removal::Removed,
                found: None,
                unseen: None,
            },
        }
    }

    fn declare(&mut self, luck: Luck) {
        let partners = Partners {
            broker: BrokerAddress {
                url: "https://broker.example.org/".to_owned(),
                tag: "pandemic".to_owned(),
            },
            drop_box: DropBoxAddress {
                host: "drop-box.example.org".to_owned(),
                port: 22,
                folder: "/in/pandemic".to_owned(),
            },
            user: "courier".to_owned(),
            host_key: Some("SHA256:uNiVztksCsDhcc0u9e8BrPIhd5vSd2bXvLj7d2aVf7k".to_owned()),
        };
        let known = self.ledger.state().declared();
        if luck != Luck::NoDropBox && known != Some(&(partners.clone(), self.policy)) {
            let policy = self.policy;
            let partners = Box::new(partners);
            self.append(Event::PartnersDeclared { partners, policy });
        }
    }

    fn hold(&mut self, plan: &Plan) {
        let held = Held::of(plan);
        let known = self.ledger.state().held().map(|it| it.held.clone());
        if known.unwrap_or_default() != held {
            let digest = held.digest();
            let held = Box::new(held);
            self.append(Event::PlanHeld { digest, held });
        }
    }

    fn publish(&mut self, failure: Option<Failure>) {
        let (start, name) = (self.ledger.next_sequence(), RemoteName::ledger());
        let command = Command::PublishLedger { name };
        self.append(Event::CommandStarted {
            temporary: command.temporary(LogId([0xe7; 16]), start),
            command,
            approval: None,
            found: None,
        });
        self.append(match failure {
            Some(failure) => Event::CommandFailed {
                start,
                failure,
                remote: RemoteAfterFailure::Untouched,
                found: None,
            },
            None => Event::LedgerPublished {
                start,
                through: start,
                sha256: Digest::of(&[b"status", &start.0.to_le_bytes()]),
                size_bytes: 700,
            },
        });
    }

    fn finish(&mut self, began: i64, counts: RunCounts, exit_code: u8, failure: Option<Failure>) {
        self.append(Event::RunFinished {
            counts,
            duration_micros: (self.time - began).unsigned_abs(),
            verdict: Some(RunVerdict {
                exit_code,
                failure,
                not_begun: None,
            }),
        });
    }
}

fn failure(phase: Phase, text: &str) -> Failure {
    Failure {
        phase,
        class: FailureClass::Transient,
        text: text.to_owned(),
    }
}

/// Some days with a bit of everything.
pub(crate) fn eventful(folder: &Path) {
    let mut teller = Teller::new(folder);
    teller.broker.others = Some([(1, Some(1))].into());
    // A run each hour.
    let hours = |teller: &mut Teller, count: i64, luck: Luck| {
        for _ in 0..count {
            let hour = (teller.time - BEGINNING) / HOUR;
            teller.run(luck);
            teller.time = BEGINNING + (hour + 1) * HOUR;
        }
    };
    for id in 10..16_u64 {
        let published = i64::try_from(id).unwrap() - 40;
        teller.show(
            id,
            published,
            &[(1, Some(published + 9)), (2, None), (7, None)],
        );
    }
    hours(&mut teller, 3, Luck::Good);
    teller.show(10, -30, &[(1, Some(-21)), (2, Some(175)), (7, None)]);
    teller.show(11, -29, &[(1, Some(-20)), (2, Some(121)), (7, Some(160))]);
    hours(&mut teller, 1, Luck::Good);
    teller.show(12, -28, &[(1, Some(-19)), (2, Some(238)), (7, None)]);
    hours(&mut teller, 4, Luck::NoDropBox);
    hours(&mut teller, 2, Luck::Good);
    teller.show(20, 590, &[(3, Some(600))]);
    hours(&mut teller, 1, Luck::Killed);
    hours(&mut teller, 1, Luck::Good);
    teller.show(21, 700, &[(3, Some(719)), (5, None)]);
    hours(&mut teller, 1, Luck::UploadRefused);
    hours(&mut teller, 2, Luck::NoBroker);
    hours(&mut teller, 1, Luck::Good);
    // The night without a run.
    hours(&mut teller, 1, Luck::Good);
    teller.time += 8 * HOUR;
    teller.broker.withdraw(13, Evidence::Deleted);
    teller.broker.unreadable(14);
    hours(&mut teller, 2, Luck::Good);
    teller.show(14, -26, &[(1, Some(-17)), (2, None), (7, None)]);
    teller.broker.withdraw(15, Evidence::Unconfirmed);
    hours(&mut teller, 3, Luck::Good);
    teller.approve(
        "Ada <ada@example.org>",
        "the applicant confirmed by telephone \u{202e}",
    );
    hours(&mut teller, 2, Luck::Good);
    teller.announce_next_key();
    teller.show(22, 1_900, &[(1, None), (3, Some(1_912))]);
    hours(&mut teller, 2, Luck::Good);
    teller.show(23, 2_035, &[]);
    hours(&mut teller, 1, Luck::Good);
    teller.broker.withdraw(23, Evidence::Unconfirmed);
    hours(&mut teller, 2, Luck::Good);
    teller.close();
}

/// So many requests of 30 hospitals, which come and complete over so many runs.
pub(crate) fn many(folder: &Path, requests: u64, runs: u64) {
    let mut teller = Teller::new(folder);
    teller.broker.others = Some([(1, Some(1))].into());
    for run in 0..runs {
        let minute = i64::try_from(run).unwrap() * 60;
        let born = requests * run / runs..requests * (run + 1) / runs;
        // Each is shown twice: as it comes, and when more have completed.
        let before = requests * run.saturating_sub(1) / runs..born.start;
        for (ids, published, completed) in [(before, minute - 119, 20), (born, minute - 59, 3)] {
            for id in ids {
                let time = |node: u64| (node < completed).then_some(minute - 30);
                let nodes: Vec<_> = (1..=30).map(|node| (node, time(node))).collect();
                teller.show(id + 2, published, &nodes);
            }
        }
        teller.run(Luck::Good);
        teller.time = BEGINNING + (minute + 60) * MINUTE;
    }
    teller.close();
}
