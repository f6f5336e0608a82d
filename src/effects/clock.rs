//! The system's clocks.

use std::time::{Duration, Instant};

use courier_ledger::Timestamp;

use crate::run::Clock;

/// The wall clock, and a monotonic one that starts with the program.
pub(crate) struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
