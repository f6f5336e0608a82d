//! `left-behind`: what is still at drop-boxes and no longer this ledger's concern, and that a person has
//! seen that it is gone.

use courier_ledger::Event;

use super::arguments::{Arguments, LeftBehindOptions};
use super::error::{CommandError, UsageError};
use super::{ledger, output, who};
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

pub(crate) fn left_behind(
    arguments: &Arguments,
    options: &LeftBehindOptions,
) -> Result<ExitCode, CommandError> {
    match &options.gone {
        false => list(arguments),
        true => gone(arguments, options),
    }
}

fn list(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let (state, _) = ledger::read_state(arguments)?;
    output::write(|output| {
        if state.left_behind().next().is_none() {
            writeln!(output, "Nothing was left behind anywhere.")?;
        }
        for (drop_box, names) in state.left_behind() {
            writeln!(output, "{drop_box}")?;
            for name in names {
                writeln!(output, "  {name}")?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::Done)
}

fn gone(arguments: &Arguments, options: &LeftBehindOptions) -> Result<ExitCode, CommandError> {
    let who = who::signed(
        options.who.as_ref(),
        options.why.as_deref().unwrap_or_default(),
    )?;
    let why = options.why.clone().unwrap_or_default();
    let clock = SystemClock::start();
    let mut ledger = ledger::open_existing_for_writing(arguments, &clock)?;
    let known = ledger.state().left_behind();
    let events: Vec<_> = known
        .map(|(drop_box, _)| Event::LeftBehindGone {
            drop_box: drop_box.clone(),
            who: who.clone(),
            why: why.clone(),
        })
        .collect();
    if events.is_empty() {
        return Err(UsageError::NothingLeftBehind.into());
    }
    ledger
        .append(clock.now(), events)
        .map_err(RecordError::from)?;
    ledger.close()?;
    output::tell(|output| writeln!(output, "Recorded."));
    Ok(ExitCode::Done)
}
