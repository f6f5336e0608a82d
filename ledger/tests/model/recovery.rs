//! A disk that is lost, and `recover`: a new ledger from what the drop-box holds.
//!
//! What always holds: what the survey finds follows from who made each file, as a token's mark tells it;
//! a file that is not whole tells nothing. Deliberately absent: a ledger that is lost before it published
//! anything; nothing at the drop-box names it.

use std::collections::BTreeMap;

use courier_ledger::{
    Adopted, Ancestor, Encryption, Event, Hundredths, KeyId, LegacyStatus, LogId, Missing,
    Recovered, RemoteName, RequestId, Sequence, State, StatusDocument, Tip,
};

use super::auditor::{Auditor, Claim, Delivered};
use super::broker::Broker;
use super::drop_box::{DropBox, File, Holds, Maker};
use super::sabotage::Sabotage;
use super::stranger::Acquaintances;
use super::world::{World, export};
use super::{Property, Violation};

/// The last known entry of a lost ledger, its ancestors, and what its `status.xml` says.
struct Lost {
    tip: Tip,
    ancestors: Vec<Ancestor>,
    status: LegacyStatus,
}

impl Lost {
    /// What the published `status.xml` says, if it is one of `log`.
    fn of(log: LogId, drop_box: &DropBox) -> Option<Self> {
        let Holds::Ledger(document) = &drop_box.files.get("status.xml")?.holds else {
            return None;
        };
        Some(Self {
            tip: StatusDocument::tip_of(document).filter(|tip| tip.log == log)?,
            ancestors: StatusDocument::ancestors_of(document),
            status: LegacyStatus::parse(document).unwrap(),
        })
    }

    /// Whose mark a whole token bears, as far as it can be tried for.
    fn intent(&self, maker: Maker) -> Option<Sequence> {
        match maker {
            Maker::Ours(start) => Some(Sequence(start)),
            Maker::Lost { log, start } => {
                let mut ancestors = self.ancestors.iter();
                ancestors.any(|it| it.log == log).then_some(Sequence(start))
            }
            Maker::Replaced | Maker::Foreign => None,
        }
    }
}

fn request(name: &str) -> Option<RequestId> {
    let mut ids = (0..Broker::REQUESTS_MAX * 8).map(RequestId);
    ids.find(|id| export(id.0) == name)
}

impl World {
    /// The working directory is lost, or an older backup of it is there, which is gone on with by nobody
    /// (`standing.rs`); a person recovers.
    pub(crate) fn lose_disk(&mut self, missing: Missing) -> Result<(), Violation> {
        let known = self.auditor.relations.known.as_ref();
        let is_here = known.is_some_and(|known| {
            known.drop_box == super::partners::drop_box(self.configured.drop_box)
        });
        let Some(lost) = Lost::of(self.log, &self.drop_box).filter(|_| is_here) else {
            return Ok(());
        };
        self.crash(&[])?;
        // What can be said of the log as a whole is said now.
        self.replay()?;
        self.survives_encoding()?;
        let recovered = self.survey(lost, missing);
        self.forget_everything(&recovered);
        self.acquaintances.recover(&recovered);
        let log = self.log;
        let version = "model".to_owned();
        self.record(vec![Event::LogCreated { log, version }])?;
        self.record(vec![Event::LedgerRecovered {
            recovered: Box::new(recovered),
            who: "a person".to_owned(),
            why: "the disk was lost".to_owned(),
        }])
    }

    fn survey(&self, lost: Lost, missing: Missing) -> Recovered {
        let (mut adopted, mut unknown, mut temporaries) = (Vec::new(), Vec::new(), Vec::new());
        for (name, file) in &self.drop_box.files {
            let proven = lost.intent(file.maker).filter(|_| file.whole);
            let Some(request) = request(name) else {
                if let (Holds::Part, Some(start)) = (&file.holds, proven) {
                    temporaries.extend(self.temporary(file.maker, start, name));
                }
                continue;
            };
            match proven.zip(key_of(&file.holds)) {
                Some((start, key)) => adopted.push(Adopted {
                    request,
                    start,
                    key,
                    size_bytes: file.size_bytes,
                    encryption: Encryption::Fernet,
                }),
                None => unknown.push(request),
            }
        }
        adopted.sort_unstable_by_key(|it| it.request);
        unknown.sort_unstable();
        if self.sabotage == Some(Sabotage::AdoptNothing) {
            adopted.clear();
        }
        let mut recovered = Recovered {
            lost: lost.tip,
            ancestors: lost.ancestors,
            sha256: lost.status.sha256,
            entries: lost.status.entries,
            adopted,
            unknown,
            temporaries,
            missing,
            partners: Some(Box::new(self.partners_here())),
        };
        // Nobody says that a result was fetched that was not.
        let fetched = recovered.missing().all(|id| {
            let name = export(id.0);
            self.drop_box.taken.contains_key(&name)
        });
        if !fetched {
            recovered.missing = Missing::Deliver;
        }
        recovered
    }

    /// The temporary name that an intent of a lost ledger wrote under, if it is this one.
    fn temporary(&self, maker: Maker, start: Sequence, name: &str) -> Option<RemoteName> {
        let log = match maker {
            Maker::Lost { log, .. } => log,
            _ => self.log,
        };
        let ids = (0..Broker::REQUESTS_MAX * 8).map(|id| RemoteName::export(RequestId(id)));
        let mut names = ids.chain([RemoteName::ledger()]);
        let written = names.find(|it| it.temporary(log, start).as_str() == name);
        written.map(|it| it.temporary(log, start))
    }

