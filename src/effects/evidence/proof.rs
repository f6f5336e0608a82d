//! C2SP tlog-proof: an entry is in the tree of a checkpoint; and, in the form in which C2SP tlog-witness asks
//! for it, that the tree of one checkpoint goes on from another's.
//!
//! What always holds here: `extra` is not taken on trust: the entry's hash is computed from it. Deliberately
//! absent: trees and files.

use base64_simd::STANDARD;
use courier_ledger::log::chain::{self, ChainError};
use courier_ledger::{Digest, Entry, FullTree, Sequence, Tip, tree};

use super::checkpoint::{Checkpoint, Signed};
use super::note::{NoteError, Verifier};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// That an entry is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InclusionProof {
    /// Its place, from 0.
    index: u64,
    path: Vec<Digest>,
    /// The hash of the entry before.
    previous: Digest,
    payload: Vec<u8>,
    checkpoint: Signed,
}

/// That a tree goes on from a smaller one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsistencyProof {
    old: u64,
    path: Vec<Digest>,
    checkpoint: Signed,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// It is no proof.
    #[error("it is no proof that `broker-courier prove` writes")]
    Form,
    /// The checkpoint is not signed.
    #[error("the checkpoint in it cannot be relied on: {0}")]
    Note(#[from] NoteError),
    /// The checkpoint's origin names no ledger of this key.
    #[error("the checkpoint is of {0}, which is no ledger under this key's name")]
    Origin(String),
    /// The path leads elsewhere.
    #[error("the entry in it is not in the tree of its checkpoint: one of them was changed")]
    NotIncluded,
    /// The larger tree is another one.
    #[error(
        "the tree of {new} entries does not go on from that of {old}: history was rewritten between \
         the two, or the proof was changed"
    )]
    NotConsistent {
        /// The size of the smaller one.
        old: u64,
        /// The size of the larger one.
        new: u64,
    },
    /// The entry is of a newer version.
    #[error("the entry is in the ledger, and of a kind that this version does not know")]
    Unknown,
    /// The checkpoint is none of those that were kept.
    #[error(
        "none of the checkpoints that were kept is of {0} entries, so this one is not among them"
    )]
    NotKept(u64),
    /// There are two of the same size.
    #[error(
        "its checkpoint of {0} entries is another than the one that was kept: the signer showed two \
         histories"
    )]
    Forked(u64),
    /// The smaller checkpoint is needed.
    #[error(
        "it says that a tree goes on from one of {0} entries, and no checkpoint of that size is given"
    )]
    NoOld(u64),
}

