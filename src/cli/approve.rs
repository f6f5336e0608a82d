//! `approve`: a person releases exactly what a guard has blocked, and the ledger records who and why.

use courier_ledger::{Digest, Event};

use super::arguments::{ApproveOptions, Arguments};
use super::error::CommandError;
use super::{ledger, output, place};
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::Record;

pub(crate) fn approve(
    arguments: &Arguments,
    options: &ApproveOptions,
) -> Result<ExitCode, CommandError> {
    let usage = |text: &str| {
        CommandError::new(ExitCode::Usage, text.to_owned())
            .hint("`broker-courier plan` shows what is blocked, and the command that approves it")
    };
    let plan = Digest::from_hex(&options.digest)
        .ok_or_else(|| usage("DIGEST is 64 hexadecimal digits"))?;
    if options.why.trim().is_empty() || options.who.trim().is_empty() {
        return Err(usage(
            "an approval needs a name and a reason: --who and --why",
        ));
    }
    let clock = SystemClock::start();
    let mut opened = ledger::open_existing_for_writing(&place::working_dir(arguments)?, &clock)?;
    let mut record = Record::new(&mut opened.journal, &clock, opened.state);
    record
        .append(vec![Event::DeletionsApproved {
            plan,
            who: options.who.clone(),
            why: options.why.clone(),
        }])
        .map_err(ledger::record_error)?;
    opened.journal.close().map_err(ledger::log_error)?;
    output::write(|output| {
        writeln!(
            output,
            "Recorded. The next run carries it out if the plan is still the same."
        )
    })?;
    Ok(ExitCode::Done)
}
