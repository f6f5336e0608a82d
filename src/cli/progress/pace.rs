//! How fast something goes, as far as looking at it now and then tells.

use std::time::{Duration, Instant};

/// Nobody looks more closely than this.
const STEP: Duration = Duration::from_millis(500);
/// How much of a rate is the newest look's.
const NEWEST: f64 = 0.3;

/// How fast a number of bytes grows.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<(Instant, u64)>,
    rate: Option<f64>,
}

impl Pace {
    /// Takes how many bytes there are now, and gives how many come in a second; none before that is known, or
    /// where nothing comes.
    pub(super) fn at(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        match self.last {
            Some((then, before)) if bytes >= before => {
                let passed = now.duration_since(then);
                if passed >= STEP {
                    let newest = (bytes - before) as f64 / passed.as_secs_f64();
                    let rate = self
                        .rate
                        .map_or(newest, |known| known * (1.0 - NEWEST) + newest * NEWEST);
                    self.rate = Some(rate);
                    self.last = Some((now, bytes));
                }
            }
            // It began, or began anew.
            Some(_) | None => {
                self.last = Some((now, bytes));
                self.rate = None;
            }
        }
        self.rate
            .filter(|rate| *rate >= 1.0)
            .map(|rate| rate as u64)
    }
}

/// Seconds as a clock shows them: `0:25`, `1:02:03`.
pub(super) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_known_once_something_has_come_and_follows_what_comes() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        assert_eq!(pace.at(start, 0), None);
        assert_eq!(pace.at(start + Duration::from_millis(100), 50), None);
        assert_eq!(pace.at(after(1), 1000), Some(1000));
        assert_eq!(pace.at(after(2), 2000), Some(1000));
        assert!(pace.at(after(3), 2000).is_some_and(|rate| rate < 1000));
        // Anew, from the beginning.
        assert_eq!(pace.at(after(4), 10), None);
        assert_eq!(pace.at(after(5), 110), Some(100));
    }

    #[test]
    fn times_are_as_a_clock_shows_them() {
        assert_eq!(clock(5), "0:05");
        assert_eq!(clock(125), "2:05");
        assert_eq!(clock(3723), "1:02:03");
    }
}
