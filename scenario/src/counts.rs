//! What a run counted, in words.

use courier_ledger::RunCounts;

use crate::words::{Unclear, Words};

/// Reads numbers, each after the word for what was counted.
pub(crate) fn counts(words: &mut Words) -> Result<RunCounts, Unclear> {
    let mut counts = RunCounts::default();
    while words.peek().is_some() {
        let word = words.word()?;
        let number = match word.as_str() {
            "uploaded" => &mut counts.uploaded,
            "deleted" => &mut counts.deleted,
            "failed" => &mut counts.failed,
            "blocked" => &mut counts.blocked,
            "unreadable" => &mut counts.unreadable,
            "unchanged" => &mut counts.unchanged,
            _ => return Err(Unclear::new(format!("{word:?} is not counted"))),
        };
        *number = words.value()?;
    }
    Ok(counts)
}
