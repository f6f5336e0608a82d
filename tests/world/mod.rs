//! A world in memory for the run loop: a broker, a drop-box and a carrier that fails, loses
//! connections and is cut off where a story says so (`stage.rs`).

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries"
)]

mod published;
mod stage;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use broker_courier::run::{
    ApproachError, Before, Carrier, Clock, Departure, Ended, Ending, Errand, Lookout, Parts,
    Polled, Poller, RunReport, Scope, StatusFile, Task,
};
use courier_ledger::log::{EventLog as _, Ledger, Rehearsal, chain};
use courier_ledger::*;
use scenario::Shown;
pub(crate) use stage::RunStage;

pub(crate) const LOG: LogId = LogId([9; 16]);
pub(crate) const KEY: KeyId = KeyId([8; 8]);

/// The world outside the program.
pub(crate) struct World {
    pub(crate) broker: scenario::Broker,
    /// Final and temporary names, and which state of a request each holds.
    pub(crate) drop_box: BTreeMap<String, Option<Shown>>,
    /// What stands at the drop-box in place of `status.xml`.
    pub(crate) published: StatusFound,
    /// Whether files are written under their final names.
    pub(crate) in_place: bool,
    /// Commands carried out, in words.
    pub(crate) done: Vec<String>,
    /// What is different in the next run.
    pub(crate) next: Next,
}

impl Default for World {
    fn default() -> Self {
        Self {
            broker: scenario::Broker::default(),
            drop_box: BTreeMap::new(),
            published: StatusFound::Nothing,
            in_place: false,
            done: Vec::new(),
            next: Next::default(),
        }
    }
}

impl World {
    /// What the drop-box should hold.
    pub(crate) fn wanted(&self) -> BTreeMap<String, Option<Shown>> {
        let shown = self.broker.shown.iter();
        shown
            .map(|(id, shown)| (format!("export_{id}.zip"), Some(shown.clone())))
            .chain([("status.xml".to_owned(), None)])
            .collect()
    }
}

/// What is different in one run.
#[derive(Default)]
pub(crate) struct Next {
    /// Why the broker cannot be polled.
    pub(crate) poll: Option<Failure>,
    /// What the broker's clock says, and ours around it.
    pub(crate) broker_time: Option<BrokerTime>,
    /// Why the drop-box is not reached.
    pub(crate) arrival: Option<Failure>,
    /// Why the drop-box cannot be looked at.
    pub(crate) look: Option<Failure>,
    /// How the errands go, in turn; well when they run out.
    pub(crate) luck: Vec<Luck>,
    /// Whichever was begun last ends first.
    pub(crate) last_first: bool,
    /// After so many endings the program is killed.
    pub(crate) killed_after: Option<usize>,
    /// After so many questions no more commands may begin.
    pub(crate) deadline_after: Option<usize>,
}

/// How one errand goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    Good,
    /// Nothing happens, and the failure is known.
    Refused,
    /// It happens, and the answer is lost.
    AnswerLost,
    /// The temporary file is left, and the final name as it was; a part of the file, where it is written
    /// under its final name.
    LeftBehind,
}

pub(crate) type Shared = Rc<RefCell<World>>;

pub(crate) struct Broker(pub(crate) Shared);

impl Poller for Broker {
    fn poll(&self, expected: &BTreeSet<RequestId>, _known: &State) -> Result<Polled, Failure> {
        let mut world = self.0.borrow_mut();
        match world.next.poll.take() {
            Some(failure) => Err(failure),
            None => Ok(Polled {
                snapshot: world.broker.snapshot(expected),
                broker_time: world.next.broker_time.take(),
                node_names: None,
            }),
        }
    }
}

/// What a killed program unwinds with.
struct Killed;

pub(crate) struct Porter {
    pub(crate) world: Shared,
    pub(crate) under_way: Vec<Errand>,
}

