//! What is told at `WATCH.LISTEN`: the figures of the last run, and whether it is young enough.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use courier_ledger::{State, Timestamp};

use crate::cli::health::Health;
use crate::cli::metrics;
use crate::effects::exposition::{Exposition, Place, Told};
use crate::effects::mutex::lock;

/// What is told, and where, if anywhere.
#[derive(Default)]
pub(super) struct Figures {
    told: Arc<Mutex<Told>>,
    exposition: Option<Exposition>,
}

impl Figures {
    /// From now on it is told there; that it cannot be is said.
    pub(super) fn tell_at(&mut self, place: Option<&Place>) {
        if self.exposition.as_ref().map(Exposition::place) == place {
            return;
        }
        // The one before first: it may be in the way of this one.
        self.exposition = None;
        let Some(place) = place else { return };
        match Exposition::begin(place.clone(), Arc::clone(&self.told)) {
            Ok(exposition) => self.exposition = Some(exposition),
            Err(error) => tracing::error!(
                "WATCH.LISTEN: nobody can ask at {place}: {error}; deliveries go on without"
            ),
        }
    }

    /// A run has ended; before so long another one will have.
    pub(super) fn run(&self, state: &State, now: Timestamp, within: Duration) {
        if self.exposition.is_none() {
            return;
        }
        let health = Health::of(state, None, now);
        let mut told = lock(&self.told);
        told.metrics = metrics::text_of(state, &health);
        told.well_until = Some(Instant::now() + within);
    }
}
