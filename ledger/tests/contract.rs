//! A ledger as another crate would keep it, in tables of a database, held to the same contract as this
//! crate's own. The tables are in memory; what is between them and the log is all that it takes.
//!
//! What always holds: a row whose hash does not follow from the rows before it is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use courier_ledger::log::{
    Claim, Entries, EventLog, FoldError, LogError, LogPlace, NewLog, Vacancy, chain, sample,
};
use courier_ledger::{Digest, Entry, Event, LogId, Sequence, State, Timestamp, Tip};

/// A database; whoever has a clone is connected to the same one.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    entries: BTreeMap<Sequence, Row>,
    /// One row, or none before the log begins.
    tip: Option<Tip>,
    /// A database would take an advisory lock.
    has_runner: bool,
}

#[derive(Clone)]
struct Row {
    payload: Vec<u8>,
    hash: Digest,
}

fn place() -> String {
    "table entries".to_owned()
}

impl Tables {
    /// The place before an entry.
    fn before(&self, log: LogId, entry: Sequence) -> Tip {
        match self.entries.range(..entry).next_back() {
            None => chain::start(log),
            Some((&sequence, row)) => Tip {
                log,
                sequence,
                hash: row.hash,
            },
        }
    }

    /// The first entry from `first` on.
    fn read(&self, log: LogId, first: Sequence) -> Option<Result<Entry, LogError>> {
        let (number, row) = self.entries.range(first..).next()?;
        let entry = chain::check(self.before(log, *number), &row.payload, row.hash);
        Some(entry.map_err(LogError::from))
    }
}

impl Database {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("no test panics in between")
    }

    fn runner(self) -> Result<Runner, LogError> {
        let busy = std::mem::replace(&mut self.tables().has_runner, true);
        match busy {
            true => Err(LogError::Busy {
                place: place(),
                by: None,
            }),
            false => Ok(Runner(self)),
        }
    }
}

/// The one runner; when it is dropped, the next can come.
struct Runner(Database);

impl Drop for Runner {
    fn drop(&mut self) {
        self.0.tables().has_runner = false;
    }
}

/// The log, held by its runner.
struct Table {
    runner: Runner,
    tip: Tip,
}

impl Table {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.runner.0.tables()
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
        let due = self.tip.sequence.next();
        if expected != due {
            return Err(LogError::Conflict { expected, due });
        }
        let (mut tip, mut rows, mut entries) = (self.tip, BTreeMap::new(), Vec::new());
        for event in events {
            let (entry, payload) = chain::next(tip, time, &event, None)?;
            let (sequence, hash) = (entry.sequence, entry.hash);
            tip = Tip {
                sequence,
                hash,
                ..tip
            };
            rows.insert(sequence, Row { payload, hash });
            entries.push(entry);
        }
        // One transaction.
        let mut tables = self.tables();
        tables.entries.append(&mut rows);
        tables.tip = Some(tip);
        drop(tables);
        self.tip = tip;
        Ok(entries)
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        let mut due = Some(first);
        Box::new(std::iter::from_fn(move || {
            let read = self.tables().read(self.tip.log, due?);
            // An error is the last that is read.
            due = match &read {
                Some(Ok(entry)) => Some(entry.sequence.next()),
                Some(Err(_)) | None => None,
            };
            read
        }))
    }

    fn close(self) -> Result<(), LogError> {
        Ok(())
    }
}

impl LogPlace for Database {
    type Log = Table;
    type Vacancy = Runner;

    fn claim(self, _: Timestamp) -> Result<Claim<Table, Runner>, FoldError> {
        let runner = self.runner()?;
        let tip = runner.0.tables().tip;
        let Some(tip) = tip else {
            return Ok(Claim::Vacant(runner));
        };
        let table = Table { runner, tip };
        let mut state = State::default();
        let mut reached = chain::start(tip.log);
        for entry in table.read_from(Sequence::NONE) {
            let entry = entry?;
            (reached.sequence, reached.hash) = (entry.sequence, entry.hash);
            state = state.apply(&entry)?;
        }
        if reached != tip {
            let sequence = reached.sequence.next();
            return Err(LogError::from(chain::ChainError::Broken { sequence }).into());
        }
        Ok(Claim::Log(table, Box::new(state)))
    }

    fn create(self, time: Timestamp, new: NewLog) -> Result<(Table, State), FoldError> {
        self.runner()?.begin(time, new)
    }
}

impl Vacancy for Runner {
    type Log = Table;

    fn place(&self) -> String {
        place()
    }

    fn begin(self, time: Timestamp, new: NewLog) -> Result<(Table, State), FoldError> {
        if self.0.tables().tip.is_some() {
            return Err(LogError::Exists { place: place() }.into());
        }
        let tip = chain::start(new.id);
        let mut table = Table { runner: self, tip };
        let NewLog { id: log, version } = new;
        let created = Event::LogCreated { log, version };
        let mut state = State::default();
        for entry in table.append(tip.sequence.next(), time, vec![created])? {
            state = state.apply(&entry)?;
        }
        Ok((table, state))
    }
}

mod a_table_in_a_database {
    use super::Database;

    fn database() -> impl Fn() -> Database {
        let database = Database::default();
        move || database.clone()
    }

    courier_ledger::place_contract!(database());
}

/// What opening the tables says once somebody has changed them.
fn opened_after(damage: impl FnOnce(&mut Tables)) -> LogError {
    let database = Database::default();
    sample::leave_runs(database.clone(), sample::TIME, 3).expect("leaves a log");
    damage(&mut database.tables());
    match database.open(sample::TIME) {
        Err(FoldError::Log(error)) => error,
        Err(FoldError::Illegal(illegal)) => panic!("it was folded: {illegal}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn a_row_that_was_changed_or_taken_away_is_refused() {
    let changed = opened_after(|tables| {
        let row = tables.entries.get_mut(&Sequence(4)).expect("is there");
        row.payload[9] ^= 1;
    });
    let replaced = opened_after(|tables| {
        let other = tables.entries[&Sequence(2)].clone();
        tables.entries.insert(Sequence(4), other);
    });
    let missing = opened_after(|tables| drop(tables.entries.remove(&Sequence(4))));
    let cut = opened_after(|tables| drop(tables.entries.split_off(&Sequence(5))));
    for error in [changed, replaced, missing, cut] {
        assert!(matches!(error, LogError::Refused(_)), "{error}");
    }
}
