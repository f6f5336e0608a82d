//! What a command does at the drop-box, how far it comes, and how that is recorded.
//!
//! What always holds: nothing is touched under a name that the log does not prove to be the
//! ledger's; anything else is a violation of ownership.

use courier_ledger::{
    Command, Delivery, Digest, Event, KeyId, Phase, Placement, RemoteAfterFailure, RemoteName,
    Removal, Replaces,
};

use super::auditor::Claim;
use super::drop_box::{Bundle, File, Holds, Maker, delivered_bytes};
use super::poll::failure;
use super::runner::Errand;
use super::sabotage::Sabotage;
use super::step::Luck;
use super::world::World;
use super::{Property, Violation};

impl World {
    /// Carries out a command as far as its luck goes, and gives the event that would record it.
    pub(crate) fn carry(&mut self, errand: &Errand, luck: Luck) -> Result<Event, Violation> {
        let name = errand.command.name().to_string();
        let start = errand.start;
        match &errand.command {
            Command::RemoveTemporary { name: temporary } => {
                let mut intents = self.auditor.intents.values();
                let ours = intents.any(|(_, it)| it.as_ref() == Some(temporary));
                Property::Ownership
                    .holds(ours, || format!("{name} is swept, and no intent names it"))?;
                Ok(self.remove(errand, &name, luck))
            }
            Command::Delete { name: export, .. } => {
                let claimed = self.auditor.claims.contains_key(export);
                Property::Ownership.holds(claimed, || {
                    format!("{name} is deleted, and was never created")
                })?;
                self.may_destroy(export)?;
                Ok(self.remove(errand, &name, luck))
            }
            Command::Upload {
                request,
                name: export,
                replaces,
                completion,
                ..
            } => {
                let Some(offer) = self.broker.requests.get(&request.0) else {
                    return Ok(failed(errand, Phase::Export, RemoteAfterFailure::Untouched));
                };
                let claimed = self.auditor.claims.contains_key(export);
                Property::Ownership.holds(claimed == (*replaces == Replaces::Own), || {
                    format!("{name}: {replaces:?} is wrong about whose the name is")
                })?;
                let key = self.run_key();
                let (content, completion) = (offer.observation(request.0), completion.hundredths());
                let bundle = Bundle {
                    content,
                    completion,
                    key,
                };
                let free = !self.drop_box.files.contains_key(&name);
                let anything = self.sabotage == Some(Sabotage::OverwriteAnything);
                let blocked = *replaces == Replaces::Nothing && !free && !anything;
                self.upload(errand, Holds::Result(bundle), blocked, luck)
            }
            Command::PublishLedger { .. } => {
                let event =
                    self.upload(errand, Holds::Ledger(errand.document.clone()), false, luck)?;
                Ok(match event {
                    Event::Uploaded { .. } | Event::PickedUp { .. } => Event::LedgerPublished {
                        start,
                        through: start,
                        sha256: Digest::of(&[&errand.document]),
                        size_bytes: errand.document.len() as u64,
                    },
                    failed => failed,
                })
            }
        }
    }

    fn run_key(&self) -> KeyId {
        self.run
            .as_ref()
            .map_or(self.policy.key, |run| run.policy.key)
    }

    /// A file of other people under the name must not go, unless nothing could tell it from ours.
    fn may_destroy(&self, name: &RemoteName) -> Result<(), Violation> {
        let foreign = self.drop_box.has_foreign(name.as_str());
        let in_doubt = self.auditor.claims.get(name) == Some(&Claim::InDoubt);
        Property::Ownership.holds(!foreign || in_doubt, || {
            format!("{name} of other people is destroyed")
        })
    }

    fn remove(&mut self, errand: &Errand, name: &str, luck: Luck) -> Event {
        let start = errand.start;
        match luck {
            Luck::Refused | Luck::LeftBehind => {
                failed(errand, Phase::Remove, RemoteAfterFailure::Untouched)
            }
            Luck::RequestLost => failed(errand, Phase::Remove, RemoteAfterFailure::Uncertain),
            Luck::AnswerLost | Luck::BetweenUnlinkAndRename => {
                self.drop_box.remove(name);
                failed(errand, Phase::Remove, RemoteAfterFailure::Uncertain)
            }
            Luck::Good | Luck::TakenAtOnce => {
                let removal = if self.drop_box.remove(name) {
                    Removal::Removed
                } else {
                    Removal::AlreadyAbsent
                };
                Event::Deleted { start, removal }
            }
        }
    }

    fn upload(
        &mut self,
        errand: &Errand,
        holds: Holds,
        blocked: bool,
        luck: Luck,
    ) -> Result<Event, Violation> {
        let name = errand.command.name();
        let start = errand.start;
        let maker = Maker::Ours(start.0);
        let part = File::new(maker, Holds::Part);
        let temporary = errand.temporary.as_ref().map(ToString::to_string).unwrap();
        let delivers_nothing = self.sabotage == Some(Sabotage::DeliverNothing);
        match luck {
            Luck::Refused => {
                return Ok(failed(errand, Phase::Create, RemoteAfterFailure::Untouched));
            }
            Luck::LeftBehind => {
                self.drop_box.place(&temporary, part);
                let remote = RemoteAfterFailure::TemporaryMayRemain;
                return Ok(failed(errand, Phase::Write, remote));
            }
            Luck::RequestLost => {
                self.drop_box.place(&temporary, part);
                return Ok(failed(errand, Phase::Place, RemoteAfterFailure::Uncertain));
            }
            _ if blocked => {
                return Ok(failed(errand, Phase::Place, RemoteAfterFailure::Untouched));
            }
            Luck::BetweenUnlinkAndRename => {
                self.may_destroy(name)?;
                self.drop_box.remove(name.as_str());
                self.drop_box.place(&temporary, part);
                return Ok(failed(errand, Phase::Place, RemoteAfterFailure::Uncertain));
            }
            Luck::Good | Luck::TakenAtOnce | Luck::AnswerLost => {}
        }
        self.may_destroy(name)?;
        if !delivers_nothing {
            self.drop_box.place(name.as_str(), File::new(maker, holds));
        }
        let wrong_key = self.sabotage == Some(Sabotage::RecordWrongKey);
        let delivery = Delivery {
            name: name.clone(),
            size_bytes: delivered_bytes(start.0),
            plaintext_sha256: Digest([2; 32]),
            token_sha256: Digest([3; 32]),
            key: if wrong_key {
                KeyId([99; 8])
            } else {
                self.run_key()
            },
            placement: Placement::PosixRename,
        };
        Ok(match luck {
            Luck::AnswerLost => failed(errand, Phase::Place, RemoteAfterFailure::Uncertain),
            Luck::TakenAtOnce => {
                self.drop_box.pick_up(name.as_str());
                Event::PickedUp { start, delivery }
            }
            _ => Event::Uploaded { start, delivery },
        })
    }
}

fn failed(errand: &Errand, phase: Phase, remote: RemoteAfterFailure) -> Event {
    Event::CommandFailed {
        start: errand.start,
        failure: failure(phase),
        remote,
    }
}
