//! `run`: what cron calls.

use std::sync::Arc;

use super::arguments::Arguments;
use super::error::CommandError;
use super::watch::Watch;
use super::{drop_box, ledger, output, place, plan};
use crate::config::Configuration;
use crate::effects::carrier::{Connecting, Fetcher};
use crate::effects::clock::SystemClock;
use crate::effects::fernet::FernetKey;
use crate::effects::spool::{SpoolDirectory, SpoolLimits};
use crate::effects::status_file::LocalStatusFile;
use crate::exit_code::ExitCode;
use crate::run::{self, Parts, RunReport};

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let configuration = place::configuration(arguments)?;
    let key = place::load_key(&configuration.security.path_encryption_key)?;
    let endpoint = drop_box::endpoint(&configuration)?;
    let persistence = place::persistence(&configuration)?;
    let stop = persistence.stop().clone();
    let broker = Arc::new(place::broker(&configuration, persistence)?);
    let clock = SystemClock::start();
    let (mut opened, legacy) = ledger::open_for_writing(&configuration.working_dir, &clock)?;

    let _watch = Watch::begin(stop.clone()).map_err(|error| {
        CommandError::new(
            ExitCode::Incomplete,
            format!("signals cannot be watched: {error}"),
        )
    })?;
    let fetcher = fetcher(&configuration, &key, Arc::clone(&broker))?;
    let departure = Connecting::begin(endpoint, fetcher);
    let status_file = LocalStatusFile::inside(&configuration.working_dir);
    let parts = Parts {
        policy: configuration.policy(key.id()),
        poller: broker.as_ref(),
        departure,
        status_file: &status_file,
        clock: &clock,
        may_begin: &|| stop.reason().is_none(),
    };
    let (report, state) =
        run::run(&mut opened.journal, opened.state, legacy, parts).map_err(ledger::record_error)?;
    if let Err(error) = opened.journal.leave_checkpoint(&state) {
        // It only saves time: what is in the log stays true.
        tracing::warn!("the next run opens the ledger more slowly: {error}");
    }
    opened.journal.close().map_err(ledger::log_error)?;
    tell(&report)?;
    Ok(report.exit_code())
}

fn fetcher(
    configuration: &Configuration,
    key: &FernetKey,
    broker: Arc<crate::effects::broker::Broker>,
) -> Result<Fetcher, CommandError> {
    let limits = SpoolLimits {
        memory_bytes: configuration.spool.memory_bytes,
        limit_bytes: configuration.spool.max_bytes.unwrap_or(u64::MAX),
        reserve_bytes: configuration.spool.reserve_bytes,
    };
    let spool = SpoolDirectory::open(&configuration.working_dir, limits).map_err(|error| {
        CommandError::new(ExitCode::Configuration, error)
            .hint("MISC.WORKING_DIR must be writable for the user that runs the courier")
    })?;
    Ok(Fetcher {
        broker,
        key: key.clone(),
        spool,
        concurrency: configuration.broker.concurrency.get(),
        clock: Box::new(SystemClock::start()),
    })
}

/// What happened, in a few lines: errors to standard error, the sum to standard output.
fn tell(report: &RunReport) -> Result<(), CommandError> {
    let told = report.drop_box_failure.as_ref();
    for (command, failure) in report.failures.iter().filter(|(_, it)| Some(it) != told) {
        tracing::error!("{command}: {failure}");
    }
    for skipped in &report.skipped {
        tracing::warn!("{skipped}");
    }
    if let Some(failure) = &report.look_failure {
        plan::warn_of_look(failure);
    }
    if let Some(failure) = &report.poll_failure {
        place::poll_error(failure).report();
    }
    if let Some(failure) = &report.drop_box_failure {
        place::drop_box_error(failure).report();
    }
    output::write(|output| {
        writeln!(output, "{}", report.counts)?;
        match &report.blocked {
            Some((blocked, digest)) => plan::show_blocked(output, blocked, *digest),
            None => Ok(()),
        }
    })
}
