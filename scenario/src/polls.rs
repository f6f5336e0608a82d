//! What the broker has to show before it is polled, so that the poll finds what another has found.
//!
//! What always holds: only what differs from what it shows already is said.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    Failure, Nodes, NumberSet, Observation, Presence, RequestId, SnapshotDelta, Span, State,
};

use crate::broker;
use crate::recorded::failure_words;
use crate::whole_list::{self, Others};
use crate::words::Written as _;

/// What the broker was told to show, as far as no state holds it.
#[derive(Default)]
pub(crate) struct Polls {
    unreadable: BTreeMap<RequestId, Failure>,
    others: Others,
    /// When each was published, as it was last told.
    published: BTreeMap<RequestId, Option<i64>>,
}

impl Polls {
    /// The lines before a poll, between the states before and after it, if it can follow.
    pub(crate) fn lines(
        &mut self,
        delta: &SnapshotDelta,
        before: &State,
        after: Option<&State>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let unreadable: BTreeMap<_, _> = delta
            .unreadable
            .iter()
            .map(|unreadable| (unreadable.id, unreadable.failure.clone()))
            .collect();
        for observation in &delta.changed {
            lines.push(shows(observation));
        }
        for gone in &delta.gone {
            lines.push(format!("withdraw {} {}", gone.id, gone.evidence.written()));
        }
        for (id, failure) in &unreadable {
            if self.unreadable.get(id) != Some(failure) {
                lines.push(format!("unreadable {id}{}", failure_words(failure)));
            }
        }
        // What can be read again, and is as it was.
        let told: BTreeSet<_> = delta
            .changed
            .iter()
            .map(|observation| observation.id)
            .chain(delta.gone.iter().map(|gone| gone.id))
            .collect();
        for id in self.unreadable.keys() {
            let known = before.request(*id).and_then(|it| it.observed.as_ref());
            if !unreadable.contains_key(id)
                && !told.contains(id)
                && let Some((known, _)) = known
            {
                lines.push(shows(known));
            }
        }
        self.others(delta, after.unwrap_or(before), &mut lines);
        self.unreadable = unreadable;
        lines
    }

    /// What the whole list had besides what is listed.
    fn others(&mut self, delta: &SnapshotDelta, state: &State, lines: &mut Vec<String>) {
        let observed = delta.changed.iter();
        self.published
            .extend(observed.map(|it| (it.id, it.published.map(|time| time.0))));
        let Some(whole) = &delta.whole else {
            if self.others.take().is_some() {
                lines.push(whole_list::line(&None));
            }
            return;
        };
        let renumbered: BTreeMap<_, _> = whole
            .renumbered
            .iter()
            .map(|it| (it.id, it.published.map(|time| time.0)))
            .collect();
        self.published.extend(&renumbered);
        let is_listed = |id: &RequestId| {
            let request = state.request(*id);
            request.is_some_and(|request| request.presence == Presence::Listed)
        };
        let mut others = BTreeMap::new();
        let spans = state.numbers().map_or(&[] as &[_], NumberSet::spans);
        for id in spans.iter().flat_map(|Span(first, last)| first.0..=last.0) {
            let id = RequestId(id);
            let published = self.published.get(&id).copied().flatten();
            if !is_listed(&id) {
                others.insert(id.0, published);
            } else if renumbered.contains_key(&id) && state.unreadable().any(|it| it.0 == id) {
                // Its status cannot be read, and the whole list says that it is another.
                lines.push(broker::line(id.0, published, &Nodes::default()));
                let failure = state.unreadable().find(|it| it.0 == id);
                let words = failure.map(|it| failure_words(it.1)).unwrap_or_default();
                lines.push(format!("unreadable {id}{words}"));
            }
        }
        if self.others.as_ref() != Some(&others) {
            lines.push(whole_list::line(&Some(others.clone())));
            self.others = Some(others);
        }
    }
}

/// The line that makes the broker show what was observed.
fn shows(observation: &Observation) -> String {
    let published = observation.published.map(|time| time.0);
    broker::line(observation.id.0, published, &observation.nodes)
}
