//! A set of requests' numbers, kept as the spans that it consists of: brokers number without gaps, so
//! the numbers of a hundred thousand requests are a few spans.
//!
//! What always holds here: spans ascend and do not touch, so that one set has one form. Deliberately
//! absent: what the numbers mean.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::RequestId;

/// Numbers from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(pub RequestId, pub RequestId);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, last) = self;
        if first == last {
            first.fmt(f)
        } else {
            write!(f, "{first}-{last}")
        }
    }
}

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberSet(Vec<Span>);

impl NumberSet {
    /// These spans, as they are: the form may be wrong ([`Self::is_canonical`]).
    #[must_use]
    pub fn of_spans(spans: Vec<Span>) -> Self {
        Self(spans)
    }

    /// How many numbers it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        let size = |Span(first, last): &Span| last.0.saturating_sub(first.0).saturating_add(1);
        self.0.iter().map(size).fold(0, u64::saturating_add)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The highest number.
    #[must_use]
    pub fn highest(&self) -> Option<RequestId> {
        self.0.last().map(|span| span.1)
    }

    /// Its spans, ascending.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Whether it has this number.
    #[must_use]
    pub fn contains(&self, id: RequestId) -> bool {
        let after = self.0.partition_point(|span| span.0 <= id);
        let span = after.checked_sub(1).and_then(|index| self.0.get(index));
        span.is_some_and(|span| id <= span.1)
    }

    /// Whether its spans ascend and do not touch: sets that were read need not be in that form.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        let forward = self.0.iter().all(|span| span.0 <= span.1);
        let apart = |pair: &[Span]| matches!(pair, [Span(_, last), Span(first, _)] if last.0.checked_add(1).is_some_and(|next| next < first.0));
        forward && self.0.windows(2).all(apart)
    }

    /// The numbers that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(Span(a, b)), Some(Span(c, d))) = (mine.peek(), theirs.peek()) {
            let (first, last) = (*a.max(c), *b.min(d));
            if first <= last {
                common.push(Span(first, last));
            }
            if b < d {
                mine.next();
            } else {
                theirs.next();
            }
        }
        Self(common)
    }

    /// The numbers that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.0.as_slice();
        for Span(first, last) in &self.0 {
            let mut first = first.0;
            // Holes before this span lie before all that follow.
            while holes.first().is_some_and(|hole| hole.1.0 < first) {
                holes = &holes[1..];
            }
            let mut open = true;
            for hole in holes {
                if hole.0 > *last {
                    break;
                }
                if hole.0.0 > first {
                    rest.push(Span(RequestId(first), RequestId(hole.0.0 - 1)));
                }
                match hole.1.0.checked_add(1).filter(|next| *next <= last.0) {
                    Some(next) => first = next,
                    None => {
                        open = false;
                        break;
                    }
                }
            }
            if open {
                rest.push(Span(RequestId(first), *last));
            }
        }
        Self(rest)
    }

    /// The numbers that are in any of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut spans: Vec<Span> = self.0.iter().chain(&other.0).copied().collect();
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::new();
        for Span(first, last) in spans {
            match joined.last_mut() {
                Some(before) if before.1.0.checked_add(1).is_none_or(|next| first.0 <= next) => {
                    before.1 = before.1.max(last);
                }
                Some(_) | None => joined.push(Span(first, last)),
            }
        }
        Self(joined)
    }

    /// The numbers up to and including `last`.
    #[must_use]
    pub fn up_to(&self, last: RequestId) -> Self {
        self.intersection(&Self(vec![Span(RequestId(0), last)]))
    }
}

impl FromIterator<RequestId> for NumberSet {
    fn from_iter<T: IntoIterator<Item = RequestId>>(numbers: T) -> Self {
        let spans = numbers.into_iter().map(|id| Span(id, id)).collect();
        Self(spans).union(&Self::default())
    }
}

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, span) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{span}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(numbers: &BTreeSet<u64>) -> NumberSet {
        numbers.iter().rev().copied().map(RequestId).collect()
    }

    fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
        // The last numbers are where one too many would overflow.
        let number = prop_oneof![0..24u64, u64::MAX - 8..=u64::MAX];
        prop::collection::btree_set(number, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(
                proptest::test_runner::FileFailurePersistence::Direct(
                    "../proptest-regressions/number_set.txt"
                )
            )),
            ..ProptestConfig::default()
        })]

        #[test]
        fn it_is_what_a_set_of_single_numbers_is(left in numbers(), right in numbers()) {
            let (a, b) = (set(&left), set(&right));
            prop_assert!(a.is_canonical());
            prop_assert_eq!(a.len(), left.len() as u64);
            prop_assert_eq!(a.highest(), left.last().copied().map(RequestId));
            for number in (0..26).chain(u64::MAX - 10..=u64::MAX) {
                prop_assert_eq!(a.contains(RequestId(number)), left.contains(&number));
            }
            prop_assert_eq!(a.union(&b), set(&(&left | &right)));
            prop_assert_eq!(a.intersection(&b), set(&(&left & &right)));
            prop_assert_eq!(a.without(&b), set(&(&left - &right)));
            for result in [a.union(&b), a.intersection(&b), a.without(&b)] {
                prop_assert!(result.is_canonical());
            }
            for last in [0, 12, u64::MAX - 4, u64::MAX] {
                let below = left.iter().copied().filter(|id| *id <= last).collect();
                prop_assert_eq!(a.up_to(RequestId(last)), set(&below));
            }
        }
    }

    #[test]
    fn spans_that_touch_or_run_backwards_are_no_form_of_a_set() {
        for spans in [
            [(0, 1), (2, 3)],
            [(0, 4), (2, 9)],
            [(5, 6), (1, 2)],
            [(3, 2), (5, 5)],
        ] {
            let span = |(first, last)| Span(RequestId(first), RequestId(last));
            assert!(
                !NumberSet(spans.map(span).to_vec()).is_canonical(),
                "{spans:?}"
            );
        }
    }

    #[test]
    fn it_is_printed_as_people_write_it() {
        let numbers = BTreeSet::from([0, 1, 2, 5, 7, 8]);
        assert_eq!(set(&numbers).to_string(), "0-2, 5, 7-8");
    }
}
