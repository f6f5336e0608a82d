//! [`Storage`] in memory, on a disk that can fail as real ones do, as told, step by step.
//!
//! What always holds here: everything is determined by the calls, the planned faults and the seed of
//! each power loss. A power loss keeps what was synced; of the rest, each sector may be lost by
//! itself (so writes tear and arrive out of order), sizes may lag behind, and renames without an
//! fsync of the directory may be undone. A failed fsync leaves its bytes readable, calls them clean,
//! and never writes them. Deliberately absent: decay of what was synced, which tests do by hand.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::file::simulated::disk::{
    Chance, Disk, Fault, Inode, NameChange, SECTOR_BYTES, apply,
};
use crate::log::file::storage::{Lock, LogFile, OLD_CACHE, Storage};
use crate::salt::Salt;

/// The disk, which outlives the processes that use it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

impl MemoryDisk {
    /// An empty disk of any size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory as one process has it. The lock ends when it is dropped.
    #[must_use]
    pub fn process(&self) -> Memory {
        let mut disk = self.disk();
        disk.handles += 1;
        Memory {
            disk: self.clone(),
            handle: disk.handles,
        }
    }

    /// How many steps that change the disk were taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.disk().steps
    }

    /// Plans a fault for the step of this number, from 1.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.disk().faults.insert(step, fault);
    }

    /// Limits the size of all files together.
    pub fn set_capacity_bytes(&self, capacity_bytes: Option<usize>) {
        self.disk().capacity_bytes = capacity_bytes;
    }

    /// Turns the power off, if it is not, and on again: what was not synced is lost as `seed` says,
    /// all locks end, and no fault is planned any more.
    pub fn restart(&self, seed: u64) {
        let mut chance = Chance(seed);
        let mut disk = self.disk();
        for inode in &mut disk.inodes {
            inode.lose_power(&mut chance);
        }
        let kept = chance.below(disk.changes.len() + 1);
        let changes = std::mem::take(&mut disk.changes);
        let mut names = std::mem::take(&mut disk.durable_names);
        for change in changes.iter().take(kept) {
            apply(&mut names, change);
        }
        disk.durable_names.clone_from(&names);
        disk.names = names;
        disk.faults.clear();
        disk.dark = false;
        disk.owner = None;
    }

    /// A file's bytes as a reader sees them now.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        self.disk()
            .inode(name)
            .ok()
            .map(|inode| inode.cached.clone())
    }

    /// Makes a file hold these bytes, synced; none removes it.
    pub fn set_contents(&self, name: &str, bytes: Option<&[u8]>) {
        let mut disk = self.disk();
        match bytes {
            Some(bytes) => {
                let (cached, durable) = (bytes.to_vec(), bytes.to_vec());
                let whole = Inode {
                    cached,
                    durable,
                    dirty: BTreeSet::new(),
                };
                if let Ok(inode) = disk.inode(name) {
                    *inode = whole;
                } else {
                    disk.inodes.push(whole);
                    let inode = disk.inodes.len() - 1;
                    disk.names.insert(name.to_owned(), inode);
                }
            }
            None => {
                disk.names.remove(name);
            }
        }
        disk.sync_names();
    }

    /// The salts that are drawn from now on, one after the other; none once they are used up.
    pub fn set_salts(&self, salts: impl IntoIterator<Item = Salt>) {
        self.disk().salts = salts.into_iter().collect();
    }

    /// The names of all files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.disk().names.keys().cloned().collect()
    }
}

/// One process's view of a [`MemoryDisk`].
#[derive(Debug)]
pub struct Memory {
    disk: MemoryDisk,
    handle: u64,
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.owner == Some(self.handle) {
            disk.owner = None;
        }
    }
}

impl Storage for Memory {
    fn salt(&mut self) -> io::Result<Option<Salt>> {
        Ok(self.disk.disk().salts.pop_front())
    }

    fn locate(&self, file: LogFile) -> String {
        file.to_string()
    }

    fn size_bytes(&self, file: LogFile) -> io::Result<Option<u64>> {
        let mut disk = self.disk.disk();
        disk.done()?;
        Ok(disk
            .inode(&file.to_string())
            .ok()
            .map(|inode| inode.cached.len() as u64))
    }

    fn read_at(&self, file: LogFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        disk.done()?;
        let inode = disk.inode(&file.to_string())?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = inode.cached.get(start..).unwrap_or_default();
        let read = bytes.len().min(buffer.len());
        buffer[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn append(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let name = file.to_string();
        let end = disk.inode(&name)?.cached.len();
        disk.write(&name, end, bytes)
    }

    fn overwrite(&mut self, file: LogFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.disk.disk().write(&file.to_string(), start, bytes)
    }

    fn truncate(&mut self, file: LogFile, size_bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.whole_step()?;
        let size = usize::try_from(size_bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
        let inode = disk.inode(&file.to_string())?;
        inode.cached.truncate(size);
        inode.dirty.retain(|sector| sector * SECTOR_BYTES < size);
        disk.done()
    }

    fn sync(&mut self, file: LogFile) -> io::Result<()> {
        self.disk.disk().sync(&file.to_string())
    }

    fn replace(&mut self, file: LogFile, bytes: &[u8]) -> io::Result<()> {
        self.disk.disk().put(&file.to_string(), bytes)
    }

    fn keep(&mut self, offset: u64, target: LogFile) -> io::Result<()> {
        let mut disk = self.disk.disk();
        if disk.names.contains_key(&target.to_string()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let log = disk.inode(&LogFile::Log.to_string())?;
        let tail = log.cached.get(start..).unwrap_or_default().to_vec();
        disk.put(&target.to_string(), &tail)
    }

    fn sweep(&mut self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let left: Vec<_> = disk
            .names
            .keys()
            .filter(|name| name.ends_with(".tmp") || *name == OLD_CACHE)
            .cloned()
            .collect();
        for name in left {
            disk.whole_step()?;
            disk.change(NameChange::Remove { name });
            disk.done()?;
        }
        Ok(())
    }

    fn try_lock(&mut self) -> io::Result<Lock> {
        let mut disk = self.disk.disk();
        disk.done()?;
        match disk.owner {
            Some(owner) if owner != self.handle => Ok(Lock::HeldElsewhere),
            Some(_) | None => {
                disk.owner = Some(self.handle);
                Ok(Lock::Acquired)
            }
        }
    }

    fn has_writer(&self) -> io::Result<bool> {
        Ok(self.disk.disk().owner.is_some())
    }
}
