//! `run`: what cron calls.

use super::arguments::{Arguments, RunOptions};
use super::ending::Ender;
use super::error::{CommandError, NoSignals};
use super::notify::Listeners;
use super::one_run::{Done, OneRun};
use super::{ledger, logging, owner, parts, plan_file, run_words};
use crate::config::Configuration;
use crate::exit_code::ExitCode;
use crate::run::Scope;

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
    let run = OneRun::prepare(
        configuration,
        parts::network(configuration)?,
        run_words::names(arguments),
    )?;
    let (claimed, legacy) = ledger::claim(&configuration.location(), run.clock())?;
    listeners.begun();

    if let (Scope::Bound(plan), Some(path)) = (&scope, &options.plan) {
        let (state, partners) = (claimed.state(), parts::partners(configuration));
        plan_file::judge(path, plan, state, &partners, &configuration.location())?;
    }
    let _ender = Ender::begin(run.stop().clone()).map_err(NoSignals)?;
    let Done {
        ledger,
        report,
        before,
    } = run.over(claimed, legacy, &scope)?;
    ledger.close()?;
    run_words::tell(arguments, &report);
    logging::keep();
    listeners.ended(&before, &report);
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
