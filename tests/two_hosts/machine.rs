//! The machine of a host in a history, where its program waits and what runs beside it.
//!
//! What always holds: a host that is paused does nothing, and one that was killed neither, not even what ends things
//! in good order.

use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use courier_postgres::{Connecting, DatabaseError, Machine, Running, Session, Settings, Work};
use tokio::time::{Sleep, sleep_until};

use super::baton::{Baton, Go, Parked};
use super::property::Property;
use super::sabotage::Sabotage;
use super::server;
use super::simulation::{Simulation, Started};

/// What a killed program unwinds with.
pub(crate) struct Killed;

/// A host, as its program sees it.
#[derive(Clone)]
pub(crate) struct HostMachine {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) host: usize,
    pub(crate) baton: Arc<Baton>,
}

impl fmt::Debug for HostMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.host)
    }
}

impl HostMachine {
    /// Waits; for the program.
    pub(crate) fn park(&self, word: Parked) {
        if std::thread::panicking() {
            return;
        }
        if self.baton.park(word) == Go::Die {
            resume_unwind(Box::new(Killed));
        }
    }

    pub(crate) fn sleep(&self, time: Duration) {
        self.park(Parked::Until(self.simulation.now() + time));
    }

    /// Here it may be paused, or killed.
    pub(crate) fn step(&self) {
        self.sleep(Duration::ZERO);
    }
}

impl Machine for HostMachine {
    fn now(&self) -> Duration {
        if self.simulation.sabotage == Some(Sabotage::LeaseByClockOfDay) {
            let day = self.simulation.clock_of_day(self.host);
            return Duration::from_micros(u64::try_from(day).unwrap());
        }
        self.simulation.own_clock(self.host)
    }

    fn connect<'a>(&'a self, settings: &'a Settings) -> Connecting<'a> {
        Box::pin(async move {
            let stream = server::connect(&self.simulation, self.host).await;
            Session::over(settings, stream).await
        })
    }

    fn start(&self, work: Work) -> Result<Box<dyn Running>, DatabaseError> {
        let has_ended = Arc::new(AtomicBool::new(false));
        let host = &mut self.simulation.world().hosts[self.host];
        host.started.push(Started {
            work,
            has_ended: Arc::clone(&has_ended),
            incarnation: host.incarnation,
        });
        Ok(Box::new(Beside {
            machine: self.clone(),
            has_ended,
        }))
    }

    fn wait(&self, most: Duration, come: &mut dyn FnMut(Duration) -> bool) {
        let begin = self.simulation.now();
        let end = begin + most;
        while !come(Duration::ZERO) {
            if self.simulation.now() >= end {
                if self.simulation.world().hosts[self.host].paused_until > begin {
                    return;
                }
                let text = format!("host {} waited {most:?} for its own thread", self.host);
                return self.simulation.violated(Property::NoDefect, text);
            }
            self.park(Parked::ForWorkUntil(end));
        }
    }
}

/// What runs beside a program; whoever drops it waits for its end.
struct Beside {
    machine: HostMachine,
    has_ended: Arc<AtomicBool>,
}

impl Running for Beside {}

impl Drop for Beside {
    fn drop(&mut self) {
        let far = self.machine.simulation.now() + Duration::from_secs(600);
        while !self.has_ended.load(Ordering::SeqCst) && !std::thread::panicking() {
            self.machine.park(Parked::ForWorkUntil(far));
        }
    }
}

/// Runs what a program has started, as long as its host lets it.
pub(crate) async fn run_beside(simulation: Arc<Simulation>, host: usize, started: Started) {
    let Started {
        work,
        has_ended,
        incarnation,
    } = started;
    let mut work = work();
    let mut pause: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        let now = simulation.now();
        let until = {
            let state = &mut simulation.world().hosts[host];
            if state.incarnation != incarnation {
                return Poll::Ready(());
            }
            if !state.wakers.iter().any(|it| it.will_wake(context.waker())) {
                state.wakers.push(context.waker().clone());
            }
            state.paused_until
        };
        if until > now {
            let sleep = pause.insert(Box::pin(sleep_until(simulation.at(until))));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        pause = None;
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            has_ended.store(true, Ordering::SeqCst);
        }
        simulation.world().hosts[host].has_worked = true;
        simulation.wakes[host].notify_one();
        polled
    })
    .await;
}
