//! The days of a report (UTC), and days put together where there are too many to be told one by one.

use std::collections::BTreeMap;

use courier_ledger::Timestamp;
use serde::Serialize;

/// What happened in some days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Day {
    /// The first moment of the first of them.
    pub(super) begins: Timestamp,
    pub(super) deliveries: u64,
    pub(super) withdrawals: u64,
    pub(super) runs: u64,
    pub(super) good_runs: u64,
}

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The day of a time.
fn day(time: Timestamp) -> Timestamp {
    Timestamp(time.0.div_euclid(DAY_MICROS) * DAY_MICROS)
}

/// The days on which something happened: when runs began, and whether they were good; when results were
/// delivered, and withdrawn.
pub(super) fn of(
    runs: impl Iterator<Item = (Timestamp, bool)>,
    deliveries: impl Iterator<Item = Timestamp>,
    withdrawals: impl Iterator<Item = Timestamp>,
) -> Vec<Day> {
    let mut days: BTreeMap<Timestamp, Day> = BTreeMap::new();
    for (time, is_good) in runs {
        let day = on(&mut days, time);
        day.runs += 1;
        day.good_runs += u64::from(is_good);
    }
    for time in deliveries {
        on(&mut days, time).deliveries += 1;
    }
    for time in withdrawals {
        on(&mut days, time).withdrawals += 1;
    }
    days.into_values().collect()
}

fn on(days: &mut BTreeMap<Timestamp, Day>, time: Timestamp) -> &mut Day {
    let begins = day(time);
    days.entry(begins).or_insert_with(|| Day {
        begins,
        ..Day::default()
    })
}

/// As many groups of days as `most`, at most, without a hole between them, and how many days each has.
pub(super) fn grouped(days: &[Day], most: usize) -> (Vec<Day>, i64) {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return (Vec::new(), 1);
    };
    let count = (last.begins.0 - first.begins.0) / DAY_MICROS + 1;
    let most = i64::try_from(most).unwrap_or(i64::MAX).max(1);
    let size = (count + most - 1) / most;
    let group = |time: Timestamp| (time.0 - first.begins.0) / DAY_MICROS / size;
    let mut groups: Vec<Day> = (0..=group(last.begins))
        .map(|at| Day {
            begins: Timestamp(first.begins.0 + at * size * DAY_MICROS),
            ..Day::default()
        })
        .collect();
    for day in days {
        let at = usize::try_from(group(day.begins)).unwrap_or(0);
        if let Some(sum) = groups.get_mut(at) {
            sum.deliveries += day.deliveries;
            sum.withdrawals += day.withdrawals;
            sum.runs += day.runs;
            sum.good_runs += day.good_runs;
        }
    }
    (groups, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_days_are_put_together_without_a_hole() {
        let day = |at: i64| Day {
            begins: Timestamp(at * DAY_MICROS),
            deliveries: 1,
            ..Day::default()
        };
        let days = [day(10), day(11), day(19)];
        let (groups, size) = grouped(&days, 10);
        assert_eq!((groups.len(), size), (10, 1));
        let (groups, size) = grouped(&days, 4);
        assert_eq!((groups.len(), size), (4, 3));
        let deliveries: Vec<_> = groups.iter().map(|it| it.deliveries).collect();
        assert_eq!(deliveries, [2, 0, 0, 1]);
        assert_eq!(grouped(&[], 4).0, []);
    }
}
