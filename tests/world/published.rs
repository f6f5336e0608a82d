//! What becomes of the published `status.xml` between two runs, and why a run does not begin then, in the
//! language of scenarios.
//!
//! Deliberately absent: the judgement, which is the ledger's.

use courier_ledger::{Digest, LogId, Phase, Refused, StatusFound, Tip};
use scenario::{Unclear, Words};

/// What the recipient, or somebody else, makes of the published `status.xml`.
pub(super) fn found(now: &StatusFound, words: &mut Words) -> Result<StatusFound, Unclear> {
    let word = words.word()?;
    Ok(match (word.as_str(), now) {
        ("missing", _) => StatusFound::Nothing,
        ("damaged", _) => StatusFound::Damaged,
        ("replaced", _) => StatusFound::Legacy,
        ("folder", _) => StatusFound::NoFile,
        ("unreadable", _) => StatusFound::Unreadable(super::stage::failure(words, Phase::Look)?),
        ("another", StatusFound::Projection(tip)) => StatusFound::Projection(Tip {
            log: LogId([1; 16]),
            ..*tip
        }),
        ("rewritten", StatusFound::Projection(tip)) => StatusFound::Projection(Tip {
            hash: Digest([1; 32]),
            ..*tip
        }),
        _ => return Err(Unclear::new(format!("{word:?} is not how it can be"))),
    })
}

/// Why a run did not begin.
pub(super) fn refusal(why: Refused) -> String {
    match why {
        Refused::AnotherLedger { here: None, .. } => {
            "another ledger published there, and none is here".to_owned()
        }
        Refused::AnotherLedger { here: Some(_), .. } => {
            "another ledger published there than the one here".to_owned()
        }
        Refused::OldCopy { shown, last } => {
            format!("#{shown} was published, and the ledger here ends with #{last}")
        }
        Refused::Forked { at } => format!("another #{at} was published"),
        Refused::Foreign => "somebody else's file stands there".to_owned(),
        Refused::NoFile => "something that is no file stands there".to_owned(),
        Refused::Unreadable => "it cannot be read".to_owned(),
        Refused::NotTakenOver { .. } => {
            "what the replaced program published was not taken over".to_owned()
        }
        Refused::ReplacedRuns => "the replaced program published since".to_owned(),
    }
}
