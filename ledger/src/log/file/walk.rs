//! The walk along the chain of frames, forwards, once, in constant memory. A long walk checks and
//! decodes on a thread of its own (`ahead`), while the caller folds.
//!
//! What always holds here: an entry is given out only when its header's checksum, its sequence
//! number, its hash over everything before it, and its bytes against its own encoding all hold.
//! Entries and the end of the walk are given out in the order of the log, whatever the threads do.
//! Deliberately absent: what follows when one of them does not (`tail`, `recovery`).

use crate::event::Entry;

use crate::log::error::LogError;
use crate::log::file::ahead::Ahead;
use crate::log::file::error::failed;
use crate::log::file::frames::Frames;
use crate::log::file::mark::{Halt, Mark, Portion};
use crate::log::file::storage::{LogFile, Storage};

/// One step of a walk.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and nearly always the large one"
)]
pub(crate) enum Step {
    Entry(Entry),
    Halt(Halt),
}

/// A walk from a place in the log to its end.
pub(crate) struct Walk<'s, S: ?Sized> {
    storage: &'s S,
    mark: Mark,
    end: u64,
    /// Where the next block begins.
    offset: u64,
    source: Source,
    portion: Portion,
    /// Why no further block could be read; what was read before it comes first.
    failed: Option<LogError>,
}

/// What makes entries of blocks.
enum Source {
    /// The caller's own thread.
    Here(Frames),
    /// Another.
    Ahead(Ahead),
}

impl<'s, S: Storage + ?Sized> Walk<'s, S> {
    const BLOCK_BYTES: u64 = 128 << 10;

    /// From this size on, another thread pays.
    const LONG_BYTES: u64 = 1 << 20;

    /// Begins at `mark`, which must lie between two frames, and sees the file's first `end` bytes.
    pub(crate) fn new(storage: &'s S, mark: Mark, end: u64) -> Self {
        let is_long = end.saturating_sub(mark.offset) >= Self::LONG_BYTES;
        let ahead = is_long.then(|| Ahead::begin(mark, end)).flatten();
        let source = ahead.map_or_else(|| Source::Here(Frames::new(mark, end)), Source::Ahead);
        Self::with(storage, mark, end, source)
    }

    fn with(storage: &'s S, mark: Mark, end: u64, source: Source) -> Self {
        Self {
            storage,
            mark,
            end,
            offset: mark.offset,
            source,
            portion: Portion::default(),
            failed: None,
        }
    }

    /// How far the walk has come.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// The version that the payload names at which the walk ended as undecodable, if it names one.
    pub(crate) fn undecodable_by(self) -> Option<String> {
        self.portion.undecodable_by
    }

    /// The next entry, or why there is none.
    pub(crate) fn step(&mut self) -> Result<Step, LogError> {
        loop {
            if let Some((entry, mark)) = self.portion.entries.pop_front() {
                self.mark = mark;
                return Ok(Step::Entry(entry));
            }
            if let Some(halt) = self.portion.halt {
                return Ok(Step::Halt(halt));
            }
            self.portion = self.next_portion()?;
        }
    }

    fn next_portion(&mut self) -> Result<Portion, LogError> {
        let (storage, end) = (self.storage, self.end);
        match &mut self.source {
            Source::Here(frames) => {
                let mut block = Vec::new();
                read(storage, &mut self.offset, end, &mut block)?;
                Ok(frames.feed(&block))
            }
            Source::Ahead(ahead) => {
                while self.failed.is_none() && ahead.has_room() {
                    let mut block = ahead.spare_block();
                    match read(storage, &mut self.offset, end, &mut block) {
                        Ok(()) => ahead.send(block),
                        Err(error) => self.failed = Some(error),
                    }
                }
                match self.failed.take_if(|_| ahead.is_idle()) {
                    Some(error) => Err(error),
                    None => Ok(ahead.receive()),
                }
            }
        }
    }
}

/// Reads the next block; it is empty at the end of the file.
fn read<S: Storage + ?Sized>(
    storage: &S,
    offset: &mut u64,
    end: u64,
    block: &mut Vec<u8>,
) -> Result<(), LogError> {
    let size = end.saturating_sub(*offset).min(Walk::<S>::BLOCK_BYTES);
    block.resize(usize::try_from(size).unwrap_or(0), 0);
    let read = storage
        .read_at(LogFile::Log, *offset, block)
        .map_err(failed(storage, LogFile::Log, "reading"))?;
    block.truncate(read);
    *offset += read as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::failure::{Failure, FailureClass, Phase};
    use crate::id::LogId;
    use crate::id::Sequence;
    use crate::log::event_log::{EventLog as _, LogPlace as _, NewLog};
    use crate::log::file::simulated::disk::Chance;
    use crate::log::file::simulated::memory::{Memory, MemoryDisk};
    use crate::log::header::Header;
    use crate::time::Timestamp;

    type Seen = (Vec<(Entry, Mark)>, Halt, Option<String>);

    fn walk_to_the_end(mut walk: Walk<'_, Memory>) -> Seen {
        let mut entries = Vec::new();
        loop {
            match walk.step().expect("memory can be read") {
                Step::Entry(entry) => entries.push((entry, walk.mark())),
                Step::Halt(halt) => return (entries, halt, walk.undecodable_by()),
            }
        }
    }

    /// A log of frames from some bytes to more than a block.
    fn long_log(chance: &mut Chance) -> Vec<u8> {
        let disk = MemoryDisk::new();
        let new = NewLog {
            id: LogId([7; 16]),
            version: "test".to_owned(),
        };
        let (mut journal, _) = disk.process().create(Timestamp(1), new).expect("creates");
        let events = (0..120).map(|index| {
            let most = if index % 40 == 7 { 400_000 } else { 9_000 };
            let failure = Failure {
                phase: Phase::List,
                class: FailureClass::Transient,
                text: "x".repeat(chance.below(most)),
            };
            Event::PollFailed { failure }
        });
        let events = events.collect();
        journal
            .append(Sequence(2), Timestamp(2), events)
            .expect("appends");
        disk.contents("ledger.log").expect("is there")
    }

    #[test]
    fn a_walk_on_two_threads_sees_what_a_walk_on_one_sees() {
        let first = Mark::first(Header {
            log: LogId([7; 16]),
        });
        let mut halts = std::collections::BTreeMap::new();
        for seed in 0..60 {
            let mut chance = Chance(seed);
            let mut bytes = long_log(&mut chance);
            let end = bytes.len() as u64;
            match seed % 3 {
                0 => {}
                1 => bytes.truncate(chance.below(bytes.len())),
                _ => {
                    let at = Header::SIZE_BYTES + chance.below(bytes.len() - Header::SIZE_BYTES);
                    bytes[at] ^= 1 << chance.below(8);
                }
            }
            let disk = MemoryDisk::new();
            disk.set_contents("ledger.log", Some(&bytes));
            let storage = disk.process();
            let walk = |source| walk_to_the_end(Walk::with(&storage, first, end, source));
            let here = walk(Source::Here(Frames::new(first, end)));
            let ahead = walk(Source::Ahead(Ahead::begin(first, end).expect("a thread")));
            assert!(here == ahead, "seed {seed}");
            *halts.entry(format!("{:?}", here.1)).or_insert(0) += 1;
            // One that is given up on the way ends its thread.
            let mut short = Walk::new(&storage, first, end.max(2 << 20));
            for _ in 0..chance.below(20) {
                short.step().expect("memory can be read");
            }
        }
        assert!(halts.len() >= 3, "{halts:?}");
    }
}
