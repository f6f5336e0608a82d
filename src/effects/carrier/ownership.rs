//! Whose file stands under a final name, where an earlier upload had no outcome. Its first bytes tell:
//! a token names the intent that it was made for, to whoever has the key. That may be an earlier one: the
//! upload may have been begun before the key was changed.

use courier_ledger::{Failure, FailureClass, Found, LogId, Phase, RemoteName, Sequence};

use crate::effects::fernet::{FernetKey, TokenOrigin};

/// What is known about what stands under a final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// As the command says.
    AsRecorded,
    /// One of these intents may have put a file there: it must be looked at.
    Unknown { log: LogId, unproven: Vec<Sequence> },
    /// It was looked at.
    Shown(Found),
}

impl Ownership {
    /// Before anything was looked at.
    pub(super) fn of(log: LogId, unproven: Vec<Sequence>) -> Self {
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

/// Which of these intents the token that begins so was made for.
fn origin(
    log: LogId,
    unproven: &[Sequence],
    text: &[u8],
    keys: &[FernetKey],
) -> Result<Option<Sequence>, Failure> {
    let pairs = unproven
        .iter()
        .flat_map(|start| keys.iter().map(move |key| (start, key)));
    for (start, key) in pairs {
        let origin = TokenOrigin { log, start: *start };
        match origin.is_of(text, key) {
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
