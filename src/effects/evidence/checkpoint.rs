//! C2SP tlog-checkpoint: origin, size and root of a tree, each a line, as a signed note; and files of such
//! notes, one behind the other, an empty line between them.
//!
//! Deliberately absent: extension lines, and a time.

use base64_simd::STANDARD;
use courier_ledger::{Digest, LogId};

use super::note::{self, NoteError, Verifier};

/// What a tree came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Whose: the key's name, and the ledger.
    pub(crate) origin: String,
    /// How many entries.
    pub(crate) size: u64,
    /// The root over them.
    pub(crate) root: Digest,
}

impl Checkpoint {
    /// The one of a ledger under a key of this name.
    pub(super) fn of(name: &str, log: LogId, size: u64, root: Digest) -> Self {
        Self {
            origin: format!("{name}/{log}"),
            size,
            root,
        }
    }

    /// The ledger that its origin names.
    pub(crate) fn log(&self) -> Option<LogId> {
        LogId::from_hex(self.origin.rsplit_once('/')?.1)
    }

    /// The root as it is written.
    pub(crate) fn root_text(&self) -> String {
        STANDARD.encode_to_string(self.root.0)
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root_text())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = STANDARD.decode_to_vec(root).ok()?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: Digest(root.try_into().ok()?),
        };
        // Without extensions there is one text for it.
        (checkpoint.text() == text).then_some(checkpoint)
    }
}

/// A checkpoint as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The whole note.
    pub(crate) note: String,
    /// What it says, by whomever.
    pub(crate) claim: Checkpoint,
}

impl Signed {
    /// The note, whoever may have signed it.
    pub(crate) fn parse(note: &str) -> Option<Self> {
        let (text, _) = note::split(note)?;
        Some(Self {
            note: note.to_owned(),
            claim: Checkpoint::parse(text)?,
        })
    }

    /// What it says, if this key says so.
    pub(crate) fn by(&self, verifier: &Verifier) -> Result<&Checkpoint, NoteError> {
        let text = verifier.open(&self.note)?;
        match Checkpoint::parse(text) {
            Some(said) if said == self.claim => Ok(&self.claim),
            Some(_) | None => Err(NoteError::Form),
        }
    }
}

/// The checkpoints of a file, in its order; none where anything in it is something else.
pub(crate) fn signed_in(text: &str) -> Option<Vec<Signed>> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // The text, an empty line, lines that sign, and an empty line or the end.
        let signatures = rest.find("\n\n")? + 2;
        let end = match rest.get(signatures..)?.find("\n\n") {
            Some(length) => signatures + length + 1,
            None => rest.len(),
        };
        found.push(Signed::parse(rest.get(..end)?)?);
        rest = rest.get(end..)?;
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    Some(found)
}

/// The text of a file of checkpoints.
pub(super) fn file_of(checkpoints: &[Signed]) -> String {
    let notes: Vec<&str> = checkpoints.iter().map(|it| it.note.as_str()).collect();
    notes.join("\n")
}
