//! Where a ledger is kept: in files of a folder, or in a database; the run loop knows neither.
//!
//! What always holds here: whoever holds a ledger in a database holds its own folder of this machine, too, so
//! that nobody else here takes its spool away. Deliberately absent: what a database is reached with, and how
//! either keeps entries.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use courier_ledger::log::{
    self, Claim, Entries, EventLog, FileError, Files, FoldError, Journal, LogError, LogPlace,
    NewLog, Progress, Reading, Storage as _, TornTail, Vacancy, Vacant,
};
use courier_ledger::{Digest, Entry, Event, Salt, Sequence, State, Timestamp, Tip};
use courier_postgres::{self as postgres, Database, Holding, Settings, StoodBy, Table};

use super::ledger_hold::LedgerHold;
use super::ledger_witness::Witness;
use super::local_folder::LocalFolder;

/// Where a ledger is.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// In files of this folder.
    Folder(PathBuf),
    /// In a database.
    Database {
        /// How that is reached.
        settings: Box<Settings>,
        /// What stays on this machine, where it has anything of this ledger.
        folder: Option<PathBuf>,
    },
}

/// What no machine has; whoever looks there finds nothing.
const NOWHERE: &str = "/nonexistent";

impl Location {
    /// The folder of what stays on this machine: `status.xml`, checkpoints.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder)
            | Self::Database {
                folder: Some(folder),
                ..
            } => folder,
            Self::Database { folder: None, .. } => Path::new(NOWHERE),
        }
    }

    /// The ledger there. What is written is salted.
    pub(crate) fn place(&self) -> Result<LedgerPlace, LogError> {
        Ok(match self {
            Self::Folder(folder) => LedgerPlace::Files(files(folder)?),
            Self::Database { settings, folder } => LedgerPlace::Database {
                database: Box::new(Database::new((**settings).clone()).salted(drawn_salt)),
                folder: folder.as_deref().map(files).transpose()?,
            },
        })
    }

    /// The same, also where it says that it is kept elsewhere.
    pub(crate) fn place_whether_moved(&self) -> Result<LedgerPlace, LogError> {
        match self {
            Self::Folder(_) => self.place(),
            Self::Database { settings, folder } => Self::Database {
                settings: Box::new(Settings {
                    moved: postgres::Moved::Taken,
                    ..(**settings).clone()
                }),
                folder: folder.clone(),
            }
            .place(),
        }
    }

    /// The same, to be taken from whoever holds it under this epoch, in the name of `who`; a lease of a moment is enough.
    pub(crate) fn place_instead_of(&self, epoch: u64, who: &str) -> Result<LedgerPlace, LogError> {
        match self {
            Self::Folder(_) => self.place(),
            Self::Database { settings, folder } => Self::Database {
                settings: Box::new(Settings {
                    instead_of: Some(epoch),
                    holder: format!("{who}, by `ledger takeover` on {}", settings.holder),
                    lease: settings.lease.min(Duration::from_secs(30)),
                    ..(**settings).clone()
                }),
                folder: folder.clone(),
            }
            .place(),
        }
    }

    /// Who holds it, where a database says so.
    pub(crate) fn holding(&self) -> Result<Option<Holding>, LogError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database { settings, .. } => {
                postgres::holding(&Database::new((**settings).clone())).map(Some)
            }
        }
    }

    /// What this machine has seen of it before, where that does not stand beside it in files.
    pub(crate) fn witness(&self) -> Result<Option<Witness>, LogError> {
        match self {
            Self::Database {
                settings,
                folder: Some(folder),
            } => Witness::of(folder, settings.address.to_string()),
            Self::Folder(_) | Self::Database { folder: None, .. } => Ok(None),
        }
    }

    /// Says that this process stands by until it can hold it, where a database takes that down.
    pub(crate) fn stand_by(&self) -> Result<(), LogError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Database { settings, .. } => {
                postgres::stand_by(&Database::new((**settings).clone()))
            }
        }
    }

    /// Who stood by lately.
    pub(crate) fn stood_by(&self) -> Result<Vec<StoodBy>, LogError> {
        match self {
            Self::Folder(_) => Ok(Vec::new()),
            Self::Database { settings, .. } => {
                postgres::stood_by(&Database::new((**settings).clone()))
            }
        }
    }
}

