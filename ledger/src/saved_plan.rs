//! A plan that a person has seen, kept until a run does exactly that: what it was made from, and what of it
//! is no longer so.
//!
//! What always holds here: it holds no secret; a run that is bound to it does what stands in it, or nothing.
//! Whoever changes it gains nothing by that: it is only ever compared with what the run would do by itself.
//! Deliberately absent: the file that it is kept in, and what is left alone, to which nothing is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::{Command, RemoteName};
use crate::digest::Digest;
use crate::estrangement::Estrangement;
use crate::id::RequestId;
use crate::partners::{Exchanges, Partners};
use crate::plan::{Blocked, Guard, Plan};
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::tip::Tip;

/// A plan, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// When it was made.
    pub made: Timestamp,
    /// The ledger's last entry; none where no ledger had begun.
    pub tip: Option<Tip>,
    /// Whom it deals with.
    pub partners: Partners,
    /// The rules that it was decided by, the key among them.
    pub policy: Policy,
    /// What else speaks for other partners.
    pub exchanges: Exchanges,
    /// What speaks for another broker.
    pub estranged: Option<Estrangement>,
    /// What is to be done, in order; the ledger's own publication goes without saying.
    pub commands: Vec<Command>,
    /// What guards hold back.
    pub blocked: Vec<Blocked>,
    /// The requests that alone are to be dealt with, where it is not all.
    pub only: Option<BTreeSet<RequestId>>,
}

impl SavedPlan {
    /// The plan as a whole, whatever of it is to be done.
    #[must_use]
    pub fn of(
        plan: &Plan,
        policy: Policy,
        partners: Partners,
        tip: Option<Tip>,
        made: Timestamp,
    ) -> Self {
        Self {
            made,
            tip,
            partners,
            policy,
            exchanges: plan.exchanges.clone(),
            estranged: plan.estranged.clone(),
            commands: plan.whole().cloned().collect(),
            blocked: plan.blocked.clone(),
            only: plan.only.clone(),
        }
    }

    /// SHA-256 over `broker-courier plan`, a zero byte, and its `MessagePack`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Encoding into memory fails for no value of these types.
        let bytes = rmp_serde::to_vec_named(self).unwrap_or_default();
        Digest::of(&[b"broker-courier plan\0", &bytes])
    }

    /// What a run would do otherwise now, or by other rules; nothing where all of it is as it was.
    #[must_use]
    pub fn moved(&self, plan: &Plan, policy: &Policy) -> Vec<Moved> {
        let mut moved: Vec<Moved> = rules(&self.policy, policy);
        if self.exchanges != plan.exchanges {
            moved.push(Moved::about(
                "the partners",
                &self.exchanges,
                &plan.exchanges,
            ));
        }
        if self.estranged != plan.estranged {
            let words = |it: &Option<Estrangement>| it.as_ref().map(ToString::to_string);
            moved.push(Moved {
                what: "the broker".to_owned(),
                was: words(&self.estranged),
                is: words(&plan.estranged),
            });
        }
        let was = situations(self.commands.iter(), &self.blocked);
        let is = situations(plan.whole(), &plan.blocked);
        let names: BTreeSet<&RemoteName> = was.keys().chain(is.keys()).copied().collect();
        for name in names {
            let (was, is) = (was.get(name), is.get(name));
            if was != is {
                let (was, mut is) = (was.map(words), is.map(words));
                if was == is {
                    // Fingerprints differ.
                    is = Some("the same, after other answers of hospitals".to_owned());
                }
                let what = name.to_string();
                moved.push(Moved { what, was, is });
            }
        }
        moved
    }
}

/// Something that is not as it was when a plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What: a file, most often.
    pub what: String,
    /// What was to be done about it, where words tell, …
    pub was: Option<String>,
    /// … and what is to be done now.
    pub is: Option<String>,
}

impl Moved {
    fn about(what: &str, was: &impl ToString, is: &impl ToString) -> Self {
        let words = |words: String| Some(words).filter(|it| !it.is_empty());
        Self {
            what: what.to_owned(),
            was: words(was.to_string()),
            is: words(is.to_string()),
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.was.is_none() && self.is.is_none() {
            return write!(f, "{} is another", self.what);
        }
        let nothing = "nothing to do";
        let was = self.was.as_deref().unwrap_or(nothing);
        let is = self.is.as_deref().unwrap_or(nothing);
        write!(f, "{}: was {was}; is {is}", self.what)
    }
}

type Situation<'a> = (&'a Command, Option<Guard>);

/// What is to become of each file.
fn situations<'a>(
    commands: impl Iterator<Item = &'a Command>,
    blocked: &'a [Blocked],
) -> BTreeMap<&'a RemoteName, Situation<'a>> {
    let free = commands.map(|command| (command.name(), (command, None)));
    let held = blocked
        .iter()
        .map(|it| (it.command.name(), (&it.command, Some(it.guard))));
    free.chain(held).collect()
}

fn words((command, guard): &Situation<'_>) -> String {
    let verb = match command {
        Command::RemoveTemporary { .. } => "removed",
        Command::Delete { .. } => "to be withdrawn",
        Command::Upload { .. } => "to be delivered",
        Command::PublishLedger { .. } => "to be published",
    };
    let mut words = verb.to_owned();
    if let Some(why) = command.why() {
        words.push_str(&format!(" ({why})"));
    }
    if let Some(guard) = guard {
        words.push_str(&format!(", held back: {guard}"));
    }
    words
}

/// Which rules are other ones, by their keys.
fn rules(was: &Policy, is: &Policy) -> Vec<Moved> {
    let keys = [
        ("REQUESTS.CHANGE", was.change != is.change),
        ("REQUESTS.REAPPEARED", was.reappeared != is.reappeared),
        ("REQUESTS.DRAFTS", was.drafts != is.drafts),
        ("SECURITY.ENCRYPTION", was.encryption != is.encryption),
        (
            "SECURITY.ON_KEY_CHANGE",
            was.on_key_change != is.on_key_change,
        ),
        ("REMOTE.CHECK", was.remote_check != is.remote_check),
        ("GUARDS.MAX_DELETIONS", was.guards != is.guards),
    ];
    let changed = keys.iter().filter(|(_, differs)| *differs);
    let mut moved: Vec<Moved> = changed
        .map(|(key, _)| Moved {
            what: format!("the configuration's {key}"),
            was: None,
            is: None,
        })
        .collect();
    if was.key != is.key {
        moved.push(Moved::about("the encryption key", &was.key, &is.key));
    }
    moved
}
