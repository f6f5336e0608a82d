//! What is held back until a person decides, and what a person has released: which commands may begin
//! under which approval.
//!
//! What always holds: a command that was held back begins only under an approval that was given for it,
//! and names it; nothing is done for a broker that seems to be another one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use super::illegal::Reason;
use crate::command::Command;
use crate::digest::Digest;
use crate::held::Held;
use crate::id::{KeyId, RequestId, Sequence};
use crate::partners::Exchanges;
use crate::plan::{Blocked, Guard};

/// What is held back, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldPlan {
    /// The entry.
    pub entry: Sequence,
    /// What names it.
    pub digest: Digest,
    /// What it is.
    pub held: Held,
    /// Its commands by their requests: guards hold nothing else.
    commands: BTreeMap<RequestId, Command>,
}

/// What a person has released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The entry.
    pub entry: Sequence,
    /// Digest of what is released.
    pub plan: Digest,
    /// Who gave it.
    pub who: String,
    /// The commands; none where an older version recorded nothing but the digest.
    pub commands: Option<BTreeMap<RequestId, Command>>,
    /// The key that was held back, too.
    pub key: Option<KeyId>,
}

impl Approval {
    /// An approval that names nothing but a digest.
    pub(super) fn of_older_version(entry: Sequence, plan: Digest, who: &str) -> Self {
        Self {
            entry,
            plan,
            who: who.to_owned(),
            commands: None,
            key: None,
        }
    }

    /// Whether it was given for this command, and for this key if that is what holds it.
    #[must_use]
    pub fn releases(&self, blocked: &Blocked) -> bool {
        let knows_key = match blocked.guard {
            Guard::UnannouncedKey(key) => self.key == Some(key),
            Guard::NoEvidence
            | Guard::EmptyListing
            | Guard::TooManyDeletions
            | Guard::TooManyOverwrites
            | Guard::OtherBroker
            | Guard::OtherPartner => true,
        };
        knows_key && self.names(&blocked.command)
    }

    /// Whether it was given for this command.
    fn names(&self, command: &Command) -> bool {
        let released = command.request().zip(self.commands.as_ref());
        released.is_some_and(|(id, commands)| commands.get(&id) == Some(command))
    }
}

impl State {
    pub(super) fn hold(
        &mut self,
        entry: Sequence,
        digest: Digest,
        held: &Held,
    ) -> Result<(), Reason> {
        if !self.run_under_way()?.polled {
            return Err(Reason::NoRun);
        }
        let commands = held.by_request();
        if digest != held.digest()
            || commands.len() != held.commands.len()
            || held.estranged.as_ref() != self.estrangement()
            || held.exchanges != self.exchanges()
        {
            return Err(Reason::HeldDiffers);
        }
        self.held = Some(HeldPlan {
            entry,
            digest,
            held: held.clone(),
            commands,
        });
        Ok(())
    }

    /// A person decides: the commands may begin, and a broker that seemed another one is the one.
    pub(super) fn approve(
        &mut self,
        entry: Sequence,
        held: Sequence,
        plan: Digest,
        who: &str,
    ) -> Result<(), Reason> {
        let known = self.held.as_ref();
        let known = known.filter(|it| it.entry == held && it.digest == plan && it.held.waits());
        let known = known.ok_or(Reason::NotHeld)?;
        let commands = known.commands.clone();
        let key = known.held.key;
        self.approval = Some(Approval {
            entry,
            plan,
            who: who.to_owned(),
            commands: Some(commands),
            key,
        });
        self.make_acquaintance();
        if let Some(held) = &mut self.held {
            // What was said of them cannot be said again.
            held.held.estranged = None;
            held.held.exchanges = Exchanges::default();
        }
        Ok(())
    }

    /// What was released and has begun cannot be approved again.
    pub(super) fn hold_no_longer(&mut self, command: &Command) {
        if let (Some(held), Some(id)) = (&mut self.held, command.request()) {
            held.commands.remove(&id);
            held.held
                .commands
                .retain(|blocked| blocked.command.request() != Some(id));
        }
    }

    /// Whether a command may begin under this approval, or without one.
    pub(super) fn released(
        &self,
        command: &Command,
        approval: Option<Sequence>,
    ) -> Result<(), &'static str> {
        let is_change = match command {
            Command::Upload { .. } | Command::Delete { .. } => true,
            Command::RemoveTemporary { .. } | Command::PublishLedger { .. } => false,
        };
        let exchanges = self.exchanges();
        if exchanges.drop_box.is_some() || (is_change && exchanges.broker.is_some()) {
            return Err("another partner is configured than the ledger knows");
        }
        if is_change && self.estrangement().is_some() {
            return Err("the broker seems to be another one");
        }
        let held = command.request().zip(self.held.as_ref());
        let held = held.is_some_and(|(id, held)| held.commands.get(&id) == Some(command));
        match (approval, &self.approval) {
            (None, _) if held => Err("it is held back until a person releases it"),
            (None, _) => Ok(()),
            (Some(named), Some(given)) if given.entry == named && given.names(command) => Ok(()),
            (Some(_), _) => Err("no such approval was given for it"),
        }
    }
}
