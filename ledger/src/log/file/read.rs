//! Reading a log that may be written at the same time: no lock, nothing is changed.
//!
//! What always holds here: every entry that was acknowledged before the reading began is given, and
//! none that is not whole. Deliberately absent: healing, which is for the one that holds the lock.

use crate::event::Entry;
use crate::id::{LogId, Sequence};

use crate::log::error::LogError;
use crate::log::event_log::Tip;
use crate::log::file::examine::Examination;
use crate::log::file::mark::Mark;
use crate::log::file::recovery::Action;
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail::TornTail;

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
    /// The log's identity.
    pub log: LogId,
    /// The last entry that was read.
    pub tip: Tip,
    /// What stands behind it.
    pub tail: Tail,
    /// The entry that the witness names; none without a witness.
    pub witness: Option<Sequence>,
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
            .map_err(LogError::storage(storage, LogFile::Log, "reading its size"))?
            .unwrap_or(0);
        examination.advance(storage, &mut |entry, mark| fold(entry, mark, size))?;
        match examination.action() {
            Action::Create => {
                return Err(LogError::NotFound {
                    path: storage.locate(LogFile::Log),
                }
                .into());
            }
            Action::Refuse(rule) => {
                return Err(LogError::Refused(examination.refusal(storage, rule)).into());
            }
            Action::Open => break Tail::Complete,
            Action::Heal => {}
        }
        let active = storage.has_writer().map_err(LogError::storage(
            storage,
            LogFile::Log,
            "asking for its lock",
        ))?;
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
    let Some(header) = examination.header() else {
        return Err(LogError::NotFound {
            path: storage.locate(LogFile::Log),
        }
        .into());
    };
    let Mark {
        sequence,
        hash,
        offset,
    } = examination.mark();
    Ok(Reading {
        log: header.log,
        tip: Tip { sequence, hash },
        tail,
        witness: examination.witness(),
        size_bytes: offset,
        runs: examination.runs(),
    })
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

/// What an audit found in a log that can be relied on: the same as any reading.
pub type Summary = Reading;

/// Checks the whole log without a lock, changes nothing, and ends at the first damage.
///
/// `fold` gets every entry, in order, to check what events mean; `progress` is called each 4,096
/// entries and at the end.
pub fn verify<S: Storage + ?Sized, E: From<LogError>>(
    storage: &S,
    mut fold: impl FnMut(Entry) -> Result<(), E>,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, E> {
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
