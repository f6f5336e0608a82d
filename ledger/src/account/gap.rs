//! Stretches of time in which nothing, or not everything, could be delivered, and why.
//!
//! What always holds here: a cause is what the log says; that a run did not take place is concluded from
//! how often runs were to begin, and where that was not recorded, from how often they usually do.

use serde::Serialize;

use super::HeldPeriod;
use super::run::RunAccount;
use crate::failure::Failure;
use crate::id::Sequence;
use crate::time::Timestamp;

/// One stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends; none while it lasts.
    pub until: Option<Timestamp>,
    /// The entry that it begins with.
    pub event: Sequence,
    /// Why.
    #[serde(flatten)]
    pub cause: Cause,
}

/// Why not everything could be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Runs failed.
    Failed {
        /// How many, one after the other.
        runs: u64,
        /// The exit code of the first; none in ledgers of older versions.
        exit_code: Option<u8>,
        /// What failed in the first.
        failure: Option<Failure>,
    },
    /// Runs were cut off, or one is under way.
    CutOff {
        /// How many, one after the other.
        runs: u64,
    },
    /// No run began.
    NoRun {
        /// How often one usually does.
        usual_interval_micros: i64,
    },
    /// No run began, though one was to.
    RunMissed {
        /// How often one was to begin, as the last run before recorded it.
        every_minutes: u32,
    },
    /// A person had to decide.
    Held {
        /// How many commands were held back first.
        commands: u64,
        /// What else spoke against going on.
        partners: bool,
    },
}

/// More than so many intervals that were recorded, from one beginning to the next, are a gap: a run that begins late is
/// none, one that is left out is.
const MISSED_RECORDED: i64 = 2;
/// More than so many usual intervals without a run are a gap …
const MISSED_INTERVALS: i64 = 3;
/// … if there are enough runs to speak of a usual interval.
const FEW_RUNS: usize = 5;

/// How often a run usually begins: the median. None where there are too few.
#[must_use]
pub fn usual_interval_micros(runs: &[RunAccount]) -> Option<i64> {
    if runs.len() < FEW_RUNS {
        return None;
    }
    let mut intervals: Vec<i64> = between(runs).collect();
    intervals.sort_unstable();
    intervals.get(intervals.len() / 2).copied()
}

fn between(runs: &[RunAccount]) -> impl Iterator<Item = i64> {
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs.map(|(earlier, later)| later.started.0.saturating_sub(earlier.started.0))
}

/// The gaps, in order of their beginning; `end` is the last moment that is known of.
#[must_use]
pub fn gaps(runs: &[RunAccount], held: &[HeldPeriod], end: Timestamp) -> Vec<Gap> {
    let mut gaps = failed(runs);
    gaps.extend(missing(runs, end));
    gaps.extend(held.iter().map(|it| Gap {
        from: it.from,
        until: it.until,
        event: it.event,
        cause: Cause::Held {
            commands: it.held.commands.len() as u64,
            partners: it.held.estranged.is_some() || !it.held.exchanges.is_empty(),
        },
    }));
    gaps.sort_by_key(|gap| (gap.from, gap.event));
    gaps
}

/// From the first run that failed to the first that did not; one kind of failure after another is told
/// apart.
fn failed(runs: &[RunAccount]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut lasts = false;
    for run in runs {
        // What was held back is told with how long that lasted.
        if run.is_good() || run.is_held() {
            if let Some(gap) = gaps.last_mut().filter(|_| lasts) {
                gap.until = Some(run.finished.unwrap_or(run.started));
            }
            lasts = false;
            continue;
        }
        let cause = cause(run);
        if let Some(gap) = gaps.last_mut().filter(|_| lasts) {
            if goes_on(&mut gap.cause, &cause) {
                continue;
            }
            gap.until = Some(run.started);
        }
        lasts = true;
        gaps.push(Gap {
            from: run.started,
            until: None,
            event: run.start,
            cause,
        });
    }
    gaps
}

