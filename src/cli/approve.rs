//! `approve`: a person releases exactly what a guard has blocked, and the ledger records who and why.

use courier_ledger::{Digest, Event};

use super::arguments::{ApproveOptions, Arguments};
use super::error::{CommandError, UsageError};
use super::{ledger, output, parts};
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

pub(crate) fn approve(
    arguments: &Arguments,
    options: &ApproveOptions,
) -> Result<ExitCode, CommandError> {
    let plan = Digest::from_hex(&options.digest).ok_or(UsageError::Digest)?;
    if options.why.trim().is_empty() || options.who.trim().is_empty() {
        return Err(UsageError::Unsigned.into());
    }
    let clock = SystemClock::start();
    let mut ledger = ledger::open_existing_for_writing(&parts::working_dir(arguments)?, &clock)?;
    let approved = Event::DeletionsApproved {
        plan,
        who: options.who.clone(),
        why: options.why.clone(),
    };
    ledger
        .append(clock.now(), vec![approved])
        .map_err(RecordError::from)?;
    ledger.close()?;
    output::write(|output| {
        writeln!(
            output,
            "Recorded. The next run carries it out if the plan is still the same."
        )
    })?;
    Ok(ExitCode::Done)
}
