//! The configuration's keys that decide something.

use courier_ledger::{Guards, Policy};

use crate::words::{Unclear, Words, Written as _, key as key_in_words, range};

/// Sets a key of the configuration.
pub fn set(policy: &mut Policy, words: &mut Words) -> Result<(), Unclear> {
    match words.word()?.as_str() {
        "REQUESTS.CHANGE" => policy.change = words.value()?,
        "REQUESTS.REAPPEARED" => policy.reappeared = words.value()?,
        "REQUESTS.DRAFTS" => policy.drafts = words.value()?,
        "SECURITY.ENCRYPTION" => policy.encryption = words.value()?,
        "SECURITY.ON_KEY_CHANGE" => policy.on_key_change = words.value()?,
        "SECURITY.PATH_ENCRYPTION_KEY" => policy.key = words.value()?,
        "REMOTE.CHECK" => policy.remote_check = words.value()?,
        "GUARDS.MAX_DELETIONS" => {
            policy.guards = Guards {
                max_deletions: words.value()?,
                max_deletions_percent: {
                    words.expect("or")?;
                    let percent = words.word()?;
                    let number = percent.strip_suffix('%').and_then(range);
                    let number = number.and_then(|it| u8::try_from(*it.start()).ok());
                    number.ok_or_else(|| Unclear::new("a percentage is missing, as in 20%"))?
                },
            };
        }
        other => return Err(Unclear::new(format!("{other:?} decides nothing"))),
    }
    words.end()
}

/// Each key with its value, as it is set.
fn written(policy: &Policy) -> [String; 8] {
    let Policy {
        change,
        reappeared,
        drafts,
        on_key_change,
        key,
        remote_check,
        guards,
        encryption,
    } = *policy;
    let Guards {
        max_deletions,
        max_deletions_percent,
    } = guards;
    [
        format!("REQUESTS.CHANGE {}", change.written()),
        format!("REQUESTS.REAPPEARED {}", reappeared.written()),
        format!("REQUESTS.DRAFTS {}", drafts.written()),
        format!("SECURITY.ENCRYPTION {}", encryption.written()),
        format!("SECURITY.ON_KEY_CHANGE {}", on_key_change.written()),
        format!("REMOTE.CHECK {}", remote_check.written()),
        format!("SECURITY.PATH_ENCRYPTION_KEY {}", key_in_words(key)),
        format!("GUARDS.MAX_DELETIONS {max_deletions} or {max_deletions_percent}%"),
    ]
}

/// The keys that are to be set after `known`, each with its value.
pub(crate) fn differing(known: &Policy, policy: &Policy) -> impl Iterator<Item = String> {
    let pairs = written(known).into_iter().zip(written(policy));
    pairs
        .filter(|(known, new)| known != new)
        .map(|(_, new)| new)
}
