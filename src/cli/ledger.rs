//! The ledger of the working directory, for writing, for reading, for an audit.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use courier_ledger::account::Account;
use courier_ledger::log::{
    Claimed, EventLog as _, FoldError, Ledger, LogError, NewLog, Progress, Reading, Rehearsal,
    chain,
};
use courier_ledger::{
    Command, Digest, Entry, Event, LegacyStatus, LogId, Sequence, State, Timestamp, Tip,
};

use super::arguments::Arguments;
use super::error::{CommandError, NoRandomNumbers, UsageError};
use super::moment::Moment;
use super::parts::location;
use super::standing::{LocalStatus, Published};
use super::{output, owner};
use crate::config::Configuration;
use crate::effects::clock::SystemClock;
use crate::effects::ledger_hold::LedgerHold;
use crate::effects::ledger_moved;
use crate::effects::ledger_place::{LedgerLog, LedgerPlace, Location};
use crate::effects::ledger_witness::Witness;
use crate::effects::new_file::{self, FolderSync};
use crate::effects::status_file::LocalStatusFile;
use crate::run::Clock;

/// A ledger that is held, or the place where one can begin.
pub(super) type ClaimedLedger = Claimed<LedgerPlace>;

/// A ledger that is held.
pub(super) type HeldLedger = Ledger<LedgerLog>;

/// How it is held.
pub(super) fn hold(claimed: &ClaimedLedger) -> LedgerHold {
    match claimed {
        Claimed::Ledger(ledger) => ledger.log().hold(),
        Claimed::Vacant(vacancy, _) => vacancy.hold(),
    }
}

/// Whether it is still held: whoever was replaced is told so.
pub(super) fn confirm(claimed: &ClaimedLedger) -> Result<(), LogError> {
    match claimed {
        Claimed::Ledger(ledger) => ledger.log().confirm(),
        Claimed::Vacant(vacancy, _) => vacancy.confirm(),
    }
}

/// How long the ledger is, for whoever does not hold it: another length means that somebody wrote to it.
pub(super) fn length(location: &Location) -> Option<u64> {
    location.place().ok()?.length()
}

/// Becomes the one runner of the ledger that is there, or of the place where one can begin, and gives what
/// is to be imported; nothing is written but what heals the log.
pub(super) fn claim(
    location: &Location,
    clock: &dyn Clock,
) -> Result<(ClaimedLedger, Option<LegacyStatus>), CommandError> {
    let claimed = claimed(location, clock)?;
    witnessed(location, claimed.state(), |event| claimed.hash_of(event))?;
    let local = LocalStatus::read(location.folder());
    let hash = match local.entry_in(claimed.state()) {
        Some(entry) => claimed.hash_of(entry)?,
        None => None,
    };
    let legacy = local.judge(claimed.state(), hash)?;
    Ok((claimed, legacy))
}

/// Refuses a ledger in a database that is not, or not any more, the one that this machine has seen.
pub(super) fn witnessed(
    location: &Location,
    state: &State,
    hash_of: impl FnOnce(Sequence) -> Result<Option<Digest>, LogError>,
) -> Result<(), LogError> {
    let Some(witness) = location.witness()? else {
        return Ok(());
    };
    let hash = hash_of(witness.event())?;
    witness.judge(state, hash)
}

/// The state as of now of a ledger that another may hold, unless it is not the one that this machine has seen.
pub(super) fn witnessed_state(location: &Location) -> Result<(State, Tip), CommandError> {
    let witness = location.witness()?;
    let wanted = witness.as_ref().map(Witness::event);
    let (state, tip, [hash]) = current_state_and_hashes(location, [wanted])?;
    if let Some(witness) = witness {
        witness.judge(&state, hash)?;
    }
    Ok((state, tip))
}

/// Becomes the one runner, whatever this machine knows of the ledger.
pub(super) fn claimed(location: &Location, clock: &dyn Clock) -> Result<ClaimedLedger, FoldError> {
    let claimed = Claimed::at(writable(location)?, clock.now())?;
    settle_in(location.folder());
    if let Claimed::Ledger(ledger) = &claimed {
        tell_recovered(ledger);
    }
    Ok(claimed)
}

/// The ledger that was claimed, which begins now if there is none.
pub(super) fn begun(claimed: ClaimedLedger, time: Timestamp) -> Result<HeldLedger, CommandError> {
    let mut id = [0; 16];
    openssl::rand::rand_bytes(&mut id).map_err(NoRandomNumbers::LogId)?;
    let new = NewLog {
        id: LogId(id),
        version: crate::run::VERSION.to_owned(),
    };
    Ok(claimed.begun(time, new)?)
}

/// Opens a log that must exist for writing, for its owner alone.
pub(super) fn open_existing_for_writing(
    arguments: &Arguments,
    clock: &dyn Clock,
) -> Result<HeldLedger, CommandError> {
    let location = location(arguments)?;
    owner::require(arguments, location.folder())?;
    let mut ledger = open(&location, clock)?;
    if let Some(difference) = ledger.note_clock(clock.now())? {
        output::warn_of_clock(&difference);
    }
    Ok(ledger)
}

