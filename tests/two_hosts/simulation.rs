//! The world of one history: its time, its database, its drop-box, its broker, what became of its hosts, and what
//! happened.
//!
//! What always holds: one thing happens after the other, in an order that follows from the seed. Deliberately absent:
//! what a program does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use courier_ledger::{Digest, RemoteCheckRule, State, Tip};
use courier_postgres::{Lasting, Work};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::database::Database;
use super::drop_box::DropBox;
use super::fault::{Fault, Faults};
use super::happening::Happening;
use super::luck::Mishap;
use super::property::{Property, Violation};
use super::random::Random;
use super::sabotage::Sabotage;

/// So many hosts there are.
pub(crate) const HOSTS: usize = 2;
/// For how long the ledger is taken.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// What is to run beside a program.
pub(crate) struct Started {
    pub(crate) work: Work,
    pub(crate) has_ended: Arc<std::sync::atomic::AtomicBool>,
    pub(crate) incarnation: u64,
}

/// A host, as the world sees it.
#[derive(Default)]
pub(crate) struct Host {
    /// How much its own clock shows when a second has passed, in thousandths.
    pub(crate) pace: u64,
    /// What that clock shows at the beginning.
    pub(crate) awake: Duration,
    /// How wrong its clock of the day is, in microseconds.
    pub(crate) wrong: i64,
    pub(crate) paused_until: Duration,
    pub(crate) cut_until: Duration,
    /// How often its program was started anew.
    pub(crate) incarnation: u64,
    pub(crate) is_killed: bool,
    /// Whether its program is dead for certain.
    pub(crate) is_dead: bool,
    pub(crate) started: Vec<Started>,
    /// Whether what runs beside the program did something.
    pub(crate) has_worked: bool,
    pub(crate) wakers: Vec<Waker>,
    /// Its lease, while its program has the ledger open.
    pub(crate) lasting: Option<Lasting>,
    /// When, by its own clock, it was asked for last with success, and answered.
    pub(crate) granted: Option<(Duration, Duration)>,
    /// What it keeps of the ledger's state on its own disk.
    pub(crate) kept: Option<Box<(State, Tip)>>,
}

/// Everything that changes.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) database: Database,
    pub(crate) drop_box: DropBox,
    pub(crate) broker: scenario::Broker,
    /// Whether runs look at what was delivered: what is removed late is found by that alone.
    pub(crate) remote_check: RemoteCheckRule,
    /// How many requests there ever were.
    pub(crate) requests: u64,
    pub(crate) hosts: [Host; HOSTS],
    /// The hash of each entry that was acknowledged.
    pub(crate) acknowledged: BTreeMap<u64, Digest>,
    /// What was to be recorded, and how often.
    pub(crate) attempted: BTreeMap<String, u64>,
    /// What goes wrong now.
    pub(crate) faults: Faults,
    /// What goes wrong at the next statements that begin so, in turn.
    pub(crate) script: VecDeque<(&'static str, Mishap)>,
    /// Whether nothing is under way any more that went wrong before.
    pub(crate) is_quiet: bool,
    /// Whether programs are to end.
    pub(crate) is_over: bool,
    /// How many complete runs have begun and ended without faults.
    pub(crate) quiet_runs: u64,
    pub(crate) happened: BTreeMap<Happening, u64>,
    pub(crate) violation: Option<Violation>,
    pub(crate) story: Option<Vec<String>>,
    /// When a person took the ledger last.
    pub(crate) taken_over: Duration,
    /// Until when nobody is connected to the database.
    pub(crate) down_until: Duration,
}

impl World {
    /// Whether something goes wrong that does so `times` in a thousand.
    pub(crate) fn goes_wrong(&mut self, fault: Fault, times: u64) -> bool {
        self.random.happens(times) && self.faults.contains(&fault)
    }

    /// How many results stand at the drop-box that are withdrawn.
    pub(crate) fn left_to_withdraw(&self) -> usize {
        let requests = (1..=self.requests).filter(|id| !self.broker.shown.contains_key(id));
        let names = requests.map(|id| format!("export_{id}.zip"));
        names
            .filter(|name| self.drop_box.files.contains_key(name))
            .count()
    }
}

/// A history under way.
pub(crate) struct Simulation {
    start: Instant,
    time: AtomicU64,
    world: Mutex<World>,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) wakes: [Notify; HOSTS],
    pub(crate) submitted: Notify,
    pub(crate) replicated: Notify,
}

