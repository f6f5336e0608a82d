//! Histories that could have happened: the bytes are a script for a broker, a drop-box and a runner,
//! and what they do is recorded as the program records it.
//!
//! What always holds: what is decided and begun in a run is legal, and so is every way in which it
//! can end. Deliberately absent: the log's bytes, besides that every event survives them.

use courier_ledger::*;
use scenario::{History, Shown};

use crate::fold::consider;

const LOG: LogId = LogId([9; 16]);
/// More than a person would ever want to read of a failure.
const ENTRIES_MAX: usize = 400;

/// Plays the bytes as a script.
pub fn history(data: &[u8]) {
    let mut script = Script { rest: data };
    let mut play = Play::begin();
    if let Some(step) = script.byte()
        && step < 64
    {
        play.import(&mut script);
    }
    while let Some(step) = script.byte()
        && play.history.entries().len() < ENTRIES_MAX
    {
        play.step(step, &mut script);
    }
    consider(play.history.state());
}

/// The bytes that are left; zeros when there are none.
struct Script<'a> {
    rest: &'a [u8],
}

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        u64::from(self.byte().unwrap_or(0)) % limit.max(1)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn chance(&mut self) -> bool {
        self.below(4) == 1
    }
}

struct Play {
    history: History,
}

impl Play {
    fn begin() -> Self {
        let mut history = History::without_log("fuzz", Timestamp(1_700_000_000_000_000));
        history.policy.key = KeyId([1; 8]);
        history.create(LOG);
        Self { history }
    }

    /// Records what need not be legal, and survives being written in any case.
    fn try_record(&mut self, event: Event) -> Result<Sequence, IllegalEvent> {
        let time = self.history.now();
        let bytes = fuzzing::encode(time, &event, None).expect("events can be written");
        let read = fuzzing::decode(&bytes).expect("what was written can be read");
        assert_eq!(read, (time, event.clone(), None));
        self.history.try_record(event)
    }

    /// Records what must be legal.
    fn record(&mut self, event: Event) -> Sequence {
        let text = format!("{event:?}");
        match self.try_record(event) {
            Ok(sequence) => sequence,
            Err(illegal) => panic!("{illegal}: {text}"),
        }
    }

    fn is_running(&self) -> bool {
        self.history
            .state()
            .run()
            .is_some_and(|run| run.finished.is_none())
    }

    fn has_polled(&self) -> bool {
        self.is_running() && self.history.state().run().is_some_and(|run| run.polled)
    }

    fn import(&mut self, script: &mut Script<'_>) {
        let now = self.history.now();
        let entries = (0..script.below(6)).map(|id| LegacyEntry {
            id: RequestId(id * 3 % 7),
            completion: Hundredths(script.below(101) as u8),
            uploaded: now,
            last_update: script.chance().then_some(Timestamp(now.0 + 1)),
            deleted: script.chance().then_some(Timestamp(now.0 + 2)),
        });
        let entries = entries.collect();
        let sha256 = Digest([2; 32]);
        self.record(Event::LegacyImported { sha256, entries });
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step % 16 {
            0..=2 => self.change_broker(script),
            3 => self.start_run(script),
            4 | 5 if self.is_running() => self.poll(script),
            6..=8 if self.has_polled() => self.begin_planned(script),
            9..=11 => self.end_open(script),
            12 if self.has_polled() => self.look(script),
            13 => self.approve(script),
            14 => self.finish(),
            _ => self.anything(script),
        }
    }

    fn change_broker(&mut self, script: &mut Script<'_>) {
        let broker = &mut self.history.broker;
        let id = script.below(8);
        match script.below(6) {
            0 => drop(broker.shown.remove(&id)),
            1 => broker.unreadable(id),
            2 => broker.shown.clear(),
            _ => {
                let published = script.one_of(&[None, Some(1), Some(2)]);
                let nodes = (0..script.below(5))
                    .map(|node| (node, script.one_of(&[None, Some(3), Some(4)])));
                let nodes = nodes.collect();
                broker
                    .shown
                    .insert(id, Shown::Readable { published, nodes });
            }
        }
    }

