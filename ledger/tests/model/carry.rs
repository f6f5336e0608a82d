//! What a command does at the drop-box, how far it comes, and how that is recorded.
//!
//! What always holds: nothing is touched under a name that the log does not prove to be the
//! ledger's; anything else is a violation of ownership. Where only an upload in doubt can have put a
//! file there, it is looked into first, and what was found is recorded.

use courier_ledger::{
    Claim, Command, Delivery, Digest, Event, Found, KeyId, Phase, Placement, RemoteAfterFailure,
    RemoteName, Removal, Replaces, Sequence,
};

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
        if luck != Luck::Refused {
            self.is_at_the_known_drop_box(errand.command.name())?;
        }
        let found = match luck {
            // It did not come so far.
            Luck::Refused => None,
            _ => self.look_into(errand),
        };
        if found == Some(Found::Foreign) {
            return Ok(failed(
                errand,
                Phase::Look,
                RemoteAfterFailure::Untouched,
                found,
            ));
        }
        match &errand.command {
            Command::RemoveTemporary { name: temporary } => {
                let mut intents = self.auditor.intents.values();
                let ours = intents.any(|(_, it)| it.as_ref() == Some(temporary))
                    || self.auditor.leftovers.contains(temporary);
                Property::Ownership
                    .holds(ours, || format!("{name} is swept, and no intent names it"))?;
                self.remove(errand, temporary, found, luck)
            }
            Command::Delete { name: export, .. } => {
                let claimed = self.auditor.claims.contains_key(export);
                Property::Ownership.holds(claimed, || {
                    format!("{name} is deleted, and was never created")
                })?;
                self.remove(errand, export, found, luck)
            }
            Command::Upload {
                request,
                name: export,
                replaces,
                completion,
                ..
            } => {
                let Some(offer) = self.broker.requests.get(&request.0) else {
                    return Ok(failed(
                        errand,
                        Phase::Export,
                        RemoteAfterFailure::Untouched,
                        None,
                    ));
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
                self.upload(errand, Holds::Result(bundle), blocked, found, luck)
            }
            Command::PublishLedger { .. } => {
                let event = self.upload(
                    errand,
                    Holds::Ledger(errand.document.clone()),
                    false,
                    None,
                    luck,
                )?;
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

    /// A file of other people under the name must not go.
    fn may_destroy(&self, name: &RemoteName) -> Result<(), Violation> {
        let foreign = self.drop_box.has_foreign(name.as_str());
        Property::Ownership.holds(!foreign, || format!("{name} of other people is destroyed"))?;
        let file = self.drop_box.files.get(name.as_str());
        let stays = *name != RemoteName::ledger() && file.is_some_and(|file| file.left.is_some());
        Property::NoStranger.holds(!stays, || format!("{name} was to stay and is destroyed"))
    }

    /// Whose file stands under the final name, where the log does not tell: a token tells whoever has
    /// the key which upload it was made for.
    fn look_into(&self, errand: &Errand) -> Option<Found> {
        if errand.unproven.is_empty() || self.sabotage == Some(Sabotage::OverwriteAnything) {
            return None;
        }
        let file = self.drop_box.files.get(errand.command.name().as_str());
        if file.is_some_and(File::is_short) {
            // It does not say whose it is.
            let anything = self.sabotage == Some(Sabotage::TakeAnythingShort);
            let mut starts = errand.unproven.iter().rev();
            let own = starts.find(|it| anything || it.claim == Claim::FoundFree);
            return Some(own.map_or(Found::Foreign, |it| Found::Own(it.start)));
        }
        Some(match file.map(|file| file.maker) {
            None => Found::Nothing,
            Some(Maker::Ours(start))
                if errand.unproven.iter().any(|it| it.start == Sequence(start)) =>
            {
                Found::Own(Sequence(start))
            }
            Some(_) => Found::Foreign,
        })
    }

    fn remove(
        &mut self,
        errand: &Errand,
        name: &RemoteName,
        found: Option<Found>,
        luck: Luck,
    ) -> Result<Event, Violation> {
        let start = errand.start;
        Ok(match luck {
            Luck::Refused | Luck::LeftBehind => {
                failed(errand, Phase::Remove, RemoteAfterFailure::Untouched, found)
            }
            Luck::RequestLost => {
                failed(errand, Phase::Remove, RemoteAfterFailure::Uncertain, found)
            }
            Luck::AnswerLost | Luck::BetweenUnlinkAndRename => {
                self.may_destroy(name)?;
                self.drop_box.remove(name.as_str());
                failed(errand, Phase::Remove, RemoteAfterFailure::Uncertain, found)
            }
            Luck::Good | Luck::TakenAtOnce => {
                self.may_destroy(name)?;
                let removal = if self.drop_box.remove(name.as_str()) {
                    Removal::Removed
                } else {
                    Removal::AlreadyAbsent
                };
                Event::Deleted {
                    start,
                    removal,
                    found,
                    unseen: None,
                }
            }
        })
    }

    fn upload(
        &mut self,
        errand: &Errand,
        holds: Holds,
        blocked: bool,
        found: Option<Found>,
        luck: Luck,
    ) -> Result<Event, Violation> {
        let name = errand.command.name();
        let start = errand.start;
        let maker = Maker::Ours(start.0);
        let part = File::new(maker, Holds::Part);
        let temporary = errand.temporary.as_ref().map(ToString::to_string).unwrap();
        let is_occupied = self.drop_box.files.contains_key(name.as_str())
            && !matches!(found, Some(Found::Own(_)));
        let delivers_nothing = self.sabotage == Some(Sabotage::DeliverNothing);
        match luck {
            Luck::Refused => {
                return Ok(failed(
                    errand,
                    Phase::Create,
                    RemoteAfterFailure::Untouched,
                    found,
                ));
            }
            Luck::LeftBehind | Luck::RequestLost | Luck::BetweenUnlinkAndRename
                if errand.in_place =>
            {
                // The file is created on the condition that nothing stands there.
                if !is_occupied {
                    self.may_destroy(name)?;
                    self.drop_box.place(name.as_str(), part);
                }
                let remote = RemoteAfterFailure::Uncertain;
                return Ok(failed(errand, Phase::Write, remote, found));
            }
            Luck::LeftBehind => {
                self.drop_box.place(&temporary, part);
                let remote = RemoteAfterFailure::TemporaryMayRemain;
                return Ok(failed(errand, Phase::Write, remote, found));
            }
            Luck::RequestLost => {
                self.drop_box.place(&temporary, part);
                return Ok(failed(
                    errand,
                    Phase::Place,
                    RemoteAfterFailure::Uncertain,
                    found,
                ));
            }
            _ if blocked || errand.in_place && is_occupied => {
                return Ok(failed(
                    errand,
                    Phase::Place,
                    RemoteAfterFailure::Untouched,
                    found,
                ));
            }
            Luck::BetweenUnlinkAndRename => {
                self.may_destroy(name)?;
                self.drop_box.remove(name.as_str());
                self.drop_box.place(&temporary, part);
                return Ok(failed(
                    errand,
                    Phase::Place,
                    RemoteAfterFailure::Uncertain,
                    found,
                ));
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
            placement: if errand.in_place {
                Placement::Direct
            } else {
                Placement::PosixRename
            },
            contents: None,
        };
        Ok(match luck {
            Luck::AnswerLost => failed(errand, Phase::Place, RemoteAfterFailure::Uncertain, found),
            Luck::TakenAtOnce => {
                self.drop_box.pick_up(name.as_str());
                Event::PickedUp {
                    start,
                    delivery,
                    found,
                    unseen: None,
                }
            }
            _ => Event::Uploaded {
                start,
                delivery,
                found,
                unseen: None,
            },
        })
    }
}

fn failed(
    errand: &Errand,
    phase: Phase,
    remote: RemoteAfterFailure,
    found: Option<Found>,
) -> Event {
    Event::CommandFailed {
        start: errand.start,
        failure: failure(phase),
        remote,
        found,
    }
}