impl Simulation {
    pub(crate) fn new(world: World, sabotage: Option<Sabotage>) -> Self {
        Self {
            start: Instant::now(),
            time: AtomicU64::new(0),
            world: Mutex::new(world),
            sabotage,
            wakes: [const { Notify::const_new() }; HOSTS],
            submitted: Notify::new(),
            replicated: Notify::new(),
        }
    }

    /// The time since the beginning; programs see it stand still while they have the baton.
    pub(crate) fn now(&self) -> Duration {
        if Handle::try_current().is_ok() {
            let now = self.start.elapsed();
            self.time
                .store(u64::try_from(now.as_micros()).unwrap(), Ordering::SeqCst);
        }
        Duration::from_micros(self.time.load(Ordering::SeqCst))
    }

    /// The same moment for whoever waits for it.
    pub(crate) fn at(&self, time: Duration) -> Instant {
        self.start + time
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// What a host's own clock shows.
    pub(crate) fn own_clock(&self, host: usize) -> Duration {
        let now = self.now();
        let host = &self.world().hosts[host];
        host.awake + now * u32::try_from(host.pace).unwrap() / 1000
    }

    /// What a host's clock of the day shows, in microseconds.
    pub(crate) fn clock_of_day(&self, host: usize) -> i64 {
        let now = i64::try_from(self.now().as_micros()).unwrap();
        1_790_000_000_000_000 + now + self.world().hosts[host].wrong
    }

    /// What the clock of the database shows, in microseconds.
    pub(crate) fn database_clock(&self) -> i64 {
        let now = i64::try_from(self.now().as_micros()).unwrap();
        let database = &self.world().database;
        now + database.ahead[database.primary]
    }

    /// How much longer a host believes to hold the ledger.
    pub(crate) fn left(&self, host: usize) -> Duration {
        let (lasting, granted) = {
            let host = &self.world().hosts[host];
            (host.lasting.clone(), host.granted)
        };
        let Some(lasting) = lasting else {
            return Duration::ZERO;
        };
        let until = match (self.sabotage, granted) {
            (Some(Sabotage::LeaseFromAnswer), Some((_, answered))) => answered + LEASE - LEASE / 6,
            (Some(Sabotage::LeaseWithoutMargin), Some((asked, _))) => asked + LEASE,
            _ => return lasting.left(),
        };
        until.saturating_sub(self.own_clock(host))
    }

    /// Never do two believe it.
    pub(crate) fn only_one_holds(&self) {
        let left: Vec<_> = (0..HOSTS).map(|host| self.left(host)).collect();
        if left.iter().all(|left| !left.is_zero()) {
            self.violated(
                Property::OneHolder,
                format!("both hosts believe to hold it: {left:?}"),
            );
        }
    }

    /// Nobody else may believe it when a host is given the ledger.
    pub(crate) fn is_given_to(&self, host: usize) {
        for other in (0..HOSTS).filter(|other| *other != host) {
            let left = self.left(other);
            if !left.is_zero() {
                let text =
                    format!("host {host} is given it, and host {other} holds it for {left:?}");
                self.violated(Property::OneHolder, text);
            }
        }
    }

    pub(crate) fn happened(&self, what: Happening) {
        *self.world().happened.entry(what).or_default() += 1;
        self.tell(|| format!("{what}"));
    }

    pub(crate) fn violated(&self, property: Property, text: String) {
        self.tell(|| format!("{property:?}: {text}"));
        let violation = Violation { property, text };
        self.world().violation.get_or_insert(violation);
    }

    /// Tells what happens, if somebody wants to hear it.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(story) = &mut self.world().story {
            story.push(format!("{:9.3} {}", now.as_secs_f64(), line()));
        }
    }

    /// Whether nothing more is to be done.
    pub(crate) fn is_over(&self) -> bool {
        let world = self.world();
        world.is_over || world.violation.is_some()
    }

    pub(crate) fn pause(&self, host: usize, time: Duration) {
        let until = self.now() + time;
        self.tell(|| format!("host {host} is paused for {time:?}"));
        let has_lease = self.left(host) > Duration::ZERO;
        self.world().hosts[host].paused_until = until;
        self.happened(Happening::Paused);
        if has_lease && time > LEASE {
            self.happened(Happening::PausedPastLease);
        }
    }

    /// Kills a host's program.
    pub(crate) fn kill(&self, host: usize) {
        self.tell(|| format!("host {host} is killed"));
        let wakers = {
            let host = &mut self.world().hosts[host];
            (host.is_killed, host.is_dead) = (true, true);
            host.incarnation += 1;
            host.started.clear();
            (host.lasting, host.granted) = (None, None);
            std::mem::take(&mut host.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        self.wakes[host].notify_one();
    }
}