/// The files of a ledger; what is written there is salted.
pub(crate) fn files(folder: &Path) -> Result<Files, LogError> {
    let files = Files::new(folder).map(|files| files.salted(drawn_salt));
    files.map_err(|source| {
        LogError::from(FileError {
            path: folder.display().to_string(),
            operation: "opening",
            source,
        })
    })
}

fn drawn_salt() -> io::Result<Salt> {
    let mut drawn = [0; 16];
    openssl::rand::rand_bytes(&mut drawn)?;
    Ok(Salt(drawn))
}

/// A ledger, or where one can begin.
pub(crate) enum LedgerPlace {
    /// Files.
    Files(Files),
    /// Tables, and the folder of what stays here.
    Database {
        /// The tables.
        database: Box<Database>,
        /// The folder, whose lock is held besides.
        folder: Option<Files>,
    },
}

/// A log that is held.
pub(crate) enum LedgerLog {
    /// In files.
    Files(Box<Journal<Files>>),
    /// In a table, with the folder of what stays here.
    Table(Table, Option<LocalFolder>),
}

/// A place without a log that is held.
pub(crate) enum LedgerVacancy {
    /// A folder.
    Files(Vacant<Files>),
    /// Tables, with the folder of what stays here.
    Tables(postgres::Vacant, Option<LocalFolder>),
}

impl LedgerLog {
    /// The torn tails that opening it found.
    pub(crate) fn recovered(&self) -> &[TornTail] {
        match self {
            Self::Files(journal) => journal.recovered(),
            Self::Table(..) => &[],
        }
    }

    /// How it is held.
    pub(crate) fn hold(&self) -> LedgerHold {
        match self {
            Self::Files(_) => LedgerHold::default(),
            Self::Table(table, _) => LedgerHold::leased(table.lasting()),
        }
    }

    /// Whether it is still held; files are for as long as their process lives.
    pub(crate) fn confirm(&self) -> Result<(), LogError> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Table(table, _) => table.confirm(),
        }
    }

    /// Appends entries of another copy of this log as they are.
    pub(crate) fn adopt(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        match self {
            Self::Files(journal) => journal.adopt(entries),
            Self::Table(table, _) => table.adopt(&entries),
        }
    }
}

impl LedgerVacancy {
    /// How it is held.
    pub(crate) fn hold(&self) -> LedgerHold {
        match self {
            Self::Files(_) => LedgerHold::default(),
            Self::Tables(vacant, _) => LedgerHold::leased(vacant.lasting()),
        }
    }

    /// Whether it is still held.
    pub(crate) fn confirm(&self) -> Result<(), LogError> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Tables(vacant, _) => vacant.confirm(),
        }
    }
}

impl EventLog for LedgerLog {
    fn tip(&self) -> Tip {
        match self {
            Self::Files(journal) => journal.tip(),
            Self::Table(table, _) => table.tip(),
        }
    }

    fn append(
        &mut self,
        expected: Sequence,
        time: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Entry>, LogError> {
        match self {
            Self::Files(journal) => journal.append(expected, time, events),
            Self::Table(table, _) => table.append(expected, time, events),
        }
    }

    fn read_from(&self, first: Sequence) -> Entries<'_> {
        match self {
            Self::Files(journal) => journal.read_from(first),
            Self::Table(table, _) => table.read_from(first),
        }
    }

    fn hash_of(&self, entry: Sequence) -> Result<Option<Digest>, LogError> {
        match self {
            Self::Files(journal) => journal.hash_of(entry),
            Self::Table(table, _) => table.hash_of(entry),
        }
    }

    fn cache(&mut self, state: &State) -> Result<(), LogError> {
        match self {
            Self::Files(journal) => journal.cache(state),
            Self::Table(table, folder) => {
                table.cache(state)?;
                match folder {
                    Some(folder) => {
                        folder.witness(table.tip())?;
                        folder.keep_state(state, table.tip())
                    }
                    None => Ok(()),
                }
            }
        }
    }

    fn close(self) -> Result<(), LogError> {
        match self {
            Self::Files(journal) => journal.close(),
            Self::Table(table, folder) => {
                if let Some(mut folder) = folder {
                    folder.witness(table.tip())?;
                }
                table.close()
            }
        }
    }
}

/// The same database, where this state may be one of its ledger.
fn knowing(database: Database, kept: Option<(State, Tip)>) -> Database {
    match kept {
        Some((state, tip)) => database.knowing(state, tip),
        None => database,
    }
}

impl LogPlace for LedgerPlace {
    type Log = LedgerLog;
    type Vacancy = LedgerVacancy;