fn open(location: &Location, clock: &dyn Clock) -> Result<HeldLedger, FoldError> {
    let ledger = Ledger::open(writable(location)?, clock.now())?;
    witnessed(location, ledger.state(), |event| {
        ledger.log().hash_of(event)
    })?;
    tell_recovered(&ledger);
    Ok(ledger)
}

/// The ledger there, unless it is kept elsewhere from now on; of tables, these say so themselves.
fn writable(location: &Location) -> Result<LedgerPlace, LogError> {
    if let Location::Folder(folder) = location {
        ledger_moved::require_here(folder)?;
    }
    location.place()
}

/// What a runner does first with its folder: removes what an earlier one left, and says what the file system
/// does not offer. Neither is needed to go on.
fn settle_in(working_dir: &Path) {
    let folder = working_dir.display();
    if let Err(error) = LocalStatusFile::inside(working_dir).sweep() {
        tracing::warn!(
            "temporary files of an earlier run cannot be removed from {folder}: {error}"
        );
    }
    let synced = File::open(working_dir).and_then(|folder| new_file::sync_folder(&folder));
    if let Ok(FolderSync::NotOffered) = synced {
        tracing::warn!(
            "the file system of {folder} does not bring a folder to disk when asked (fsync): after a power \
             failure the newest ledger.head, status.xml or key may be missing, which the next run says; \
             docs/file-systems.md"
        );
    }
}

fn tell_recovered(ledger: &HeldLedger) {
    for tail in ledger.log().recovered() {
        tracing::warn!(
            "the last {} bytes of the ledger, from byte {} on, were what a crash had left of an event: nothing \
             was ever based on them, and they are kept beside it, in ledger.torn.{}",
            tail.size_bytes,
            tail.offset,
            tail.offset
        );
    }
}

/// What `plan` decides on: the state as of now over a log that is thrown away, and what is to be
/// imported. Reads the log without its lock.
///
/// What is published was read before: a run that is under way may publish more at any moment.
pub(super) fn rehearsal(
    configuration: &Configuration,
    published: Option<&Published<'_>>,
) -> Result<(Ledger<Rehearsal>, Option<LegacyStatus>), CommandError> {
    let local = LocalStatus::read(&configuration.working_dir);
    let witness = configuration.location().witness()?;
    let wanted = [
        local.shown(),
        published.and_then(Published::shown),
        witness.as_ref().map(Witness::event),
    ];
    let (state, tip, hashes) = current_state_and_hashes(&configuration.location(), wanted)?;
    let [hash, published_hash, witnessed_hash] = hashes;
    if let Some(witness) = witness {
        witness.judge(&state, witnessed_hash)?;
    }
    let legacy = local.judge(&state, hash)?;
    if let Some(published) = published {
        published.judge(&state, published_hash, legacy.as_ref())?;
    }
    let tip = match state.log() {
        Some(_) => tip,
        None => chain::start(NOTHING.log),
    };
    Ok((Ledger::resume(Rehearsal::after(tip), state)?, legacy))
}

/// What was done since an entry.
pub(super) enum Since {
    /// Nothing about any result.
    NothingBegun,
    /// This command was the first to be begun, as that entry.
    Begun(Sequence, Command),
    /// The ledger has no such entry.
    OtherHistory,
}

/// What was done since an entry.
pub(super) fn since(location: &Location, tip: Tip) -> Result<Since, CommandError> {
    let place = location.place()?;
    let mut is_known = false;
    for entry in place.read_from(tip.sequence)? {
        let entry = entry?;
        if entry.sequence == tip.sequence {
            is_known = entry.hash == tip.hash;
        }
        if !is_known {
            return Ok(Since::OtherHistory);
        }
        match entry.event {
            Event::CommandStarted { command, .. } if entry.sequence > tip.sequence => match command
            {
                Command::PublishLedger { .. } => {}
                Command::RemoveTemporary { .. }
                | Command::Delete { .. }
                | Command::Upload { .. } => {
                    return Ok(Since::Begun(entry.sequence, command));
                }
            },
            _ => {}
        }
    }
    Ok(match is_known {
        true => Since::NothingBegun,
        false => Since::OtherHistory,
    })
}

/// The state as of now; empty when there is no log yet.
pub(super) fn current_state(location: &Location) -> Result<(State, Tip), CommandError> {
    let (state, tip, []) = current_state_and_hashes(location, [])?;
    Ok((state, tip))
}