fn cause(run: &RunAccount) -> Cause {
    match run.finished {
        None => Cause::CutOff { runs: 1 },
        Some(_) => Cause::Failed {
            runs: 1,
            exit_code: run.verdict.as_ref().map(|it| it.exit_code),
            failure: run.gravest().cloned(),
        },
    }
}

/// Counts another run of the same cause.
fn goes_on(known: &mut Cause, next: &Cause) -> bool {
    match (known, next) {
        (Cause::CutOff { runs }, Cause::CutOff { .. }) => *runs += 1,
        (
            Cause::Failed {
                runs,
                exit_code,
                failure,
            },
            Cause::Failed {
                exit_code: next_code,
                failure: next,
                ..
            },
        ) if exit_code == next_code
            && failure.as_ref().map(|it| it.phase) == next.as_ref().map(|it| it.phase) =>
        {
            *runs += 1;
        }
        _ => return false,
    }
    true
}

/// Where no run began for long.
fn missing(runs: &[RunAccount], end: Timestamp) -> Vec<Gap> {
    const MINUTE_MICROS: i64 = 60_000_000;
    let usual = usual_interval_micros(runs).filter(|usual| *usual > 0);
    let later = runs.iter().skip(1).map(|run| Some(run.started));
    let pairs = runs.iter().zip(later.chain([None]));
    let missing = pairs.filter_map(|(run, next)| {
        let from = run.finished.unwrap_or(run.started);
        let until = next.unwrap_or(end);
        let (most, cause) = match (run.every_minutes, usual) {
            (Some(every_minutes), _) => (
                (i64::from(every_minutes) * MINUTE_MICROS).saturating_mul(MISSED_RECORDED),
                Cause::RunMissed { every_minutes },
            ),
            (None, Some(usual_interval_micros)) => (
                usual_interval_micros.saturating_mul(MISSED_INTERVALS),
                Cause::NoRun {
                    usual_interval_micros,
                },
            ),
            (None, None) => return None,
        };
        (until.0.saturating_sub(run.started.0) > most).then_some(Gap {
            from,
            until: next,
            event: run.start,
            cause,
        })
    });
    missing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunCounts;
    use crate::id::KeyId;

    fn run(minute: i64, every_minutes: Option<u32>) -> RunAccount {
        let time = Timestamp(minute * 60_000_000);
        RunAccount {
            start: Sequence(minute.unsigned_abs()),
            started: time,
            version: "test".to_owned(),
            key: KeyId([1; 8]),
            bound_to: None,
            every_minutes,
            polled: Some(time),
            finished: Some(time),
            duration_micros: Some(1),
            counts: Some(RunCounts::default()),
            verdict: None,
            failure: None,
        }
    }

    fn missed(runs: &[RunAccount], end: i64) -> Vec<Cause> {
        let gaps = gaps(runs, &[], Timestamp(end * 60_000_000));
        gaps.into_iter().map(|gap| gap.cause).collect()
    }

    #[test]
    fn runs_that_were_recorded_to_come_are_missed_though_there_are_few() {
        let every = Some(15);
        let recorded = || Cause::RunMissed { every_minutes: 15 };
        // One that begins late is there.
        assert_eq!(missed(&[run(0, every), run(29, every)], 58), []);
        assert_eq!(missed(&[run(0, every), run(31, every)], 60), [recorded()]);
        assert_eq!(missed(&[run(0, every)], 31), [recorded()]);
        assert_eq!(missed(&[run(0, None), run(600, None)], 601), []);
        // As often as they usually do, where nobody says how often they are to.
        let usual: Vec<_> = [0, 10, 20, 30, 40, 50, 81].map(|it| run(it, None)).into();
        let usually = Cause::NoRun {
            usual_interval_micros: 10 * 60_000_000,
        };
        assert_eq!(missed(&usual, 90), [usually]);
        let said: Vec<_> = [0, 10, 20, 30, 40, 50, 81]
            .map(|it| run(it, Some(60)))
            .into();
        assert_eq!(missed(&said, 90), []);
    }
}