impl Porter {
    fn carry(&mut self, errand: &Errand) -> Ending {
        let mut world = self.world.borrow_mut();
        let luck = match world.next.luck.is_empty() {
            true => Luck::Good,
            false => world.next.luck.remove(0),
        };
        let name = errand.command.name().to_string();
        let temporary = errand.temporary().map(ToString::to_string);
        let failed = |remote| Ending::Failed {
            failure: Failure {
                phase: Phase::Write,
                class: FailureClass::Transient,
                text: "bad luck".to_owned(),
            },
            remote,
        };
        if luck == Luck::Refused {
            return failed(RemoteAfterFailure::Untouched);
        }
        if luck == Luck::LeftBehind && world.in_place && temporary.is_some() {
            world.drop_box.insert(name, None);
            return failed(RemoteAfterFailure::Uncertain);
        }
        if let (Luck::LeftBehind, Some(temporary)) = (luck, &temporary) {
            world.drop_box.insert(temporary.clone(), None);
            return failed(RemoteAfterFailure::TemporaryMayRemain);
        }
        if !matches!(errand.command, Command::PublishLedger { .. }) {
            world.done.push(errand.command.to_string());
        }
        let ending = match &errand.command {
            Command::RemoveTemporary { .. } | Command::Delete { .. } => {
                Ending::Removed(match world.drop_box.remove(&name) {
                    Some(_) => Removal::Removed,
                    None => Removal::AlreadyAbsent,
                })
            }
            Command::Upload {
                request,
                name: remote,
                ..
            } => {
                let shown = world.broker.shown.get(&request.0).cloned();
                world.drop_box.insert(name, shown);
                Ending::Delivered(Delivery {
                    name: remote.clone(),
                    size_bytes: 1,
                    plaintext_sha256: Digest([1; 32]),
                    token_sha256: Digest([2; 32]),
                    key: KEY,
                    placement: Placement::PosixRename,
                    contents: None,
                })
            }
            Command::PublishLedger { .. } => {
                world.drop_box.insert(name, None);
                if let Task::Publish { document, .. } = &errand.task {
                    let found = StatusFound::of_beginning(document);
                    world.published = found.unwrap_or(StatusFound::Damaged);
                }
                Ending::Published {
                    sha256: Digest([3; 32]),
                    size_bytes: 1,
                }
            }
        };
        if luck == Luck::AnswerLost {
            failed(RemoteAfterFailure::Uncertain)
        } else {
            ending
        }
    }
}

impl Carrier for Porter {
    fn host_key(&self) -> Option<String> {
        Some("SHA256:first".to_owned())
    }

    fn capacity(&self) -> usize {
        3
    }

    fn found_free(&mut self, names: Vec<RemoteName>) -> BTreeSet<RemoteName> {
        let world = self.world.borrow();
        let is_free = |name: &RemoteName| !world.drop_box.contains_key(name.as_str());
        let free = names.into_iter().filter(is_free);
        free.filter(|_| world.in_place).collect()
    }

    fn beginning(&mut self, name: RemoteName, _: u32) -> Result<Option<Vec<u8>>, Failure> {
        panic!("nothing is signed, and {name} is looked into")
    }

    fn begin(&mut self, errand: Errand) {
        self.under_way.push(errand);
    }

    fn endings(&mut self) -> Vec<Ended> {
        if self.under_way.is_empty() {
            return Vec::new();
        }
        let mut world = self.world.borrow_mut();
        let next = &mut world.next;
        if let Some(endings) = &mut next.killed_after {
            match endings.checked_sub(1) {
                Some(left) => *endings = left,
                // As a kill does, this runs no error handling of the program's.
                None => resume_unwind(Box::new(Killed)),
            }
        }
        let last = match next.last_first {
            true => self.under_way.len() - 1,
            false => 0,
        };
        let errand = self.under_way.remove(last);
        drop(world);
        vec![Ended {
            start: errand.start,
            found: None,
            unseen: None,
            ending: self.carry(&errand),
        }]
    }
}

impl Lookout for Porter {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        look(&self.world, names)
    }
}

/// What a look at `names` sees; every result has one byte.
fn look(world: &Shared, names: Vec<RemoteName>) -> Result<Look, Failure> {
    let world = world.borrow();
    if let Some(failure) = &world.next.look {
        return Err(failure.clone());
    }
    let look = names
        .into_iter()
        .map(|name| {
            let there = world.drop_box.contains_key(name.as_str());
            let file = if there {
                Seen::Present(Some(1))
            } else {
                Seen::Absent
            };
            (name, file)
        })
        .collect();
    Ok(look)
}

/// Looks at the drop-box as a plan does.
struct Visitor(Shared);

impl Lookout for Visitor {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        look(&self.0, names)
    }
}

impl Departure for Porter {
    type Carrier = Self;

    fn arrive(self) -> Result<(Self, StatusFound), Failure> {
        let failure = self.world.borrow_mut().next.arrival.take();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let published = self.world.borrow().published.clone();
        Ok((self, published))
    }
}

pub(crate) struct NoFile;

