//! A world in memory for the run loop: a broker, a drop-box and a carrier that fails, loses
//! connections and is cut off where the test says so.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use broker_courier::run::{
    Carrier, Clock, Departure, Ending, Errand, Lookout, Parts, Poller, RunReport, StatusFile,
};
use courier_ledger::log::{EventLog as _, Ledger, Rehearsal, chain};
use courier_ledger::*;

pub(crate) const LOG: LogId = LogId([9; 16]);
pub(crate) const KEY: KeyId = KeyId([8; 8]);

/// What a request is at the broker: published time, and each node's completed time.
pub(crate) type Shown = (Option<i64>, BTreeMap<u64, Option<i64>>);

/// The world outside the program.
#[derive(Default)]
pub(crate) struct World {
    /// Tagged requests.
    pub(crate) broker: BTreeMap<u64, Shown>,
    /// Requests that exist without the tag.
    pub(crate) untagged: BTreeMap<u64, Shown>,
    /// Whether the broker's lists come back empty.
    pub(crate) broker_is_empty: bool,
    /// Final and temporary names, and which state of a request each holds.
    pub(crate) drop_box: BTreeMap<String, Option<Shown>>,
    /// Commands carried out, in words.
    pub(crate) done: Vec<String>,
}

impl World {
    /// What the drop-box should hold.
    pub(crate) fn wanted(&self) -> BTreeMap<String, Option<Shown>> {
        self.broker
            .iter()
            .map(|(id, shown)| (format!("export_{id}.zip"), Some(shown.clone())))
            .chain([("status.xml".to_owned(), None)])
            .collect()
    }
}

/// How one errand goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    Good,
    /// Nothing happens, and the failure is known.
    Refused,
    /// It happens, and the answer is lost.
    AnswerLost,
    /// The temporary file is left, and the final name as it was.
    LeftBehind,
}

pub(crate) type Shared = Rc<RefCell<World>>;

pub(crate) struct Broker(pub(crate) Shared);

impl Poller for Broker {
    fn poll(&self, expected: &BTreeSet<RequestId>) -> Result<Snapshot, Failure> {
        let world = self.0.borrow();
        let nothing = BTreeMap::new();
        let listed = if world.broker_is_empty {
            &nothing
        } else {
            &world.broker
        };
        let listing = listed
            .iter()
            .map(|(id, shown)| (RequestId(*id), shown.0.map(Timestamp)));
        let mut poll = Poll::begin(listing).unwrap();
        for (id, (_, nodes)) in listed {
            let nodes = nodes
                .iter()
                .map(|(node, time)| NodeStatus(NodeId(*node), time.map(Timestamp)));
            poll.read(RequestId(*id), nodes.collect()).unwrap();
        }
        let whole_list_is_empty =
            world.broker_is_empty || (world.broker.is_empty() && world.untagged.is_empty());
        for id in poll.missing(expected) {
            let evidence = match world.untagged.contains_key(&id.0) {
                _ if whole_list_is_empty => Evidence::Unconfirmed,
                true => Evidence::Untagged,
                false => Evidence::Deleted,
            };
            poll.absent(id, evidence);
        }
        Ok(poll.complete(expected).unwrap())
    }
}

pub(crate) struct Porter {
    pub(crate) world: Shared,
    /// One for each errand, in turn; good luck when they run out.
    pub(crate) luck: Vec<Luck>,
    pub(crate) under_way: Vec<Errand>,
    /// Takes the last errand first when set.
    pub(crate) reversed: bool,
}

impl Porter {
    fn carry(&mut self, errand: &Errand) -> Ending {
        let luck = if self.luck.is_empty() {
            Luck::Good
        } else {
            self.luck.remove(0)
        };
        let mut world = self.world.borrow_mut();
        let name = errand.command.name().to_string();
        let temporary = errand.temporary.as_ref().map(ToString::to_string);
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
                let shown = world.broker.get(&request.0).cloned();
                world.drop_box.insert(name, shown);
                Ending::Delivered(Delivery {
                    name: remote.clone(),
                    size_bytes: 1,
                    plaintext_sha256: Digest([1; 32]),
                    token_sha256: Digest([2; 32]),
                    key: KEY,
                    placement: Placement::PosixRename,
                })
            }
            Command::PublishLedger { .. } => {
                world.drop_box.insert(name, None);
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
    fn capacity(&self) -> usize {
        3
    }

    fn begin(&mut self, errand: Errand) {
        self.under_way.push(errand);
    }

    fn endings(&mut self) -> Vec<(Sequence, Ending)> {
        if self.under_way.is_empty() {
            return Vec::new();
        }
        let last = if self.reversed {
            self.under_way.len() - 1
        } else {
            0
        };
        let errand = self.under_way.remove(last);
        vec![(errand.start, self.carry(&errand))]
    }
}

impl Lookout for Porter {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        Ok(seen(&self.world.borrow(), names))
    }
}

/// What a look at `names` sees; every result has one byte.
fn seen(world: &World, names: Vec<RemoteName>) -> Look {
    names
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
        .collect()
}

/// Looks at the drop-box as a plan does.
struct Visitor(Shared);

impl Lookout for Visitor {
    fn look(&mut self, names: Vec<RemoteName>) -> Result<Look, Failure> {
        Ok(seen(&self.0.borrow(), names))
    }
}

impl Departure for Porter {
    type Carrier = Self;

    fn arrive(self) -> Result<Self, Failure> {
        Ok(self)
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
}

impl Program {
    pub(crate) fn new() -> Self {
        let log = Rehearsal::after(chain::start(LOG));
        Self {
            ledger: Ledger::resume(log, State::default()).unwrap(),
            world: Shared::default(),
            clock: WildClock(RefCell::new(1)),
            policy: Policy::new(KEY),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let copy = Rehearsal::after(self.ledger.tip());
        let broker = Broker(self.world.clone());
        broker_courier::run::rehearse(
            &mut Ledger::resume(copy, self.ledger.state().clone()).unwrap(),
            None,
            &self.policy,
            &broker,
            Some(&mut Visitor(self.world.clone())),
            &self.clock,
        )
        .unwrap()
        .unwrap()
        .plan
    }

    /// A whole run; the log of the simulation is folded again from its entries.
    pub(crate) fn run(&mut self, luck: Vec<Luck>, reversed: bool) -> RunReport {
        if self.ledger.state().log().is_none() {
            let created = Event::LogCreated {
                log: LOG,
                version: "test".to_owned(),
            };
            self.ledger.append(Timestamp(0), vec![created]).unwrap();
        }
        let porter = Porter {
            world: self.world.clone(),
            luck,
            under_way: Vec::new(),
            reversed,
        };
        let parts = Parts {
            policy: self.policy,
            poller: &Broker(self.world.clone()),
            departure: porter,
            status_file: &NoFile,
            clock: &self.clock,
            may_begin: &|| true,
        };
        let report = broker_courier::run::run(&mut self.ledger, None, parts).unwrap();
        let entries = self.ledger.log().read_from(Sequence::NONE);
        let folded = entries.fold(State::default(), |state, entry| {
            state.apply(&entry.unwrap()).unwrap()
        });
        assert_eq!(folded, *self.ledger.state());
        report
    }
}
