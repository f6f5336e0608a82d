//! The log as the run loop knows it, over a file with its witness.
//!
//! What always holds: one writer, by the kernel's lock; `append` returns after fsync; after a write
//! that failed nothing is written any more, because the kernel may have marked lost pages clean.

use super::error::LogError;
use super::header;
use super::recovery::{Action, Rule, action};
use super::scan::{Scan, Visitor, io_error, scan};
use super::storage::Storage;
use super::{EventLog, LOG, Tip, WITNESS, frame, witness};
use crate::{Digest, Entry, Event, LogId, Sequence, Timestamp};

/// Bytes copied at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// A log that is open for writing.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    log: LogId,
    tip: Tip,
    witnessed: Tip,
    poisoned: bool,
}

/// What opening for writing found.
#[derive(Debug)]
pub enum Opened<S> {
    /// A log, whose entries were handed on.
    Existing(Journal<S>),
    /// Nothing: a log can be created.
    Nothing(Vacancy<S>),
}

/// A place for a new log, locked.
#[derive(Debug)]
pub struct Vacancy<S> {
    storage: S,
}

impl<S: Storage> Vacancy<S> {
    /// Creates a log whose first event is `LogCreated`.
    pub fn create(
        mut self,
        log: LogId,
        time: Timestamp,
        version: &str,
    ) -> Result<(Journal<S>, Entry), LogError> {
        let event = Event::LogCreated {
            log,
            version: version.to_owned(),
        };
        let mut bytes = header::encode(log).to_vec();
        let sequence = Sequence::NONE.next();
        let hash = frame::encode(&mut bytes, header::hash(log), sequence, time, &event)
            .ok_or(LogError::TooLarge { kind: event.kind() })?;
        // As a whole or not at all: there is no such thing as a log without its first entry.
        self.storage
            .replace(LOG, &bytes)
            .map_err(|source| io_error(&self.storage, LOG, "created", source))?;
        let tip = Tip { sequence, hash };
        let mut journal = Journal {
            storage: self.storage,
            log,
            tip,
            witnessed: Tip {
                sequence: Sequence::NONE,
                hash: Digest([0; 32]),
            },
            poisoned: false,
        };
        journal.bear_witness()?;
        Ok((
            journal,
            Entry {
                sequence,
                time,
                event,
                hash,
            },
        ))
    }
}

impl<S: Storage> Journal<S> {
    /// Opens a directory for writing: locks it, recovers what is there, and hands every entry to
    /// `visit`. `now` stamps a `TailRecovered`, if there is one.
    pub fn open(mut storage: S, now: Timestamp, visit: Visitor<'_>) -> Result<Opened<S>, LogError> {
        match storage.lock() {
            Ok(true) => {}
            Ok(false) => {
                return Err(LogError::Locked {
                    file: storage.describe(LOG),
                });
            }
            Err(source) => return Err(io_error(&storage, LOG, "locked", source)),
        }
        let found = scan(&storage, visit)?;
        let (log, torn) = match (action(found.findings), found.log) {
            (Action::Create, _) => return Ok(Opened::Nothing(Vacancy { storage })),
            (Action::Refuse(rule), _) => return Err(refusal(&storage, found, rule)),
            (Action::Open, Some(log)) => (log, false),
            (Action::Heal, Some(log)) => (log, true),
            (Action::Open | Action::Heal, None) => {
                return Err(refusal(&storage, found, Rule::HeaderMalformed));
            }
        };
        let mut journal = Self {
            storage,
            log,
            tip: found.tip,
            witnessed: Tip {
                sequence: Sequence::NONE,
                hash: Digest([0; 32]),
            },
            poisoned: false,
        };
        let recovered = if torn {
            Some(journal.cut_off(&found)?)
        } else {
            None
        };
        journal.sync_again(found.witnessed_offset, found.end_offset)?;
        if let Some(event) = recovered {
            for entry in journal.append(journal.tip.sequence.next(), now, vec![event])? {
                visit(entry)?;
            }
        }
        journal.bear_witness()?;
        Ok(Opened::Existing(journal))
    }

    /// Brings the witness up to the tip: at the end of a run.
    pub fn bear_witness(&mut self) -> Result<(), LogError> {
        if self.witnessed.sequence == self.tip.sequence {
            return Ok(());
        }
        self.storage
            .replace(WITNESS, &witness::encode(self.tip))
            .map_err(|source| io_error(&self.storage, WITNESS, "replaced", source))?;
        self.witnessed = self.tip;
        Ok(())
    }

    /// Keeps the torn tail beside the log, then cuts it off.
    fn cut_off(&mut self, found: &Scan) -> Result<Event, LogError> {
        let offset = found.end_offset;
        let mut tail = Vec::new();
        self.for_each_block(offset, found.size_bytes, |_, _, block| {
            tail.extend_from_slice(block);
            Ok(())
        })?;
        let kept = format!("ledger.torn.{offset}");
        let storage = &mut self.storage;
        storage
            .replace(&kept, &tail)
            .map_err(|source| io_error(storage, &kept, "written", source))?;
        storage
            .truncate(LOG, offset)
            .map_err(|source| io_error(storage, LOG, "cut off", source))?;
        storage
            .sync(LOG)
            .map_err(|source| io_error(storage, LOG, "synced", source))?;
        Ok(Event::TailRecovered {
            offset,
            size_bytes: tail.len() as u64,
            sha256: Digest::of(&[&tail]),
        })
    }