    fn start_run(&mut self, script: &mut Script<'_>) {
        if script.chance() {
            self.history.policy.key = KeyId([script.below(3) as u8; 8]);
        }
        self.history.policy.change =
            script.one_of(&[ChangeRule::Fingerprint, ChangeRule::Completion]);
        self.history.policy.on_key_change =
            script.one_of(&[KeyChangeRule::Keep, KeyChangeRule::Reupload]);
        self.record(self.history.run_started(None));
    }

    fn poll(&mut self, script: &mut Script<'_>) {
        if script.chance() {
            let failure = failure(script);
            self.record(Event::PollFailed { failure });
            return;
        }
        for shown in self.history.broker.shown.values_mut() {
            if let Shown::Unreadable(why) = shown {
                *why = failure(script);
            }
        }
        if script.chance() {
            let other = script.below(12);
            self.history.broker.others = match script.below(4) {
                0 => None,
                1 => Some([].into()),
                time => Some([(other, Some(time as i64)), (other + 3, None)].into()),
            };
        }
        let state = self.history.state();
        let evidence = [Evidence::Deleted, Evidence::Untagged, Evidence::Unconfirmed];
        let broker = &self.history.broker;
        let snapshot = broker.snapshot_with(&state.expected(), |_| script.one_of(&evidence));
        let delta = snapshot.delta(state);
        self.record(Event::SnapshotObserved(delta));
        let plan = self.history.decide();
        if let Some(event) = self.history.held(&plan) {
            self.record(event);
        }
    }

    /// Begins one of the planned commands whose request is not busy.
    fn begin_planned(&mut self, script: &mut Script<'_>) {
        let commands = self.history.decide().commands;
        let index = script.below(commands.len() as u64) as usize;
        let Some(command) = commands.into_iter().nth(index) else {
            return;
        };
        let is_busy = self.history.state().intents().any(|(_, intent)| {
            let open = &intent.command;
            open.name() == command.name()
        });
        let approvals = self.history.decide().approvals();
        let approval = command.request().and_then(|id| approvals.get(&id).copied());
        if !is_busy {
            self.record(self.history.intent(&command, approval));
        }
    }

    /// Ends an open command in one of its ways.
    fn end_open(&mut self, script: &mut Script<'_>) {
        let open: Vec<_> = self
            .history
            .state()
            .intents()
            .map(|(start, intent)| (start, intent.command.clone()))
            .collect();
        let index = script.below(open.len() as u64) as usize;
        let Some((start, command)) = open.into_iter().nth(index) else {
            return;
        };
        let unproven = self.history.state().unproven(&command);
        let found = match unproven.first() {
            Some(first) => {
                let own = Found::Own(first.start);
                script.one_of(&[None, Some(Found::Nothing), Some(own)])
            }
            None => None,
        };
        let event = match (script.below(5), command) {
            (0, _) => Event::CommandFailed {
                found,
                start,
                failure: failure(script),
                remote: script.one_of(&[
                    RemoteAfterFailure::Untouched,
                    RemoteAfterFailure::TemporaryMayRemain,
                    RemoteAfterFailure::Uncertain,
                ]),
            },
            (_, Command::RemoveTemporary { .. } | Command::Delete { .. }) => Event::Deleted {
                start,
                removal: script.one_of(&[Removal::Removed, Removal::AlreadyAbsent]),
                found,
                unseen: None,
            },
            (way, Command::Upload { name, .. }) => {
                let delivery = Delivery {
                    name,
                    size_bytes: script.below(3),
                    plaintext_sha256: Digest([3; 32]),
                    token_sha256: Digest([4; 32]),
                    key: self.history.policy.key,
                    placement: script.one_of(&[Placement::PosixRename, Placement::Direct]),
                    contents: None,
                };
                match way {
                    1 => Event::PickedUp {
                        start,
                        delivery,
                        found,
                        unseen: None,
                    },
                    _ => Event::Uploaded {
                        start,
                        delivery,
                        found,
                        unseen: None,
                    },
                }
            }
            (_, Command::PublishLedger { .. }) => Event::LedgerPublished {
                start,
                through: start,
                sha256: Digest([5; 32]),
                size_bytes: 5,
            },
        };
        self.record(event);
    }

