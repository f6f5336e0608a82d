//! Checkpoints held against the ledger while it is read: those that are kept beside it, and copies that somebody
//! else kept.
//!
//! What always holds here: each is one of the ledger's trees, or an error. Deliberately absent: who signed those
//! that are kept here; whoever can change them can change the ledger, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use courier_ledger::{Digest, Entry, Event, LogId, Tree};

use super::arguments::VerifyOptions;
use super::error::{BadCheckpoint, CommandError};
use crate::effects::evidence::{Checkpoint, Kept, Signed, signed_in};
use crate::effects::status_file;

/// When there is a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trees {
    /// Where something is held against it.
    WhereHeld,
    /// In any case.
    Always,
}

/// The tree so far, and what is said of its later sizes.
pub(super) struct Checkpoints {
    working_dir: PathBuf,
    tree: Tree,
    claims: BTreeMap<u64, Vec<(PathBuf, Signed)>>,
    held: usize,
    last: Option<Checkpoint>,
    trees: Trees,
    wrong: Option<BadCheckpoint>,
}

impl Checkpoints {
    /// Those that are kept beside the ledger in this folder.
    pub(super) fn beside(working_dir: &Path) -> Self {
        Self {
            working_dir: working_dir.to_owned(),
            tree: Tree::default(),
            claims: BTreeMap::new(),
            held: 0,
            last: None,
            trees: Trees::WhereHeld,
            wrong: None,
        }
    }

    /// Reads copies; each must be signed by the key that is given with them.
    pub(super) fn read(working_dir: &Path, options: &VerifyOptions) -> Result<Self, CommandError> {
        let mut checkpoints = Self::beside(working_dir);
        for path in &options.checkpoints {
            let bytes =
                status_file::read_bounded(path).map_err(|source| BadCheckpoint::Unreadable {
                    path: path.clone(),
                    source,
                })?;
            let text = String::from_utf8(bytes).ok();
            let signed = text.and_then(|text| signed_in(&text));
            for signed in signed.ok_or_else(|| BadCheckpoint::NoCheckpoints(path.clone()))? {
                if let Some(key) = &options.key {
                    signed.by(key).map_err(|error| BadCheckpoint::Signature {
                        path: path.clone(),
                        size: signed.claim.size,
                        error,
                    })?;
                }
                checkpoints.add(path, signed);
            }
        }
        Ok(checkpoints)
    }

    /// The same, with a tree whatever is held against it.
    pub(super) fn with_tree(self) -> Self {
        Self {
            trees: Trees::Always,
            ..self
        }
    }

    fn add(&mut self, path: &Path, signed: Signed) {
        let of_size = self.claims.entry(signed.claim.size).or_default();
        of_size.push((path.to_owned(), signed));
    }

    /// Takes in the next entry.
    pub(super) fn take(&mut self, entry: &Entry) {
        self.begin(entry);
        self.take_hash(entry.hash);
    }

    /// Takes in which ledger it is, if an entry says so.
    pub(super) fn begin(&mut self, entry: &Entry) {
        if let Event::LogCreated { log, .. } = &entry.event {
            self.of_log(*log);
        }
    }

    /// The tree of what was taken in; of a ledger against which nothing is held there is none.
    pub(super) fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The largest of those that are of the tree so far.
    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    /// Takes in the hash of the next entry, whatever that says.
    pub(super) fn take_hash(&mut self, hash: Digest) {
        // Where nothing is held against it, there is no tree to grow.
        if self.claims.is_empty() && self.tree.size() == 0 && self.trees == Trees::WhereHeld {
            return;
        }
        self.tree.push(hash);
        let size = self.tree.size();
        let Some(claims) = self.claims.remove(&size) else {
            return;
        };
        let root = self.tree.root();
        for (path, signed) in claims {
            if signed.claim.root == root {
                self.held += 1;
                self.last = Some(signed.claim);
            } else {
                self.wrong
                    .get_or_insert(BadCheckpoint::Contradicts { path, size });
            }
        }
    }

    /// Now that the ledger is known: what is kept of it, and what is none of it.
    fn of_log(&mut self, log: LogId) {
        for (path, signed) in self.claims.values().flatten() {
            if signed.claim.log() != Some(log) {
                let (path, origin) = (path.clone(), signed.claim.origin.clone());
                self.wrong
                    .get_or_insert(BadCheckpoint::Another { path, origin });
            }
        }
        match Kept::read(&self.working_dir, log) {
            Ok(kept) => {
                for signed in kept.all() {
                    self.add(kept.path(), signed.clone());
                }
            }
            Err(error) => {
                self.wrong.get_or_insert(BadCheckpoint::Kept(error));
            }
        }
    }

    /// The root of the whole tree, and how many checkpoints are of it; none where there are no checkpoints.
    pub(super) fn judged(mut self) -> Result<Option<(Digest, usize)>, BadCheckpoint> {
        let root = self.tree.root();
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        match self.claims.pop_first() {
            Some((size, claims)) => {
                let path = claims.into_iter().next().map(|(path, _)| path);
                Err(BadCheckpoint::Longer {
                    path: path.unwrap_or_default(),
                    size,
                    last: self.tree.size(),
                })
            }
            None => Ok((self.held > 0).then_some((root, self.held))),
        }
    }
}
