//! What is held back until a person decides, as it is recorded: the commands and their guards, what
//! speaks against the partners, what is left alone.
//!
//! What always holds here: an approval names exactly one of these, by its entry and its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::digest::Digest;
use crate::estrangement::Estrangement;
use crate::id::{KeyId, RequestId};
use crate::partners::Exchanges;
use crate::plan::{Blocked, Plan, Skipped};

/// What is held back, and what is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Which partners are configured that are not the known ones.
    pub exchanges: Exchanges,
    /// What speaks for another broker.
    pub estranged: Option<Estrangement>,
    /// The commands, in the plan's order, and what holds each.
    pub commands: Vec<Blocked>,
    /// What is left alone, and why.
    pub left_alone: Vec<Skipped>,
    /// The key that held uploads would be encrypted with, where nobody announced it.
    pub key: Option<KeyId>,
}

impl Held {
    /// What a plan holds back; what an approval has released of it counts, too.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let uploads = plan
            .held()
            .any(|held| matches!(held.command, Command::Upload { .. }));
        let key = plan.unannounced_key.as_ref().filter(|_| uploads);
        Self {
            exchanges: plan.exchanges.clone(),
            estranged: plan.estranged.clone(),
            commands: plan.held().cloned().collect(),
            left_alone: plan.skipped.clone(),
            key: key.map(|it| it.key),
        }
    }

    /// Whether a person must decide.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.exchanges.is_empty() || self.estranged.is_some() || !self.commands.is_empty()
    }

    /// What names it: SHA-256 over `broker-courier held`, a zero byte, and the `MessagePack` of the other
    /// partners, of what speaks against the broker, of the commands, and of the key
    /// (`docs/log-format.md`). What is left alone is not in it: nobody approves that.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (exchanges, estranged, commands) = (&self.exchanges, &self.estranged, &self.commands);
        let named = (exchanges, estranged, commands, self.key);
        // Encoding into memory fails for no value of these types.
        let bytes = rmp_serde::to_vec_named(&named).unwrap_or_default();
        Digest::of(&[b"broker-courier held\0", &bytes])
    }

    /// The commands by their requests: guards hold nothing else.
    pub(crate) fn by_request(&self) -> BTreeMap<RequestId, Command> {
        let commands = self.commands.iter().map(|blocked| &blocked.command);
        commands
            .filter_map(|command| Some((command.request()?, command.clone())))
            .collect()
    }
}
