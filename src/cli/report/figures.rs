//! How long things took, as a few figures.
//!
//! What always holds here: a quantile is one of the values (nearest rank), never something between two.

use serde::Serialize;

/// The figures of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Figures {
    /// How many values.
    pub(super) count: u64,
    /// At least half of them are no larger.
    pub(super) median_micros: Option<i64>,
    /// At least 95 % of them are no larger.
    pub(super) p95_micros: Option<i64>,
    /// The largest.
    pub(super) worst_micros: Option<i64>,
}

impl Figures {
    /// Those of these values.
    pub(super) fn of(values: impl Iterator<Item = i64>) -> Self {
        let mut sorted: Vec<i64> = values.collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.checked_sub(1)?).copied()
        };
        Self {
            count: sorted.len() as u64,
            median_micros: rank(50),
            p95_micros: rank(95),
            worst_micros: sorted.last().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(values: &[i64]) -> [Option<i64>; 3] {
        let Figures {
            median_micros,
            p95_micros,
            worst_micros,
            ..
        } = Figures::of(values.iter().copied());
        [median_micros, p95_micros, worst_micros]
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        assert_eq!(figures(&[]), [None; 3]);
        assert_eq!(figures(&[7]), [Some(7); 3]);
        assert_eq!(figures(&[4, 1, 3, 2]), [Some(2), Some(4), Some(4)]);
        let hundred: Vec<i64> = (1..=100).rev().collect();
        assert_eq!(figures(&hundred), [Some(50), Some(95), Some(100)]);
    }
}
