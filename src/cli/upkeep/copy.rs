//! `ledger copy`: a ledger is moved between a folder and a database, entry by entry as it is.
//!
//! What always holds here: both are held meanwhile; what is copied was checked, and has the same bytes and hashes there.
//! Where it was, it says that it moved, once all of it is where it is. What was interrupted goes on when it is done once
//! more. Deliberately absent: what else is in a working directory.

use courier_ledger::log::{
    Claim, EventLog as _, LogError, LogPlace as _, NewLog, Vacancy as _, chain,
};
use courier_ledger::{Entry, Event, Sequence, Tip};

use super::arguments::CopyOptions;
use crate::cli::arguments::Arguments;
use crate::cli::error::{CommandError, NotCopied};
use crate::cli::ledger_argument::LedgerArgument;
use crate::cli::{output, owner, parts};
use crate::effects::clock::SystemClock;
use crate::effects::ledger_moved;
use crate::effects::ledger_place::{LedgerLog, LedgerVacancy, Location};
use crate::exit_code::ExitCode;
use crate::run::Clock as _;

/// So many entries, or about so many bytes, are written at once.
const PORTION_ENTRIES: usize = 2048;
const PORTION_BYTES: usize = 4 << 20;

pub(super) fn copy(arguments: &Arguments, options: &CopyOptions) -> Result<ExitCode, CommandError> {
    let (from, to) = (&options.from, &options.to);
    let (source, target) = (place(arguments, from)?, place(arguments, to)?);
    for location in [&source, &target] {
        owner::require(arguments, location.folder())?;
    }
    let now = SystemClock::start().now();
    let mut old = match source.place()?.claim(now)? {
        Claim::Log(log, _) => log,
        Claim::Vacant(vacancy) => {
            let place = vacancy.place();
            return Err(LogError::Absent { place }.into());
        }
    };
    if let Location::Folder(folder) = &source {
        ledger_moved::require_here(folder)?;
    }
    let tip = old.tip();
    // A ledger that moved away from there comes back with this.
    let (mut new, before) = match target.place_whether_moved()?.claim(now)? {
        Claim::Log(new, _) => {
            let before = new.tip();
            is_prefix(&old, before, to)?;
            (new, before.sequence)
        }
        Claim::Vacant(vacancy) => {
            let first = old.read_from(Sequence(1)).next().transpose()?;
            (begin(vacancy, first, to)?, Sequence::NONE)
        }
    };
    pour(&old, &mut new)?;
    if new.tip() != tip {
        return Err(NotCopied::Another(to.to_string()).into());
    }
    say(&mut new, &target, None)?;
    say(&mut old, &source, Some(&absolute(to)))?;
    let written = tip.sequence.0 - before.0;
    new.close()?;
    old.close()?;
    output::tell(|output| {
        writeln!(
            output,
            "The ledger {} is at {to} now: {} events, {written} of them copied; last hash {}.\n\
             What is left at {from} says so, and nobody goes on with it.",
            tip.log, tip.sequence, tip.hash
        )
    });
    Ok(ExitCode::Done)
}

/// Where this is; the configuration's own database is reached as the configuration says.
fn place(arguments: &Arguments, named: &LedgerArgument) -> Result<Location, CommandError> {
    if let (LedgerArgument::Database(address), Some(_)) = (named, &arguments.config)
        && let Ok(Location::Database { settings, .. }) = parts::location(arguments)
        && settings.address.to_string() == address.to_string()
    {
        return Ok(Location::Database {
            settings,
            folder: None,
        });
    }
    parts::named(named)
}

/// Whether what is there already is what the other one begins with.
fn is_prefix(old: &LedgerLog, there: Tip, to: &LedgerArgument) -> Result<(), CommandError> {
    let hash = match there.sequence <= old.tip().sequence {
        true => old.hash_of(there.sequence)?,
        false => None,
    };
    match there.log == old.tip().log && hash == Some(there.hash) {
        true => Ok(()),
        false => Err(NotCopied::Another(to.to_string()).into()),
    }
}

/// Begins the log there with its first entry.
fn begin(
    vacancy: LedgerVacancy,
    first: Option<Entry>,
    to: &LedgerArgument,
) -> Result<LedgerLog, CommandError> {
    let Some(Entry {
        time,
        event: Event::LogCreated { log, version },
        hash,
        ..
    }) = first
    else {
        return Err(NotCopied::Another(to.to_string()).into());
    };
    let (new, _) = vacancy.begin(time, NewLog { id: log, version })?;
    match new.tip().hash == hash {
        true => Ok(new),
        false => Err(LogError::from(chain::ChainError::Broken {
            sequence: new.tip().sequence,
        })
        .into()),
    }
}

/// Copies what is behind the last entry there.
fn pour(old: &LedgerLog, new: &mut LedgerLog) -> Result<(), LogError> {
    let (mut portion, mut bytes) = (Vec::new(), 0);
    for entry in old.read_from(new.tip().sequence.next()) {
        let entry = entry?;
        bytes += weight(&entry);
        portion.push(entry);
        if portion.len() >= PORTION_ENTRIES || bytes >= PORTION_BYTES {
            new.adopt(std::mem::take(&mut portion))?;
            bytes = 0;
        }
    }
    new.adopt(portion)
}

/// About as many bytes as it takes: only snapshots are large.
fn weight(entry: &Entry) -> usize {
    match &entry.event {
        Event::SnapshotObserved(delta) => 4096 + 4096 * delta.changed.len(),
        Event::PortionObserved(portion) => 4096 + 4096 * portion.changed.len(),
        _ => 1024,
    }
}

/// Says where the ledger is.
fn say(log: &mut LedgerLog, at: &Location, to: Option<&str>) -> Result<(), LogError> {
    match (log, at) {
        (LedgerLog::Table(table, _), _) => table.move_to(to.map(str::to_owned)),
        (LedgerLog::Files(_), Location::Folder(folder)) => ledger_moved::say(folder, to),
        (LedgerLog::Files(_), Location::Database { .. }) => Ok(()),
    }
}

/// The same for whoever stands in another folder.
fn absolute(named: &LedgerArgument) -> String {
    match named {
        LedgerArgument::Folder(folder) => {
            let absolute = std::path::absolute(folder);
            absolute
                .unwrap_or_else(|_| folder.clone())
                .display()
                .to_string()
        }
        LedgerArgument::Database(_) | LedgerArgument::Unusable(_) => named.to_string(),
    }
}
