//! Finds the facts that the recovery table decides on, folding the entries on the way: the file is
//! read once, in constant memory. Changes nothing.

use crate::event::{Entry, Event};
use crate::id::{LogId, Sequence};

use crate::log::error::LogError;
use crate::log::file::error::failed;
use crate::log::file::head;
use crate::log::file::mark::{Halt, Mark};
use crate::log::file::recovery::{Action, End, Facts, HeadFound, History, LogFound, action};
use crate::log::file::recovery::{Refusal, Rule};
use crate::log::file::state_cache::{Past, StateCache};
use crate::log::file::storage::{LogFile, Storage};
use crate::log::file::tail;
use crate::log::file::walk::{Step, Walk};
use crate::log::header::Header;
use crate::tip::Tip;

/// What `ledger.head` holds.
enum HeadFile {
    Absent,
    Damaged,
    Holds(Tip),
}

/// What is known of a log after it was read to its end.
pub(crate) struct Examination {
    log: Option<LogFound>,
    head: HeadFile,
    header: Option<Header>,
    /// Where the whole frames end.
    mark: Mark,
    /// Where the frames that the head covers end; the first frame, when it covers none.
    covered: Option<Mark>,
    /// Where the frame begins that the head names and the log has otherwise.
    differs_at: Option<u64>,
    /// Where the last whole frame begins.
    before: Mark,
    /// The entry behind which reading began; none at the start.
    cached: Sequence,
    size_bytes: u64,
    past: Past,
    /// Places to begin reading at, each [`Examination::INDEX_ENTRIES`] entries.
    index: Vec<Mark>,
}

impl Examination {
    pub(crate) const INDEX_ENTRIES: u64 = 1024;

    /// Reads head and header. The head first: an active writer only ever moves on, so the log
    /// that is read after it holds at least what it names.
    pub(crate) fn begin<S: Storage + ?Sized>(storage: &S) -> Result<Self, LogError> {
        let mut line = [0; head::SIZE_BYTES_MAX + 1];
        let line = read_start(storage, LogFile::Head, &mut line)?;
        let mut bytes = [0; Header::SIZE_BYTES];
        let (log, header) = match read_start(storage, LogFile::Log, &mut bytes)? {
            None => (Some(LogFound::Absent), None),
            Some(bytes) => match Header::decode(bytes) {
                Ok(header) => (None, Some(header)),
                Err(fault) => (Some(LogFound::Unusable(fault)), None),
            },
        };
        let mark = Mark::first(header.unwrap_or(Header {
            log: LogId([0; 16]),
        }));
        let head = match line {
            None => HeadFile::Absent,
            Some(line) => {
                head::decode(mark.tip.log, line).map_or(HeadFile::Damaged, HeadFile::Holds)
            }
        };
        let covered = match head {
            HeadFile::Holds(Tip {
                sequence: Sequence::NONE,
                ..
            })
            | HeadFile::Absent => Some(mark),
            HeadFile::Damaged | HeadFile::Holds(_) => None,
        };
        Ok(Self {
            log,
            head,
            header,
            mark,
            covered,
            differs_at: None,
            before: mark,
            cached: Sequence::NONE,
            size_bytes: 0,
            past: Past::default(),
            index: vec![mark],
        })
    }

    /// Reads on, from where the whole frames ended so far to the end of the file as it is now.
    pub(crate) fn advance<S: Storage + ?Sized, E: From<LogError>>(
        &mut self,
        storage: &S,
        fold: &mut dyn FnMut(Entry, &Mark) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(header) = self.header else {
            return Ok(());
        };
        self.size_bytes = storage
            .size_bytes(LogFile::Log)
            .map_err(failed(storage, LogFile::Log, "reading its size"))?
            .unwrap_or(0);
        let mut walk = Walk::new(storage, self.mark, self.size_bytes);
        let end = loop {
            match walk.step()? {
                Step::Entry(entry) => {
                    if entry.sequence == Sequence(1) && !creates(&entry.event, header) {
                        break End::NotCreated;
                    }
                    self.see(&entry, walk.mark());
                    fold(entry, &self.mark)?;
                }
                Step::Halt(halt) => {
                    break match halt {
                        Halt::Boundary => End::Boundary,
                        Halt::Short | Halt::Bad => {
                            tail::classify(storage, self.mark, self.size_bytes)?
                        }
                        Halt::SequenceGap => End::SequenceGap,
                        Halt::Oversized => End::Oversized,
                        Halt::Undecodable => {
                            if let Some(version) = walk.undecodable_by() {
                                self.past.written_by = Some(version);
                            }
                            End::Undecodable
                        }
                    };
                }
            }
        };
        let history = match (self.mark.tip.sequence, self.past.runs) {
            (Sequence::NONE, _) => History::Empty,
            (_, 0 | 1) => History::FirstRun,
            _ => History::Longer,
        };
        self.log = Some(LogFound::Frames { end, history });
        Ok(())
    }

