//! `status`: whether all is well, and what stands at the drop-box, as far as the ledger knows.

use courier_postgres::StoodBy;

use super::arguments::{Arguments, StatusOptions};
use super::error::CommandError;
use super::health::{Health, Level, Verdict};
use super::ledger_view::{LedgerView, Shown};
use super::{ledger, output, parts};
use crate::effects::clock::SystemClock;
use crate::effects::ledger_place::Location;
use crate::exit_code::ExitCode;
use crate::run::Clock as _;

pub(crate) fn status(
    arguments: &Arguments,
    options: &StatusOptions,
) -> Result<ExitCode, CommandError> {
    if options.check {
        return check(arguments, options);
    }
    let (state, tip) = ledger::read_state(arguments)?;
    let health = health(arguments, &state)?;
    let location = parts::location(arguments)?;
    let view =
        LedgerView::new(&state, tip).held(location.holding()?.as_ref(), &stood_by(&location));
    if options.json {
        output::write_json(&view.with(&health))?;
    } else {
        let shown = match options.all {
            true => Shown::All,
            false => Shown::Current,
        };
        output::write(|output| {
            health.write(output)?;
            view.write(output, shown)
        })?;
    }
    Ok(ExitCode::Done)
}

/// Who stood by. That is no part of the ledger: where it cannot be read, the rest is shown.
fn stood_by(location: &Location) -> Vec<StoodBy> {
    location.stood_by().unwrap_or_else(|error| {
        tracing::warn!("who stands by is not shown: {error}; {}", error.hint());
        Vec::new()
    })
}

fn health(arguments: &Arguments, state: &courier_ledger::State) -> Result<Health, CommandError> {
    let location = parts::location(arguments)?;
    Ok(Health::of(
        state,
        Some(location.folder()),
        SystemClock::start().now(),
    ))
}

/// One line and a code for a monitoring system, whatever happens.
fn check(arguments: &Arguments, options: &StatusOptions) -> Result<ExitCode, CommandError> {
    let found = ledger::read_state(arguments).and_then(|it| health(arguments, &it.0));
    let (level, line) = match found {
        Ok(health) if health.verdict == Verdict::New => {
            let level = Level::Unknown;
            (
                level,
                format!("BROKER-COURIER {level} - nothing has been run yet"),
            )
        }
        Ok(health) => health.checked(options.max_age.0),
        Err(error) => {
            let level = match error.code {
                ExitCode::Ledger => Level::Critical,
                _ => Level::Unknown,
            };
            let words = error.to_string().replace(['|', '\n'], "/");
            (level, format!("BROKER-COURIER {level} - {words}"))
        }
    };
    output::write(|output| writeln!(output, "{line}"))?;
    Ok(match level {
        Level::Ok => ExitCode::Done,
        // The same numbers as other exit codes, with the meaning that a monitoring system gives them.
        Level::Warning => ExitCode::Incomplete,
        Level::Critical => ExitCode::Usage,
        Level::Unknown => ExitCode::Configuration,
    })
}
