//! Whose file stands under a final name, where an earlier upload had no outcome. Its first bytes tell:
//! a token names the intent that it was made for, to whoever has the key.

use courier_ledger::{Failure, FailureClass, Phase};

use crate::effects::fernet::{FernetKey, TokenOrigin};
use crate::run::Errand;

/// What is known about what stands under a final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// As the command says.
    AsRecorded,
    /// It must be looked at.
    Unknown,
    /// Nothing stands there.
    Nothing,
    /// An earlier upload of this ledger came that far.
    Own,
}

impl Ownership {
    /// Before anything was looked at.
    pub(super) fn of(errand: &Errand) -> Self {
        if errand.unproven.is_empty() {
            Self::AsRecorded
        } else {
            Self::Unknown
        }
    }

    /// What the file's first bytes say; none when there is no file. A failure when it is somebody
    /// else's.
    pub(super) fn shown_by(
        errand: &Errand,
        start: Option<&[u8]>,
        key: &FernetKey,
    ) -> Result<Self, Failure> {
        let Some(text) = start else {
            return Ok(Self::Nothing);
        };
        for start in &errand.unproven {
            let origin = TokenOrigin {
                log: errand.log,
                start: *start,
            };
            match origin.is_of(text, key) {
                Ok(true) => return Ok(Self::Own),
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
        Err(Failure {
            phase: Phase::Look,
            class: FailureClass::NeedsPerson,
            text: format!(
                "a file that this ledger did not create stands under the name {} at the drop-box and \
                 is left alone: move it away there, then run again",
                errand.command.name()
            ),
        })
    }
}
