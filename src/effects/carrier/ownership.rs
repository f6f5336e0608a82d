//! Whose file stands under a final name, where an earlier upload had no outcome. Its first bytes tell:
//! a file names the intent that it was made for, to whoever has the key. That may be an earlier one: the
//! upload may have been begun before the key was changed.
//!
//! What always holds: a file too short to tell is this ledger's only where the name was seen to be free
//! before the upload in doubt was begun, which then wrote under it itself.

use courier_ledger::{
    Claim, Failure, FailureClass, Found, LogId, Phase, RemoteName, Sequence, Unproven,
};

use crate::effects::fernet::{FernetKey, TokenOrigin};

/// What is known about what stands under a final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// As the command says.
    AsRecorded,
    /// One of these intents may have put a file there: it must be looked at.
    Unknown { log: LogId, unproven: Vec<Unproven> },
    /// It was looked at.
    Shown(Found),
}

impl Ownership {
    /// Before anything was looked at.
    pub(super) fn of(log: LogId, unproven: Vec<Unproven>) -> Self {
        if unproven.is_empty() {
            Self::AsRecorded
        } else {
            Self::Unknown { log, unproven }
        }
    }

    /// What was found, once it was looked at.
    pub(super) fn found(&self) -> Option<Found> {
        match self {
            Self::Shown(found) => Some(*found),
            Self::AsRecorded | Self::Unknown { .. } => None,
        }
    }

    /// Takes what the first bytes of the file say; none when there is no file. A failure when it is
    /// somebody else's.
    pub(super) fn show(
        &mut self,
        name: &RemoteName,
        text: Option<&[u8]>,
        keys: &[FernetKey],
    ) -> Result<(), Failure> {
        let Self::Unknown { log, unproven } = self else {
            return Ok(());
        };
        let found = match text {
            None => Found::Nothing,
            Some(text) => match origin(*log, unproven, text, keys)? {
                Some(start) => Found::Own(start),
                None => Found::Foreign,
            },
        };
        *self = Self::Shown(found);
        match found {
            Found::Nothing | Found::Own(_) => Ok(()),
            Found::Foreign => Err(foreign(name)),
        }
    }
}

/// Which of these intents the token that begins so was made for. What is shorter than a mark is all that
/// there is: of an intent that found the name free it may be how its token begins.
fn origin(
    log: LogId,
    unproven: &[Unproven],
    text: &[u8],
    keys: &[FernetKey],
) -> Result<Option<Sequence>, Failure> {
    // Where more than one may have begun it, the last one did.
    let pairs = unproven
        .iter()
        .rev()
        .flat_map(|it| keys.iter().map(move |key| (it, key)));
    for (Unproven { start, claim }, key) in pairs {
        let origin = TokenOrigin { log, start: *start };
        let is_its = match claim {
            Claim::FoundFree => origin.may_go_on_from(text, key),
            Claim::Mark => origin.is_of(text, key),
        };
        match is_its {
            Ok(true) => return Ok(Some(*start)),
            Ok(false) => {}
            Err(error) => {
                return Err(Failure {
                    phase: Phase::Look,
                    class: FailureClass::Permanent,
                    text: format!("whose file it is cannot be computed: {error}"),
                });
            }
        }
    }
    Ok(None)
}

fn foreign(name: &RemoteName) -> Failure {
    Failure {
        phase: Phase::Look,
        class: FailureClass::NeedsPerson,
        text: format!(
            "a file that this ledger did not create stands under the name {name} at the drop-box and \
             is left alone: move it away there, then run again"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::effects::fernet::Encryptor;

    const LOG: LogId = LogId([7; 16]);
    const START: Sequence = Sequence(12);

    /// Whose file it is that holds this.
    fn found(claims: &[(u64, Claim)], text: &[u8], keys: &[FernetKey]) -> Found {
        let unproven = claims.iter().map(|(start, claim)| Unproven {
            start: Sequence(*start),
            claim: *claim,
        });
        let mut ownership = Ownership::of(LOG, unproven.collect());
        let name = RemoteName::export(courier_ledger::RequestId(1));
        let shown = ownership.show(&name, Some(text), keys);
        let found = ownership.found().unwrap();
        assert_eq!(shown.is_err(), found == Found::Foreign);
        found
    }

    #[test]
    fn what_is_too_short_to_tell_belongs_to_whoever_found_the_name_free() {
        let free = [(12, Claim::FoundFree)];
        let folder = tempfile::tempdir().unwrap();
        let key = |name| FernetKey::generate(&folder.path().join(name)).unwrap();
        let keys = [key("another"), key("its")];
        let found = |claims: &[(u64, Claim)], text: &[u8]| found(claims, text, &keys);
        let (log, start) = (LOG, START);
        let seed = TokenOrigin { log, start };
        let seed = seed.seed(1_790_000_000, &keys[1]).unwrap();
        let encryptor = Encryptor::new(&keys[1], &seed, Vec::new()).unwrap();
        let (token, _) = encryptor.finish().unwrap();
        let text = &token[..36];
        for length in 0..=text.len() {
            let (begun, whole) = (&text[..length], length == text.len());
            assert_eq!(found(&free, begun), Found::Own(START), "{length}");
            let by_mark = found(&[(12, Claim::Mark)], begun);
            assert_eq!(by_mark == Found::Own(START), whole, "{length}");
            // Another intent's: as soon as enough of the mark is there, it speaks against it.
            let other = found(&[(13, Claim::FoundFree)], begun);
            if length < 24 {
                assert_eq!(other, Found::Own(Sequence(13)), "{length}");
            } else if length >= 28 {
                assert_eq!(other, Found::Foreign, "{length}");
            }
            // No byte that no token begins with.
            for at in 0..length.min(5) {
                let mut foreign = begun.to_vec();
                foreign[at] ^= 1;
                assert_eq!(found(&free, &foreign), Found::Foreign, "{length} {at}");
            }
            if length > 0 && !whole {
                let mut foreign = begun.to_vec();
                foreign[length - 1] = b' ';
                assert_eq!(found(&free, &foreign), Found::Foreign, "{length}");
            }
        }
        // The last one that can have begun it did.
        let both = [
            (12, Claim::FoundFree),
            (14, Claim::FoundFree),
            (15, Claim::Mark),
        ];
        assert_eq!(found(&both, b""), Found::Own(Sequence(14)));
        assert_eq!(found(&both, text), Found::Own(START));
        assert_eq!(found(&free, &[b'g'; 36]), Found::Foreign);
    }
}
