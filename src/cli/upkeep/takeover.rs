//! `ledger takeover`: a person who knows that the holder of a ledger in a database is dead takes it before the lease
//! ends, so that the next run, or a watch that stands by, goes on at once.
//!
//! What always holds here: it is taken from the holder that was shown, under the next epoch, and from nobody else; the
//! ledger records who did so and why; it is given back at once. Deliberately absent: finding out whether the holder is
//! dead, which a person must know.

use std::thread::sleep;
use std::time::{Duration, Instant};

use courier_ledger::Event;
use courier_ledger::log::{Claimed, FoldError, LogError};
use courier_postgres::Holding;

use super::arguments::TakeoverOptions;
use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, UsageError};
use crate::cli::ledger::ClaimedLedger;
use crate::cli::{ledger, output, owner, parts, who};
use crate::effects::clock::SystemClock;
use crate::effects::ledger_place::Location;
use crate::exit_code::ExitCode;
use crate::run::{Clock as _, RecordError};

/// A watch that stands by in this folder has its lock for a moment now and then; so long it is waited for.
const LOCKED: Duration = Duration::from_secs(3);

pub(super) fn takeover(
    arguments: &Arguments,
    options: &TakeoverOptions,
) -> Result<ExitCode, CommandError> {
    let who = who::signed(options.who.as_ref(), &options.why)?;
    let location = parts::location(arguments)?;
    owner::require(arguments, location.folder())?;
    let Some(found) = location.holding()? else {
        return Err(UsageError::NoLease.into());
    };
    let Some(holder) = held(&found) else {
        return Ok(ExitCode::Done);
    };
    ledger::witnessed_state(&location)?;
    let clock = SystemClock::start();
    let claimed = claimed(&location, found.epoch, &who, &clock)?;
    let epoch = location.holding()?.map_or(found.epoch, |it| it.epoch);
    let recorded = match claimed {
        Claimed::Ledger(mut ledger) => {
            if let Some(difference) = ledger.note_clock(clock.now())? {
                output::warn_of_clock(&difference);
            }
            let taken = Event::LedgerTakenOver {
                holder: holder.clone(),
                epoch,
                who,
                why: options.why.clone(),
            };
            ledger
                .append(clock.now(), vec![taken])
                .map_err(RecordError::from)?;
            ledger.close()?;
            "Recorded."
        }
        Claimed::Vacant(vacancy, _) => {
            drop(vacancy);
            "No ledger has begun there, so nothing is recorded."
        }
    };
    output::tell(|output| {
        writeln!(
            output,
            "{recorded} {holder} holds the ledger no longer; since epoch {epoch} it can record nothing. The next run \
             goes on, or a watch that stands by.\n\
             Should that process live after all: docs/two-hosts.md says what it may still do at the drop-box."
        )
    });
    Ok(ExitCode::Done)
}

/// Who holds it; none, once that was said, where nobody has to be replaced.
fn held(found: &Holding) -> Option<String> {
    let Some(holder) = &found.holder else {
        output::tell(|output| {
            writeln!(
                output,
                "Nobody holds the ledger: the next run takes it. Nothing was done."
            )
        });
        return None;
    };
    if found.left.is_zero() {
        output::tell(|output| {
            writeln!(
                output,
                "The lease of {holder} has ended: the next run takes the ledger over by itself. Nothing was done."
            )
        });
        return None;
    }
    Some(holder.clone())
}

/// The ledger, taken from whoever holds it under this epoch.
fn claimed(
    location: &Location,
    epoch: u64,
    who: &str,
    clock: &SystemClock,
) -> Result<ClaimedLedger, CommandError> {
    let begun = Instant::now();
    loop {
        match Claimed::at(location.place_instead_of(epoch, who)?, clock.now()) {
            Err(FoldError::Log(LogError::Busy { by: None, .. })) if begun.elapsed() < LOCKED => {
                sleep(Duration::from_millis(50));
            }
            claimed => return Ok(claimed?),
        }
    }
}
