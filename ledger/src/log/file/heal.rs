//! What the writer does to the files before it appends: take the lock, remove temporary files, keep
//! and cut off a torn tail, and write once more what the head does not cover.
//!
//! What always holds here: each step is on disk before the next begins. Deliberately absent: the
//! decision to do any of it (`recovery`).

use crate::log::error::LogError;
use crate::log::file::error::{LOCKING, failed};
use crate::log::file::storage::{Lock, LogFile, Storage};
use crate::log::file::tail;
use crate::log::file::tail::TornTail;

pub(crate) fn lock<S: Storage>(storage: &mut S) -> Result<(), LogError> {
    let lock = storage.try_lock();
    match lock.map_err(failed(storage, LogFile::Log, LOCKING))? {
        Lock::Acquired => Ok(()),
        Lock::HeldElsewhere => Err(LogError::Busy {
            place: storage.locate(LogFile::Log),
            by: None,
        }),
    }
}

pub(crate) fn sweep<S: Storage>(storage: &mut S) -> Result<(), LogError> {
    let swept = storage.sweep();
    swept.map_err(failed(
        storage,
        LogFile::Log,
        "removing temporary files beside it",
    ))
}

/// Keeps everything from `offset` on in a file of its own, then cuts it off. Each step is on disk
/// before the next begins, so that an interruption loses nothing and the next opening goes on.
pub(crate) fn cut_off_tail<S: Storage>(storage: &mut S, offset: u64) -> Result<(), LogError> {
    let tail = TornTail::measure(storage, LogFile::Log, offset, offset)?;
    let kept = kept_tails(storage, offset)?;
    if !kept.contains(&tail) {
        let copy = u32::try_from(kept.len() + 1).unwrap_or(u32::MAX);
        let target = LogFile::Torn { offset, copy };
        let keeping = storage.keep(offset, target);
        keeping.map_err(failed(storage, target, "keeping the torn tail"))?;
    }
    let cutting = storage
        .truncate(LogFile::Log, offset)
        .and_then(|()| storage.sync(LogFile::Log));
    cutting.map_err(failed(storage, LogFile::Log, "cutting off the torn tail"))
}

/// The tails that were cut off at `offset`. When the log ends there, none of them is recorded yet:
/// the entry that records them begins at `offset`.
pub(crate) fn kept_tails<S: Storage>(storage: &S, offset: u64) -> Result<Vec<TornTail>, LogError> {
    let mut kept = Vec::new();
    for copy in 1..u32::MAX {
        let file = LogFile::Torn { offset, copy };
        let size = storage.size_bytes(file);
        if size
            .map_err(failed(storage, file, "reading its size"))?
            .is_none()
        {
            break;
        }
        kept.push(TornTail::measure(storage, file, 0, offset)?);
    }
    Ok(kept)
}

/// Writes what the head does not cover once more, and syncs it: after a failed fsync the kernel
/// may give bytes from its cache that never reached the disk.
pub(crate) fn rewrite<S: Storage>(storage: &mut S, from: u64, end: u64) -> Result<(), LogError> {
    const BLOCK_BYTES: u64 = 1 << 20;
    if from == end {
        return Ok(());
    }
    let mut offset = from;
    while offset < end {
        let last = end.min(offset + BLOCK_BYTES);
        let mut bytes = Vec::new();
        tail::blocks(storage, LogFile::Log, offset, last, &mut |_, block| {
            bytes.extend_from_slice(block);
        })?;
        let rewriting = storage.overwrite(LogFile::Log, offset, &bytes);
        rewriting.map_err(failed(storage, LogFile::Log, "rewriting"))?;
        offset = last;
    }
    let syncing = storage.sync(LogFile::Log);
    syncing.map_err(failed(storage, LogFile::Log, "syncing"))
}
