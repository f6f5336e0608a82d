//! `run`: what cron calls.

use std::sync::Arc;

use courier_ledger::Unseen;

use super::arguments::Arguments;
use super::error::{CommandError, DropBoxFailed, NoWaker, NoWatch, PollFailed};
use super::watch::Watch;
use super::{held, ledger, lost_key, output, owner, parts, plan, standing};
use crate::effects::carrier::Connecting;
use crate::effects::clock::SystemClock;
use crate::effects::status_file::LocalStatusFile;
use crate::effects::waker::Waker;
use crate::exit_code::ExitCode;
use crate::run::{self, Before, NewHostKey, Parts, RunReport};

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    // Before a secret is read; what is wrong with the file itself is told as a whole below.
    if let Ok(working_dir) = parts::configured_working_dir(arguments) {
        owner::require(arguments, &working_dir)?;
    }
    let configuration = parts::configuration(arguments)?;
    let key = lost_key::load(&configuration.key_files, &configuration.working_dir)?;
    let endpoint = parts::endpoint(&configuration)?;
    let persistence = parts::persistence(&configuration)?;
    let stop = persistence.stop().clone();
    let broker = Arc::new(parts::broker(&configuration, persistence)?);
    let clock = SystemClock::start();
    let (claimed, legacy) = ledger::claim(&configuration.working_dir, &clock)?;

    let _watch = Watch::begin(stop.clone()).map_err(NoWatch)?;
    let fetcher = parts::fetcher(&configuration, &key, Arc::clone(&broker))?;
    let waker = Waker::new().map_err(NoWaker)?;
    let folder = endpoint.to_string();
    let departure = Connecting::begin(endpoint, fetcher, waker);
    let partners = parts::partners(&configuration);
    let before = Before {
        state: claimed.state(),
        hash_of: &|entry| claimed.hash_of(entry),
        drop_box: &partners.drop_box,
    };
    let approach = run::approach(&before, legacy, broker.as_ref(), departure, &clock)
        .map_err(|error| standing::not_approached(error, folder))?;

    let mut ledger = ledger::begun(claimed, approach.time())?;
    let parts = Parts {
        policy: configuration.rules.policy(key.id()),
        partners,
        status_file: &LocalStatusFile::inside(&configuration.working_dir),
        clock: &clock,
        may_begin: &|| stop.reason().is_none(),
    };
    let report = run::run(&mut ledger, approach, parts)?;
    if let Err(error) = ledger.cache() {
        // It only saves time: what is in the log stays true.
        tracing::warn!("the next run opens the ledger more slowly: {error}");
    }
    ledger.close()?;
    tell(arguments, &report);
    Ok(report.exit_code())
}

/// What happened, in a few lines: errors to standard error, the sum to standard output.
fn tell(arguments: &Arguments, report: &RunReport) {
    let told = [report.drop_box_failure.as_ref(), report.full.as_ref()];
    let others = report
        .failures
        .iter()
        .filter(|(_, it)| !told.contains(&Some(it)));
    for (command, failure) in others {
        tracing::error!("{command}: {failure}");
    }
    if let Some(full) = &report.full {
        tracing::error!(
            "{full}; {} commands are left to the next run",
            report.counts.failed
        );
    }
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
    for skipped in &report.skipped {
        tracing::warn!("{skipped}");
    }
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
    output::tell(|output| {
        writeln!(output, "{}", report.counts)?;
        match &report.held {
            Some(held) => held::show(output, held, arguments),
            None => Ok(()),
        }
    });
}
