//! What a run counted, in words.

use courier_ledger::RunCounts;

use crate::words::{Unclear, Words};

/// Each number, and the word before it.
fn numbers(counts: &mut RunCounts) -> [(&'static str, &mut u64); 6] {
    [
        ("uploaded", &mut counts.uploaded),
        ("deleted", &mut counts.deleted),
        ("failed", &mut counts.failed),
        ("blocked", &mut counts.blocked),
        ("unreadable", &mut counts.unreadable),
        ("unchanged", &mut counts.unchanged),
    ]
}

/// Reads numbers, each after its word.
pub(crate) fn counts(words: &mut Words) -> Result<RunCounts, Unclear> {
    let mut counts = RunCounts::default();
    while words.peek().is_some() {
        let word = words.word()?;
        let mut known = numbers(&mut counts).into_iter();
        let unclear = || Unclear::new(format!("{word:?} is not counted"));
        let (_, number) = known
            .find(|(known, _)| *known == word)
            .ok_or_else(unclear)?;
        *number = words.value()?;
    }
    Ok(counts)
}

/// The numbers that are not 0, each after its word, and before both a space.
pub(crate) fn written(mut counts: RunCounts) -> String {
    let counted = numbers(&mut counts).into_iter();
    let counted = counted.filter(|(_, number)| **number > 0);
    counted
        .map(|(word, number)| format!(" {word} {number}"))
        .collect()
}
