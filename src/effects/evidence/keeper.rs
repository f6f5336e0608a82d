//! Signs a checkpoint after a run that changed something, keeps it, and says what is to stand at the drop-box.
//!
//! What always holds here: nothing is signed that contradicts what was signed before, here or at the drop-box;
//! what is signed is on disk here before anybody else sees it; somebody else's file is left alone.
//! Deliberately absent: failing a run. What cannot be signed is said, and the next run tries again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use courier_ledger::log::{EventLog, LogError};
use courier_ledger::{Command, Digest, Event, LogId, RemoteName, Sequence, State, Tip, Tree};
use openssl::error::ErrorStack;

use super::checkpoint::{Checkpoint, Signed, file_of};
use super::kept::{Kept, KeptError, of_ledger};
use super::key::EvidenceKey;
use super::manifest::Manifest;
use super::tree_file::{self, TreeAt};
use crate::run::Evidence;

/// So many checkpoints, the last ones, stand at the drop-box.
const SHOWN: usize = 1000;
/// After so many entries that change nothing, there is one all the same.
const QUIET_ENTRIES: u64 = 1000;

/// Keeps the checkpoints of a ledger.
pub(crate) struct Keeper {
    key: EvidenceKey,
    working_dir: PathBuf,
}

/// Why nothing was signed, or nothing is to be put at the drop-box.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error(
        "the ledger is not the one that a checkpoint of {size} entries was signed for: nothing is signed. \
         It is an old copy, or its history was rewritten; `broker-courier verify` looks at every byte"
    )]
    Contradicts { size: u64 },
    #[error("nothing is signed: {0}")]
    Kept(#[from] KeptError),
    #[error("nothing is signed: the ledger cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("nothing is signed: {0}")]
    Library(#[from] ErrorStack),
}

impl Keeper {
    /// Signs with `key`, and keeps the checkpoints in this folder.
    pub(crate) fn new(key: EvidenceKey, working_dir: PathBuf) -> Self {
        Self { key, working_dir }
    }

    /// The tree of the last checkpoint, if it is of this log.
    fn last_tree(&self, log: &dyn EventLog) -> Result<Option<TreeAt>, LogError> {
        let Some(last) = tree_file::read(&self.working_dir) else {
            return Ok(None);
        };
        if last.tip.log != log.tip().log {
            return Ok(None);
        }
        let hash = log.hash_of(last.tip.sequence)?;
        Ok((hash == Some(last.tip.hash)).then_some(last))
    }

    fn sealed(
        &self,
        log: &dyn EventLog,
        there: Option<&[u8]>,
    ) -> Result<Option<String>, SealError> {
        let tip = log.tip();
        let mut kept = Kept::read(&self.working_dir, tip.log)?;
        let mut checkpoints = kept.all().to_vec();
        let unknown = match there.map(|bytes| self.unknown_in(bytes, tip.log, &checkpoints)) {
            None => Some(Vec::new()),
            Some(unknown) => unknown,
        };
        let is_ours = unknown.is_some();
        checkpoints.extend(unknown.into_iter().flatten());
        checkpoints.sort_by_key(|it| it.claim.size);

        let last = checkpoints.last().map(|it| &it.claim);
        let from = self.last_tree(log)?.filter(|at| {
            // What was signed since then, elsewhere, is held against the log from its start.
            checkpoints.len() == kept.all().len()
                && last.is_some_and(|it| (it.size, it.root) == (at.tree.size(), at.tree.root()))
        });
        let tree = match from {
            Some(at) => walked(log, at.tree, &[])?,
            None => walked(log, Tree::default(), &checkpoints)?,
        };
        if last.is_none_or(|it| it.size < tree.size()) {
            let name = self.key.verifier().name();
            let claim = Checkpoint::of(name, tip.log, tree.size(), tree.root());
            let note = self.key.sign(&claim.text())?;
            checkpoints.push(Signed { note, claim });
        }
        let shown = checkpoints.len().saturating_sub(SHOWN);
        let document = file_of(checkpoints.get(shown..).unwrap_or_default());
        kept.replace(checkpoints)?;
        self.leave_tree(TreeAt {
            tip,
            tree,
            published: false,
        });
        if !is_ours {
            tracing::warn!(
                "{} at the drop-box is not this ledger's, and is left alone: checkpoints are kept here \
                 only, in {}",
                RemoteName::checkpoints(tip.log),
                kept.path().display()
            );
            return Ok(None);
        }
        Ok(Some(document))
    }

    /// What a file of checkpoints holds that is not known here; none where it is not this ledger's.
    fn unknown_in(&self, bytes: &[u8], log: LogId, known: &[Signed]) -> Option<Vec<Signed>> {
        let there = of_ledger(bytes, log)?;
        let is_known = |it: &Signed| known.iter().any(|known| known.claim == it.claim);
        let unknown: Vec<Signed> = there.into_iter().filter(|it| !is_known(it)).collect();
        // Anybody can write this ledger's name.
        let verifier = self.key.verifier();
        let ours = unknown.iter().all(|it| it.by(verifier).is_ok());
        ours.then_some(unknown)
    }

    fn leave_tree(&self, tree: TreeAt) {
        if let Err(error) = tree_file::write(&self.working_dir, &tree) {
            tracing::warn!("the next checkpoint reads the ledger from its start: {error}");
        }
    }
}

/// The tree over all of the log, from that over its beginning; each of these checkpoints must be one of its
/// trees.
fn walked(log: &dyn EventLog, mut tree: Tree, claims: &[Signed]) -> Result<Tree, SealError> {
    let mut due: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
    for Signed { claim, .. } in claims {
        due.entry(claim.size).or_default().push(claim.root);
    }
    for entry in log.read_from(Sequence(tree.size() + 1)) {
        tree.push(entry?.hash);
        let size = tree.size();
        let roots = due.remove(&size).unwrap_or_default();
        if !roots.is_empty() && roots.iter().any(|root| *root != tree.root()) {
            return Err(SealError::Contradicts { size });
        }
    }
    match due.first_key_value() {
        Some((size, _)) => Err(SealError::Contradicts { size: *size }),
        None => Ok(tree),
    }
}

/// Whether an entry is one that every run leaves, whatever it does.
fn is_routine(event: &Event) -> bool {
    match event {
        Event::RunStarted { .. } | Event::LedgerPublished { .. } | Event::RunFinished { .. } => {
            true
        }
        Event::SnapshotObserved(delta) => {
            delta.changed.is_empty() && delta.gone.is_empty() && delta.unreadable.is_empty()
        }
        Event::CommandStarted { command, .. } => matches!(command, Command::PublishLedger { .. }),
        _ => false,
    }
}

impl Evidence for Keeper {
    fn due(&self, log: &dyn EventLog) -> Option<RemoteName> {
        let tip = log.tip();
        let name = RemoteName::checkpoints(tip.log);
        let last = match self.last_tree(log) {
            Ok(Some(last)) if last.published => last.tip,
            // What is wrong with the log is said when it is to be signed.
            Ok(_) | Err(_) => return Some(name),
        };
        let Tip { sequence, .. } = last;
        let is_quiet = tip.sequence.0 - sequence.0 < QUIET_ENTRIES
            && log
                .read_from(sequence.next())
                .all(|entry| entry.is_ok_and(|entry| is_routine(&entry.event)));
        (!is_quiet).then_some(name)
    }

    fn seal(&self, log: &dyn EventLog, there: Option<Vec<u8>>) -> Option<Arc<[u8]>> {
        match self.sealed(log, there.as_deref()) {
            Ok(document) => document.map(|text| Arc::from(text.into_bytes())),
            Err(error) => {
                tracing::error!("{error}");
                None
            }
        }
    }

    fn manifest(&self, state: &State, tip: Tip, there: Option<Vec<u8>>) -> Option<Arc<[u8]>> {
        let kept = Kept::read(&self.working_dir, tip.log).ok()?;
        let last = kept.all().last()?;
        if last.claim.size != tip.sequence.0 {
            return None;
        }
        let ours = Manifest::beginning(&last.claim.origin);
        if there.is_some_and(|there| !there.starts_with(ours.as_bytes())) {
            tracing::warn!(
                "{} at the drop-box is not this ledger's, and is left alone: the recipient has no list of what is \
                 delivered",
                RemoteName::manifest(tip.log)
            );
            return None;
        }
        let manifest = Manifest::of(state, tip, last.claim.clone());
        match self.key.sign(&manifest.text()) {
            Ok(note) => Some(Arc::from(note.into_bytes())),
            Err(error) => {
                tracing::error!("{}", SealError::Library(error));
                None
            }
        }
    }

    fn published(&self) {
        if let Some(last) = tree_file::read(&self.working_dir) {
            self.leave_tree(TreeAt {
                published: true,
                ..last
            });
        }
    }
}
