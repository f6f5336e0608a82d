//! Reading a ledger that another may hold: no lease, nothing is changed.
//!
//! What always holds here: every entry that was acknowledged before the reading began is given, each checked, in
//! constant memory. Deliberately absent: acting on it, which is for who holds the lease.

use std::sync::Arc;

use courier_ledger::log::{FoldError, LogError, Progress, Reading, Tail};
use courier_ledger::{Digest, Entry, Event, Sequence, State, Tip};

use crate::keeper::Keeper;
use crate::lease::Holding;
use crate::place::{Database, end};
use crate::portions::Portions;

/// So often it is told how far an audit has come.
const PROGRESS_ENTRIES: u64 = 4096;

fn absent(database: &Database) -> LogError {
    LogError::Absent {
        place: database.place(),
    }
}

/// The entries from `first` on; whatever stands before them is not looked at, but for the hash of the last.
pub fn read_from(
    database: &Database,
    first: Sequence,
) -> Result<impl Iterator<Item = Result<Entry, LogError>>, LogError> {
    let (keeper, look) = database.asked()?;
    let tip = end(&look, keeper.place())?.ok_or_else(|| absent(database))?;
    Ok(Portions::new(keeper, first, tip))
}

/// The state after the last entry, and the place behind it.
pub fn read_state(database: Database) -> Result<(State, Tip), FoldError> {
    let (state, tip, []) = read_state_and_hashes(database, [])?;
    Ok((state, tip))
}

/// The state after the last entry, the place behind it, and the hash of each of these entries; none where it holds
/// no such entry.
pub fn read_state_and_hashes<const N: usize>(
    mut database: Database,
    wanted: [Option<Sequence>; N],
) -> Result<(State, Tip, [Option<Digest>; N]), FoldError> {
    let (keeper, look) = database.asked()?;
    let tip = end(&look, keeper.place())?.ok_or_else(|| absent(&database))?;
    let state = Database::state(database.known.take(), &keeper, tip)?;
    let mut hashes = [None; N];
    for (hash, wanted) in hashes.iter_mut().zip(wanted) {
        let Some(wanted) = wanted else { continue };
        *hash = hash_of(&keeper, wanted, tip)?;
    }
    Ok((state, tip, hashes))
}

/// Reads the whole log and gives each entry to `fold`, in order.
pub fn read<E: From<LogError>>(
    database: &Database,
    fold: impl FnMut(Entry) -> Result<(), E>,
) -> Result<Reading, E> {
    verify(database, fold, |_| ())
}

/// The same, and tells how far it has come.
pub fn verify<E: From<LogError>>(
    database: &Database,
    mut fold: impl FnMut(Entry) -> Result<(), E>,
    mut progress: impl FnMut(Progress),
) -> Result<Reading, E> {
    let (keeper, look) = database.asked()?;
    let tip = end(&look, keeper.place())?.ok_or_else(|| absent(database))?;
    let mut portions = Portions::new(keeper, Sequence::NONE, tip);
    let mut runs = 0;
    while let Some(entry) = portions.next() {
        let entry = entry?;
        runs += u64::from(matches!(entry.event, Event::RunStarted { .. }));
        let sequence = entry.sequence;
        fold(entry)?;
        if sequence.0.is_multiple_of(PROGRESS_ENTRIES) || sequence == tip.sequence {
            let done_bytes = portions.size_bytes();
            // How large the rest is, nobody knows before it is read: as large as what was.
            let total_bytes = (done_bytes / sequence.0).saturating_mul(tip.sequence.0);
            progress(Progress {
                sequence,
                done_bytes,
                total_bytes: total_bytes.max(done_bytes),
            });
        }
    }
    Ok(Reading {
        tip,
        tail: Tail::Complete,
        head: Some(tip.sequence),
        size_bytes: portions.size_bytes(),
        runs,
    })
}

/// The hash of an entry of a log that ends there; none where it holds no such entry.
pub(crate) fn hash_of(
    keeper: &Arc<Keeper>,
    entry: Sequence,
    end: Tip,
) -> Result<Option<Digest>, LogError> {
    if entry >= end.sequence {
        return Ok((entry == end.sequence).then_some(end.hash));
    }
    let read = Portions::few(Arc::clone(keeper), entry, end).next();
    let read = read.transpose()?.filter(|it| it.sequence == entry);
    Ok(read.map(|it| it.hash))
}

/// Who holds it.
pub fn holding(database: &Database) -> Result<Holding, LogError> {
    let (_, look) = database.asked()?;
    Ok(Holding {
        holder: look.holder.clone().filter(|_| look.is_held()),
        epoch: u64::try_from(look.epoch).unwrap_or(0),
        left: look.left(),
    })
}

/// How many entries there are, as the tip says.
pub fn length(database: &Database) -> Result<u64, LogError> {
    let (_, look) = database.asked()?;
    Ok(look.sequence().0)
}
