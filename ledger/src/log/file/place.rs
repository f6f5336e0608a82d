//! A directory as the place of a log: becoming its one runner, and the state that it holds, read from
//! the state cache on where there is one that the log confirms.
//!
//! What always holds here: with or without a state cache the state is the same, and so is every
//! refusal: what is not whole behind the state cache is read once more from the start, which names the
//! first damage. Deliberately absent: `verify` and `replay`, which never look at a state cache.

use crate::event::Entry;
use crate::log::error::{FoldError, LogError};
use crate::log::event_log::{LogPlace, NewLog};
use crate::log::file::examine::Examination;
use crate::log::file::heal::lock;
use crate::log::file::journal::Journal;
use crate::log::file::recovery::Action;
use crate::log::file::state_cache::StateCache;
use crate::log::file::storage::{LogFile, Storage};
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

impl<S: Storage> LogPlace for S {
    type Log = Journal<S>;

    /// Takes the lock, reads the log from its state cache or its start, and heals a torn tail.
    fn open(mut self, time: Timestamp) -> Result<(Journal<S>, State), FoldError> {
        lock(&mut self)?;
        let (examination, mut state) = examine(&self)?;
        // What a crash has cut off is not recorded before the entries before it.
        let time = time.max(state.time());
        let journal = Journal::resume(self, time, examination, |entry| fold(&mut state, &entry))?;
        Ok((journal, state))
    }

    /// Takes the lock and creates a log where there is neither a log nor a head.
    fn create(mut self, time: Timestamp, new: NewLog) -> Result<(Journal<S>, State), FoldError> {
        lock(&mut self)?;
        match Examination::begin(&self)?.action() {
            Action::Create => {
                let (journal, entry) = Journal::begin(self, time, new)?;
                Ok((journal, State::default().apply(&entry)?))
            }
            Action::Open | Action::Heal | Action::Refuse(_) => {
                let place = self.locate(LogFile::Log);
                Err(LogError::Exists { place }.into())
            }
        }
    }
}

/// The state of a log that may be written at the same time, and the place behind the last entry that
/// it holds: no lock, nothing is changed. Reads from the state cache or the start.
pub fn read_state<S: Storage + ?Sized>(storage: &S) -> Result<(State, Tip), FoldError> {
    let (examination, state) = examine(storage)?;
    match examination.action() {
        Action::Open | Action::Heal => Ok((state, examination.mark().tip)),
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
