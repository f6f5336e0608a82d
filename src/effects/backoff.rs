//! How long to wait before the next attempt: exponential, capped, with full jitter, so that many
//! couriers that lost the same server do not come back in step.
//!
//! What always holds here: the same seed gives the same waits. Deliberately absent: waiting, and how
//! many attempts there are.

use std::time::Duration;

/// The longest wait before the first repetition.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait before any.
const LONGEST: Duration = Duration::from_secs(15);

/// The waits of one run.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    seed: u64,
}

impl Backoff {
    /// The waits that follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The wait before repetition `attempt` (from 1) of what `salt` tells from everything else.
    #[must_use]
    pub fn wait(self, salt: u64, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let most = (FIRST * (1 << doublings)).min(LONGEST);
        let drawn = mix(self.seed ^ mix(salt ^ mix(u64::from(attempt))));
        let most_micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(drawn % (most_micros + 1))
    }
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
    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

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
            let wait = Backoff::new(seed).wait(salt, attempt);
            let cap = (FIRST * 2u32.saturating_pow(attempt.min(20) - 1)).min(LONGEST);
            prop_assert!(wait <= cap);
            prop_assert_eq!(wait, Backoff::new(seed).wait(salt, attempt));
        }
    }

    #[test]
    fn couriers_and_requests_do_not_wait_in_step() {
        let waits: std::collections::BTreeSet<Duration> = (0..50)
            .flat_map(|seed| (0..20).map(move |salt| Backoff::new(seed).wait(salt, 4)))
            .collect();
        assert!(waits.len() > 990, "{}", waits.len());
    }
}
