//! One rule of a policy as it is typed: `KEY=VALUE`, with the keys and values of the configuration.

use std::str::FromStr;

use courier_ledger::{Guards, KeyId, Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A rule that takes the place of one of a policy's.
#[derive(Clone, Debug)]
pub(crate) struct Rule(Change, String);

/// Puts a value into a policy, if it is one.
type Change = fn(&mut Policy, &str) -> bool;

impl Rule {
    /// Puts it in place.
    pub(super) fn change(&self, policy: &mut Policy) {
        let Self(change, value) = self;
        change(policy, value);
    }
}

/// The keys, and what each changes, if its value is one.
const RULES: [(&str, Change); 8] = [
    ("REQUESTS.CHANGE", |policy, value| {
        choose(&mut policy.change, value)
    }),
    ("REQUESTS.REAPPEARED", |policy, value| {
        choose(&mut policy.reappeared, value)
    }),
    ("REQUESTS.DRAFTS", |policy, value| {
        choose(&mut policy.drafts, value)
    }),
    ("SECURITY.ENCRYPTION", |policy, value| {
        choose(&mut policy.encryption, value)
    }),
    ("SECURITY.ON_KEY_CHANGE", |policy, value| {
        choose(&mut policy.on_key_change, value)
    }),
    ("REMOTE.CHECK", |policy, value| {
        choose(&mut policy.remote_check, value)
    }),
    ("GUARDS.MAX_DELETIONS", |policy, value| {
        allow(&mut policy.guards, value)
    }),
    ("KEY", |policy, value| key(&mut policy.key, value)),
];

/// Takes the value that has this name in the ledger's vocabulary.
fn choose<T: DeserializeOwned>(rule: &mut T, value: &str) -> bool {
    let chosen = serde_json::from_value(Value::String(value.to_owned()));
    let is_one = chosen.is_ok();
    if let Ok(chosen) = chosen {
        *rule = chosen;
    }
    is_one
}

/// The id of a key, as `status` shows it.
fn key(rule: &mut KeyId, value: &str) -> bool {
    choose(rule, value)
}

fn allow(guards: &mut Guards, value: &str) -> bool {
    let parsed = match value.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse().ok().map(|percent| (0, percent)),
        None => value.parse().ok().map(|number| (number, 0)),
    };
    let Some((max_deletions, max_deletions_percent)) =
        parsed.filter(|(_, percent)| *percent <= 100)
    else {
        return false;
    };
    *guards = Guards {
        max_deletions,
        max_deletions_percent,
    };
    true
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| "expected KEY=VALUE, such as REQUESTS.DRAFTS=wait".to_owned())?;
        let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
        let known = RULES.iter().find(|(key, _)| *key == name);
        let (_, change) = known.ok_or_else(|| {
            let names: Vec<_> = RULES.iter().map(|(key, _)| *key).collect();
            format!("{name} is no rule; rules are {}", names.join(", "))
        })?;
        let mut trial = Policy::new(KeyId([0; 8]));
        match change(&mut trial, value) {
            true => Ok(Self(*change, value.to_owned())),
            false => Err(format!(
                "{name} cannot be {value}; docs/configuration.md says what it can be"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use courier_ledger::{ChangeRule, DraftRule};

    fn changed(rules: &[&str]) -> Result<Policy, String> {
        let mut policy = Policy::new(KeyId([1; 8]));
        for rule in rules {
            rule.parse::<Rule>()?.change(&mut policy);
        }
        Ok(policy)
    }

    #[test]
    fn rules_are_those_of_the_configuration() {
        let policy = changed(&[
            "REQUESTS.CHANGE=completion",
            "requests.drafts = wait",
            "GUARDS.MAX_DELETIONS=30%",
            "KEY=0202020202020202",
        ]);
        let expected = Policy {
            change: ChangeRule::Completion,
            drafts: DraftRule::Wait,
            key: KeyId([2; 8]),
            guards: Guards {
                max_deletions: 0,
                max_deletions_percent: 30,
            },
            ..Policy::new(KeyId([1; 8]))
        };
        assert_eq!(policy, Ok(expected));
    }

    #[test]
    fn what_is_no_rule_is_refused_in_words() {
        for (text, word) in [
            ("REQUESTS.DRAFTS", "KEY=VALUE"),
            ("COLOUR=red", "REQUESTS.DRAFTS"),
            ("REQUESTS.DRAFTS=maybe", "cannot be maybe"),
            ("GUARDS.MAX_DELETIONS=101%", "cannot be"),
        ] {
            let refused = text.parse::<Rule>().err().unwrap_or_default();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }
}