    fn look(&mut self, script: &mut Script<'_>) {
        let look: Look = self
            .history
            .state()
            .stored_files()
            .map(|(id, _)| {
                let seen = match script.below(5) {
                    0 => Seen::Absent,
                    1 => Seen::Present(None),
                    size => Seen::Present(Some(size - 2)),
                };
                (RemoteName::export(id), seen)
            })
            .collect();
        let rule = match script.chance() {
            true => RemoteCheckRule::Report,
            false => RemoteCheckRule::Pickup,
        };
        let delta = RemoteDelta::between(self.history.state(), &look, rule);
        self.record(Event::RemoteObserved(delta));
    }

    /// Releases what is held back, or something else, as this version does or as older ones did.
    fn approve(&mut self, script: &mut Script<'_>) {
        match self.history.approval() {
            Some(event) if script.chance() => drop(self.try_record(event)),
            Some(_) | None => {
                let (who, why) = ("who".to_owned(), "why".to_owned());
                let plan = Digest([6; 32]);
                self.record(Event::DeletionsApproved { plan, who, why });
            }
        }
    }

    fn finish(&mut self) {
        let may = self.is_running() && self.history.state().intents().next().is_none();
        let event = Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 7,
            verdict: None,
        };
        assert_eq!(self.try_record(event).is_ok(), may);
    }

    /// Something that need not be legal, and is refused if it is not.
    fn anything(&mut self, script: &mut Script<'_>) {
        let start = Sequence(script.below(self.history.entries().len() as u64 + 2));
        let id = RequestId(script.below(9));
        let event = match script.below(8) {
            0 => Event::TailRecovered {
                offset: 8,
                size_bytes: 9,
                sha256: Digest([8; 32]),
            },
            1 => Event::Deleted {
                start,
                removal: Removal::Removed,
                found: script.one_of(&[None, Some(Found::Foreign), Some(Found::Own(start))]),
                unseen: None,
            },
            2 => Event::LedgerPublished {
                start,
                through: start,
                sha256: Digest([5; 32]),
                size_bytes: 5,
            },
            3 => Event::RemoteObserved(RemoteDelta {
                total: script.below(4),
                drifted: script.below(4),
                changed: vec![Drifted {
                    id,
                    drift: Drift::Missing,
                }],
                settled: vec![id],
                picked_up: None,
            }),
            4 => Event::CommandStarted {
                command: Command::Delete {
                    request: id,
                    name: RemoteName::export(id),
                    evidence: Evidence::Unconfirmed,
                },
                temporary: None,
                approval: script.one_of(&[None, Some(start)]),
                found: script.one_of(&[None, Some(Found::Nothing)]),
            },
            5 => Event::SnapshotObserved(SnapshotDelta {
                total: script.below(4),
                digest: SnapshotDigest::EMPTY,
                changed: Vec::new(),
                gone: vec![Gone {
                    id,
                    evidence: Evidence::Deleted,
                }],
                unreadable: Vec::new(),
                whole: script.chance().then(Box::default),
            }),
            6 => Event::LedgerTakenOver {
                holder: "a host".to_owned(),
                epoch: script.below(3),
                who: "a person".to_owned(),
                why: "it is dead".to_owned(),
            },
            _ => Event::RemoteCheckFailed {
                failure: failure(script),
            },
        };
        let before = self.history.state().clone();
        if self.try_record(event).is_err() {
            assert_eq!(*self.history.state(), before);
        }
    }
}

fn failure(script: &mut Script<'_>) -> Failure {
    Failure {
        phase: script.one_of(&[Phase::List, Phase::Status, Phase::Write, Phase::Run]),
        class: script.one_of(&[FailureClass::Transient, FailureClass::NeedsPerson]),
        text: "as the script says".to_owned(),
    }
}
