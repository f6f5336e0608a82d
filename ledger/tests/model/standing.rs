//! What becomes of a history whose ledger is lost, or restored from an older backup, while the newest
//! `status.xml` stayed where it was; and of one that begins with what the replaced program left.

use courier_ledger::{
    Digest, DropBoxAddress, PublishedSeen, Refused, Sequence, Standing, State, StatusDocument,
    StatusFound, published_standing, standing,
};

use super::partners::drop_box;
use super::sabotage::Sabotage;
use super::world::World;
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

    /// Judges the ledger that ends with `state` by every `status.xml` that was written, here and at the
    /// drop-box.
    fn knows(&self, state: &State, shown: &[(Sequence, StatusFound)]) -> Result<(), Violation> {
        let last = state.tip();
        let nothing_happened = last <= Sequence(1);
        let legacy = [Standing::GoOn, Standing::Import][usize::from(nothing_happened)];
        self.judges(&StatusFound::Legacy, state, Ok(legacy))?;
        self.judges(&StatusFound::Nothing, state, Ok(Standing::GoOn))?;
        for (shown, found) in shown {
            let due = match (*shown, last) {
                (_, Sequence::NONE) => Err(Refused::AnotherLedger {
                    shown: self.log,
                    here: None,
                }),
                (shown, last) if shown > last => Err(Refused::OldCopy { shown, last }),
                _ => Ok(Standing::GoOn),
            };
            self.judges(found, state, due)?;
            self.judges_published(
                found,
                &drop_box(0),
                state,
                due.map(|_| PublishedSeen::AsExpected),
            )?;
        }
        Ok(())
    }

    /// The hash that this log has at the entry that decides.
    fn hash_for(&self, found: &StatusFound, state: &State) -> Option<Digest> {
        let entry = found.entry_in(state)?;
        let held = self.entries.iter().find(|it| it.sequence == entry)?;
        Some(held.hash)
    }

    fn judges(
        &self,
        found: &StatusFound,
        state: &State,
        due: Result<Standing, Refused>,
    ) -> Result<(), Violation> {
        let judged = match self.sabotage {
            Some(Sabotage::GoOnWithAnything) => Ok(Standing::GoOn),
            _ => standing(found, state, self.hash_for(found, state)),
        };
        Property::Standing.holds(judged == due, || {
            let last = state.tip();
            format!("a ledger that ends with {last} is {judged:?} by {found:?}, not {due:?}")
        })
    }

    pub(crate) fn judges_published(
        &self,
        found: &StatusFound,
        drop_box: &DropBoxAddress,
        state: &State,
        due: Result<PublishedSeen, Refused>,
    ) -> Result<(), Violation> {
        let judged = match self.sabotage {
            Some(Sabotage::OverwriteAnyPublication) => Ok(PublishedSeen::AsExpected),
            _ => {
                let hash = self.hash_for(found, state);
                published_standing(found, drop_box, state, hash, None)
            }
        };
        Property::Standing.holds(judged == due, || {
            let last = state.tip();
            format!("a ledger that ends with {last} is {judged:?} by {found:?} at the drop-box, not {due:?}")
        })
    }
}
