//! `ledger.tree`: the tree as of the last checkpoint, so that the next one need not read the log from its
//! start. Derived; without it everything is read.
//!
//! What always holds here: what is not whole, or of another place, is none. Deliberately absent: trust; who
//! uses it holds its root against a checkpoint and its entry against the log.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use courier_ledger::{Digest, LogId, Sequence, Tip, Tree};

use crate::effects::{new_file, status_file};

const FIRST_LINE: &str = "broker-courier tree 1";

/// A tree, and the place in the log that it ends at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeAt {
    pub(super) tip: Tip,
    pub(super) tree: Tree,
    /// Whether the checkpoint of this size is at the drop-box.
    pub(super) published: bool,
}

fn path(working_dir: &Path) -> PathBuf {
    working_dir.join("ledger.tree")
}

/// What was left, if anything was.
pub(super) fn read(working_dir: &Path) -> Option<TreeAt> {
    let bytes = status_file::read_bounded(&path(working_dir)).ok()?;
    parse(std::str::from_utf8(&bytes).ok()?)
}

/// Leaves it for the next run.
pub(super) fn write(working_dir: &Path, tree: &TreeAt) -> io::Result<()> {
    new_file::replace(&path(working_dir), text(tree).as_bytes())
}

fn text(at: &TreeAt) -> String {
    let Tip {
        log,
        sequence,
        hash,
    } = at.tip;
    let published = if at.published { "published" } else { "kept" };
    let mut text = format!("{FIRST_LINE}\n{log} {sequence} {hash} {published}\n");
    for part in at.tree.edge() {
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "{part}");
    }
    let sum = Digest::of(&[text.as_bytes()]);
    let _infallible = writeln!(text, "{sum}");
    text
}

fn parse(text: &str) -> Option<TreeAt> {
    let (_, sum) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let covered = text.strip_suffix('\n')?.strip_suffix(sum)?;
    if Digest::of(&[covered.as_bytes()]).to_string() != sum {
        return None;
    }
    let mut lines = covered.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let words: Vec<&str> = lines.next()?.split(' ').collect();
    let [log, sequence, hash, published] = *words else {
        return None;
    };
    let sequence: Sequence = sequence.parse().ok()?;
    let edge: Option<Vec<Digest>> = lines.map(Digest::from_hex).collect();
    Some(TreeAt {
        tip: Tip {
            log: LogId::from_hex(log)?,
            sequence,
            hash: Digest::from_hex(hash)?,
        },
        tree: Tree::of_edge(sequence.0, edge?)?,
        published: published == "published",
    })
}
