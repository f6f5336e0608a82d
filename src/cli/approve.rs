//! `approve`: a person releases exactly what a guard has blocked, and the ledger records who and why.
//! What is not held back by the last run is refused.

use courier_ledger::{Blocked, BrokerChange, DropBoxChange, Event, Exchanges, HeldPlan};

use super::arguments::{ApproveOptions, Arguments};
use super::error::{CommandError, UsageError};
use super::{ledger, output, who};
use crate::effects::clock::SystemClock;
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

/// The fewest digits that name a digest.
const PREFIX_DIGITS_MIN: usize = 6;

pub(crate) fn approve(
    arguments: &Arguments,
    options: &ApproveOptions,
) -> Result<ExitCode, CommandError> {
    let digits = options.digest.to_ascii_lowercase();
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal || !(PREFIX_DIGITS_MIN..=64).contains(&digits.len()) {
        return Err(UsageError::Digest.into());
    }
    let who = who::signed(options.who.as_ref(), &options.why)?;
    let clock = SystemClock::start();
    let mut ledger = ledger::open_existing_for_writing(arguments, &clock)?;
    let known = ledger.state().held().filter(|known| known.held.waits());
    let HeldPlan {
        entry,
        digest,
        held,
        ..
    } = known.ok_or(UsageError::NothingHeld)?.clone();
    if !digest.to_string().starts_with(&digits) {
        return Err(UsageError::NotHeld { held: digest }.into());
    }
    let (broker, drop_box) = answers(&held.exchanges, options)?;
    let approved = Event::PlanApproved {
        held: entry,
        plan: digest,
        broker,
        drop_box,
        who,
        why: options.why.clone(),
    };
    ledger
        .append(clock.now(), vec![approved])
        .map_err(RecordError::from)?;
    ledger.close()?;
    output::tell(|output| {
        writeln!(
            output,
            "Recorded. The next run does, if it is still the same:"
        )?;
        if !held.exchanges.is_empty() {
            writeln!(output, "  goes on although {}", held.exchanges)?;
        }
        if let Some(estranged) = &held.estranged {
            writeln!(
                output,
                "  takes the broker for the right one, although {estranged}"
            )?;
        }
        for Blocked { command, .. } in &held.commands {
            writeln!(output, "  {command}")?;
        }
        Ok(())
    });
    Ok(ExitCode::Done)
}

/// What was said of each other partner: all that is to be said, and nothing else.
fn answers(
    exchanges: &Exchanges,
    options: &ApproveOptions,
) -> Result<(Option<BrokerChange>, Option<DropBoxChange>), UsageError> {
    let broker = options.broker.map(BrokerChange::from);
    let drop_box = options.drop_box.map(DropBoxChange::from);
    if exchanges.broker.is_some() != broker.is_some() {
        return Err(UsageError::Answer {
            option: "--broker same|withdraw|keep",
            about: "broker or tag",
        });
    }
    if exchanges.drop_box.is_some() != drop_box.is_some() {
        return Err(UsageError::Answer {
            option: "--drop-box same|another",
            about: "drop-box",
        });
    }
    Ok((broker, drop_box))
}
