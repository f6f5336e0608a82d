//! The drop-box: files by name, some of other people, and a recipient who takes results away.
//!
//! What always holds: nothing of other people is changed without a violation. Deliberately absent:
//! the protocol; one operation happens whole, in part or not at all.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{Hundredths, KeyId, LogId, Observation, RemoteName};

/// Who made a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// This ledger, by the command begun at this entry.
    Ours(u64),
    /// A lost ledger, by the command begun at that entry of its log.
    Lost { log: LogId, start: u64 },
    /// The replaced program.
    Replaced,
    /// Somebody else.
    Foreign,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Result(Bundle),
    /// A result of the replaced program or of a lost ledger, and what was first seen of its request if
    /// that agreed.
    OldResult {
        completion: Hundredths,
        key: Option<KeyId>,
        adopted: Option<(Observation, KeyId)>,
    },
    Ledger(Vec<u8>),
    Part,
    Anything,
}

/// An encrypted result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    /// What the broker held when it was exported.
    pub(crate) content: Observation,
    /// The completion that it was uploaded for.
    pub(crate) completion: Hundredths,
    pub(crate) key: KeyId,
}

/// Why a file is no longer the ledger's concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Another drop-box was turned to.
    Behind,
    /// Another broker was turned to, and it was to stay.
    Kept,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) maker: Maker,
    pub(crate) holds: Holds,
    pub(crate) size_bytes: u64,
    /// Whether it is as it was when it came.
    pub(crate) whole: bool,
    /// Why it is no longer the ledger's concern, if it is not.
    pub(crate) left: Option<Left>,
}

impl File {
    pub(crate) fn new(maker: Maker, holds: Holds) -> Self {
        let size_bytes = match maker {
            Maker::Ours(start) | Maker::Lost { start, .. } => delivered_bytes(start),
            Maker::Replaced | Maker::Foreign => 50,
        };
        Self {
            maker,
            holds,
            size_bytes,
            whole: true,
            left: None,
        }
    }

    /// Whether it is too short to say whose it is.
    pub(crate) fn is_short(&self) -> bool {
        self.holds == Holds::Part || self.maker == Maker::Foreign && self.size_bytes == 0
    }

    /// Nobody can tell any more whose it is.
    pub(crate) fn becomes_nobodys(&mut self) {
        self.maker = Maker::Foreign;
        if self.is_short() {
            self.holds = Holds::Anything;
            self.size_bytes = 0;
        }
    }
}

/// The size of what the command begun at this entry delivers.
pub(crate) fn delivered_bytes(start: u64) -> u64 {
    100 + start % 5
}

/// The drop-box.
#[derive(Clone, Debug, Default)]
pub(crate) struct DropBox {
    pub(crate) files: BTreeMap<String, File>,
    /// What the recipient took away and was not withdrawn or replaced since.
    pub(crate) taken: BTreeMap<String, File>,
}

impl DropBox {
    pub(crate) fn has_foreign(&self, name: &str) -> bool {
        self.files
            .get(name)
            .is_some_and(|file| file.maker == Maker::Foreign)
    }

    /// Somebody puts a file of their own, where none is: one of this many bytes.
    pub(crate) fn put_foreign(&mut self, name: &str, size_bytes: u64) {
        let theirs = File {
            size_bytes,
            ..File::new(Maker::Foreign, Holds::Anything)
        };
        self.files.entry(name.to_owned()).or_insert(theirs);
    }

    /// The recipient takes a result away.
    pub(crate) fn pick_up(&mut self, name: &str) {
        if !self.has_foreign(name)
            && let Some(file) = self.files.remove(name)
        {
            self.taken.insert(name.to_owned(), file);
        }
    }

    /// Somebody cuts a file short that is not of other people.
    pub(crate) fn damage(&mut self, name: &str) {
        if !self.has_foreign(name)
            && let Some(file) = self.files.get_mut(name)
        {
            file.size_bytes = 7;
            file.whole = false;
        }
    }

    /// What was taken or cut short is put back.
    pub(crate) fn mend(&mut self, name: &str) {
        if let Some(taken) = self.taken.remove(name) {
            self.files.entry(name.to_owned()).or_insert(taken);
        }
        if let Some(file) = self.files.get_mut(name) {
            let left = file.left;
            *file = File::new(file.maker, file.holds.clone());
            file.left = left;
        }
    }

    /// Another drop-box is turned to.
    pub(crate) fn leave_behind(&mut self) {
        for file in self.files.values_mut() {
            if file.maker != Maker::Foreign {
                file.left = Some(Left::Behind);
            }
        }
        self.taken.clear();
    }

    /// These are to stay, whatever becomes of their requests.
    pub(crate) fn keep(&mut self, names: &BTreeSet<RemoteName>) {
        for name in names {
            let file = self.files.get_mut(name.as_str());
            if let Some(file) = file.filter(|file| file.maker != Maker::Foreign) {
                file.left = Some(Left::Kept);
            }
            self.taken.remove(name.as_str());
        }
    }

    /// A file comes to stand under a name, whatever stood there.
    pub(crate) fn place(&mut self, name: &str, file: File) {
        self.taken.remove(name);
        self.files.insert(name.to_owned(), file);
    }

    /// A file goes; says whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.taken.remove(name);
        self.files.remove(name).is_some()
    }
}
