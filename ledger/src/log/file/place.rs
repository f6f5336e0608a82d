//! A directory as the place of a log: becoming its one runner, and the state that it holds, read from
//! the state cache on where there is one that the log confirms.
//!
//! What always holds here: with or without a state cache the state is the same, and so is every
//! refusal: what is not whole behind the state cache is read once more from the start, which names the
//! first damage. Deliberately absent: `verify` and `replay`, which never look at a state cache.

use crate::digest::Digest;
use crate::event::Entry;
use crate::id::Sequence;
use crate::log::error::{FoldError, LogError};
use crate::log::event_log::{Claim, LogPlace, NewLog, Vacancy};
use crate::log::file::examine::Examination;
use crate::log::file::heal::lock;
use crate::log::file::journal::Journal;
use crate::log::file::read::entries;
use crate::log::file::recovery::Action;
use crate::log::file::state_cache::StateCache;
use crate::log::file::storage::{LogFile, Storage};
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

impl<S: Storage> LogPlace for S {
    type Log = Journal<S>;
    type Vacancy = Vacant<S>;

    /// Takes the lock; where there is a log, reads it from its state cache or its start, and heals a torn
    /// tail.
    fn claim(mut self, time: Timestamp) -> Result<Claim<Journal<S>, Vacant<S>>, FoldError> {
        lock(&mut self)?;
        let (examination, mut state) = examine(&self)?;
        if examination.action() == Action::Create {
            return Ok(Claim::Vacant(Vacant(self)));
        }
        // What a crash has cut off is not recorded before the entries before it.
        let time = time.max(state.time());
        let journal = Journal::resume(self, time, examination, |entry| fold(&mut state, &entry))?;
        Ok(Claim::Log(journal, Box::new(state)))
    }

    /// Takes the lock and creates a log where there is neither a log nor a head.
    fn create(mut self, time: Timestamp, new: NewLog) -> Result<(Journal<S>, State), FoldError> {
        lock(&mut self)?;
        Vacant(self).begin(time, new)
    }
}

/// A directory without a log, under its lock.
pub struct Vacant<S: Storage>(S);

impl<S: Storage> Vacancy for Vacant<S> {
    type Log = Journal<S>;

    fn place(&self) -> String {
        self.0.locate(LogFile::Log)
    }

    /// Creates a log where there is, still, neither a log nor a head.
    fn begin(self, time: Timestamp, new: NewLog) -> Result<(Journal<S>, State), FoldError> {
        match Examination::begin(&self.0)?.action() {
            Action::Create => {
                let (journal, entry) = Journal::begin(self.0, time, new)?;
                Ok((journal, State::default().apply(&entry)?))
            }
            Action::Open | Action::Heal | Action::Refuse(_) => {
                let place = self.place();
                Err(LogError::Exists { place }.into())
            }
        }
    }
}

/// The state of a log that may be written at the same time, and the place behind the last entry that
/// it holds: no lock, nothing is changed. Reads from the state cache or the start.
pub fn read_state<S: Storage + ?Sized>(storage: &S) -> Result<(State, Tip), FoldError> {
    let (examination, state) = read_on(storage)?;
    Ok((state, examination.mark().tip))
}

/// As [`read_state`], and the hash of each of these entries; none where it holds no such entry.
pub fn read_state_and_hashes<S: Storage + ?Sized, const N: usize>(
    storage: &S,
    wanted: [Option<Sequence>; N],
) -> Result<(State, Tip, [Option<Digest>; N]), FoldError> {
    let (examination, state) = read_on(storage)?;
    let end = examination.mark();
    let mut hashes = [None; N];
    for (hash, entry) in hashes.iter_mut().zip(wanted) {
        let Some(entry) = entry else { continue };
        let first = entries(storage, examination.index(), end, entry).next();
        let found = first.transpose()?.filter(|it| it.sequence == entry);
        *hash = found.map(|it| it.hash);
    }
    Ok((state, end.tip, hashes))
}

/// Reads a log that can be relied on.
fn read_on<S: Storage + ?Sized>(storage: &S) -> Result<(Examination, State), FoldError> {
    let (examination, state) = examine(storage)?;
    match examination.action() {
        Action::Open | Action::Heal => Ok((examination, state)),
        Action::Create => {
            let place = storage.locate(LogFile::Log);
            Err(LogError::Absent { place }.into())
        }
        Action::Refuse(rule) => Err(LogError::from(examination.refusal(storage, rule)).into()),
    }
}

fn examine<S: Storage + ?Sized>(storage: &S) -> Result<(Examination, State), FoldError> {
    if let Some(found) = from_cache(storage) {
        return Ok(found);
    }
    let mut examination = Examination::begin(storage)?;
    let mut state = State::default();
    examination.advance(storage, &mut |entry, _| fold(&mut state, &entry))?;
    Ok((examination, state))
}

/// `None` when anything at all speaks against it.
fn from_cache<S: Storage + ?Sized>(storage: &S) -> Option<(Examination, State)> {
    let cache = StateCache::load(storage)?;
    let mut examination = Examination::begin(storage).ok()?;
    if !examination.confirms(storage, &cache).ok()? {
        return None;
    }
    let mut state = cache.state.into_owned();
    let folded: Result<(), FoldError> =
        examination.advance(storage, &mut |entry, _| fold(&mut state, &entry));
    folded.ok()?;
    match examination.action() {
        Action::Open | Action::Heal => Some((examination, state)),
        Action::Create | Action::Refuse(_) => None,
    }
}

fn fold(state: &mut State, entry: &Entry) -> Result<(), FoldError> {
    state.advance(entry)?;
    Ok(())
}