    /// Goes on behind a state cache, if the log has that very entry at that very place, and the head
    /// does not lie before it: an older head says nothing about what the state cache skips.
    pub(crate) fn confirms<S: Storage + ?Sized>(
        &mut self,
        storage: &S,
        cache: &StateCache<'_>,
    ) -> Result<bool, LogError> {
        let StateCache {
            before,
            mark,
            past,
            index,
            state,
        } = cache;
        let is_ours = self.header.is_some_and(|header| header.log == mark.tip.log)
            && state.log() == Some(mark.tip.log)
            && state.tip() == mark.tip.sequence;
        let HeadFile::Holds(head) = &self.head else {
            return Ok(false);
        };
        let is_named = *head == mark.tip;
        if !is_ours || !(is_named || head.sequence > mark.tip.sequence) {
            return Ok(false);
        }
        let mut walk = Walk::new(storage, *before, mark.offset);
        let stands = matches!(walk.step()?, Step::Entry(_)) && walk.mark() == *mark;
        if stands {
            self.covered = is_named.then_some(*mark);
            self.before = *before;
            self.mark = *mark;
            self.past = past.clone().into_owned();
            // The first frame is in both.
            self.index.extend(index.iter().skip(1));
            if self.index.last() != Some(mark) {
                self.index.push(*mark);
            }
            self.cached = mark.tip.sequence;
        }
        Ok(stands)
    }

    fn see(&mut self, entry: &Entry, mark: Mark) {
        if let HeadFile::Holds(head) = &self.head
            && head.sequence == entry.sequence
        {
            if head.hash == entry.hash {
                self.covered = Some(mark);
            } else {
                self.differs_at = Some(self.mark.offset);
            }
        }
        self.past.see(&entry.event);
        self.before = self.mark;
        self.mark = mark;
        if mark.tip.sequence.0.is_multiple_of(Self::INDEX_ENTRIES) {
            self.index.push(mark);
        }
    }

    /// The facts, once everything was read.
    fn facts(&self) -> Facts {
        let head = match (&self.head, self.covered, self.differs_at) {
            (HeadFile::Absent, _, _) => HeadFound::Absent,
            (HeadFile::Damaged, _, _) => HeadFound::Damaged,
            (HeadFile::Holds(_), _, Some(_)) => HeadFound::Different,
            (HeadFile::Holds(_), Some(_), None) => HeadFound::Contained,
            (HeadFile::Holds(_), None, None) => HeadFound::Beyond,
        };
        Facts {
            log: self.log.unwrap_or(LogFound::Absent),
            head,
        }
    }

    /// What the recovery table says.
    pub(crate) fn action(&self) -> Action {
        action(self.facts())
    }

    /// The refusal by `rule`, in words of file and byte.
    pub(crate) fn refusal<S: Storage + ?Sized>(&self, storage: &S, rule: Rule) -> Refusal {
        let (file, offset_bytes) = match rule {
            Rule::HeadDamaged | Rule::HeadMissing => (LogFile::Head, 0),
            Rule::LogLost | Rule::Header(_) => (LogFile::Log, 0),
            Rule::HeadDiffers => (LogFile::Log, self.differs_at.unwrap_or(0)),
            Rule::DamageBeforeHead
            | Rule::DamageFollowed
            | Rule::DamageTooLong
            | Rule::SequenceGap
            | Rule::Oversized
            | Rule::Undecodable
            | Rule::NotCreated
            | Rule::ChangedSinceOpening
            | Rule::CopyDamaged
            | Rule::CopyBroken
            | Rule::ReplacedMeanwhile
            | Rule::ShorterThanHead => (LogFile::Log, self.mark.offset),
        };
        Refusal {
            path: storage.locate(file),
            offset_bytes,
            rule,
            written_by: self.past.written_by.clone(),
        }
    }

    /// Where the whole frames end.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Where the frames end that are known to be on disk.
    pub(crate) fn covered(&self) -> Option<Mark> {
        self.covered
    }

    /// The sequence number that the head names, if there is a head.
    pub(crate) fn head(&self) -> Option<Sequence> {
        match &self.head {
            HeadFile::Holds(head) => Some(head.sequence),
            HeadFile::Absent | HeadFile::Damaged => None,
        }
    }

    /// How many runs began.
    pub(crate) fn runs(&self) -> u64 {
        self.past.runs
    }

    /// The entry behind which reading began; none at the start.
    pub(crate) fn cached(&self) -> Sequence {
        self.cached
    }

    /// Where the last whole frame begins.
    pub(crate) fn before(&self) -> Mark {
        self.before
    }

    /// Places to begin reading at, ascending.
    pub(crate) fn index(&self) -> &[Mark] {
        &self.index
    }

    /// The same; and what the frames tell about the past.
    pub(crate) fn into_parts(self) -> (Vec<Mark>, Past) {
        (self.index, self.past)
    }
}

fn creates(event: &Event, header: Header) -> bool {
    matches!(event, Event::LogCreated { log, .. } if *log == header.log)
}

/// Reads the first bytes of a file, as many as `buffer` holds; `None` when there is no such file.
fn read_start<'b, S: Storage + ?Sized>(
    storage: &S,
    file: LogFile,
    buffer: &'b mut [u8],
) -> Result<Option<&'b [u8]>, LogError> {
    let reading = || failed(storage, file, "reading");
    if storage.size_bytes(file).map_err(reading())?.is_none() {
        return Ok(None);
    }
    let read = storage.read_at(file, 0, buffer).map_err(reading())?;
    Ok(Some(&buffer[..read]))
}
