//! The service that a watch may be, as systemd sees it: ready, alive, and what it did last.
//!
//! What always holds here: the pulse is that of the loop, not of the thread that sends it: it ends when the loop is
//! over the time that it gave itself.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::effects::mutex::lock;
use crate::effects::service_manager::ServiceManager;

/// What may come on top of the time that something takes at most.
const MARGIN: Duration = Duration::from_secs(60);

/// The service; of nobody's, where it was not started as one.
pub(super) struct Service {
    manager: Option<Arc<ServiceManager>>,
    /// Until when the loop must have given itself more time.
    until: Arc<Mutex<Instant>>,
}

impl Service {
    pub(super) fn begin() -> Self {
        let manager = ServiceManager::of_this_process().map(Arc::new);
        let until = Arc::new(Mutex::new(Instant::now() + MARGIN));
        if let (Some(manager), Some(every)) = (&manager, ServiceManager::wants_a_pulse()) {
            beat(Arc::clone(manager), Arc::clone(&until), every / 3);
        }
        Self { manager, until }
    }

    /// From now on the loop may take so long.
    pub(super) fn may_take(&self, time: Duration) {
        *lock(&self.until) = Instant::now() + time + MARGIN;
    }

    /// Tells, where somebody wants to be told.
    pub(super) fn tell(&self, tell: impl FnOnce(&ServiceManager)) {
        if let Some(manager) = &self.manager {
            tell(manager);
        }
    }
}

fn beat(manager: Arc<ServiceManager>, until: Arc<Mutex<Instant>>, every: Duration) {
    let begun = std::thread::Builder::new()
        .name("pulse".to_owned())
        .spawn(move || {
            while Instant::now() < *lock(&until) {
                manager.pulse();
                std::thread::sleep(every);
            }
        });
    if let Err(error) = begun {
        tracing::warn!("the service manager will not hear that this process lives: {error}");
    }
}
