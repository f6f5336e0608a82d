//! How a run goes on trying: how often, with what waits in between, and until when. One for the whole
//! run, shared by everything that repeats something.

use std::time::Duration;

use super::backoff::Backoff;
use super::stop::Stop;

/// How a run goes on trying.
#[derive(Clone)]
pub struct Persistence {
    retries: u32,
    backoff: Backoff,
    stop: Stop,
}

impl Persistence {
    /// Repeats what failed up to `retries` times, as long as the run may go on; `seed` decides the
    /// waits.
    #[must_use]
    pub fn new(retries: u32, seed: u64, stop: Stop) -> Self {
        Self {
            retries,
            backoff: Backoff::new(seed),
            stop,
        }
    }

    /// Whether the run is to end.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How long to wait before repetition `attempt` (from 1) of what `salt` tells from everything else,
    /// at least as long as a server asked for; none when it is not to be repeated, because the attempts
    /// are used up, or because the run will have ended by then.
    #[must_use]
    pub fn wait_before(
        &self,
        salt: u64,
        attempt: u32,
        at_least: Option<Duration>,
    ) -> Option<Duration> {
        let wait = self
            .backoff
            .wait(salt, attempt)
            .max(at_least.unwrap_or_default());
        let may = attempt <= self.retries && self.stop.reason().is_none();
        (may && wait < self.stop.left()).then_some(wait)
    }

    /// Waits before repetition `attempt`; says whether it is to be made.
    #[must_use]
    pub fn waits_before(&self, salt: u64, attempt: u32, at_least: Option<Duration>) -> bool {
        self.wait_before(salt, attempt, at_least)
            .is_some_and(|wait| self.stop.wait(wait).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::effects::stop::StopReason;

    #[test]
    fn repetitions_end_with_their_number_the_deadline_or_a_signal() {
        let stop = Stop::at(Instant::now() + Duration::from_secs(60));
        let persistence = Persistence::new(2, 1, stop.clone());
        assert!(persistence.wait_before(0, 2, None).is_some());
        assert_eq!(persistence.wait_before(0, 3, None), None);
        let asked = Duration::from_secs(40);
        assert_eq!(persistence.wait_before(0, 1, Some(asked)), Some(asked));
        let too_long = Duration::from_secs(70);
        assert_eq!(persistence.wait_before(0, 1, Some(too_long)), None);
        stop.raise(StopReason::Signal);
        assert_eq!(persistence.wait_before(0, 1, None), None);
    }
}
