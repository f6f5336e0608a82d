//! One operation under way in a pipeline, and its clock.

use std::time::Instant;

use super::super::excerpt::Excerpt;
use super::super::glance::Glance;
use super::super::outbox::{Answer, Purpose, Requests};
use super::super::removal::Removal;
use super::super::upload::{Outcome, Upload};

/// What an operation does next.
pub(super) enum Machine {
    Upload(Box<Upload>),
    Removal(Removal),
    Glance(Glance),
    Excerpt(Excerpt),
}

impl Machine {
    /// Sends what comes first.
    pub(super) fn begin(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => return upload.begin(out),
            Self::Removal(removal) => removal.begin(out),
            Self::Glance(glance) => glance.begin(out),
            Self::Excerpt(excerpt) => excerpt.begin(out),
        }
        None
    }

    /// Takes an answer, and sends what comes next.
    pub(super) fn answer(
        &mut self,
        purpose: Purpose,
        answer: Answer,
        out: &mut Requests<'_>,
    ) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => upload.answer(purpose, answer, out),
            Self::Removal(removal) => Some(removal.answer(&answer)),
            Self::Glance(glance) => Some(glance.answer(&answer)),
            Self::Excerpt(excerpt) => excerpt.answer(answer, out),
        }
    }

    /// Gives up, and cleans up what can be cleaned up.
    pub(super) fn expire(&mut self, out: &mut Requests<'_>) -> Option<Outcome> {
        match self {
            Self::Upload(upload) => upload.expire(out),
            Self::Removal(_) | Self::Glance(_) | Self::Excerpt(_) => None,
        }
    }

    /// How it ended when the connection was lost.
    pub(super) fn lost(&mut self, reason: &str) -> Outcome {
        match self {
            Self::Upload(upload) => upload.lost(reason),
            Self::Removal(removal) => Err(removal.lost(reason)),
            Self::Glance(glance) => Err(glance.lost(reason)),
            Self::Excerpt(excerpt) => Err(excerpt.lost(reason)),
        }
    }
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
