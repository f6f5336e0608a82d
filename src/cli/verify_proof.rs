//! `verify-proof`: whether a proof holds, and in words what it proves and what it does not. It needs no ledger
//! and no configuration.

use std::path::Path;

use courier_ledger::Entry;

use super::arguments::VerifyProofOptions;
use super::error::{BadProof, CommandError};
use super::output;
use crate::effects::evidence::{
    Checkpoint, ConsistencyProof, InclusionProof, ProofError, Signed, Verifier, signed_in,
};
use crate::effects::status_file;
use crate::exit_code::ExitCode;

pub(crate) fn verify_proof(options: &VerifyProofOptions) -> Result<ExitCode, CommandError> {
    let text = read(&options.file)?;
    let key = &options.key;
    let kept = match &options.checkpoints {
        Some(path) => {
            let kept = signed_in(&read(path)?);
            kept.ok_or_else(|| BadProof::NoCheckpoints(path.clone()))?
        }
        None => Vec::new(),
    };
    let bad = |error| BadProof::Proof {
        path: options.file.clone(),
        error,
    };
    let words = if ConsistencyProof::is_one(&text) {
        let (old, new) = ConsistencyProof::check(&text, key, &kept).map_err(bad)?;
        of_two(&old, &new, key)
    } else {
        let (entry, checkpoint) = InclusionProof::check(&text, key).map_err(bad)?;
        let known = is_known(&checkpoint, &kept, key).map_err(bad)?;
        of_one(&entry, &checkpoint, key, known)
    };
    output::write(|output| output.write_all(words.as_bytes()))?;
    Ok(ExitCode::Done)
}

/// Whether the checkpoint is one of those that somebody kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It is.
    Kept,
    /// None were given.
    NotAsked,
}

fn is_known(checkpoint: &Checkpoint, kept: &[Signed], key: &Verifier) -> Result<Known, ProofError> {
    if kept.is_empty() {
        return Ok(Known::NotAsked);
    }
    let same =
        |it: &&Signed| it.claim.size == checkpoint.size && it.claim.origin == checkpoint.origin;
    let of_size = kept.iter().find(same);
    let of_size = of_size.ok_or(ProofError::NotKept(checkpoint.size))?;
    if of_size.by(key)? == checkpoint {
        Ok(Known::Kept)
    } else {
        Err(ProofError::Forked(checkpoint.size))
    }
}

fn of_one(entry: &Entry, checkpoint: &Checkpoint, key: &Verifier, known: Known) -> String {
    let Checkpoint { origin, size, .. } = checkpoint;
    let name = key.name();
    let Entry {
        sequence,
        time,
        event,
        hash,
        ..
    } = entry;
    let json = serde_json::to_string(event).unwrap_or_default();
    let same = match known {
        Known::Kept => "- that checkpoint is one of those that were kept.\n",
        Known::NotAsked => "",
    };
    let others = match known {
        Known::Kept => "",
        Known::NotAsked => {
            "- that everybody was shown this checkpoint: hold it against those that you kept \
             (--checkpoints FILE);\n"
        }
    };
    format!(
        "Proven:\n\
         - entry {sequence} is in ledger {origin}, of which {name} signed {size} entries;\n\
         - its bytes are those in the proof, and its place and all that stands before it cannot be \
         changed without another signature;\n\
         {same}\n\
         The entry, by the clock of the machine that wrote it:\n  \
         {time}  {kind}\n  {event}\n  {json}\n  hash {hash}\n\n\
         Not proven:\n\
         - that what the entry says is true: it is what the program recorded;\n\
         - when it was recorded, and when it was signed;\n\
         - what other entries say: only this one was shown;\n\
         {others}\
         - that nothing was left out before it was recorded.\n",
        kind = event.kind(),
    )
}

fn of_two(old: &Checkpoint, new: &Checkpoint, key: &Verifier) -> String {
    let name = key.name();
    format!(
        "Proven:\n\
         - ledger {origin}, as {name} signed it with {new} entries, begins with exactly those {old} entries \
         that {name} had signed before: nothing was changed, taken out or put in between.\n\n\
         Not proven:\n\
         - what any entry says: none was shown;\n\
         - when each was signed;\n\
         - that no third checkpoint contradicts them.\n",
        origin = new.origin,
        old = old.size,
        new = new.size,
    )
}

fn read(path: &Path) -> Result<String, BadProof> {
    let bytes = status_file::read_bounded(path).map_err(|source| BadProof::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    String::from_utf8(bytes).map_err(|_| BadProof::Proof {
        path: path.to_owned(),
        error: ProofError::Form,
    })
}