impl StatusFile for NoFile {
    fn path(&self) -> &std::path::Path {
        std::path::Path::new("status.xml")
    }

    fn replace(&self, _document: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

/// A clock that jumps with every look at it: nothing may depend on it.
pub(crate) struct WildClock(pub(crate) RefCell<i64>);

impl Clock for WildClock {
    fn now(&self) -> Timestamp {
        let mut time = self.0.borrow_mut();
        *time = time
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Timestamp(*time >> 12)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// The program's side: a ledger in memory.
pub(crate) struct Program {
    pub(crate) ledger: Ledger<Rehearsal>,
    pub(crate) world: Shared,
    pub(crate) clock: WildClock,
    pub(crate) policy: Policy,
    pub(crate) partners: Option<Partners>,
}

impl Program {
    pub(crate) fn new() -> Self {
        let log = Rehearsal::after(chain::start(LOG));
        Self {
            ledger: Ledger::resume(log, State::default()).unwrap(),
            world: Shared::default(),
            clock: WildClock(RefCell::new(1)),
            policy: Policy::new(KEY),
            partners: Some(scenario::partners()),
        }
    }

    /// What a run would do now, or why the broker cannot be polled.
    pub(crate) fn plan(&self) -> Result<Plan, Failure> {
        let copy = Rehearsal::after(self.ledger.tip());
        let broker = Broker(self.world.clone());
        let rehearsed = broker_courier::run::rehearse(
            &mut Ledger::resume(copy, self.ledger.state().clone()).unwrap(),
            None,
            &self.policy,
            &self.partners.clone().unwrap(),
            &broker,
            Some(&mut Visitor(self.world.clone())),
            &self.clock,
        );
        rehearsed.unwrap().map(|rehearsed| rehearsed.plan)
    }

    /// Records what was not recorded by a run.
    pub(crate) fn append(&mut self, event: Event) {
        let now = self.clock.now();
        self.ledger.append(now, vec![event]).unwrap();
    }

    /// Puts another ledger in the place of the one that is here.
    pub(crate) fn put(&mut self, log: Rehearsal, state: State) {
        self.ledger = Ledger::resume(log, state).unwrap();
    }

    /// A whole run, or none if the program was killed; the log of the simulation is folded again from
    /// its entries.
    pub(crate) fn run(&mut self, scope: &Scope) -> Result<Option<RunReport>, Refused> {
        let porter = Porter {
            world: self.world.clone(),
            under_way: Vec::new(),
        };
        let world = self.world.clone();
        let may_begin = || match &mut world.borrow_mut().next.deadline_after {
            None => true,
            Some(left) => {
                let may = *left > 0;
                *left = left.saturating_sub(1);
                may
            }
        };
        let before = Before {
            state: self.ledger.state(),
            hash_of: &|entry| self.ledger.log().hash_of(entry),
            drop_box: &self.partners.as_ref().unwrap().drop_box,
        };
        let broker = Broker(self.world.clone());
        let approached = broker_courier::run::approach(&before, None, &broker, porter, &self.clock);
        let approach = match approached {
            Ok(approach) => approach,
            Err(ApproachError::Refused(why)) => {
                self.world.borrow_mut().next = Next::default();
                return Err(why);
            }
            Err(ApproachError::Log(error)) => panic!("{error}"),
        };
        if self.ledger.state().log().is_none() {
            let version = "test".to_owned();
            let created = Event::LogCreated { log: LOG, version };
            self.ledger.append(approach.time(), vec![created]).unwrap();
        }
        let parts = Parts {
            progress: &(),
            evidence: None,
            policy: self.policy,
            partners: self.partners.clone().unwrap(),
            status_file: &NoFile,
            clock: &self.clock,
            may_begin: &may_begin,
            every_minutes: None,
            scope,
        };
        let run = AssertUnwindSafe(|| broker_courier::run::run(&mut self.ledger, approach, parts));
        let ended = match catch_unwind(run) {
            Ok(ended) => Some(ended.unwrap()),
            Err(killed) if killed.is::<Killed>() => None,
            Err(panic) => resume_unwind(panic),
        };
        let entries = self.ledger.log().read_from(Sequence::NONE);
        let folded = entries.fold(State::default(), |state, entry| {
            state.apply(&entry.unwrap()).unwrap()
        });
        assert_eq!(folded, *self.ledger.state());
        self.world.borrow_mut().next = Next::default();
        Ok(ended)
    }
}
