//! The log, on real files and on the memory disk: what holds on one holds on the other.

mod contract;
mod crashes;
mod recovery;

use std::collections::BTreeMap;

use crate::event::{Entry, Event};
use crate::id::Sequence;

use crate::log::error::LogError;
use crate::log::event_log::EventLog;
use crate::log::file::error::FileError;
use crate::log::file::examine::Examination;
use crate::log::file::files::Files;
use crate::log::file::heal::lock;
use crate::log::file::journal::Journal;
use crate::log::file::recovery::Action;
use crate::log::file::simulated::memory::{Memory, MemoryDisk};
use crate::log::file::storage::Storage;
use crate::log::file::tail::TornTail;
use crate::log::sample::{TIME, created, finished, new_log, sized, started};

/// A directory that outlives the processes that use it.
trait Place {
    type Storage: Storage;

    fn process(&self) -> Self::Storage;

    fn files(&self) -> BTreeMap<String, Vec<u8>>;

    fn set(&self, name: &str, bytes: Option<&[u8]>);

    fn get(&self, name: &str) -> Vec<u8> {
        self.files().remove(name).expect("the file is there")
    }
}

impl Place for MemoryDisk {
    type Storage = Memory;

    fn process(&self) -> Memory {
        Self::process(self)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.names().into_iter();
        names
            .filter_map(|name| Some((name.clone(), self.contents(&name)?)))
            .collect()
    }

    fn set(&self, name: &str, bytes: Option<&[u8]>) {
        self.set_contents(name, bytes);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at the files from outside"
)]
impl Place for tempfile::TempDir {
    type Storage = Files;

    fn process(&self) -> Files {
        Files::new(self.path()).expect("the directory is there")
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.path()).expect("readable");
        entries
            .map(|entry| {
                let entry = entry.expect("readable");
                let name = entry.file_name().into_string().expect("a name of ours");
                (name, std::fs::read(entry.path()).expect("readable"))
            })
            .collect()
    }

    fn set(&self, name: &str, bytes: Option<&[u8]>) {
        let path = self.path().join(name);
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).expect("writable"),
            None => std::fs::remove_file(path).expect("removable"),
        }
    }
}

/// Makes one test for each kind of place out of each property.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_real_files {
            $(#[test] fn $name() {
                super::$name(&tempfile::tempdir().expect("a directory"));
            })*
        }
        mod in_memory {
            $(#[test] fn $name() {
                super::$name(&crate::log::MemoryDisk::new());
            })*
        }
    };
}
use on_both;

/// A journal, opened, or created where there was none. Nothing folds here: these tests are about
/// bytes, and append what could not follow.
struct Opened<S: Storage> {
    journal: Journal<S>,
    created: bool,
}

impl<S: Storage> Opened<S> {
    fn recovered(&self) -> &[TornTail] {
        self.journal.recovered()
    }
}

fn open<P: Place>(place: &P) -> Result<(Opened<P::Storage>, Vec<Entry>), LogError> {
    let mut entries = Vec::new();
    let opened = opened(place.process(), &mut |entry| entries.push(entry))?;
    Ok((opened, entries))
}

fn opened<S: Storage>(mut storage: S, see: &mut dyn FnMut(Entry)) -> Result<Opened<S>, LogError> {
    lock(&mut storage)?;
    let mut examination = Examination::begin(&storage)?;
    examination.advance(&storage, &mut |entry, _| {
        see(entry);
        Ok::<(), LogError>(())
    })?;
    let created = matches!(examination.action(), Action::Create);
    let journal = if created {
        let (journal, entry) = Journal::begin(storage, TIME, new_log())?;
        see(entry);
        journal
    } else {
        Journal::resume(storage, TIME, examination, |entry| {
            see(entry);
            Ok::<(), LogError>(())
        })?
    };
    Ok(Opened { journal, created })
}

/// Of which kind the operating system's error was, if a file operation failed.
fn failure_of(error: &LogError) -> Option<std::io::ErrorKind> {
    let told = error.told()?.downcast_ref::<FileError>()?;
    Some(told.source.kind())
}

fn append(journal: &mut impl EventLog, events: Vec<Event>) -> Result<Vec<Entry>, LogError> {
    let next = journal.tip().sequence.next();
    journal.append(next, TIME, events)
}

/// A log of `runs` runs, sealed, then `after` entries more that the head does not cover.
fn fill<P: Place>(place: &P, runs: u64, after: u64) -> Vec<Entry> {
    let (Opened { mut journal, .. }, mut entries) = open(place).expect("opens");
    for run in 0..runs {
        entries.extend(append(&mut journal, vec![started(), finished(run)]).expect("appends"));
    }
    journal.seal().expect("seals");
    for number in 0..after {
        entries.extend(append(&mut journal, vec![finished(number)]).expect("appends"));
    }
    entries
}

/// Where each frame begins, and the end of the log, in bytes.
fn boundaries(log: &[u8]) -> Vec<usize> {
    let mut offsets = vec![31];
    let mut offset = 31;
    while offset < log.len() {
        let length: [u8; 4] = log[offset..offset + 4].try_into().expect("four bytes");
        offset += u32::from_le_bytes(length) as usize + 48;
        offsets.push(offset);
    }
    offsets
}

fn sequence(number: u64) -> Sequence {
    Sequence(number)
}
