//! `run`: what cron calls.

use std::mem::discriminant;
use std::sync::Arc;

use courier_ledger::{Failure, RunCounts, Skipped, Unseen};

use super::arguments::{Arguments, RunOptions};
use super::error::{
    CommandError, DropBoxFailed, NoWaker, NoWatch, PlanMoved, PollFailed, UsageError,
};
use super::health::Health;
use super::notify::{self, Listeners};
use super::progress::{self, Display, Names};
use super::watch::Watch;
use super::{
    again, held, ledger, logging, lost_key, metrics, output, owner, parts, plan, plan_file,
    standing,
};
use crate::config::Configuration;
use crate::effects::carrier::Connecting;
use crate::effects::clock::SystemClock;
use crate::effects::status_file::LocalStatusFile;
use crate::effects::waker::Waker;
use crate::exit_code::ExitCode;
use crate::run::{self, Before, Clock as _, NewHostKey, Parts, RunReport, Scope};

pub(crate) fn run(arguments: &Arguments, options: &RunOptions) -> Result<ExitCode, CommandError> {
    // Before a secret is read; what is wrong with the file itself is told as a whole below.
    if let Ok(working_dir) = parts::configured_working_dir(arguments) {
        owner::require(arguments, &working_dir)?;
        logging::remember(arguments, &working_dir);
    }
    let configuration = parts::configuration(arguments)?;
    let listeners = Listeners::of(&configuration);
    run_with(arguments, options, &configuration, &listeners)
        .inspect_err(|error| listeners.failed(error))
}

fn run_with(
    arguments: &Arguments,
    options: &RunOptions,
    configuration: &Configuration,
    listeners: &Listeners,
) -> Result<ExitCode, CommandError> {
    let scope = scope(options)?;
    let key = lost_key::load(configuration)?;
    let endpoint = parts::endpoint(configuration)?;
    let persistence = parts::persistence(configuration)?;
    let stop = persistence.stop().clone();
    let broker = Arc::new(parts::broker(configuration, persistence)?);
    let clock = SystemClock::start();
    let (claimed, legacy) = ledger::claim(&configuration.working_dir, &clock)?;
    listeners.begun();

    let partners = parts::partners(configuration);
    if let (Scope::Bound(plan), Some(path)) = (&scope, &options.plan) {
        let state = claimed.state();
        plan_file::judge(path, plan, state, &partners, &configuration.working_dir)?;
    }
    let _watch = Watch::begin(stop.clone()).map_err(NoWatch)?;
    let fetcher = parts::fetcher(configuration, &key, Arc::clone(&broker))?;
    let waker = Waker::new().map_err(NoWaker)?;
    let folder = endpoint.to_string();
    let departure = Connecting::begin(endpoint, fetcher, waker);
    let evidence = parts::evidence(configuration)?;
    let names = match is_read(arguments) {
        true => Names::Shown,
        false => Names::Left,
    };
    let display = Display::begin(names, broker.headway().clone());
    let run_before = notify::Before::of(claimed.state().run());
    let before = Before {
        state: claimed.state(),
        hash_of: &|entry| claimed.hash_of(entry),
        drop_box: &partners.drop_box,
    };
    let approach = run::approach(&before, legacy, broker.as_ref(), departure, &clock)
        .map_err(|error| standing::not_approached(error, folder))?;
    if let Scope::Only(requests) = &scope {
        let unknown = approach.unknown(requests, claimed.state());
        if !unknown.is_empty() {
            display.end();
            return Err(UsageError::UnknownRequests(unknown).into());
        }
    }

    let mut ledger = ledger::begun(claimed, approach.time())?;
    let parts = Parts {
        policy: configuration
            .rules
            .policy(parts::sealing(configuration, key.clone()).id()),
        partners,
        status_file: &LocalStatusFile::inside(&configuration.working_dir),
        clock: &clock,
        progress: &display,
        evidence: evidence
            .as_ref()
            .map(|(keeper, _)| keeper as &dyn run::Evidence),
        may_begin: &|| stop.reason().is_none(),
        every_minutes: configuration.every_minutes,
        scope: &scope,
    };
    let report = run::run(&mut ledger, approach, parts);
    display.end();
    let report = report?;
    if let Err(error) = ledger.cache() {
        // It only saves time: what is in the log stays true.
        tracing::warn!("the next run opens the ledger more slowly: {error}");
    }
    if let Some(textfile) = &configuration.reports.textfile {
        let health = Health::of(ledger.state(), None, clock.now());
        metrics::write(textfile, ledger.state(), &health);
    }
    if let Some((_, Some(anchors))) = &evidence {
        anchors.cast(ledger.log(), clock.now());
    }
    ledger.close()?;
    tell(arguments, &report);
    logging::keep();
    listeners.ended(&run_before, &report);
    Ok(report.exit_code())
}

/// What of the plan is to be carried out.
fn scope(options: &RunOptions) -> Result<Scope, CommandError> {
    Ok(match (&options.plan, options.only.requests()) {
        (Some(path), _) => Scope::Bound(Box::new(plan_file::read(path)?)),
        (None, Some(requests)) => Scope::Only(requests),
        (None, None) => Scope::All,
    })
}

/// What happened. Problems to standard error; to standard output what waits for a person, and where
/// somebody reads along, or not all is well, the sum.
fn tell(arguments: &Arguments, report: &RunReport) {
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
            "{full}; {} commands are left to the next run",
            report.counts.failed
        );
    }
}

/// What the run came to, in one line.
fn sum(report: &RunReport) -> String {
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