    /// Nothing is left but what stands at the drop-boxes, and who made it.
    fn forget_everything(&mut self, recovered: &Recovered) {
        let lost = self.log;
        let adopted: BTreeMap<String, Adopted> = recovered
            .adopted
            .iter()
            .map(|it| (export(it.request.0), *it))
            .collect();
        let completion = |name: &String| {
            let entries = recovered.entries.iter();
            let mut entries = entries.filter(|entry| export(entry.id.0) == *name);
            entries.next().map_or(Hundredths(0), |it| it.completion)
        };
        for file in self.drop_box.files.values_mut() {
            // What was to stay is known to nobody any more.
            file.left = None;
        }
        self.other_drop_box.leave_behind();
        for drop_box in [&mut self.drop_box, &mut self.other_drop_box] {
            for file in drop_box.files.values_mut() {
                bereave(file, lost);
            }
        }
        for (name, file) in &mut self.drop_box.files {
            if let Some(Adopted { key, .. }) = adopted.get(name) {
                file.holds = known_by_status(completion(name), Some(*key));
            } else if request(name).is_some() && (!file.whole || file.holds == Holds::Part) {
                // It cannot be told from somebody else's.
                file.becomes_nobodys();
            } else if file.maker == Maker::Replaced {
                file.maker = Maker::Foreign;
            }
        }
        let fetched: Vec<_> = match recovered.missing {
            Missing::Fetched => recovered.missing().map(|id| export(id.0)).collect(),
            Missing::Deliver => Vec::new(),
        };
        self.drop_box.taken.retain(|name, _| fetched.contains(name));
        for (name, file) in &mut self.drop_box.taken {
            bereave(file, lost);
            let key = key_of(&file.holds);
            file.holds = known_by_status(completion(name), key);
        }
        self.lost = Some(lost);
        self.log = LogId([lost.0[0].wrapping_add(1); 16]);
        self.steps.clear();
        self.policies.clear();
        self.entries.clear();
        self.appends.clear();
        self.asked.clear();
        self.state = State::default();
        self.auditor = Auditor::default();
        self.acquaintances = Acquaintances::default();
        self.decisions.clear();
        self.documents.clear();
        self.torn = false;
        self.last_blocked.clear();
        self.approved = None;
        self.approved_key = None;
    }

    /// Invariant 23: After `recover`, convergence, and no file of ours left whose request is gone.
    pub(crate) fn nothing_of_a_lost_ledger_is_left(&self) -> Result<(), Violation> {
        for (name, file) in &self.drop_box.files {
            let Maker::Lost { log, start } = file.maker else {
                continue;
            };
            let Some(id) = request(name) else { continue };
            let blocked = self.last_blocked.iter();
            let mut blocked = blocked.filter(|it| it.command.request() == Some(id));
            let excused = blocked.next().is_some() || self.auditor.relations.keeps(id);
            let wanted = self.broker.is_tagged(id.0)
                && self.auditor.claims.contains_key(&RemoteName::export(id));
            Property::Recovery.holds(wanted || excused, || {
                format!("{name}, made by #{start} of the lost ledger {log}, is left")
            })?;
        }
        Ok(())
    }
}

fn known_by_status(completion: Hundredths, key: Option<KeyId>) -> Holds {
    Holds::OldResult {
        completion,
        adopted: None,
        key,
    }
}

/// The key that a result was encrypted with, as whoever has it can find out.
fn key_of(holds: &Holds) -> Option<KeyId> {
    match holds {
        Holds::Result(bundle) => Some(bundle.key),
        Holds::OldResult { key, .. } => *key,
        Holds::Ledger(_) | Holds::Part | Holds::Anything => None,
    }
}

/// What this ledger made is a lost one's now.
fn bereave(file: &mut File, lost: LogId) {
    if let Maker::Ours(start) = file.maker {
        file.maker = Maker::Lost { log: lost, start };
    }
}

impl Auditor {
    /// What a new ledger knows of a lost one's files.
    pub(super) fn recover(&mut self, sequence: u64, recovered: &Recovered) {
        let adopted = |id: RequestId| recovered.adopted.iter().find(|it| it.request == id);
        let known = |completion, key| Delivered {
            published: None,
            fingerprint: None,
            completion,
            key,
        };
        for (index, entry) in (0..).zip(&recovered.entries) {
            self.show(sequence, index, entry);
            let (id, name) = (entry.id, RemoteName::export(entry.id));
            let fetched = recovered.missing == Missing::Fetched && !recovered.unknown.contains(&id);
            match (entry.deleted, adopted(id)) {
                (None, Some(it)) => {
                    self.claims.insert(name, Claim::Created);
                    self.delivered
                        .insert(id, known(entry.completion, Some(it.key)));
                }
                (None, None) if fetched => {
                    self.claims.insert(name, Claim::Created);
                    self.delivered.insert(id, known(entry.completion, None));
                    self.picked_up.insert(id);
                }
                (None, None) => {}
                (Some(_), None) => {
                    self.removed.insert(id, None);
                }
                (Some(_), Some(it)) => {
                    self.delivered
                        .insert(id, known(entry.completion, Some(it.key)));
                    self.claims.insert(name, Claim::InDoubt);
                    self.doubts.insert(id);
                }
            }
        }
        for it in &recovered.adopted {
            if !recovered.entries.iter().any(|entry| entry.id == it.request) {
                let unknown = Hundredths(0);
                self.delivered
                    .insert(it.request, known(unknown, Some(it.key)));
                self.claims
                    .insert(RemoteName::export(it.request), Claim::InDoubt);
                self.doubts.insert(it.request);
            }
        }
        self.leftovers.extend(recovered.temporaries.iter().cloned());
        let newest = recovered.adopted.iter().max_by_key(|it| it.start);
        self.keys.accepted = newest.map(|it| it.key);
    }
}
