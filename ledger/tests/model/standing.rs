//! What becomes of a history whose ledger is lost, or restored from an older backup, while the newest
//! `status.xml` stayed where it was; and of one that begins with what the replaced program left.

use courier_ledger::{Sequence, Standing, State, StatusDocument, StatusFound, standing};

use super::sabotage::Sabotage;
use super::world::{LOG, World};
use super::{Property, Violation};

impl World {
    /// Every earlier moment of the log stands for a backup from then.
    pub(crate) fn knows_lost_and_old_ledgers(&self) -> Result<(), Violation> {
        let shown = self.documents.iter().map(|(shown, document)| {
            let tip = StatusDocument::tip_of(document);
            (
                *shown,
                tip.map_or(StatusFound::Damaged, StatusFound::Projection),
            )
        });
        let shown: Vec<_> = shown.collect();
        let mut state = State::default();
        self.knows(&state, &shown)?;
        for entry in &self.entries {
            state = state
                .apply(entry)
                .map_err(|error| Property::Legality.violated(error.to_string()))?;
            self.knows(&state, &shown)?;
        }
        Ok(())
    }

    /// Judges the ledger that ends with `state` by every `status.xml` that was written.
    fn knows(&self, state: &State, shown: &[(Sequence, StatusFound)]) -> Result<(), Violation> {
        let last = state.tip();
        let nothing_happened = last <= Sequence(1);
        let legacy = [Standing::GoOn, Standing::Import][usize::from(nothing_happened)];
        self.judges(StatusFound::Legacy, state, legacy)?;
        self.judges(StatusFound::Nothing, state, Standing::GoOn)?;
        for (shown, found) in shown {
            let due = match (*shown, last) {
                (_, Sequence::NONE) => Standing::Lost { log: LOG },
                (shown, last) if shown > last => Standing::OldCopy { shown, last },
                _ => Standing::GoOn,
            };
            self.judges(*found, state, due)?;
        }
        Ok(())
    }

    fn judges(&self, found: StatusFound, state: &State, due: Standing) -> Result<(), Violation> {
        let judged = match self.sabotage {
            Some(Sabotage::GoOnWithAnything) => Standing::GoOn,
            _ => standing(found, state),
        };
        Property::Standing.holds(judged == due, || {
            let last = state.tip();
            format!("a ledger that ends with {last} is {judged:?} by {found:?}, not {due:?}")
        })
    }
}
