//! The log as the run knows it, however it is kept: the seam that files stand behind, and that a
//! database table with the same entries, bytes and hashes can stand behind.
//!
//! What always holds here: entries are those of [`super::chain`], and every implementation is held to
//! one contract (`contract`). Deliberately absent: files, and what events mean.

use crate::digest::Digest;
use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};
use crate::state::State;
use crate::time::Timestamp;
use crate::tip::Tip;

use super::error::{FoldError, LogError};

/// What a log that does not exist yet is created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLog {
    /// Its identity, drawn at random by the caller.
    pub id: LogId,
    /// The program's version.
    pub version: String,
}

/// Entries in their order, each checked as it is read; an error is the last of them.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, LogError>> + 'a>;

/// A log that is held by its one runner. When it is dropped, another can have it.
pub trait EventLog {
    /// The place behind the last entry.
    fn tip(&self) -> Tip;

    /// Appends `events` as the entries from `expected` on and returns when they are kept for good, all
    /// at once if they fit. After an error, part of them may be there; the next opening knows.
    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError>;

    /// The entries from `first` on, checked again as they are read.
    fn read_from(&self, first: Sequence) -> Entries<'_>;

    /// The hash of an entry; none where this log holds no such entry.
    fn hash_of(&self, entry: Sequence) -> Result<Option<Digest>, LogError> {
        let tip = self.tip();
        if entry >= tip.sequence {
            return Ok((entry == tip.sequence).then_some(tip.hash));
        }
        let read = self.read_from(entry).next().transpose()?;
        Ok(read.filter(|it| it.sequence == entry).map(|it| it.hash))
    }

    /// Keeps `state`, which must be the one after the last entry, so that the next opening need not
    /// fold what came before; does nothing where nothing is to be gained by it, which is all that a log
    /// does that says nothing else.
    fn cache(&mut self, state: &State) -> Result<(), LogError> {
        belongs_to(state, self.tip())
    }

    /// Ends in good order and lets the next runner in.
    fn close(self) -> Result<(), LogError>
    where
        Self: Sized;
}

/// Where a log is kept, or can begin: what comes before there is one to hold.
pub trait LogPlace: Sized {
    /// What is held once it is open.
    type Log: EventLog;
    /// The place while no log has begun there, held by its one runner.
    type Vacancy: Vacancy<Log = Self::Log>;

    /// Becomes the one runner of the log that is there, or of the place where one can begin. Where there
    /// is none, nothing is written.
    fn claim(self, time: Timestamp) -> Result<Claim<Self::Log, Self::Vacancy>, FoldError>;

    /// Becomes the log's one runner; gives the log and the state that follows from it.
    fn open(self, time: Timestamp) -> Result<(Self::Log, State), FoldError> {
        match self.claim(time)? {
            Claim::Log(log, state) => Ok((log, *state)),
            Claim::Vacant(vacancy) => {
                let place = vacancy.place();
                Err(LogError::Absent { place }.into())
            }
        }
    }

    /// Becomes the one runner of a log that begins now.
    fn create(self, time: Timestamp, new: NewLog) -> Result<(Self::Log, State), FoldError>;
}

/// What the one runner of a place holds.
pub enum Claim<L, V> {
    /// A log, and the state that follows from it.
    Log(L, Box<State>),
    /// A place where one can begin.
    Vacant(V),
}

/// A place where a log can begin, held by its one runner. When it is dropped, another can have it.
pub trait Vacancy {
    /// What begins there.
    type Log: EventLog;

    /// Where it is, in words.
    fn place(&self) -> String;

    /// Begins the log.
    fn begin(self, time: Timestamp, new: NewLog) -> Result<(Self::Log, State), FoldError>;
}

/// Whether a state is the one after the last entry of the log that ends at `tip`.
pub(crate) fn belongs_to(state: &State, tip: Tip) -> Result<(), LogError> {
    if state.tip() == tip.sequence && state.log().is_none_or(|log| log == tip.log) {
        return Ok(());
    }
    Err(LogError::Conflict {
        expected: state.tip(),
        due: tip.sequence,
    })
}
