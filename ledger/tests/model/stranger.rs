//! A second reader of what polls show: whether the broker is still the one. It compares whole views,
//! where the ledger compares what changed.
//!
//! Deliberately absent: `State`. What both come to must agree.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    Command, Estrangement, Evidence, Extent, LegacyEntry, NumberSet, Plan, Recovered, RequestId,
};

use super::auditor::Auditor;
use super::poll::Shown;
use super::world::World;
use super::{Property, Violation};

#[derive(Clone, Copy, Debug)]
struct Known {
    published: Option<i64>,
    listed: bool,
}

/// What a broker is known by.
#[derive(Clone, Debug, Default)]
struct View {
    known: BTreeMap<u64, Known>,
    numbers: Option<BTreeSet<u64>>,
    highest: Option<u64>,
}

/// The second reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acquaintances {
    now: View,
    /// What it was known by when it was last taken for itself.
    before: Option<View>,
    evidence: BTreeMap<u64, Evidence>,
    /// The known numbers that the last whole list shows as others.
    elsewhere: BTreeMap<u64, Option<i64>>,
    pub(crate) facts: Option<Estrangement>,
}

impl Acquaintances {
    pub(crate) fn import(&mut self, entries: &[LegacyEntry]) {
        for entry in entries.iter().filter(|entry| entry.deleted.is_none()) {
            let known = Known {
                published: None,
                listed: true,
            };
            self.now.known.insert(entry.id.0, known);
        }
    }

    pub(crate) fn recover(&mut self, recovered: &Recovered) {
        self.import(&recovered.entries);
        for RequestId(id) in recovered.adopted.iter().map(|it| it.request) {
            let known = Known {
                published: None,
                listed: true,
            };
            self.now.known.insert(id, known);
        }
    }

    /// A person says that it is the one.
    pub(crate) fn accept(&mut self) {
        if self.facts.take().is_none() {
            return;
        }
        self.before = None;
        self.mean_elsewhere();
        self.now.highest = self.now.numbers.iter().flatten().last().copied();
    }

    /// The known numbers mean what the last whole list shows.
    fn mean_elsewhere(&mut self) {
        for (id, published) in &self.elsewhere {
            if let Some(known) = self.now.known.get_mut(id) {
                known.published = *published;
            }
        }
    }

    pub(crate) fn poll(&mut self, shown: &Shown, auditor: &mut Auditor) {
        for RequestId(id) in std::mem::take(&mut auditor.never_told) {
            self.now.known.remove(&id);
        }
        let base = self.before.clone().unwrap_or_else(|| {
            let mut now = self.now.clone();
            now.known
                .retain(|_, known| known.listed || known.published.is_some());
            now
        });
        for id in shown.observations.keys().chain(&shown.unreadable) {
            self.evidence.remove(id);
        }
        self.evidence.extend(&shown.gone);
        let mut highest = self.now.highest;
        if let Some(whole) = &shown.whole {
            let numbers: BTreeSet<u64> = whole.keys().copied().collect();
            highest = highest.max(numbers.last().copied());
            self.now.numbers = Some(numbers);
        }
        self.now.highest = highest;
        let elsewhere = self.elsewhere.clone();
        let facts = self.compare(&base, shown);
        if facts.is_suspicious() {
            self.facts = Some(facts);
        } else if self.before.is_none() || self.recognises(&base, shown) {
            self.facts = None;
            self.mean_elsewhere();
        } else {
            // What shows nothing of what was known takes nothing back.
            let shown = std::mem::replace(&mut self.elsewhere, elsewhere);
            self.elsewhere.extend(shown);
        }
        self.before = self.facts.as_ref().map(|_| base);
        self.take_in(shown);
        // What left no trace is forgotten.
        let evidence = &self.evidence;
        self.now.known.retain(|id, known| {
            known.listed
                || evidence.get(id) == Some(&Evidence::Unconfirmed)
                || auditor.remembers(RequestId(*id))
        });
    }

