//! Entries read in portions, each checked against the hash of the one before.
//!
//! What always holds here: memory for two portions, however long the log is: the next one is fetched
//! while this one is checked. An error is the last that is given. Deliberately absent: what the entries mean.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::vec::IntoIter;

use courier_ledger::log::{LogError, chain};
use courier_ledger::{Digest, Entry, Sequence, Tip};

use crate::bytes;
use crate::error::Fault;
use crate::keeper::{Keeper, Portion};
use crate::tables::Row;

/// So many entries are asked for at once.
const MOST: i64 = 4096;

/// The entries of a log up to a place, in order.
pub(crate) struct Portions {
    keeper: Arc<Keeper>,
    /// The place behind which the next one stands; before the first was read, the log's start or none.
    before: Option<Tip>,
    /// The number from which on they are given.
    first: Sequence,
    end: Tip,
    rows: IntoIter<Row>,
    pending: Option<Receiver<Result<Vec<Row>, LogError>>>,
    most: i64,
    size_bytes: u64,
    has_ended: bool,
}

impl Portions {
    /// Those from `first` to `end`.
    pub(crate) fn new(keeper: Arc<Keeper>, first: Sequence, end: Tip) -> Self {
        Self::by(keeper, first, end, MOST)
    }

    /// The first of them, and few behind it.
    pub(crate) fn few(keeper: Arc<Keeper>, first: Sequence, end: Tip) -> Self {
        Self::by(keeper, first, end, 2)
    }

    /// Those behind a place that is known, to `end`; none where that cannot be a later place of the same log.
    pub(crate) fn behind(keeper: Arc<Keeper>, known: Tip, end: Tip) -> Option<Self> {
        let is_end = known == end;
        let may_lead_there = known.log == end.log && known.sequence < end.sequence;
        if !is_end && !may_lead_there {
            return None;
        }
        let mut portions = Self::idle(keeper, known.sequence.next(), end, MOST);
        portions.before = Some(known);
        portions.begin(known.sequence.next());
        Some(portions)
    }

    fn by(keeper: Arc<Keeper>, first: Sequence, end: Tip, most: i64) -> Self {
        let first = first.max(Sequence(1));
        let mut portions = Self::idle(keeper, first, end, most);
        if !portions.has_ended {
            portions.before = (first == Sequence(1)).then(|| chain::start(end.log));
            // The one before tells the hash that the first follows.
            portions.begin(Sequence((first.0 - 1).max(1)));
        }
        portions
    }

    /// Nothing is asked for yet.
    fn idle(keeper: Arc<Keeper>, first: Sequence, end: Tip, most: i64) -> Self {
        Self {
            before: None,
            keeper,
            first,
            end,
            rows: Vec::new().into_iter(),
            pending: None,
            most,
            size_bytes: 0,
            has_ended: first > end.sequence,
        }
    }

    /// How many bytes were read.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn begin(&mut self, first: Sequence) {
        // Without its own end, a database that knows nothing of the table's numbers reads and sorts the whole rest.
        let behind = first.0.saturating_add(self.most.unsigned_abs());
        let last = Sequence(behind - 1).min(self.end.sequence);
        self.pending = (first <= self.end.sequence).then(|| {
            self.keeper.begin(Portion {
                first,
                last,
                most: self.most,
            })
        });
    }

    fn fault(&self, fault: Fault) -> LogError {
        fault.at(self.keeper.place())
    }

    /// The next row, from this portion or the next.
    fn row(&mut self) -> Result<Option<Row>, LogError> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        let Some(pending) = self.pending.take() else {
            return Ok(None);
        };
        let rows = self.keeper.wait(&pending)?;
        if let Some(last) = rows.last() {
            let count = i64::try_from(rows.len()).unwrap_or(MOST);
            // Large ones were cut short: so many are not asked for again.
            self.most = match count < self.most && last.sequence < self.end.sequence {
                true => count.max(1),
                false => (self.most * 2).min(MOST),
            };
            self.begin(last.sequence.next());
        }
        self.rows = rows.into_iter();
        Ok(self.rows.next())
    }

    fn step(&mut self) -> Result<Option<Entry>, LogError> {
        loop {
            if self
                .before
                .is_some_and(|before| before.sequence == self.end.sequence)
            {
                return Ok(None);
            }
            let Some(row) = self.row()? else {
                let due = self.before.map_or(self.first, |it| it.sequence.next());
                return Err(self.fault(Fault::Gap(due)));
            };
            let hash: Digest = bytes::digest(&row.hash).unwrap_or(Digest([0; 32]));
            let Some(before) = self.before else {
                // Only its hash is needed, of the one before the first.
                let due = Sequence(self.first.0 - 1);
                if row.sequence != due {
                    return Err(self.fault(Fault::Gap(due)));
                }
                self.before = Some(Tip {
                    sequence: row.sequence,
                    hash,
                    ..self.end
                });
                continue;
            };
            if row.sequence != before.sequence.next() {
                return Err(self.fault(Fault::Gap(before.sequence.next())));
            }
            let entry = chain::check(before, &row.payload, hash)
                .map_err(|error| self.fault(Fault::Chain(error)))?;
            self.size_bytes += (row.payload.len() + row.hash.len()) as u64;
            self.before = Some(Tip {
                sequence: entry.sequence,
                hash: entry.hash,
                ..self.end
            });
            if entry.sequence == self.end.sequence && entry.hash != self.end.hash {
                return Err(self.fault(Fault::Tip(entry.sequence)));
            }
            return Ok(Some(entry));
        }
    }
}

impl Iterator for Portions {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let step = self.step().transpose();
        self.has_ended = !matches!(step, Some(Ok(_)));
        step
    }
}