impl InclusionProof {
    /// The proof that entry `number` is in the tree that `checkpoint` names; none where it is not.
    pub(crate) fn make(
        tree: &FullTree,
        number: Sequence,
        payload: Vec<u8>,
        previous: Digest,
        checkpoint: Signed,
    ) -> Option<Self> {
        let size = usize::try_from(checkpoint.claim.size).ok()?;
        let index = number.0.checked_sub(1)?;
        Some(Self {
            index,
            path: tree.inclusion(usize::try_from(index).ok()?, size)?,
            previous,
            payload,
            checkpoint,
        })
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        let extra = [&self.previous.0[..], &self.payload].concat();
        let extra = STANDARD.encode_to_string(extra);
        let Self {
            index, checkpoint, ..
        } = self;
        let path = lines(&self.path);
        format!(
            "{FIRST_LINE}\nextra {extra}\nindex {index}\n{path}\n{}",
            checkpoint.note
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let (body, note) = text.split_once("\n\n")?;
        let mut body = body.lines();
        if body.next()? != FIRST_LINE {
            return None;
        }
        let extra = STANDARD.decode_to_vec(body.next()?.strip_prefix("extra ")?);
        let extra = extra.ok()?;
        let (previous, payload) = extra.split_first_chunk::<32>()?;
        Some(Self {
            index: body.next()?.strip_prefix("index ")?.parse().ok()?,
            path: path(body)?,
            previous: Digest(*previous),
            payload: payload.to_vec(),
            checkpoint: Signed::parse(note)?,
        })
    }

    /// The entry that it proves, and the checkpoint that it is in.
    pub(crate) fn check(
        text: &str,
        verifier: &Verifier,
    ) -> Result<(Entry, Checkpoint), ProofError> {
        let proof = Self::parse(text).ok_or(ProofError::Form)?;
        let said = said_by(&proof.checkpoint, verifier)?;
        let log = said.log().ok_or(ProofError::Form)?;
        let before = Tip {
            log,
            sequence: Sequence(proof.index),
            hash: proof.previous,
        };
        let number = before.sequence.next();
        let hash = chain::hash(before.hash, number, &proof.payload).ok_or(ProofError::Form)?;
        if !tree::includes(hash, proof.index, said.size, &proof.path, said.root) {
            return Err(ProofError::NotIncluded);
        }
        match chain::check(before, &proof.payload, hash) {
            Ok(entry) => Ok((entry, said.clone())),
            Err(ChainError::Unknown { .. }) => Err(ProofError::Unknown),
            Err(_) => Err(ProofError::Form),
        }
    }
}

impl ConsistencyProof {
    /// The proof that the tree that `checkpoint` names goes on from that over the first `old` entries; none
    /// where those are none, or more.
    pub(crate) fn make(tree: &FullTree, old: u64, checkpoint: Signed) -> Option<Self> {
        let size = usize::try_from(checkpoint.claim.size).ok()?;
        Some(Self {
            old,
            path: tree.consistency(usize::try_from(old).ok()?, size)?,
            checkpoint,
        })
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        let path = lines(&self.path);
        format!("old {}\n{path}\n{}", self.old, self.checkpoint.note)
    }

    /// Whether a text is one of these.
    pub(crate) fn is_one(text: &str) -> bool {
        text.starts_with("old ")
    }

    /// The two checkpoints, of which the second goes on from the first; that is among `kept`.
    pub(crate) fn check(
        text: &str,
        verifier: &Verifier,
        kept: &[Signed],
    ) -> Result<(Checkpoint, Checkpoint), ProofError> {
        let (body, note) = text.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut body = body.lines();
        let old = body.next().and_then(|line| line.strip_prefix("old "));
        let old: u64 = old.and_then(|it| it.parse().ok()).ok_or(ProofError::Form)?;
        let path = path(body).ok_or(ProofError::Form)?;
        let checkpoint = Signed::parse(note).ok_or(ProofError::Form)?;
        let new = said_by(&checkpoint, verifier)?;
        let same = |it: &&Signed| it.claim.size == old && it.claim.log() == new.log();
        let known = kept.iter().find(same).ok_or(ProofError::NoOld(old))?;
        let known = said_by(known, verifier)?;
        let (from, to) = ((known.size, known.root), (new.size, new.root));
        if !tree::goes_on(from, to, &path) {
            return Err(ProofError::NotConsistent { old, new: new.size });
        }
        Ok((known.clone(), new.clone()))
    }
}

/// What a checkpoint says, if this key says so of one of its ledgers.
fn said_by<'c>(signed: &'c Signed, verifier: &Verifier) -> Result<&'c Checkpoint, ProofError> {
    let said = signed.by(verifier)?;
    let of_this_key = said.origin.rsplit_once('/').map(|(name, _)| name) == Some(verifier.name());
    if said.log().is_none() || !of_this_key {
        return Err(ProofError::Origin(said.origin.clone()));
    }
    Ok(said)
}

fn lines(path: &[Digest]) -> String {
    let line = |part: &Digest| STANDARD.encode_to_string(part.0) + "\n";
    path.iter().map(line).collect()
}

fn path<'t>(lines: impl Iterator<Item = &'t str>) -> Option<Vec<Digest>> {
    let part = |line: &str| {
        let bytes = STANDARD.decode_to_vec(line).ok()?;
        Some(Digest(bytes.try_into().ok()?))
    };
    // No tree is deeper, and no consistency proof longer.
    let path: Option<Vec<Digest>> = lines.take(128).map(part).collect();
    path.filter(|path| path.len() < 128)
}
