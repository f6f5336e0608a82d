//! The log in its table, held by its one runner.
//!
//! What always holds here: what was given back is committed. Deliberately absent: becoming the runner (`place`).

use std::io;
use std::sync::Arc;

use courier_ledger::log::{Advised, Entries, EventLog, LogError, chain};
use courier_ledger::{Digest, Entry, Event, Salt, Sequence, Timestamp, Tip};

use crate::keeper::{Batch, Keeper};
use crate::lease::Lasting;
use crate::portions::Portions;
use crate::read;
use crate::tables::Row;

/// So much is appended in one transaction; what is more takes several, in order.
const BATCH_BYTES: usize = 16 << 20;
const BATCH_ENTRIES: usize = 8192;

/// What draws a salt.
pub(crate) type Draw = fn() -> io::Result<Salt>;

/// The log, held by its one runner.
pub struct Table {
    keeper: Arc<Keeper>,
    tip: Tip,
    salt: Option<Draw>,
    /// After the first append that failed, what is there is known only to the next opening.
    has_failed: bool,
}

impl Table {
    pub(crate) fn new(keeper: Arc<Keeper>, tip: Tip, salt: Option<Draw>) -> Self {
        Self {
            keeper,
            tip,
            salt,
            has_failed: false,
        }
    }

    /// For how long it is surely held.
    #[must_use]
    pub fn lasting(&self) -> Lasting {
        self.keeper.lasting()
    }

    /// Whether it is still held: asked of the database.
    pub fn confirm(&self) -> Result<(), LogError> {
        self.keeper.renew()
    }

    /// Appends entries of another copy of this log as they are, with their times and salts.
    pub fn adopt(&mut self, entries: &[Entry]) -> Result<(), LogError> {
        let (mut tip, mut rows) = (self.tip, Vec::with_capacity(entries.len()));
        for entry in entries {
            let (next, payload) = chain::again(tip, entry)?;
            tip = next;
            rows.push(row(entry, payload));
        }
        match rows.is_empty() {
            true => Ok(()),
            false => self.write(tip, rows),
        }
    }

    /// Says in the tables where the ledger is kept from now on; none for: there. Whoever comes is told, and nothing can
    /// be appended but by who says that it is there again.
    pub fn move_to(&mut self, place: Option<String>) -> Result<(), LogError> {
        self.keeper.move_to(place)
    }

    fn write(&mut self, to: Tip, rows: Vec<Row>) -> Result<(), LogError> {
        let from = self.tip;
        let appended = self.keeper.append(Batch { from, to, rows });
        self.has_failed = appended.is_err();
        appended?;
        self.tip = to;
        Ok(())
    }
}

fn row(entry: &Entry, payload: Vec<u8>) -> Row {
    Row {
        sequence: entry.sequence,
        hash: entry.hash.0.to_vec(),
        payload,
    }
}

/// No salt could be drawn.
#[derive(Debug, thiserror::Error)]
#[error("no random numbers can be had for an entry")]
struct NoSalt(#[source] io::Error);

impl Advised for NoSalt {
    fn hint(&self) -> &'static str {
        "this is the machine's OpenSSL; see its own log"
    }
}

impl EventLog for Table {
    fn tip(&self) -> Tip {
        self.tip
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        if self.has_failed {
            let place = self.keeper.place().to_owned();
            return Err(LogError::Unusable { place });
        }
        let due = self.tip.sequence.next();
        if expected != due {
            return Err(LogError::Conflict { expected, due });
        }
        // All are encoded before any is written: an event that cannot be leaves nothing behind.
        let (mut tip, mut entries, mut rows) = (self.tip, Vec::new(), Vec::new());
        let (mut batches, mut size_bytes) = (Vec::new(), 0);
        for event in events {
            let salt = match (self.salt, event.holds_text()) {
                (Some(draw), true) => {
                    let drawn = draw().map_err(|error| LogError::Other(Box::new(NoSalt(error))))?;
                    Some(drawn)
                }
                _ => None,
            };
            let (entry, payload) = chain::next(tip, time, &event, salt)?;
            tip = Tip {
                sequence: entry.sequence,
                hash: entry.hash,
                ..tip
            };
            size_bytes += payload.len();
            rows.push(row(&entry, payload));
            entries.push(entry);
            if size_bytes >= BATCH_BYTES || rows.len() == BATCH_ENTRIES {
                batches.push((tip, std::mem::take(&mut rows)));
                size_bytes = 0;
            }
        }
        if !rows.is_empty() {
            batches.push((tip, rows));
        }
        for (to, rows) in batches {
            self.write(to, rows)?;
        }
        Ok(entries)
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        Box::new(Portions::new(Arc::clone(&self.keeper), first, self.tip))
    }

    fn hash_of(&self, entry: Sequence) -> Result<Option<Digest>, LogError> {
        read::hash_of(&self.keeper, entry, self.tip)
    }

    /// The lease is given back; should that fail, it runs out by itself, and nothing is lost.
    fn close(self) -> Result<(), LogError> {
        Ok(())
    }
}