/// The same, with the hash of each of these entries; none where there is no such entry.
fn current_state_and_hashes<const N: usize>(
    location: &Location,
    wanted: [Option<Sequence>; N],
) -> Result<(State, Tip, [Option<Digest>; N]), CommandError> {
    match location.place()?.read_state_and_hashes(wanted) {
        Ok(read) => Ok(read),
        Err(FoldError::Log(LogError::Absent { .. })) => Ok((State::default(), NOTHING, [None; N])),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is no ledger at all, whole or damaged.
pub(super) fn is_absent(location: &Location) -> bool {
    location.place().is_ok_and(|place| {
        matches!(
            place.read_state(),
            Err(FoldError::Log(LogError::Absent { .. }))
        )
    })
}

/// The state of the ledger that these arguments name, unless a run would refuse it for what this machine has seen.
pub(super) fn read_state(arguments: &Arguments) -> Result<(State, Tip), CommandError> {
    witnessed_state(&location(arguments)?)
}

/// The tip of a log that has not begun.
const NOTHING: Tip = Tip {
    log: LogId([0; 16]),
    sequence: Sequence::NONE,
    hash: Digest([0; 32]),
};

/// The state at the moment `at`, or after all, folded from the first entry on; empty when there is
/// no log yet.
pub(super) fn replay_state(
    arguments: &Arguments,
    at: Option<Moment>,
) -> Result<(State, Tip), CommandError> {
    let (mut state, mut tip) = (State::default(), NOTHING);
    let (mut first, mut last, mut passed) = (None, Timestamp::default(), false);
    visit(&location(arguments)?, |entry| {
        first.get_or_insert(entry.time);
        last = entry.time;
        passed = passed || at.is_some_and(|at| !at.is_not_passed_by(entry.sequence, entry.time));
        if !passed {
            state.advance(&entry)?;
            tip = Tip {
                log: state.log().unwrap_or(NOTHING.log),
                sequence: entry.sequence,
                hash: entry.hash,
            };
        }
        Ok(())
    })?;
    match at {
        Some(Moment::Event(at)) if at != tip.sequence => Err(UsageError::NoSuchEvent {
            asked: at,
            last: tip.sequence,
        }
        .into()),
        Some(at) if at.first() > Some(SystemClock::start().now()) => {
            Err(UsageError::ToCome { last }.into())
        }
        Some(Moment::Time(_) | Moment::Day(..)) if tip.sequence == Sequence::NONE => match first {
            Some(first) => Err(UsageError::NothingThen { first, last }.into()),
            None => Ok((state, tip)),
        },
        _ => Ok((state, tip)),
    }
}

/// Hands on the entries from `first` on, as they are read, once it is known that the ledger can be
/// relied on; nothing to read is no error.
pub(super) fn read_from(
    arguments: &Arguments,
    first: Sequence,
    visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), CommandError> {
    let place = location(arguments)?.place()?;
    let entries = match place.read_from(first) {
        Ok(entries) => entries,
        Err(LogError::Absent { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        if visitor(entry?).is_break() {
            break;
        }
    }
    Ok(())
}

/// Hands on the entries as they are read, up to where the ledger is damaged, if it is; that is the error then.
pub(super) fn read_until_damage(
    arguments: &Arguments,
    visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), CommandError> {
    let mut shows = true;
    let read = audit(
        &location(arguments)?,
        |entry| {
            // A reader that has gone away changes nothing about what is found.
            shows = shows && visitor(entry).is_continue();
            Ok(())
        },
        |_| (),
    );
    read.map(drop)
}

/// Reads every entry without the lock; nothing to read is no error.
pub(super) fn visit(
    location: &Location,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
) -> Result<(), CommandError> {
    match location.place()?.read(visitor) {
        Ok(_) | Err(FoldError::Log(LogError::Absent { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Everything that the ledger tells up to a moment, each byte of it checked on the way, and the state then.
pub(super) fn account(
    arguments: &Arguments,
    belongs: impl FnMut(&Entry) -> bool,
) -> Result<Told, CommandError> {
    account_and_see(arguments, belongs, |_| ())
}

/// The same; `see` is shown every entry, also those behind that moment.
pub(super) fn account_and_see(
    arguments: &Arguments,
    mut belongs: impl FnMut(&Entry) -> bool,
    mut see: impl FnMut(&Entry),
) -> Result<Told, CommandError> {
    let (mut account, mut state) = (Account::default(), State::default());
    let mut rest = None;
    let reading = audit(
        &location(arguments)?,
        |entry| {
            see(&entry);
            if rest.is_none() && !belongs(&entry) {
                rest = Some(state.clone());
            }
            match &mut rest {
                None => {
                    state.advance(&entry)?;
                    account.read(&entry);
                }
                // What is not told is checked all the same.
                Some(rest) => rest.advance(&entry)?,
            }
            Ok(())
        },
        |_| (),
    )?;
    Ok(Told {
        account,
        state,
        reading,
    })
}

/// What a ledger tells.
pub(super) struct Told {
    pub(super) account: Account,
    pub(super) state: State,
    /// What was read, up to the last entry.
    pub(super) reading: Reading,
}

/// Checks every byte of the log, and hands on every entry.
pub(super) fn audit(
    location: &Location,
    visitor: impl FnMut(Entry) -> Result<(), FoldError>,
    progress: impl FnMut(Progress),
) -> Result<Reading, CommandError> {
    Ok(location.place()?.verify(visitor, progress)?)
}
