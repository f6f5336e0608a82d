//! Reading a log that may be written at the same time: no lock, nothing is changed.
//!
//! What always holds here: every entry that was acknowledged before the reading began is given, and
//! none that is not whole. Deliberately absent: healing, which is for the one that holds the lock.

use crate::event::Entry;
use crate::id::Sequence;

use crate::log::error::LogError;
use crate::log::event_log::Entries;
use crate::log::file::error::failed;
use crate::log::file::examine::Examination;
use crate::log::file::mark::{Halt, Mark};
use crate::log::file::recovery::{Action, Refusal, Rule};
use crate::log::file::state_cache::StateCache;
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::TornTail;
use crate::log::file::walk::{Step, Walk};
use crate::tip::Tip;

/// What stands behind the last whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Complete,
    /// Part of a frame, while a writer is active: not there yet.
    BeingWritten,
    /// Part of a frame, and no writer: the next run will cut it off and keep it.
    Torn(TornTail),
}

/// What a reading found, besides the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The place behind the last entry that was read.
    pub tip: Tip,
    /// What stands behind it.
    pub tail: Tail,
    /// The entry that the head names; none without a head.
    pub head: Option<Sequence>,
    /// The size of the whole frames and the header, in bytes.
    pub size_bytes: u64,
    /// How many runs began.
    pub runs: u64,
}

/// Reads the whole log without a lock and gives each entry to `fold`, in order.
///
/// The entries are given as they are read; only when this returns without an error is it known that
/// the log as a whole can be relied on.
pub fn read<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    mut fold: impl FnMut(Entry) -> Result<(), E>,
) -> Result<Reading, E> {
    observe(storage, &mut |entry, _, _| fold(entry))
}

pub(crate) fn observe<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    fold: &mut dyn FnMut(Entry, &Mark, u64) -> Result<(), E>,
) -> Result<Reading, E> {
    let mut examination = Examination::begin(storage)?;
    let mut looked_again = false;
    let tail = loop {
        let size = storage
            .size_bytes(LogFile::Log)
            .map_err(failed(storage, LogFile::Log, "reading its size"))?
            .unwrap_or(0);
        examination.advance(storage, &mut |entry, mark| fold(entry, mark, size))?;
        match examination.action() {
            Action::Create => {
                return Err(LogError::Absent {
                    place: storage.locate(LogFile::Log),
                }
                .into());
            }
            Action::Refuse(rule) => {
                return Err(LogError::from(examination.refusal(storage, rule)).into());
            }
            Action::Open => break Tail::Complete,
            Action::Heal => {}
        }
        let active =
            storage
                .has_writer()
                .map_err(failed(storage, LogFile::Log, "asking for its lock"))?;
        if active {
            break Tail::BeingWritten;
        }
        if looked_again {
            let offset = examination.mark().offset;
            break Tail::Torn(TornTail::measure(storage, LogFile::Log, offset, offset)?);
        }
        // A writer may have completed the frame and ended between the look and the question.
        looked_again = true;
    };
    let Mark { tip, offset } = examination.mark();
    Ok(Reading {
        tip,
        tail,
        head: examination.head(),
        size_bytes: offset,
        runs: examination.runs(),
    })
}

/// The entries from `first` on of a log that may be written at the same time: no lock, nothing is
/// changed, and memory for some blocks of the log at a time, however long it is.
///
/// First it is examined whether the log can be relied on: from its state cache on if `first` lies
/// behind that, else as a whole; what is read then begins near `first`.
pub fn read_from<S: Storage + ?Sized>(
    storage: &S,
    first: Sequence,
) -> Result<Entries<'_>, LogError> {
    let examination = match examined_from_cache(storage, first) {
        Some(examination) => examination,
        None => {
            let mut examination = Examination::begin(storage)?;
            examination.advance(storage, &mut |_, _| Ok::<(), LogError>(()))?;
            examination
        }
    };
    match examination.action() {
        Action::Open | Action::Heal => {
            let end = examination.mark();
            Ok(entries(storage, examination.index(), end, first))
        }
        Action::Create => Err(LogError::Absent {
            place: storage.locate(LogFile::Log),
        }),
        Action::Refuse(rule) => Err(examination.refusal(storage, rule).into()),
    }
}

/// `None` when the state cache does not lie before `first`, or anything at all speaks against it.
fn examined_from_cache<S: Storage + ?Sized>(storage: &S, first: Sequence) -> Option<Examination> {
    let cache = StateCache::load(storage)?;
    if cache.mark.tip.sequence >= first {
        return None;
    }
    let mut examination = Examination::begin(storage).ok()?;
    if !examination.confirms(storage, &cache).ok()? {
        return None;
    }
    let advanced = examination.advance(storage, &mut |_, _| Ok::<(), LogError>(()));
    advanced.ok()?;
    match examination.action() {
        Action::Open | Action::Heal => Some(examination),
        Action::Create | Action::Refuse(_) => None,
    }
}

/// The entries from `first` to `end`, read from the last place in `index` before them, which is
/// ascending and begins with the first frame.
pub(crate) fn entries<'s, S: Storage + ?Sized>(
    storage: &'s S,
    index: &[Mark],
    end: Mark,
    first: Sequence,
) -> Entries<'s> {
    let before = index.partition_point(|mark| mark.tip.sequence < first);
    let from = index.get(before.saturating_sub(1)).copied().unwrap_or(end);
    let mut walk = Walk::new(storage, from, end.offset);
    let mut ended = false;
    let entries = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        match walk.step() {
            Ok(Step::Entry(entry)) => Some(Ok(entry)),
            Ok(Step::Halt(Halt::Boundary)) => None,
            Ok(Step::Halt(_)) => {
                ended = true;
                Some(Err(LogError::from(Refusal {
                    path: storage.locate(LogFile::Log),
                    offset_bytes: walk.mark().offset,
                    rule: Rule::ChangedSinceOpening,
                    written_by: None,
                })))
            }
            Err(error) => {
                ended = true;
                Some(Err(error))
            }
        }
    });
    Box::new(
        entries.skip_while(move |entry| entry.as_ref().is_ok_and(|entry| entry.sequence < first)),
    )
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last entry that was checked.
    pub sequence: Sequence,
    /// How many bytes of the log were read.
    pub done_bytes: u64,
    /// How many it has.
    pub total_bytes: u64,
}

/// Checks the whole log without a lock, changes nothing, and ends at the first damage.
///
/// `fold` gets every entry, in order, to check what events mean; `progress` is called each 4,096
/// entries and at the end.
pub fn verify<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    mut fold: impl FnMut(Entry) -> Result<(), E>,
    mut progress: impl FnMut(Progress),
) -> Result<Reading, E> {
    const PROGRESS_ENTRIES: u64 = 4096;
    let summary = observe(storage, &mut |entry, mark, total_bytes| {
        let sequence = entry.sequence;
        fold(entry)?;
        if sequence.0.is_multiple_of(PROGRESS_ENTRIES) {
            progress(Progress {
                sequence,
                done_bytes: mark.offset,
                total_bytes,
            });
        }
        Ok::<(), E>(())
    })?;
    progress(Progress {
        sequence: summary.tip.sequence,
        done_bytes: summary.size_bytes,
        total_bytes: summary.size_bytes,
    });
    Ok(summary)
}
