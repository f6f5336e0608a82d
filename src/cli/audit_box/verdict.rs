//! What is to be said of one file, or of one that should be there.

use std::fmt;

use courier_ledger::{Digest, Sequence};
use serde::Serialize;

use super::delivered::{Delivered, Expected, Name};

/// How a file stands to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It is what was delivered last.
    Whole {
        /// The entry that says so.
        event: Sequence,
    },
    /// Something was delivered under its name, and the ledger has no digest of it.
    Unproven {
        /// The entry that says so.
        event: Sequence,
    },
    /// It is what was delivered before the last time.
    Earlier {
        /// The entry of that delivery, …
        event: Sequence,
        /// … and of the last one.
        last: Sequence,
    },
    /// It is nothing that was delivered under its name.
    OtherBytes {
        /// The last delivery.
        event: Sequence,
        /// The size that was delivered, in bytes.
        delivered_bytes: u64,
        /// The SHA-256 that was delivered.
        delivered_sha256: Digest,
    },
    /// It was withdrawn, and is still here.
    Withdrawn {
        /// The entry that says so.
        event: Sequence,
    },
    /// It was delivered, and is not here.
    Missing {
        /// The entry that says so.
        event: Sequence,
    },
    /// Nothing was ever delivered under its name.
    Foreign,
    /// What is there does not name it.
    Unlisted,
    /// It is what was delivered last, and none of the keys opens it.
    NotDecryptable {
        /// The entry that says so.
        event: Sequence,
        /// Why.
        reason: String,
    },
    /// It cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// What becomes of a file of this size and SHA-256 under a name.
    pub(super) fn of_file(name: Option<&Name>, file: (u64, Digest)) -> Self {
        let Some((name, last)) = name.and_then(|name| Some((name, name.deliveries.last()?))) else {
            return Self::Foreign;
        };
        if let Some(event) = name.withdrawn {
            return Self::Withdrawn { event };
        }
        let Delivered { event, file: known } = *last;
        let is_it = |delivered: &&Delivered| delivered.file == Some(file);
        match (known, name.deliveries.iter().rfind(is_it)) {
            (None, _) => Self::Unproven { event },
            (Some(_), Some(found)) if found.event == event => Self::Whole { event },
            (Some(_), Some(found)) => Self::Earlier {
                event: found.event,
                last: event,
            },
            (Some((delivered_bytes, delivered_sha256)), None) => Self::OtherBytes {
                event,
                delivered_bytes,
                delivered_sha256,
            },
        }
    }

    /// What is missing when nothing is there under a name.
    pub(super) fn of_absence(name: &Name) -> Option<Self> {
        let last = name.deliveries.last()?;
        let missing = Self::Missing { event: last.event };
        let is_expected =
            name.withdrawn.is_none() && !name.is_former && name.expected == Expected::Here;
        is_expected.then_some(missing)
    }

    /// The entry that says what should be here, if one does.
    pub(super) fn event(&self) -> Option<Sequence> {
        match self {
            Self::Whole { event }
            | Self::Unproven { event }
            | Self::Withdrawn { event }
            | Self::Missing { event }
            | Self::OtherBytes { event, .. }
            | Self::NotDecryptable { event, .. } => Some(*event),
            Self::Earlier { last, .. } => Some(*last),
            Self::Foreign | Self::Unlisted | Self::Unreadable { .. } => None,
        }
    }

    /// Whether nothing is to be looked into.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Whole { .. } | Self::Unproven { .. })
    }

    /// In a word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Whole { .. } => "whole",
            Self::Unproven { .. } => "unproven",
            Self::Earlier { .. } => "an earlier version",
            Self::OtherBytes { .. } => "other bytes",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Missing { .. } => "missing",
            Self::Foreign => "foreign",
            Self::Unlisted => "not listed",
            Self::NotDecryptable { .. } => "not decryptable",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.word())?;
        match self {
            Self::Whole { event } => write!(f, "as event {event} delivered it"),
            Self::Unproven { event } => write!(
                f,
                "event {event} speaks of a delivery under this name, and the ledger has no digest of it"
            ),
            Self::Earlier { event, last } => {
                write!(
                    f,
                    "as event {event} delivered it; event {last} delivered another"
                )
            }
            Self::OtherBytes {
                event,
                delivered_bytes,
                delivered_sha256,
            } => write!(
                f,
                "event {event} delivered {delivered_bytes} bytes with SHA-256 {delivered_sha256}"
            ),
            Self::Withdrawn { event } => {
                write!(f, "event {event} deleted it, and it is still here")
            }
            Self::Missing { event } => write!(f, "event {event} delivered it, and it is not here"),
            Self::Unlisted => write!(
                f,
                "nothing is said of it: it was never delivered, was withdrawn, or was delivered since"
            ),
            Self::Foreign => write!(f, "the ledger never delivered anything under this name"),
            Self::NotDecryptable { event, reason } => {
                write!(f, "as event {event} delivered it, and {reason}")
            }
            Self::Unreadable { reason } => write!(f, "{reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(event: u64, content: &str) -> Delivered {
        let file = (content.len() as u64, Digest::of(&[content.as_bytes()]));
        Delivered {
            event: Sequence(event),
            file: Some(file),
        }
    }

    fn word(name: Option<&Name>, content: &str) -> &'static str {
        let file = (content.len() as u64, Digest::of(&[content.as_bytes()]));
        Verdict::of_file(name, file).word()
    }

    #[test]
    fn a_file_is_held_against_everything_that_was_delivered_under_its_name() {
        let mut name = Name {
            deliveries: vec![delivered(3, "old"), delivered(9, "new")],
            is_former: false,
            withdrawn: None,
            expected: Expected::Here,
        };
        for (content, says) in [
            ("new", "whole"),
            ("old", "an earlier version"),
            ("x", "other bytes"),
        ] {
            assert_eq!(word(Some(&name), content), says);
        }
        assert_eq!(word(None, "new"), "foreign");
        assert_eq!(
            Verdict::of_absence(&name).map(|it| it.word()),
            Some("missing")
        );
        name.is_former = true;
        assert_eq!(word(Some(&name), "old"), "an earlier version");
        assert_eq!(Verdict::of_absence(&name), None);
        name.is_former = false;
        name.withdrawn = Some(Sequence(12));
        assert_eq!(word(Some(&name), "new"), "withdrawn");
        assert_eq!(Verdict::of_absence(&name), None);
        name.withdrawn = None;
        name.deliveries.push(Delivered {
            event: Sequence(20),
            file: None,
        });
        assert_eq!(word(Some(&name), "new"), "unproven");
    }
}
