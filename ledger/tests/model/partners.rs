//! Whom the configuration can name, who really stands behind each address, and a second reader of whom the
//! ledger knows and what it left behind.
//!
//! What always holds: two brokers, two drop-boxes, and further addresses of the first of each.
//! Deliberately absent: `State`. What both come to must agree.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    BrokerAddress, BrokerChange, DropBoxAddress, DropBoxChange, Event, Exchange, Exchanges,
    Partners, Plan, RemoteName, RequestId,
};

use super::auditor::{Auditor, differ};
use super::sabotage::Sabotage;
use super::world::World;
use super::{Property, Violation};

/// Which address of each the configuration names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) broker: u8,
    pub(crate) drop_box: u8,
}

/// How many addresses there are of each.
pub(crate) const BROKERS: u8 = 4;
pub(crate) const DROP_BOXES: u8 = 3;

pub(crate) fn broker(number: u8) -> BrokerAddress {
    let (url, tag) = [
        ("https://broker.example", "rki"),
        ("https://other.example", "rki"),
        ("https://new.example", "rki"),
        ("https://broker.example", "renamed"),
    ][usize::from(number)];
    BrokerAddress {
        url: url.to_owned(),
        tag: tag.to_owned(),
    }
}

pub(crate) fn drop_box(number: u8) -> DropBoxAddress {
    DropBoxAddress {
        host: "sftp.example".to_owned(),
        port: 22,
        folder: ["in", "out", "in-too"][usize::from(number)].to_owned(),
    }
}

/// Whether the second one stands behind the address; all others are the first one's.
pub(crate) fn is_second_broker(address: &BrokerAddress) -> bool {
    *address == broker(1)
}

/// Whether the second one stands behind the address; all others are the first one's.
pub(crate) fn is_second_drop_box(address: &DropBoxAddress) -> bool {
    *address == drop_box(1)
}

/// The second reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relations {
    pub(crate) known: Option<Partners>,
    declared: Option<Partners>,
    pub(crate) left_behind: BTreeMap<DropBoxAddress, BTreeSet<RemoteName>>,
    /// Whether `status.xml` was published at the known drop-box, …
    pub(crate) published: bool,
    /// … or may have been.
    pub(crate) publishing: bool,
}

impl Relations {
    pub(crate) fn declare(&mut self, partners: &Partners) {
        match &mut self.known {
            None => self.known = partners.host_key.is_some().then(|| partners.clone()),
            Some(known) if known.drop_box == partners.drop_box => {
                known.host_key.clone_from(&partners.host_key);
            }
            Some(_) => {}
        }
        self.declared = Some(partners.clone());
    }

    /// Who is named and not known.
    pub(crate) fn exchanges(&self) -> Exchanges {
        let (Some(known), Some(declared)) = (&self.known, &self.declared) else {
            return Exchanges::default();
        };
        Exchanges {
            broker: (known.broker != declared.broker).then(|| Exchange {
                known: known.broker.clone(),
                configured: declared.broker.clone(),
            }),
            drop_box: (known.drop_box != declared.drop_box).then(|| Exchange {
                known: known.drop_box.clone(),
                configured: declared.drop_box.clone(),
            }),
        }
    }

    /// Whether a name at the known drop-box holds what an earlier broker asked for, and stays.
    pub(crate) fn keeps(&self, id: RequestId) -> bool {
        let known = self.known.as_ref();
        let kept = known.and_then(|known| self.left_behind.get(&known.drop_box));
        kept.is_some_and(|kept| kept.contains(&RemoteName::export(id)))
    }

    fn leave(&mut self, names: BTreeSet<RemoteName>) {
        if let Some(known) = self.known.as_ref().filter(|_| !names.is_empty()) {
            let left = self.left_behind.entry(known.drop_box.clone());
            left.or_default().extend(names);
        }
    }
}

impl Auditor {
    /// What does not belong to a request that the broker lists.
    pub(crate) fn not_current(&self) -> BTreeSet<RemoteName> {
        let is_current = |id: &&RequestId| {
            let delivered = self.delivered.get(id).map(|it| it.published);
            let shown = self.observed.get(id).zip(delivered);
            shown.is_some_and(|(now, it)| !differ(it, *now))
        };
        let current = self.listed.iter().filter(is_current);
        let current: BTreeSet<_> = current.map(|id| RemoteName::export(*id)).collect();
        let names = self.claims.keys().filter(|name| !current.contains(name));
        names.cloned().collect()
    }

