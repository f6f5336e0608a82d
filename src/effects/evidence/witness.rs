//! C2SP tlog-witness: how somebody else is asked to cosign a checkpoint, after a proof that it goes on from the
//! last one that he saw (<https://c2sp.org/tlog-witness>).
//!
//! What always holds here: a cosignature counts only if the witness's own key made it over this checkpoint
//! (<https://c2sp.org/tlog-cosignature>). Deliberately absent: the way to him (`anchors`).

use courier_ledger::Digest;

use super::checkpoint::Signed;
use super::note::{NoteError, Verifier};

/// The type of an answer that says which size the witness saw last.
pub(crate) const SIZE_TYPE: &str = "text/x.tlog.size";

/// What a witness is sent.
pub(crate) fn request(old: u64, path: &[Digest], checkpoint: &Signed) -> String {
    let mut text = format!("old {old}\n");
    for Digest(hash) in path {
        text.push_str(&base64_simd::STANDARD.encode_to_string(hash));
        text.push('\n');
    }
    format!("{text}\n{}", checkpoint.note)
}

/// The size that a witness says it saw last.
pub(crate) fn size(answer: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(answer).ok()?.strip_suffix('\n')?;
    text.parse().ok()
}

/// The checkpoint with what a witness answered, if that is its cosignature.
pub(crate) fn cosigned(
    checkpoint: &Signed,
    answer: &[u8],
    witness: &Verifier,
) -> Result<Signed, NoteError> {
    let lines = std::str::from_utf8(answer).map_err(|_| NoteError::Form)?;
    if !lines.ends_with('\n') || lines.contains("\n\n") {
        return Err(NoteError::Form);
    }
    // Of what else it sends nothing is kept.
    let ours = lines.lines().filter(|line| witness.has_signed(line));
    let ours: String = ours.map(|line| format!("{line}\n")).collect();
    let note = format!("{}{ours}", checkpoint.note);
    witness.seen(&note)?;
    Signed::parse(&note).ok_or(NoteError::Form)
}
