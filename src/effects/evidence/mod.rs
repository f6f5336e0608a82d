//! What proves to others that a ledger is the one they know: signed checkpoints, and proofs that belong to
//! them, in the formats of C2SP (signed-note, tlog-checkpoint, tlog-proof, tlog-witness) and RFC 3161.
//!
//! What always holds here: no two checkpoints of one ledger contradict each other, for each is held against
//! those before it, here and at the drop-box, before it is signed. Deliberately absent: the tree, which is
//! `courier-ledger`'s, and a time in a checkpoint: others give it one.

mod anchors;
#[cfg(test)]
mod anchors_tests;
mod checkpoint;
mod keeper;
mod kept;
mod key;
mod manifest;
mod note;
mod proof;
mod stamps;
#[cfg(test)]
mod tests;
mod timestamp;
mod tree_file;
mod witness;

pub(crate) use anchors::{AnchorSettings, AnchorUrl, Anchors, Witness};
pub(crate) use checkpoint::{Checkpoint, Signed, signed_in};
pub(crate) use keeper::Keeper;
pub(crate) use kept::{Kept, KeptError};
pub(crate) use key::{EvidenceKey, EvidenceKeyError, KeyNameError};
pub(crate) use manifest::{Listed, Manifest};
pub(crate) use note::{NoteError, Verifier};
pub(crate) use proof::{ConsistencyProof, InclusionProof, ProofError};
