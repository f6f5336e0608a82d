//! What a run costs before it begins, on a long log: the hash of one of the last entries, which is what a
//! published `status.xml` is held against, is told without reading the log from its start.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use courier_ledger::log::{
    Claimed, Lock, LogFile, Memory, MemoryDisk, Storage, read_state_and_hashes, sample,
};
use courier_ledger::{Digest, Sequence};

/// A directory that counts what is read of the log.
struct Counted {
    inner: Memory,
    read_bytes: Rc<Cell<u64>>,
}

impl Storage for Counted {
    fn locate(&self, file: LogFile) -> String {
        self.inner.locate(file)
    }

    fn size_bytes(&self, file: LogFile) -> io::Result<Option<u64>> {
        self.inner.size_bytes(file)
    }

    fn read_at(&self, file: LogFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read_at(file, offset, buffer)?;
        if file == LogFile::Log {
            self.read_bytes.set(self.read_bytes.get() + read as u64);
        }
        Ok(read)
    }

    fn append(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.inner.append(file, bytes)
    }

    fn overwrite(&mut self, file: LogFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.overwrite(file, offset, bytes)
    }

    fn truncate(&mut self, file: LogFile, size_bytes: u64) -> io::Result<()> {
        self.inner.truncate(file, size_bytes)
    }

    fn sync(&mut self, file: LogFile) -> io::Result<()> {
        self.inner.sync(file)
    }

    fn replace(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.inner.replace(file, bytes)
    }

    fn keep(&mut self, offset: u64, target: LogFile) -> io::Result<()> {
        self.inner.keep(offset, target)
    }

    fn sweep(&mut self) -> io::Result<()> {
        self.inner.sweep()
    }

    fn try_lock(&mut self) -> io::Result<Lock> {
        self.inner.try_lock()
    }

    fn has_writer(&self) -> io::Result<bool> {
        self.inner.has_writer()
    }
}

fn counted(disk: &MemoryDisk) -> (Counted, Rc<Cell<u64>>) {
    let read_bytes = Rc::new(Cell::new(0));
    let counted = Counted {
        inner: disk.process(),
        read_bytes: Rc::clone(&read_bytes),
    };
    (counted, read_bytes)
}

#[test]
fn the_hash_of_a_late_entry_is_told_without_reading_the_log() {
    let disk = MemoryDisk::new();
    sample::leave_runs(disk.process(), sample::TIME, 30_000).unwrap();
    let size = disk.process().size_bytes(LogFile::Log).unwrap().unwrap();
    let Claimed::Ledger(mut ledger) = Claimed::at(disk.process(), sample::TIME).unwrap() else {
        panic!("there is a log");
    };
    ledger.cache().unwrap();
    let last = ledger.tip().sequence;
    drop(ledger);
    // The last publication is a few entries before the end, or some runs before.
    for back in [0, 2, 1500] {
        let entry = Sequence(last.0 - back);
        let (place, read_bytes) = counted(&disk);
        let claimed = Claimed::at(place, sample::TIME).unwrap();
        let hash = claimed.hash_of(entry).unwrap();
        assert!(hash.is_some_and(|hash| hash != Digest([0; 32])));
        let by_a_run = read_bytes.get();
        drop(claimed);
        let (place, read_bytes) = counted(&disk);
        let (_, _, told) = read_state_and_hashes(&place, [Some(entry), None]).unwrap();
        assert_eq!(told, [hash, None]);
        for read in [by_a_run, read_bytes.get()] {
            assert!(read * 10 < size, "{read} of {size} bytes were read");
        }
    }
}