    fn compare(&mut self, base: &View, shown: &Shown) -> Estrangement {
        let another = |known: Option<i64>, now: Option<i64>| known.is_some() && known != now;
        let whole = shown.whole.iter().flatten();
        let views = [base, &self.now];
        let known = |id: &u64| views.map(|view| view.known.get(id).and_then(|it| it.published));
        self.elsewhere = whole
            .filter(|(id, now)| known(id).into_iter().any(|known| another(known, **now)))
            .map(|(id, now)| (*id, *now))
            .collect();
        let mut facts = Estrangement::default();
        let mut renumbered = BTreeSet::new();
        let mut proven = false;
        for (id, known) in &base.known {
            let read = shown.observations.get(id);
            let now = match read {
                Some(observation) => Some(observation.published.map(|time| time.0)),
                None => self.elsewhere.get(id).copied(),
            };
            let is_other = now.is_some_and(|now| another(known.published, now));
            if is_other {
                renumbered.insert(RequestId(*id));
            }
            let is_listed = read.is_some() || shown.unreadable.contains(id);
            let evidence = self.evidence.get(id).filter(|_| !is_listed);
            let gone = !is_listed
                && match &shown.whole {
                    Some(whole) => !whole.contains_key(id),
                    None => {
                        evidence != Some(&Evidence::Untagged) || !self.now.known.contains_key(id)
                    }
                };
            if known.listed {
                facts.known += 1;
                facts.gone += u64::from(is_other || gone);
                proven |= evidence == Some(&Evidence::Deleted) && self.now.known.contains_key(id);
            }
        }
        facts.renumbered = renumbered.into_iter().collect();
        let others = proven || shown.total() > 0 || shown.whole.iter().flatten().next().is_some();
        if facts.known > 1 && facts.gone == facts.known && others {
            facts.extent = Extent::AllAtOnce;
        }
        if let (Some(now), Some(then), Some(highest)) =
            (&self.now.numbers, &base.numbers, base.highest)
        {
            let new = now.difference(then).filter(|id| **id <= highest);
            facts.reused = new.map(|id| RequestId(*id)).collect::<NumberSet>();
        }
        facts
    }

    fn recognises(&self, base: &View, shown: &Shown) -> bool {
        let any_told = base.known.values().any(|known| known.published.is_some());
        let told = base.known.iter();
        let mut told = told.filter(|it| !any_told || it.1.published.is_some());
        told.any(|(id, known)| match shown.observations.get(id) {
            Some(observation) => {
                let now = observation.published.map(|time| time.0);
                known.published.is_none() || known.published == now
            }
            None => {
                let whole = shown.whole.as_ref();
                let now = whole.and_then(|whole| whole.get(id));
                now.is_some_and(|now| known.published.is_none() || known.published == *now)
            }
        })
    }

    fn take_in(&mut self, shown: &Shown) {
        for (id, observation) in &shown.observations {
            let known = Known {
                published: observation.published.map(|time| time.0),
                listed: true,
            };
            self.now.known.insert(*id, known);
        }
        for id in &shown.unreadable {
            let unknown = Known {
                published: None,
                listed: true,
            };
            self.now.known.entry(*id).or_insert(unknown).listed = true;
        }
        for id in shown.gone.keys() {
            if let Some(known) = self.now.known.get_mut(id) {
                known.listed = false;
            }
        }
    }
}

impl World {
    /// Invariant 21: No stranger: nothing is deleted, overwritten or delivered for a broker that seems to be
    /// another one, and what speaks for that is what was shown.
    pub(crate) fn nothing_for_strangers(&self, plan: &Plan) -> Result<(), Violation> {
        let facts = self.acquaintances.facts.as_ref();
        Property::NoStranger.holds(self.state.estrangement() == facts, || {
            let known = self.state.estrangement();
            format!("the facts are {facts:?}, and the ledger knows {known:?}")
        })?;
        let touches = |command: &Command| command.request().is_some();
        let touched = plan.commands.iter().find(|command| touches(command));
        Property::NoStranger.holds(facts.is_none() || touched.is_none(), || {
            format!("{touched:?} although {facts:?}")
        })
    }
}
