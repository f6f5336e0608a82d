//! A history as a scenario, ready to be saved below `tests/scenarios/`: what was recorded in its
//! language, the model's steps and whatever else it has no words for as comments.

use std::collections::BTreeMap;

use courier_ledger::Sequence;

use super::Violation;
use super::world::World;

impl World {
    /// What was recorded, and what is violated by it.
    pub(crate) fn story(&self, violation: Option<&Violation>) -> String {
        let mut comments: BTreeMap<Sequence, Vec<String>> = BTreeMap::new();
        for (due, step) in &self.steps {
            let comments = comments.entry(*due).or_default();
            comments.push(format!("{step:?}"));
        }
        let text = scenario::retell(&self.entries, &self.policies, &comments);
        match violation {
            Some(Violation {
                property,
                text: how,
            }) => {
                format!("# {property:?}: {}\n{text}", how.replace('\n', " "))
            }
            None => text,
        }
    }
}
