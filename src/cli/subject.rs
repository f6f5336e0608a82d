//! Which events are about one request.

use std::collections::BTreeSet;

use courier_ledger::{Entry, Event, RequestId, Sequence};

/// Follows one request through the log: its observations, its commands and their outcomes.
pub(super) struct Subject {
    request: Option<RequestId>,
    starts: BTreeSet<Sequence>,
}

impl Subject {
    /// Follows this one; without one, everything.
    pub(super) fn new(request: Option<RequestId>) -> Self {
        Self {
            request,
            starts: BTreeSet::new(),
        }
    }

    /// Whether the next entry concerns it.
    pub(super) fn concerns(&mut self, entry: &Entry) -> bool {
        let Some(request) = self.request else {
            return true;
        };
        if let Some(start) = entry.event.outcome_of() {
            return self.starts.contains(&start);
        }
        let concerns = entry.event.concerns(request);
        if concerns && matches!(entry.event, Event::CommandStarted { .. }) {
            self.starts.insert(entry.sequence);
        }
        concerns
    }
}
