//! Every decision of a ledger made once more, in words.
//!
//! Deliberately absent: the judgement itself, which is `courier-ledger`'s.

use std::io;

use courier_ledger::{Counted, Decisions, Sequence};
use serde::Serialize;

/// Every decision once more.
#[derive(Serialize)]
pub(super) struct DecisionsView {
    decided: u64,
    /// Runs of whose rules the ledger has a digest only.
    unknown: u64,
    otherwise: Vec<OtherwiseView>,
}

#[derive(Serialize)]
struct OtherwiseView {
    run: Sequence,
    event: Sequence,
    sentence: String,
}

impl DecisionsView {
    /// Ready to be shown.
    pub(super) fn new(decisions: &Decisions) -> Self {
        let otherwise = decisions.otherwise.iter().map(|it| OtherwiseView {
            run: it.run,
            event: it.event,
            sentence: it.to_string(),
        });
        Self {
            decided: decisions.decided,
            unknown: decisions.unknown,
            otherwise: otherwise.collect(),
        }
    }
}

/// Writes it for people.
pub(super) fn write(output: &mut dyn io::Write, decisions: &Decisions) -> io::Result<()> {
    let Decisions {
        decided,
        unknown,
        otherwise,
        ..
    } = decisions;
    writeln!(
        output,
        "Decided again: {}, by the recorded rules; {} did otherwise.",
        Counted(*decided, "run"),
        match otherwise.len() {
            0 => "none".to_owned(),
            count => count.to_string(),
        }
    )?;
    if *unknown > 0 {
        writeln!(
            output,
            "Not decided again: {}, of whose rules the ledger has a digest only.",
            Counted(*unknown, "run")
        )?;
    }
    for it in otherwise {
        writeln!(output, "  {it}")?;
    }
    Ok(())
}
