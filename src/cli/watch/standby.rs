//! That this watch stands by, taken down where the ledger is, for `status` on any host.
//!
//! What always holds here: it is said now and then, however often one looks; that it cannot be said ends nothing.
//! Deliberately absent: going on when the ledger is free.

use std::time::{Duration, Instant};

use crate::effects::ledger_place::Location;

/// So often it is said at most.
const EVERY: Duration = Duration::from_secs(10);

/// When it was said last.
#[derive(Default)]
pub(super) struct Standby {
    /// None while it holds the ledger.
    said: Option<Instant>,
    is_told_unheard: bool,
}

impl Standby {
    /// Whether it was said since it last held the ledger.
    pub(super) fn is_said(&self) -> bool {
        self.said.is_some()
    }

    /// It holds the ledger.
    pub(super) fn end(&mut self) {
        self.said = None;
    }

    /// Says it, unless it was said just now.
    pub(super) fn say(&mut self, location: &Location) {
        if self.said.is_some_and(|said| said.elapsed() < EVERY) {
            return;
        }
        self.said = Some(Instant::now());
        match location.stand_by() {
            Ok(()) => self.is_told_unheard = false,
            Err(error) if !std::mem::replace(&mut self.is_told_unheard, true) => tracing::warn!(
                "it stands by, and `status` does not show that: {error}; {}",
                error.hint()
            ),
            Err(_) => {}
        }
    }
}
