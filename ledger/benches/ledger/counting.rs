//! Files that count their fsyncs.

use std::io;

use courier_ledger::log::{Files, Lock, LogFile, Storage};

/// [`Files`], with the number of fsyncs of the log.
pub(crate) struct Counting {
    pub(crate) files: Files,
    pub(crate) syncs: std::rc::Rc<std::cell::Cell<u64>>,
}

impl Storage for Counting {
    fn locate(&self, file: LogFile) -> String {
        self.files.locate(file)
    }

    fn size_bytes(&self, file: LogFile) -> io::Result<Option<u64>> {
        self.files.size_bytes(file)
    }

    fn read_at(&self, file: LogFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.files.read_at(file, offset, buffer)
    }

    fn append(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.files.append(file, bytes)
    }

    fn overwrite(&mut self, file: LogFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.files.overwrite(file, offset, bytes)
    }

    fn truncate(&mut self, file: LogFile, size_bytes: u64) -> io::Result<()> {
        self.files.truncate(file, size_bytes)
    }

    fn sync(&mut self, file: LogFile) -> io::Result<()> {
        self.syncs.set(self.syncs.get() + 1);
        self.files.sync(file)
    }

    fn replace(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.files.replace(file, bytes)
    }

    fn keep(&mut self, offset: u64, target: LogFile) -> io::Result<()> {
        self.files.keep(offset, target)
    }

    fn sweep(&mut self) -> io::Result<()> {
        self.files.sweep()
    }

    fn try_lock(&mut self) -> io::Result<Lock> {
        self.files.try_lock()
    }

    fn has_writer(&self) -> io::Result<bool> {
        self.files.has_writer()
    }
}
