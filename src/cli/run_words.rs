//! What is said of a run that has ended.
//!
//! What always holds here: each problem is said once, with what to do. Deliberately absent: exit codes, and who
//! else hears of a run (`notify`).

use std::mem::discriminant;

use courier_ledger::{Failure, RunCounts, Skipped, Unseen};

use super::arguments::Arguments;
use super::error::{CommandError, DropBoxFailed, PlanMoved, PollFailed};
use super::progress::{self, Names};
use super::{again, held, logging, output, plan, standing};
use crate::run::{NewHostKey, RunReport};

/// What happened. Problems to standard error; to standard output what waits for a person, and where
/// somebody reads along, or not all is well, the sum.
pub(super) fn tell(arguments: &Arguments, report: &RunReport) {
    tell_problems(report);
    tell_outcome(arguments, report);
}

/// Each problem, to standard error.
pub(super) fn tell_problems(report: &RunReport) {
    tell_failures(report);
    for clock in &report.clocks {
        output::warn_of_clock(clock);
    }
    match report.unseen {
        Some(Unseen::Forbidden) => tracing::warn!(
            "the drop-box lets this user look at nothing: what was uploaded and deleted is recorded as \
             its server answered, and as not looked at"
        ),
        Some(Unseen::Untold) => tracing::warn!(
            "the drop-box does not tell what stands in its folder: some of what was uploaded and deleted \
             is recorded as its server answered, and as not seen"
        ),
        None => {}
    }
    tell_skipped(&report.skipped);
    if let Some(key) = &report.unannounced_key {
        held::tell_key(key);
    }
    if let Some(NewHostKey { known, presented }) = &report.host_key {
        tracing::warn!(
            "the drop-box has another host key than before, which the configuration accepts: \
             {presented}, before {known}"
        );
    }
    if let Some(fallen) = &report.fallen {
        held::tell_fallen(fallen);
    }
    if let Some(seen) = &report.published_seen {
        standing::tell_published(seen);
    }
    if let Some(failure) = &report.look_failure {
        plan::warn_of_look(failure);
    }
    if let Some(failure) = &report.poll_failure {
        CommandError::from(PollFailed(failure)).report();
    }
    if let Some(failure) = &report.drop_box_failure {
        CommandError::from(DropBoxFailed(failure)).report();
    }
    if !report.moved.is_empty() {
        CommandError::from(PlanMoved(&report.moved)).report();
    }
}

/// To standard output what waits for a person, and where somebody reads along, or not all is well, the sum.
pub(super) fn tell_outcome(arguments: &Arguments, report: &RunReport) {
    if logging::is_json() {
        return tell_sum_as_object(report);
    }
    let held = report.held.as_ref();
    let held = held.filter(|held| logging::is_worth_saying(&held.digest().to_string()));
    let is_read = is_read(arguments);
    output::tell(|output| {
        if is_read || held.is_some() {
            writeln!(output, "{}", sum(report))?;
        }
        held.map_or(Ok(()), |held| {
            held::show(output, held, report.limit.as_ref(), arguments)
        })
    });
}

/// Whether results are named as they are delivered.
pub(super) fn names(arguments: &Arguments) -> Names {
    match is_read(arguments) {
        true => Names::Shown,
        false => Names::Left,
    }
}

/// Whether somebody reads what was done, and not only what went wrong.
fn is_read(arguments: &Arguments) -> bool {
    let quiet = arguments.quiet || logging::is_json();
    !quiet && (arguments.verbose > 0 || progress::is_read_by_a_person())
}

/// What was left alone: of many that are alike the first ones, but to who collects objects all.
fn tell_skipped(skipped: &[Skipped]) {
    const NAMED: usize = 3;
    let alike = |one: &Skipped, other: &Skipped| discriminant(one) == discriminant(other);
    for (index, it) in skipped.iter().enumerate() {
        let before = skipped.iter().take(index).filter(|other| alike(it, other));
        let before = before.count();
        if logging::is_json() || before < NAMED {
            tracing::warn!("{it}");
        } else if before == NAMED {
            let more = skipped.iter().filter(|other| alike(it, other)).count() - NAMED;
            let told = format!("and {more} more like that: `broker-courier plan` names them");
            tracing::warn!("{}", again::pasteable(&told));
        }
    }
}

/// Each failure once, with the first of the commands that had it.
fn tell_failures(report: &RunReport) {
    let told = [report.drop_box_failure.as_ref(), report.full.as_ref()];
    let mut others: Vec<(&Failure, &str, usize)> = Vec::new();
    for (command, failure) in &report.failures {
        if told.contains(&Some(failure)) {
            continue;
        }
        match others.iter_mut().find(|it| it.0 == failure) {
            Some((_, _, more)) => *more += 1,
            None => others.push((failure, command, 0)),
        }
    }
    for (failure, command, more) in others {
        match more {
            0 => tracing::error!("{command}: {failure}"),
            _ => tracing::error!("{command}, and {more} more: {failure}"),
        }
    }
    if let Some(full) = &report.full {
        tracing::error!(
            "{full}; {} left to the next run",
            match report.counts.failed {
                1 => "1 command is".to_owned(),
                failed => format!("{failed} commands are"),
            }
        );
    }
}

/// What the run came to, in one line.
pub(super) fn sum(report: &RunReport) -> String {
    match report.poll_failure {
        // What was not read cannot be called unchanged.
        Some(_) => "nothing was read from the broker, and nothing was done".to_owned(),
        None if !report.moved.is_empty() => "nothing was done".to_owned(),
        None => match report.set_aside {
            0 => report.counts.to_string(),
            others => format!("{}, {others} left alone by --only", report.counts),
        },
    }
}

/// The same for who collects objects.
fn tell_sum_as_object(report: &RunReport) {
    let RunCounts {
        uploaded,
        deleted,
        failed,
        blocked,
        unreadable,
        unchanged,
    } = report.counts;
    let exit_code = report.exit_code().number();
    let held = report.held.as_ref().map(|held| held.digest().to_string());
    tracing::info!(
        exit_code,
        uploaded,
        deleted,
        failed,
        blocked,
        unreadable,
        unchanged,
        held,
        "{}",
        sum(report)
    );
}