    fn claim(self, time: Timestamp) -> Result<Claim<LedgerLog, LedgerVacancy>, FoldError> {
        match self {
            Self::Files(files) => Ok(match files.claim(time)? {
                Claim::Log(journal, state) => {
                    Claim::Log(LedgerLog::Files(Box::new(journal)), state)
                }
                Claim::Vacant(vacant) => Claim::Vacant(LedgerVacancy::Files(vacant)),
            }),
            Self::Database { database, folder } => {
                let mut folder = folder.map(LocalFolder::lock).transpose()?;
                let kept = folder.as_mut().and_then(LocalFolder::kept_state);
                Ok(match knowing(*database, kept).claim(time)? {
                    Claim::Log(table, state) => Claim::Log(LedgerLog::Table(table, folder), state),
                    Claim::Vacant(vacant) => Claim::Vacant(LedgerVacancy::Tables(vacant, folder)),
                })
            }
        }
    }

    fn create(self, time: Timestamp, new: NewLog) -> Result<(LedgerLog, State), FoldError> {
        match self {
            Self::Files(files) => {
                let (journal, state) = files.create(time, new)?;
                Ok((LedgerLog::Files(Box::new(journal)), state))
            }
            Self::Database { database, folder } => {
                let folder = folder.map(LocalFolder::lock).transpose()?;
                let (table, state) = database.create(time, new)?;
                Ok((LedgerLog::Table(table, folder), state))
            }
        }
    }
}

impl Vacancy for LedgerVacancy {
    type Log = LedgerLog;

    fn place(&self) -> String {
        match self {
            Self::Files(vacant) => vacant.place(),
            Self::Tables(vacant, _) => vacant.place(),
        }
    }

    fn begin(self, time: Timestamp, new: NewLog) -> Result<(LedgerLog, State), FoldError> {
        match self {
            Self::Files(vacant) => {
                let (journal, state) = vacant.begin(time, new)?;
                Ok((LedgerLog::Files(Box::new(journal)), state))
            }
            Self::Tables(vacant, folder) => {
                let (table, state) = vacant.begin(time, new)?;
                Ok((LedgerLog::Table(table, folder), state))
            }
        }
    }
}

/// What is read without becoming the runner.
impl LedgerPlace {
    /// The state after the last entry, the place behind it, and the hash of each of these entries.
    pub(crate) fn read_state_and_hashes<const N: usize>(
        &self,
        wanted: [Option<Sequence>; N],
    ) -> Result<(State, Tip, [Option<Digest>; N]), FoldError> {
        match self {
            Self::Files(files) => log::read_state_and_hashes(files, wanted),
            Self::Database { database, folder } => {
                let kept = folder.as_ref().and_then(log::kept_state);
                let database = knowing((**database).clone(), kept);
                postgres::read_state_and_hashes(database, wanted)
            }
        }
    }

    /// The state after the last entry, and the place behind it.
    pub(crate) fn read_state(&self) -> Result<(State, Tip), FoldError> {
        let (state, tip, []) = self.read_state_and_hashes([])?;
        Ok((state, tip))
    }

    /// The entries from `first` on.
    pub(crate) fn read_from(&self, first: Sequence) -> Result<Entries<'_>, LogError> {
        match self {
            Self::Files(files) => log::read_from(files, first),
            Self::Database { database, .. } => Ok(Box::new(postgres::read_from(database, first)?)),
        }
    }

    /// Every entry.
    pub(crate) fn read(
        &self,
        fold: impl FnMut(Entry) -> Result<(), FoldError>,
    ) -> Result<Reading, FoldError> {
        match self {
            Self::Files(files) => log::read(files, fold),
            Self::Database { database, .. } => postgres::read(database, fold),
        }
    }

    /// Checks every byte, and hands on every entry.
    pub(crate) fn verify(
        &self,
        fold: impl FnMut(Entry) -> Result<(), FoldError>,
        progress: impl FnMut(Progress),
    ) -> Result<Reading, FoldError> {
        match self {
            Self::Files(files) => log::verify(files, fold, progress),
            Self::Database { database, .. } => postgres::verify(database, fold, progress),
        }
    }

    /// How long it is: another length means that somebody wrote to it.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Files(files) => files.size_bytes(log::LogFile::Log).ok().flatten(),
            Self::Database { database, .. } => postgres::length(database).ok(),
        }
    }
}
