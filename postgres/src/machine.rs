//! The machine that a ledger is held from: its clock, its network, what runs on it and waits; the seam that a
//! simulation stands in for.
//!
//! What always holds here: whoever is on a machine has no other clock than the machine's, and reaches the database by
//! it alone. Deliberately absent: what is asked of the database.

use std::fmt::Debug;
use std::pin::Pin;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::error::DatabaseError;
use crate::session::Session;
use crate::settings::Settings;

/// Makes what is to run, where it runs.
pub type Work = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// A connection that is on its way.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Session, DatabaseError>> + 'a>>;

/// What runs; when it is dropped, its end is waited for.
pub trait Running: Send + Sync {}

/// A machine.
pub trait Machine: Debug + Send + Sync {
    /// The time since some fixed point; it goes on while the machine sleeps.
    fn now(&self) -> Duration;

    /// Connects to the database.
    fn connect<'a>(&'a self, settings: &'a Settings) -> Connecting<'a>;

    /// Runs `work` beside everything else.
    fn start(&self, work: Work) -> Result<Box<dyn Running>, DatabaseError>;

    /// Waits for what runs, no longer than `most`: until `come`, which waits as long as it is told, says that
    /// there is an answer.
    fn wait(&self, most: Duration, come: &mut dyn FnMut(Duration) -> bool);
}

/// The machine that this program runs on.
#[derive(Debug)]
pub(crate) struct ThisMachine;

impl Machine for ThisMachine {
    fn now(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Duration::new(seconds, nanos)
    }

    fn connect<'a>(&'a self, settings: &'a Settings) -> Connecting<'a> {
        Box::pin(Session::open(settings))
    }

    fn start(&self, work: Work) -> Result<Box<dyn Running>, DatabaseError> {
        let here = |what| move |source| DatabaseError::Here { what, source };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(here("starting to wait for the network"))?;
        let runtime = Ending(Some(runtime));
        let thread = thread::Builder::new().name("ledger".to_owned());
        let thread = thread.spawn(move || {
            if let Some(runtime) = &runtime.0 {
                runtime.block_on(work());
            }
        });
        let thread = thread.map_err(here("starting a thread"))?;
        Ok(Box::new(Thread(Some(thread))))
    }

    fn wait(&self, most: Duration, come: &mut dyn FnMut(Duration) -> bool) {
        let _in_time_or_not = come(most);
    }
}

struct Thread(Option<JoinHandle<()>>);

impl Running for Thread {}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ended_or_panicked = thread.join();
        }
    }
}

/// A runtime whose end waits for nobody: a look-up of a name may hang.
struct Ending(Option<Runtime>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