    /// A person said what kind of change each other partner is.
    pub(super) fn change_partners(
        &mut self,
        broker: Option<BrokerChange>,
        drop_box: Option<DropBoxChange>,
    ) {
        if broker == Some(BrokerChange::Keep) {
            let kept = self.not_current();
            for name in &kept {
                self.forget(name);
            }
            self.relations.leave(kept);
        }
        if drop_box == Some(DropBoxChange::Another) {
            let mut names = std::mem::take(&mut self.leftovers);
            let claimed: Vec<_> = self.claims.keys().cloned().collect();
            for name in claimed {
                let taken = self
                    .picked_up
                    .iter()
                    .any(|id| RemoteName::export(*id) == name);
                self.forget(&name);
                if !taken {
                    names.insert(name);
                }
            }
            self.removed.clear();
            if std::mem::take(&mut self.relations.publishing) {
                names.insert(RemoteName::ledger());
            }
            self.relations.published = false;
            self.relations.leave(names);
        }
        if let (Some(DropBoxChange::Same), Some(known), Some(declared)) =
            (drop_box, &self.relations.known, &self.relations.declared)
            && let Some(kept) = self.relations.left_behind.remove(&known.drop_box)
        {
            let now = declared.drop_box.clone();
            self.relations
                .left_behind
                .entry(now)
                .or_default()
                .extend(kept);
        }
        if broker.is_some() || drop_box.is_some() {
            self.relations.known.clone_from(&self.relations.declared);
        }
    }

    /// Nothing of this ledger's stands under a name any more.
    fn forget(&mut self, name: &RemoteName) {
        self.claims.remove(name);
        let other = |id: &RequestId| RemoteName::export(*id) != *name;
        self.delivered.retain(|id, _| other(id));
        self.removed.retain(|id, _| other(id));
        self.receipts.retain(|id, _| other(id));
        self.doubts.retain(other);
        self.picked_up.retain(other);
    }
}

impl World {
    /// Whom the configuration names, reached.
    pub(crate) fn partners_here(&self) -> Partners {
        Partners {
            broker: broker(self.configured.broker),
            drop_box: drop_box(self.configured.drop_box),
            user: "clinic".to_owned(),
            host_key: Some("SHA256:first".to_owned()),
        }
    }

    /// Records whom the run deals with and by which rules, if that is new.
    pub(crate) fn declare(&mut self, reached: bool) -> Result<(), Violation> {
        let Some(run) = &self.run else { return Ok(()) };
        let policy = run.policy;
        let named = self.partners_here();
        let declared = self.state.declared();
        if self.sabotage == Some(Sabotage::DeclareOnce) && declared.is_some() {
            return Ok(());
        }
        let before = declared.filter(|(it, _)| it.drop_box == named.drop_box);
        let before = before.and_then(|(it, _)| it.host_key.clone());
        let presented = named.host_key.clone().filter(|_| reached);
        let partners = Partners {
            host_key: presented.or(before),
            ..named
        };
        if declared == Some(&(partners.clone(), policy)) {
            return Ok(());
        }
        let partners = Box::new(partners);
        self.record(vec![Event::PartnersDeclared { partners, policy }])
    }

    /// What the ledger knows of its partners is what was recorded of them.
    pub(crate) fn knows_its_partners(&self) -> Result<(), Violation> {
        let relations = &self.auditor.relations;
        let (known, due) = (self.state.exchanges(), relations.exchanges());
        Property::KnownPartner.holds(known == due, || {
            format!("the others are {due:?}, and known as {known:?}")
        })?;
        let left = &relations.left_behind;
        Property::KnownPartner.holds(self.state.left_behind().eq(left), || {
            let known: Vec<_> = self.state.left_behind().collect();
            format!("{left:?} was left behind, and is known as {known:?}")
        })
    }

    /// Nothing is done for a broker, and nothing at all at a drop-box, that is not the known one.
    pub(crate) fn nothing_for_unknown_partners(&self, plan: &Plan) -> Result<(), Violation> {
        let due = self.auditor.relations.exchanges();
        let holds = |met: bool| {
            Property::KnownPartner.holds(met, || format!("{plan:?} although there are {due:?}"))
        };
        holds(plan.exchanges == due)?;
        holds(due.drop_box.is_none() || plan.commands.is_empty())?;
        let mut commands = plan.commands.iter();
        let touched = commands.any(|command| command.request().is_some());
        holds(due.broker.is_none() || !touched)
    }

    /// Whatever a plan says: a run touches the drop-box that is known.
    pub(crate) fn is_at_the_known_drop_box(&self, name: &RemoteName) -> Result<(), Violation> {
        let known = self.auditor.relations.known.as_ref();
        let here = is_second_drop_box(&drop_box(self.configured.drop_box));
        let is_here = known.is_some_and(|it| is_second_drop_box(&it.drop_box) == here);
        Property::KnownPartner.holds(is_here, || {
            let configured = drop_box(self.configured.drop_box);
            format!("{name} is touched at {configured}, and {known:?} is known")
        })
    }
}
