//! A disk in memory: what is in the cache, what is on the platter, and how each of them fails.
//!
//! Deliberately absent: processes and locks (`memory`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use crate::salt::Salt;

pub(crate) const SECTOR_BYTES: usize = 512;

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails; a write leaves its first half, an fsync calls lost bytes clean.
    Error,
    /// The disk is full: a write leaves its first half.
    Full,
    /// The operation is done, in memory at least; then nothing works until the restart.
    PowerLoss,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Inode {
    pub(crate) cached: Vec<u8>,
    pub(crate) durable: Vec<u8>,
    pub(crate) dirty: BTreeSet<usize>,
}

impl Inode {
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            self.dirty
                .extend(offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
        }
    }

    pub(crate) fn sync(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.durable.resize(self.cached.len(), 0);
        for sector in dirty {
            self.write_back(sector);
        }
    }

    /// Puts one sector on disk, as far as the durable size reaches.
    pub(crate) fn write_back(&mut self, sector: usize) {
        let start = sector * SECTOR_BYTES;
        let end = (start + SECTOR_BYTES)
            .min(self.durable.len())
            .min(self.cached.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.cached[start..end]);
        }
    }

    pub(crate) fn lose_power(&mut self, chance: &mut Chance) {
        let (synced, cached) = (self.durable.len(), self.cached.len());
        let size = match chance.below(4) {
            0 => synced,
            1 => synced.min(cached) + chance.below(synced.abs_diff(cached) + 1),
            _ => cached,
        };
        // A size that lags behind a cut is the old one, never one between.
        let size = if cached < synced && size != cached {
            synced
        } else {
            size
        };
        self.durable.resize(size, 0);
        let all = chance.below(3) == 0;
        for sector in std::mem::take(&mut self.dirty) {
            if all || chance.below(2) == 0 {
                self.write_back(sector);
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

#[derive(Clone, Debug)]
pub(crate) enum NameChange {
    Put { name: String, inode: usize },
    Remove { name: String },
}

#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) inodes: Vec<Inode>,
    pub(crate) names: BTreeMap<String, usize>,
    pub(crate) durable_names: BTreeMap<String, usize>,
    pub(crate) changes: Vec<NameChange>,
    pub(crate) capacity_bytes: Option<usize>,
    pub(crate) steps: u64,
    pub(crate) faults: BTreeMap<u64, Fault>,
    pub(crate) dark: bool,
    pub(crate) owner: Option<u64>,
    pub(crate) handles: u64,
    /// Those that are drawn next.
    pub(crate) salts: VecDeque<Salt>,
}

impl Disk {
    /// Counts one step, and says what goes wrong at it.
    pub(crate) fn step(&mut self) -> io::Result<Option<Fault>> {
        if self.dark {
            return Err(io::Error::other("the power is off"));
        }
        self.steps += 1;
        let fault = self.faults.get(&self.steps).copied();
        self.dark = fault == Some(Fault::PowerLoss);
        Ok(fault)
    }

    /// A step that is done or not done, nothing between.
    pub(crate) fn whole_step(&mut self) -> io::Result<()> {
        match self.step()? {
            None | Some(Fault::PowerLoss) => Ok(()),
            Some(Fault::Error) => Err(io::Error::other("input/output error")),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    /// What a caller hears after a step that was done: nothing good, when the power went.
    pub(crate) fn done(&self) -> io::Result<()> {
        if self.dark {
            Err(io::Error::other("the power is off"))
        } else {
            Ok(())
        }
    }

    pub(crate) fn inode(&mut self, name: &str) -> io::Result<&mut Inode> {
        let index = self.names.get(name).copied();
        index
            .and_then(|index| self.inodes.get_mut(index))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(crate) fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }

    pub(crate) fn write(&mut self, name: &str, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let fault = self.step()?;
        let used: usize = self
            .names
            .values()
            .map(|index| self.inodes[*index].cached.len())
            .sum();
        let capacity_bytes = self.capacity_bytes;
        let inode = self.inode(name)?;
        let grows = (offset + bytes.len()).saturating_sub(inode.cached.len());
        let room = capacity_bytes.map_or(usize::MAX, |capacity| capacity.saturating_sub(used));
        match fault {
            Some(Fault::Error) => {
                inode.write(offset, &bytes[..bytes.len() / 2]);
                Err(io::Error::other("input/output error"))
            }
            Some(Fault::Full) => {
                inode.write(offset, &bytes[..bytes.len() / 2]);
                Err(io::ErrorKind::StorageFull.into())
            }
            None | Some(Fault::PowerLoss) if grows > room => {
                inode.write(offset, &bytes[..bytes.len() - (grows - room)]);
                Err(io::ErrorKind::StorageFull.into())
            }
            None | Some(Fault::PowerLoss) => {
                inode.write(offset, bytes);
                self.done()
            }
        }
    }

    pub(crate) fn sync(&mut self, name: &str) -> io::Result<()> {
        let fault = self.step()?;
        let inode = self.inode(name)?;
        match fault {
            None => {
                inode.sync();
                Ok(())
            }
            Some(Fault::Error | Fault::Full) => {
                inode.dirty.clear();
                Err(io::Error::other("input/output error"))
            }
            // How much of it reached the disk is for the restart to say.
            Some(Fault::PowerLoss) => self.done(),
        }
    }

    /// Temporary file, fsync, rename, fsync of the directory: four steps that can fail.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.tmp");
        self.whole_step()?;
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.change(NameChange::Put {
            name: temporary.clone(),
            inode,
        });
        self.done()?;
        self.write(&temporary, 0, bytes)?;
        self.sync(&temporary)?;
        self.whole_step()?;
        self.change(NameChange::Put {
            name: name.to_owned(),
            inode,
        });
        self.change(NameChange::Remove { name: temporary });
        self.done()?;
        self.whole_step()?;
        self.done()?;
        self.sync_names();
        Ok(())
    }

    pub(crate) fn sync_names(&mut self) {
        self.changes.clear();
        self.durable_names.clone_from(&self.names);
    }
}

pub(crate) fn apply(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Put { name, inode } => {
            names.insert(name.clone(), *inode);
        }
        NameChange::Remove { name } => {
            names.remove(name);
        }
    }
}

/// A sequence that looks random and depends on its seed alone (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % bound.max(1) as u64).unwrap_or(0)
    }
}
