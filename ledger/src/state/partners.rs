//! Whom the ledger deals with, and whom the configuration names: what differs waits for a person, who
//! says what kind of change it is.
//!
//! What always holds: the first partners that are reached are taken without a question; another user or host key at the
//! same drop-box is no other partner.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::State;
use super::illegal::Reason;
use super::request::{Presence, Remote};
use crate::command::RemoteName;
use crate::encryption::Encryption;
use crate::id::RequestId;
use crate::partners::{BrokerChange, DropBoxAddress, DropBoxChange, Exchange, Exchanges, Partners};
use crate::policy::Policy;

/// Whom the ledger deals with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Relations {
    /// Whom it knows.
    known: Option<Partners>,
    /// Whom the last run named, and by which rules it decided.
    declared: Option<(Partners, Policy)>,
    /// What is still at drop-boxes that it no longer delivers to, and results of an earlier broker's
    /// requests that were to be kept.
    left_behind: BTreeMap<DropBoxAddress, BTreeSet<RemoteName>>,
}

impl State {
    /// Whom the last run named, and by which rules it decided; none in ledgers of older versions.
    #[must_use]
    pub fn declared(&self) -> Option<&(Partners, Policy)> {
        self.relations.declared.as_ref()
    }

    /// Which partners are configured that are not the known ones.
    #[must_use]
    pub fn exchanges(&self) -> Exchanges {
        let (Some(known), Some((declared, _))) = (&self.relations.known, &self.relations.declared)
        else {
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

    /// Whether this is the drop-box that the ledger delivers to, as far as it knows one.
    #[must_use]
    pub fn delivers_to(&self, drop_box: &DropBoxAddress) -> bool {
        let known = self.relations.known.as_ref();
        known.is_none_or(|known| known.drop_box == *drop_box)
    }

    /// What is at drop-boxes and no longer this ledger's concern, until a person says that it is gone:
    /// at one that it no longer delivers to, or an earlier broker's results that were to be kept.
    pub fn left_behind(&self) -> impl Iterator<Item = (&DropBoxAddress, &BTreeSet<RemoteName>)> {
        self.relations.left_behind.iter()
    }

    /// Whether what stands under a request's name belongs to a request of an earlier broker, and stays.
    pub(crate) fn keeps(&self, id: RequestId) -> bool {
        let known = self.relations.known.as_ref();
        let kept = known.and_then(|known| self.relations.left_behind.get(&known.drop_box));
        kept.is_some_and(|kept| {
            let mut names = Encryption::ALL
                .into_iter()
                .map(|it| RemoteName::result(id, it));
            names.any(|name| kept.contains(&name))
        })
    }

    /// Whom a lost ledger's drop-box belongs to is known before the first run.
    pub(super) fn meet(&mut self, partners: Option<&Partners>) {
        self.relations.known = partners.cloned();
    }

    pub(super) fn declare(&mut self, partners: &Partners, policy: &Policy) -> Result<(), Reason> {
        self.run_under_way()?;
        let declared = (partners.clone(), *policy);
        if self.relations.declared.as_ref() == Some(&declared) {
            return Err(Reason::NothingDeclared);
        }
        match &mut self.relations.known {
            // A drop-box that was never reached may be a slip of the pen: it is nobody's partner yet.
            None if partners.host_key.is_none() => {}
            None => self.relations.known = Some(partners.clone()),
            Some(known) if known.drop_box == partners.drop_box => {
                known.user.clone_from(&partners.user);
                known.host_key.clone_from(&partners.host_key);
            }
            Some(_) => {}
        }
        self.relations.declared = Some(declared);
        Ok(())
    }

    /// Whether a person has said what there was to say, and nothing else.
    pub(super) fn answers(
        &self,
        broker: Option<BrokerChange>,
        drop_box: Option<DropBoxChange>,
    ) -> bool {
        let exchanges = self.exchanges();
        exchanges.broker.is_some() == broker.is_some()
            && exchanges.drop_box.is_some() == drop_box.is_some()
    }

    /// The configured partners are the known ones from now on.
    pub(super) fn change_partners(
        &mut self,
        broker: Option<BrokerChange>,
        drop_box: Option<DropBoxChange>,
    ) {
        if broker == Some(BrokerChange::Keep) {
            self.keep_all();
        }
        if drop_box == Some(DropBoxChange::Another) {
            self.leave_behind();
        }
        // Whoever was asked nothing has said nothing of a partner that was never reached.
        if broker.is_none() && drop_box.is_none() {
            return;
        }
        let Some((declared, _)) = self.relations.declared.clone() else {
            return;
        };
        if drop_box == Some(DropBoxChange::Same) {
            self.rename_left_behind(&declared.drop_box);
        }
        self.relations.known = Some(declared);
    }

    /// What an earlier broker's requests led to stays under the drop-box's new address, too.
    fn rename_left_behind(&mut self, now: &DropBoxAddress) {
        let Relations {
            known, left_behind, ..
        } = &mut self.relations;
        let known = known.as_ref().map(|known| &known.drop_box);
        if let Some(names) = known.and_then(|known| left_behind.remove(known)) {
            left_behind.entry(now.clone()).or_default().extend(names);
        }
    }

    /// What another broker's requests led to stays where it is, and is no longer this ledger's concern.
    fn keep_all(&mut self) {
        let Some(known) = self.relations.known.as_ref() else {
            return;
        };
        let drop_box = known.drop_box.clone();
        let mut kept = BTreeSet::new();
        for (id, request) in &mut self.requests {
            let is_current = request.presence == Presence::Listed
                && request.remote.file().is_some_and(|file| {
                    let observed = request.observed.as_ref();
                    observed.is_some_and(|(it, _)| file.identity.is(it.published))
                });
            if request.remote.is_ours() && !is_current {
                request.settle(Remote::Nothing);
                kept.insert(request.name(*id));
            }
        }
        self.add_left_behind(drop_box, kept);
    }

    fn add_left_behind(&mut self, drop_box: DropBoxAddress, names: BTreeSet<RemoteName>) {
        if !names.is_empty() {
            let left = self.relations.left_behind.entry(drop_box);
            left.or_default().extend(names);
        }
    }

    /// Nothing of what was delivered is at the new drop-box.
    fn leave_behind(&mut self) {
        let Some(known) = self.relations.known.as_ref() else {
            return;
        };
        let left = std::mem::take(&mut self.leftovers);
        let mut names: BTreeSet<RemoteName> = left.into_keys().collect();
        for (id, request) in &mut self.requests {
            if matches!(request.remote, Remote::Stored(_) | Remote::Uncertain(_)) {
                names.insert(request.name(*id));
            }
            request.settle(Remote::Nothing);
        }
        // One that was begun may stand there, whatever came of it.
        let begun = self.publishing.take().is_some();
        if self.publication.take().is_some() || begun {
            names.insert(RemoteName::ledger());
        }
        let known = known.drop_box.clone();
        self.add_left_behind(known, names);
    }

    /// A person says that nothing is left at an earlier drop-box.
    pub(super) fn settle_left_behind(&mut self, drop_box: &DropBoxAddress) -> Result<(), Reason> {
        let settled = self.relations.left_behind.remove(drop_box);
        settled.map(drop).ok_or(Reason::NothingLeftBehind)
    }
}
