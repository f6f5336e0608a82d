//! A log together with the state that follows from it, from the checkpoint on where there is one that
//! the log confirms.
//!
//! What always holds here: with or without a checkpoint the state is the same, and so is every
//! refusal: what is not whole behind the checkpoint is read once more from the start, which names the
//! first damage. Deliberately absent: `verify` and `replay`, which never look at a checkpoint.

use crate::event::Entry;
use crate::state::State;
use crate::state::illegal::IllegalEvent;
use crate::time::Timestamp;

use crate::log::error::LogError;
use crate::log::event_log::Tip;
use crate::log::file::examine::Examination;
use crate::log::file::heal::lock;
use crate::log::file::journal::{Journal, NewLog};
use crate::log::file::recovery::Action;
use crate::log::file::state_cache::Checkpoint;
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::TornTail;

/// What can go wrong while a log is folded: its bytes, or what they mean.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The log cannot be relied on, read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its bytes are whole, and an event in it cannot follow.
    #[error("the ledger holds an event that cannot follow")]
    Illegal(#[from] IllegalEvent),
}

/// A log that is held by its one writer, with its state.
pub struct Ledger<S: Storage> {
    /// The log.
    pub journal: Journal<S>,
    /// What follows from it.
    pub state: State,
    /// Torn tails that were cut off and recorded when it was opened.
    pub recovered: Vec<TornTail>,
}

impl<S: Storage> Ledger<S> {
    /// Takes the lock and creates a log where there is none.
    pub fn create(storage: S, time: Timestamp, new: NewLog) -> Result<Self, FoldError> {
        let mut state = State::default();
        let journal = Journal::create(storage, time, new, |entry| fold(&mut state, &entry))?;
        Ok(Self {
            journal,
            state,
            recovered: Vec::new(),
        })
    }

    /// Takes the lock, reads the log from its checkpoint or its start, and heals a torn tail.
    pub fn open(mut storage: S, time: Timestamp) -> Result<Self, FoldError> {
        lock(&mut storage)?;
        let (examination, mut state) = examine(&storage)?;
        let opened =
            Journal::open_examined(storage, time, examination, |entry| fold(&mut state, &entry))?;
        Ok(Self {
            journal: opened.journal,
            state,
            recovered: opened.recovered,
        })
    }
}

/// The state of a log that may be written at the same time, and the last entry that it holds: no
/// lock, nothing is changed. Reads from the checkpoint or the start.
pub fn read_state<S: Storage + ?Sized>(storage: &S) -> Result<(State, Tip), FoldError> {
    let (examination, state) = examine(storage)?;
    match examination.action() {
        Action::Open | Action::Heal => {
            let mark = examination.mark();
            let tip = Tip {
                sequence: mark.sequence,
                hash: mark.hash,
            };
            Ok((state, tip))
        }
        Action::Create => Err(FoldError::Log(LogError::NotFound {
            path: storage.locate(LogFile::Log),
        })),
        Action::Refuse(rule) => Err(FoldError::Log(LogError::Refused(
            examination.refusal(storage, rule),
        ))),
    }
}

fn examine<S: Storage + ?Sized>(storage: &S) -> Result<(Examination, State), FoldError> {
    if let Some(found) = from_checkpoint(storage) {
        return Ok(found);
    }
    let mut examination = Examination::begin(storage)?;
    let mut state = State::default();
    examination.advance(storage, &mut |entry, _| fold(&mut state, &entry))?;
    Ok((examination, state))
}

/// `None` when anything at all speaks against it.
fn from_checkpoint<S: Storage + ?Sized>(storage: &S) -> Option<(Examination, State)> {
    let checkpoint = Checkpoint::load(storage)?;
    let mut examination = Examination::begin(storage).ok()?;
    if !examination.confirms(storage, &checkpoint).ok()? {
        return None;
    }
    let mut state = checkpoint.state.into_owned();
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