    /// Puts everything after the witness there again and syncs it: whoever wrote it may have died
    /// before the disk had it.
    fn sync_again(&mut self, from: u64, to: u64) -> Result<(), LogError> {
        if from == to {
            return Ok(());
        }
        self.for_each_block(from, to, |storage, offset, block| {
            storage
                .rewrite(LOG, offset, block)
                .map_err(|source| io_error(storage, LOG, "written", source))
        })?;
        let storage = &mut self.storage;
        storage
            .sync(LOG)
            .map_err(|source| io_error(storage, LOG, "synced", source))
    }

    fn for_each_block(
        &mut self,
        from: u64,
        to: u64,
        mut act: impl FnMut(&mut S, u64, &[u8]) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut offset = from;
        while offset < to {
            let wanted = usize::try_from(to - offset)
                .unwrap_or(BLOCK_BYTES)
                .min(BLOCK_BYTES);
            let room = block.get_mut(..wanted).unwrap_or_default();
            let got = self
                .storage
                .read_at(LOG, offset, room)
                .map_err(|source| io_error(&self.storage, LOG, "read", source))?;
            if got == 0 {
                let source = std::io::ErrorKind::UnexpectedEof.into();
                return Err(io_error(&self.storage, LOG, "read", source));
            }
            act(
                &mut self.storage,
                offset,
                block.get(..got).unwrap_or_default(),
            )?;
            offset += got as u64;
        }
        Ok(())
    }
}

impl<S: Storage> EventLog for Journal<S> {
    fn log_id(&self) -> LogId {
        self.log
    }

    fn tip(&self) -> Tip {
        self.tip
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned {
                file: self.storage.describe(LOG),
            });
        }
        let next = self.tip.sequence.next();
        if expected != next {
            return Err(LogError::WrongSequence { expected, next });
        }
        let mut bytes = Vec::new();
        let mut entries = Vec::with_capacity(events.len());
        let mut tip = self.tip;
        for event in events {
            let sequence = tip.sequence.next();
            let hash = frame::encode(&mut bytes, tip.hash, sequence, time, &event)
                .ok_or(LogError::TooLarge { kind: event.kind() })?;
            tip = Tip { sequence, hash };
            entries.push(Entry {
                sequence,
                time,
                event,
                hash,
            });
        }
        let storage = &mut self.storage;
        let written = storage
            .append(LOG, &bytes)
            .map_err(|source| io_error(storage, LOG, "written", source))
            .and_then(|()| {
                storage
                    .sync(LOG)
                    .map_err(|source| io_error(storage, LOG, "synced", source))
            });
        match written {
            Ok(()) => {
                self.tip = tip;
                Ok(entries)
            }
            Err(error) => {
                self.poisoned = true;
                Err(error)
            }
        }
    }
}

/// What reading without the lock found.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The log.
    pub log: LogId,
    /// The last whole entry.
    pub tip: Tip,
    /// Bytes after it: an entry that is being written, or one that the next run will cut off.
    pub unfinished_bytes: u64,
    /// Entries read.
    pub entries: u64,
    /// The size of the whole entries with the header, in bytes.
    pub size_bytes: u64,
}

/// Reads a log without locking or changing it; works while a run is active. None when there is
/// neither log nor witness.
pub fn read(storage: &dyn Storage, visit: Visitor<'_>) -> Result<Option<Reading>, LogError> {
    let found = scan(storage, visit)?;
    match (action(found.findings), found.log) {
        (Action::Create, _) => Ok(None),
        (Action::Open | Action::Heal, Some(log)) => Ok(Some(Reading {
            log,
            tip: found.tip,
            unfinished_bytes: found.size_bytes - found.end_offset,
            entries: found.entries,
            size_bytes: found.end_offset,
        })),
        (Action::Refuse(rule), _) => Err(refusal(storage, found, rule)),
        (Action::Open | Action::Heal, None) => Err(refusal(storage, found, Rule::HeaderMalformed)),
    }
}

fn refusal(storage: &dyn Storage, found: Scan, rule: Rule) -> LogError {
    let file = match rule {
        Rule::WitnessMalformed | Rule::WitnessLost => WITNESS,
        Rule::LogLost
        | Rule::HeaderMalformed
        | Rule::FormatUnknown
        | Rule::WitnessDiffers
        | Rule::ShorterThanWitness
        | Rule::DamagedInside
        | Rule::SequenceGap
        | Rule::Undecodable => LOG,
    };
    LogError::Refused {
        file: storage.describe(file),
        offset: if file == LOG { found.end_offset } else { 0 },
        after: found.tip.sequence,
        rule,
        source: found.undecodable,
    }
}
