//! How a run goes on trying: how often, with what waits in between, and until when. One for the whole
//! run, shared by everything that repeats something. Waits grow exponentially up to a cap, with full
//! jitter, so that many couriers that lost the same server do not come back in step.
//!
//! What always holds here: the same seed gives the same waits. Deliberately absent: what is worth
//! repeating; whoever repeats it knows.

use std::time::Duration;

use courier_ledger::{RequestId, Sequence};

use super::stop::Stop;

/// The longest wait before the first repetition.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait before any.
const LONGEST: Duration = Duration::from_secs(15);

/// What is tried again: each waits for itself, so that not all come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Asking the broker for its list.
    List,
    /// Asking the broker about one request.
    Request(RequestId),
    /// A command, by the sequence number of its intent.
    Command(Sequence),
    /// Connecting to the drop-box.
    Connection,
}

impl Repeated {
    /// Tells it from everything else. No request or intent has numbers as high as the last two.
    fn salt(self) -> u64 {
        match self {
            Self::Request(RequestId(id)) => id,
            Self::Command(Sequence(start)) => start,
            Self::Connection => u64::MAX - 1,
            Self::List => u64::MAX,
        }
    }
}

/// How a run goes on trying.
#[derive(Clone)]
pub(crate) struct Persistence {
    retries: u32,
    seed: u64,
    stop: Stop,
}

impl Persistence {
    /// Repeats what failed up to `retries` times, as long as the run may go on; `seed` decides the
    /// waits.
    #[must_use]
    pub(crate) fn new(retries: u32, seed: u64, stop: Stop) -> Self {
        Self {
            retries,
            seed,
            stop,
        }
    }

    /// Whether the run is to end.
    #[must_use]
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How long to wait before repetition `attempt` (from 1), at least as long as a server asked for;
    /// none when it is not to be repeated, because the attempts are used up, or because the run will
    /// have ended by then.
    #[must_use]
    pub(crate) fn wait_before(
        &self,
        repeated: Repeated,
        attempt: u32,
        at_least: Option<Duration>,
    ) -> Option<Duration> {
        let wait = drawn(self.seed, repeated.salt(), attempt).max(at_least.unwrap_or_default());
        let may = attempt <= self.retries && self.stop.reason().is_none();
        (may && wait < self.stop.left()).then_some(wait)
    }

    /// Waits before repetition `attempt`; says whether it is to be made.
    #[must_use]
    pub(crate) fn waits_before(
        &self,
        repeated: Repeated,
        attempt: u32,
        at_least: Option<Duration>,
    ) -> bool {
        self.wait_before(repeated, attempt, at_least)
            .is_some_and(|wait| self.stop.wait(wait).is_ok())
    }
}

/// The wait before repetition `attempt` (from 1) of what `salt` tells from everything else.
fn drawn(seed: u64, salt: u64, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let most = (FIRST * (1 << doublings)).min(LONGEST);
    let drawn = mix(seed ^ mix(salt ^ mix(u64::from(attempt))));
    let most_micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(drawn % (most_micros + 1))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// OOPSLA 2014): every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;
    use crate::effects::stop::StopReason;

    #[test]
    fn repetitions_end_with_their_number_the_deadline_or_a_signal() {
        let stop = Stop::at(Instant::now() + Duration::from_secs(60));
        let persistence = Persistence::new(2, 1, stop.clone());
        let repeated = Repeated::Request(RequestId(0));
        assert!(persistence.wait_before(repeated, 2, None).is_some());
        assert_eq!(persistence.wait_before(repeated, 3, None), None);
        let asked = Duration::from_secs(40);
        assert_eq!(
            persistence.wait_before(repeated, 1, Some(asked)),
            Some(asked)
        );
        let too_long = Duration::from_secs(70);
        assert_eq!(persistence.wait_before(repeated, 1, Some(too_long)), None);
        stop.raise(StopReason::Signal);
        assert_eq!(persistence.wait_before(repeated, 1, None), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/persistence.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn waits_stay_below_their_cap_and_follow_from_the_seed(
            seed in any::<u64>(),
            salt in any::<u64>(),
            attempt in 1..100u32,
        ) {
            let wait = drawn(seed, salt, attempt);
            let cap = (FIRST * 2u32.saturating_pow(attempt.min(20) - 1)).min(LONGEST);
            prop_assert!(wait <= cap);
            prop_assert_eq!(wait, drawn(seed, salt, attempt));
        }
    }

    #[test]
    fn couriers_and_requests_do_not_wait_in_step() {
        let waits: std::collections::BTreeSet<Duration> = (0..50)
            .flat_map(|seed| (0..20).map(move |salt| drawn(seed, salt, 4)))
            .collect();
        assert!(waits.len() > 990, "{}", waits.len());
    }
}
