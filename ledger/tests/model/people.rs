//! What people do: they configure, approve, announce, and empty what was left behind.
//!
//! What always holds: whoever writes takes the lock; nobody says anything untrue of a partner.

use std::mem::swap;

use courier_ledger::{
    BrokerChange, ChangeRule, Digest, DraftRule, DropBoxChange, Event, Guards, KeyChangeRule,
    KeyId, ReappearanceRule, RemoteCheckRule,
};

use super::drop_box::DropBox;
use super::partners::{broker, drop_box, is_second_broker, is_second_drop_box};
use super::sabotage::Sabotage;
use super::step::{Release, Setup};
use super::world::{World, key};
use super::{Property, Violation};

impl World {
    pub(crate) fn set_up(&mut self, setup: Setup) {
        match setup {
            Setup::Key(number) => self.policy.key = key(number),
            Setup::Guards { most, percent } => {
                self.policy.guards = Guards {
                    max_deletions: most,
                    max_deletions_percent: percent,
                };
            }
            Setup::Rules(bits) => {
                let bit = |number: u8| bits >> number & 1 == 1;
                self.policy.change =
                    [ChangeRule::Fingerprint, ChangeRule::Completion][usize::from(bit(0))];
                self.policy.reappeared =
                    [ReappearanceRule::Upload, ReappearanceRule::Ignore][usize::from(bit(1))];
                self.policy.drafts = [DraftRule::Upload, DraftRule::Wait][usize::from(bit(2))];
                self.policy.remote_check = [
                    RemoteCheckRule::Off,
                    RemoteCheckRule::Pickup,
                    RemoteCheckRule::Report,
                    RemoteCheckRule::Repair,
                ][usize::from(bits >> 4 & 3)];
                self.policy.on_key_change =
                    [KeyChangeRule::Keep, KeyChangeRule::Reupload][usize::from(bit(3))];
            }
            Setup::Broker(number) => self.turn_to_broker(number),
            Setup::DropBox(number) => self.turn_to_drop_box(number),
        }
    }

    /// Another broker's address is configured; a run under way goes on with its own.
    fn turn_to_broker(&mut self, number: u8) {
        if self.run.is_some() {
            return;
        }
        let [old, new] = [self.configured.broker, number].map(|it| is_second_broker(&broker(it)));
        if old != new {
            swap(&mut self.broker, &mut self.other_broker);
        }
        self.configured.broker = number;
    }

    /// Another drop-box's address is configured. Nobody does that between taking the replaced program's
    /// ledger over and the
    /// first run that reaches where it is.
    fn turn_to_drop_box(&mut self, number: u8) {
        let mut events = self.entries.iter().map(|entry| &entry.event);
        let took_over = events.any(|event| matches!(event, Event::LegacyImported { .. }));
        let unknown = self.auditor.relations.known.is_none() && took_over;
        if self.run.is_some() || unknown {
            return;
        }
        let both = [self.configured.drop_box, number];
        let [old, new] = both.map(|it| is_second_drop_box(&drop_box(it)));
        if old != new {
            swap(&mut self.drop_box, &mut self.other_drop_box);
        }
        self.configured.drop_box = number;
    }

    /// The drop-box that is known, whichever is configured.
    fn known_drop_box(&mut self) -> &mut DropBox {
        let configured = drop_box(self.configured.drop_box);
        let known = self.auditor.relations.known.as_ref();
        let known = known.map_or(&configured, |it| &it.drop_box);
        match is_second_drop_box(known) == is_second_drop_box(&configured) {
            true => &mut self.drop_box,
            false => &mut self.other_drop_box,
        }
    }

    /// `approve` takes the lock, as every writer does.
    pub(crate) fn approve(&mut self, release: Release) -> Result<(), Violation> {
        if self.run.is_some() {
            return self.second_runner();
        }
        let waiting = self.state.held().filter(|held| held.held.waits());
        let Some(held) = waiting.cloned() else {
            return Ok(());
        };
        let exchanges = self.auditor.relations.exchanges();
        let mut broker = exchanges.broker.map(|it| {
            let [known, now] = [&it.known, &it.configured].map(is_second_broker);
            match release {
                _ if known == now => BrokerChange::Same,
                Release::Keeping => BrokerChange::Keep,
                Release::Blocked | Release::Another => BrokerChange::Withdraw,
            }
        });
        let drop_box = exchanges.drop_box.map(|it| {
            let [known, now] = [&it.known, &it.configured].map(is_second_drop_box);
            match known == now {
                true => DropBoxChange::Same,
                false => DropBoxChange::Another,
            }
        });
        let event = |plan, broker| Event::PlanApproved {
            held: held.entry,
            plan,
            broker,
            drop_box,
            who: "a person".to_owned(),
            why: "it is right".to_owned(),
        };
        if release == Release::Another {
            let refused = self.refuses(event(Digest([9; 32]), broker));
            return Property::NoMassDeletion
                .holds(refused, || "what is not held back was approved".to_owned());
        }
        let commands = held.held.commands.iter();
        self.approved = Some(commands.map(|blocked| blocked.command.clone()).collect());
        self.approved_key = held.held.key;
        self.note_clock()?;
        self.acquaintances.accept();
        if broker == Some(BrokerChange::Keep) {
            let kept = self.auditor.not_current();
            self.known_drop_box().keep(&kept);
            if self.sabotage == Some(Sabotage::WithdrawAnyway) {
                broker = Some(BrokerChange::Withdraw);
            }
        }
        if drop_box == Some(DropBoxChange::Another) {
            self.known_drop_box().leave_behind();
        }
        self.record(vec![event(held.digest, broker)])
    }

    /// Somebody empties what was left behind anywhere, and says so.
    pub(crate) fn left_behind_gone(&mut self) -> Result<(), Violation> {
        if self.run.is_some() {
            return self.second_runner();
        }
        let who = || "a person".to_owned();
        let left = self.auditor.relations.left_behind.keys();
        let gone: Vec<_> = left
            .map(|drop_box| Event::LeftBehindGone {
                drop_box: drop_box.clone(),
                who: who(),
                why: "it was emptied".to_owned(),
            })
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.note_clock()?;
        for drop_box in [&mut self.drop_box, &mut self.other_drop_box] {
            drop_box.files.retain(|_, file| file.left.is_none());
        }
        self.record(gone)
    }

    /// `rotate-key` takes the lock, and announces no key that needs no announcement.
    pub(crate) fn announce(&mut self, key: KeyId) -> Result<(), Violation> {
        if self.run.is_some() {
            return self.second_runner();
        }
        let announced = Event::KeyAnnounced {
            key,
            who: "a person".to_owned(),
            why: "the old one is lost".to_owned(),
        };
        if self.auditor.keys.needs_announcement(key) {
            self.note_clock()?;
            return self.record(vec![announced]);
        }
        Property::Legality.holds(self.refuses(announced), || {
            format!("the key {key} was announced for nothing")
        })
    }
}
