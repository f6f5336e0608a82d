//! One operation under way in a pipeline, and its clock.

use std::time::Instant;

use super::super::excerpt::Excerpt;
use super::super::glance::Glance;
use super::super::removal::Removal;
use super::super::upload::Upload;

/// What an operation does next.
pub(super) enum Machine {
    Upload(Box<Upload>),
    Removal(Removal),
    Glance(Glance),
    Excerpt(Excerpt),
}

/// An operation under way.
pub(super) struct Active {
    pub(super) ticket: u64,
    pub(super) machine: Machine,
    pub(super) outstanding: usize,
    pub(super) deadline: Instant,
    /// Since when it waits for nothing but its source: that time is not its own.
    pub(super) idle_since: Option<Instant>,
    pub(super) expired: bool,
}

impl Active {
    pub(super) fn is_moving(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.is_moving())
    }

    pub(super) fn is_crowded_out(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.is_crowded_out())
    }

    pub(super) fn occupies_file(&self) -> bool {
        matches!(&self.machine, Machine::Upload(upload) if upload.occupies_file())
    }

    /// Stops or resumes the clock: it runs while the server owes something.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.outstanding == 0 {
            self.idle_since.get_or_insert(now);
        } else if let Some(since) = self.idle_since.take() {
            self.deadline += now.saturating_duration_since(since);
        }
    }
}
