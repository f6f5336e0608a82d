//! Stretches of time in which nothing, or not everything, could be delivered, and why.
//!
//! What always holds here: a cause is what the log says; that a run did not take place is concluded from
//! how often runs usually begin.

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
    /// A person had to decide.
    Held {
        /// How many commands were held back first.
        commands: u64,
        /// What else spoke against going on.
        partners: bool,
    },
}

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
    let Some(usual) = usual_interval_micros(runs) else {
        return Vec::new();
    };
    let most = usual.saturating_mul(MISSED_INTERVALS);
    let later = runs.iter().skip(1).map(|run| Some(run.started));
    let pairs = runs.iter().zip(later.chain([None]));
    let missing = pairs.filter_map(|(run, next)| {
        let from = run.finished.unwrap_or(run.started);
        let until = next.unwrap_or(end);
        (until.0.saturating_sub(run.started.0) > most && usual > 0).then_some(Gap {
            from,
            until: next,
            event: run.start,
            cause: Cause::NoRun {
                usual_interval_micros: usual,
            },
        })
    });
    missing.collect()
}
