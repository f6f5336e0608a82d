//! What is to happen, in the imperative. A command says everything that its record needs, so that
//! an intent in the log can be understood without the state around it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::completion::Completion;
use crate::encryption::Encryption;
use crate::evidence::Evidence;
use crate::id::{LogId, RequestId, Sequence};
use crate::observation::Fingerprint;
use crate::time::Timestamp;

/// The name of a file in the drop-box's folder: one path segment that the ledger made up, never one
/// that a server sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteName(String);

impl RemoteName {
    /// The final name of a request's result under Fernet: `export_<id>.zip`.
    #[must_use]
    pub fn export(request: RequestId) -> Self {
        Self::result(request, Encryption::Fernet)
    }

    /// The final name of a request's result, by how it is encrypted: `export_<id>.zip`, or
    /// `export_<id>.zip.age`.
    #[must_use]
    pub fn result(request: RequestId, encryption: Encryption) -> Self {
        Self(format!("export_{request}.zip{}", encryption.suffix()))
    }

    /// The request whose result has this name, and how that is encrypted; none of any other name.
    #[must_use]
    pub fn read_result(name: &str) -> Option<(RequestId, Encryption)> {
        let (digits, encryption) = result_parts(name)?;
        let request = RequestId(digits.parse().ok()?);
        is_decimal(digits, request.0).then_some((request, encryption))
    }

    /// The final name of the published ledger: `status.xml`.
    #[must_use]
    pub fn ledger() -> Self {
        Self("status.xml".to_owned())
    }

    /// The final name of the published checkpoints of a ledger: `checkpoints-<8 digits of its id>.txt`. No
    /// command names it.
    #[must_use]
    pub fn checkpoints(log: LogId) -> Self {
        let log = log.to_string();
        let log = log.get(..8).unwrap_or(&log);
        Self(format!("checkpoints-{log}.txt"))
    }

    /// The final name of the signed list of what a ledger has delivered: `manifest-<8 digits of its id>.txt`. No
    /// command names it.
    #[must_use]
    pub fn manifest(log: LogId) -> Self {
        let log = log.to_string();
        let log = log.get(..8).unwrap_or(&log);
        Self(format!("manifest-{log}.txt"))
    }

    /// Whether a file of this name is one that is put beside the published ledger of some log: what was signed of
    /// it.
    #[must_use]
    pub fn is_evidence(name: &str) -> bool {
        let log = ["checkpoints-", "manifest-"]
            .iter()
            .find_map(|start| name.strip_prefix(start)?.strip_suffix(".txt"));
        let is_digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
        log.is_some_and(|log| log.len() == 8 && log.bytes().all(is_digit))
    }

    /// What a check's probe is called, but for what makes its name unique and hides it as temporary names are
    /// hidden: `broker-courier-check`. No command names it.
    #[must_use]
    pub fn probe() -> Self {
        Self("broker-courier-check".to_owned())
    }

    /// The temporary name under which the command recorded at `start` writes: hidden, of no ending
    /// that a reader collects, and used once in the life of a log.
    #[must_use]
    pub fn temporary(&self, log: LogId, start: Sequence) -> Self {
        let log = log.to_string();
        Self(format!(
            ".{}.{}-{start}.part",
            self.0,
            log.get(..8).unwrap_or(&log)
        ))
    }

    /// The same by another pattern.
    #[must_use]
    pub fn temporary_by(&self, pattern: &TemporaryPattern, log: LogId, start: Sequence) -> Self {
        let TemporaryPattern { before, after } = pattern;
        let log = log.to_string();
        let log = log.get(..8).unwrap_or(&log);
        Self(format!("{before}{}.{log}-{start}{after}", self.0))
    }

    /// Whether it is [`Self::temporary_by`] some pattern of `name`.
    fn is_temporary_by_a_pattern(&self, name: &Self, log: LogId, start: Sequence) -> bool {
        let own = name
            .temporary_by(&TemporaryPattern::NOTHING_AROUND, log, start)
            .0;
        self.is_safe()
            && self.0.split_once(&own).is_some_and(|(_, after)| {
                // One more digit makes it another command's.
                !after.starts_with(|next: char| next.is_ascii_digit())
            })
    }

    /// Whether it is [`Self::ledger`].
    pub(crate) fn is_ledger(&self) -> bool {
        self.0 == "status.xml"
    }

    /// How the result of this request is encrypted that has this name, found out without making one; none
    /// if it is no name of that request's result.
    #[must_use]
    pub fn encryption_of(&self, request: RequestId) -> Option<Encryption> {
        let (digits, encryption) = result_parts(&self.0)?;
        is_decimal(digits, request.0).then_some(encryption)
    }

    /// Whether it is [`Self::temporary`] of `name`, found out without making that name.
    fn is_temporary_of(&self, name: &Self, log: LogId, start: Sequence) -> bool {
        let [first, second, third, fourth, ..] = log.0;
        self.0
            .strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(name.as_str()))
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(id, rest)| {
                crate::digest::read_hex(id) == Some([first, second, third, fourth])
                    && !id.bytes().any(|byte| byte.is_ascii_uppercase())
                    && rest
                        .strip_suffix(".part")
                        .is_some_and(|digits| is_decimal(digits, start.0))
            })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a single, visible-or-hidden path segment of printable ASCII.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        !matches!(self.0.as_str(), "" | "." | "..")
            && self
                .0
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\')
    }
}

/// How temporary names are made: the final name and a part that is used once in the life of a log, with
/// this around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryPattern {
    before: String,
    after: String,
}

/// Why a text is no pattern of temporary names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The name is not in it, or more than once.
    #[error("must contain `{{name}}` once, as `{{name}}.part` does")]
    Name,
    /// There is nothing besides the name.
    #[error("must have something beside `{{name}}`, as `{{name}}.part` does")]
    Bare,
    /// Something else is in it.
    #[error(
        "may have letters, digits, `.`, `-` and `_` beside `{{name}}`, at most {LONGEST_AROUND}"
    )]
    Characters,
}

/// What a pattern may have around the name at most, in bytes: file systems allow names of 255.
const LONGEST_AROUND: usize = 64;

impl TemporaryPattern {
    const NOTHING_AROUND: Self = Self {
        before: String::new(),
        after: String::new(),
    };

    /// What stands for the name in a name that this pattern made: the final one and the part that is used
    /// once.
    #[must_use]
    pub fn inside<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&*self.before)?.strip_suffix(&*self.after)
    }
}

impl Default for TemporaryPattern {
    /// `.{name}.part`: hidden, and of no ending that a reader collects.
    fn default() -> Self {
        Self {
            before: ".".to_owned(),
            after: ".part".to_owned(),
        }
    }
}

impl FromStr for TemporaryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (before, after) = text.split_once("{name}").ok_or(PatternError::Name)?;
        if after.contains("{name}") {
            return Err(PatternError::Name);
        }
        let length = before.len() + after.len();
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !before.bytes().chain(after.bytes()).all(is_plain) || length > LONGEST_AROUND {
            return Err(PatternError::Characters);
        }
        // A digit would run into the number before it.
        if after.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(PatternError::Characters);
        }
        if length == 0 {
            return Err(PatternError::Bare);
        }
        let (before, after) = (before.to_owned(), after.to_owned());
        Ok(Self { before, after })
    }
}

/// What stands for the request in a result's name, and how the result is encrypted.
fn result_parts(name: &str) -> Option<(&str, Encryption)> {
    let (digits, suffix) = name.strip_prefix("export_")?.split_once(".zip")?;
    let encryption = Encryption::ALL
        .into_iter()
        .find(|it| it.suffix() == suffix)?;
    Some((digits, encryption))
}

/// Whether the text is what `number` is printed as.
fn is_decimal(text: &str, number: u64) -> bool {
    let printed = match text.as_bytes() {
        [b'0'] => true,
        [first, ..] => matches!(first, b'1'..=b'9'),
        [] => false,
    };
    printed && text.parse() == Ok(number)
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a result is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UploadReason {
    /// It was never uploaded.
    New,
    /// What the broker shows has changed since the last upload.
    Changed,
    /// Another request now has this number.
    OtherRequest,
    /// The request had been withdrawn, and is back.
    Reappeared,
    /// The file was encrypted with another key.
    KeyChanged,
    /// An earlier attempt ended without a known outcome.
    InDoubt,
    /// The file is not at the drop-box as it was delivered.
    Drifted,
}

/// What may stand under the final name before an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replaces {
    /// Nothing of ours: a file found there is somebody else's and stays.
    Nothing,
    /// A file that this ledger created.
    Own,
}

/// One thing to do at the drop-box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Command {
    /// Removes a file that is left over: a temporary one of an interrupted command, or a result that was
    /// delivered anew under another name.
    RemoveTemporary {
        /// The file, as the command's intent named it that put it there.
        name: RemoteName,
    },
    /// Removes the result of a withdrawn request.
    Delete {
        /// The request.
        request: RequestId,
        /// The file.
        name: RemoteName,
        /// What proves that the request was withdrawn.
        evidence: Evidence,
    },
    /// Fetches, encrypts and uploads the result of a request.
    Upload {
        /// The request.
        request: RequestId,
        /// The file.
        name: RemoteName,
        /// When the request was published: its identity.
        published: Option<Timestamp>,
        /// The observation that this upload answers; the result may be newer, never older.
        fingerprint: Fingerprint,
        /// The completion of that observation.
        completion: Completion,
        /// Why.
        reason: UploadReason,
        /// What may be overwritten.
        replaces: Replaces,
    },
    /// Uploads `status.xml`, unencrypted.
    PublishLedger {
        /// The file.
        name: RemoteName,
    },
}

impl Command {
    /// The request that the command is about, if it is about one.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Delete { request, .. } | Self::Upload { request, .. } => Some(*request),
            Self::RemoveTemporary { .. } | Self::PublishLedger { .. } => None,
        }
    }

    /// Why it is to be done, in words for people; none where that goes without saying.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Delete { evidence, .. } => Some(evidence.to_string()),
            Self::Upload {
                reason, completion, ..
            } if completion.nodes == 0 => Some(format!("{reason}, no hospital has answered yet")),
            Self::Upload {
                reason, completion, ..
            } => Some(format!("{reason}, {completion} completed")),
            Self::RemoveTemporary { .. } | Self::PublishLedger { .. } => None,
        }
    }

    /// The final name that the command works on.
    #[must_use]
    pub fn name(&self) -> &RemoteName {
        match self {
            Self::RemoveTemporary { name }
            | Self::Delete { name, .. }
            | Self::Upload { name, .. }
            | Self::PublishLedger { name } => name,
        }
    }

    /// The temporary name that the command needs when it is recorded at `start`, by the default pattern.
    #[must_use]
    pub fn temporary(&self, log: LogId, start: Sequence) -> Option<RemoteName> {
        match self {
            Self::Upload { name, .. } | Self::PublishLedger { name } => {
                Some(name.temporary(log, start))
            }
            Self::RemoveTemporary { .. } | Self::Delete { .. } => None,
        }
    }

    /// Whether `temporary` is [`Self::temporary`], by this or another pattern; for the default one found
    /// out without making that name, as the fold asks it of every intent.
    pub(crate) fn needs(
        &self,
        temporary: Option<&RemoteName>,
        log: LogId,
        start: Sequence,
    ) -> bool {
        match (self, temporary) {
            (Self::Upload { name, .. } | Self::PublishLedger { name }, Some(temporary)) => {
                temporary.is_temporary_of(name, log, start)
                    || temporary.is_temporary_by_a_pattern(name, log, start)
            }
            (Self::RemoveTemporary { .. } | Self::Delete { .. }, temporary) => temporary.is_none(),
            (Self::Upload { .. } | Self::PublishLedger { .. }, None) => false,
        }
    }
}

/// How a removal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// The file was there and is gone.
    Removed,
    /// It had gone before.
    AlreadyAbsent,
}

impl fmt::Display for UploadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::OtherRequest => "another request has this number",
            Self::Reappeared => "back after it was withdrawn",
            Self::KeyChanged => "the key has changed",
            Self::InDoubt => "the outcome of an earlier attempt is unknown",
            Self::Drifted => "it is not at the drop-box as it was delivered",
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoveTemporary { name } if RemoteName::read_result(&name.0).is_some() => {
                write!(
                    f,
                    "remove {name}, which its result no longer has for a name"
                )
            }
            Self::RemoveTemporary { name } => write!(f, "remove temporary {name}"),
            Self::Delete { name, evidence, .. } => write!(f, "delete {name} ({evidence})"),
            Self::Upload {
                name,
                reason,
                completion,
                ..
            } => {
                write!(f, "upload {name} ({reason}, {completion} completed)")
            }
            Self::PublishLedger { name } => write!(f, "publish {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_makes_names_that_only_their_own_command_has() {
        let log = LogId([0xab; 16]);
        let name = RemoteName::export(RequestId(7));
        for (text, made) in [
            (".{name}.part", ".export_7.zip.abababab-12.part"),
            ("{name}.part", "export_7.zip.abababab-12.part"),
            ("upload-{name}", "upload-export_7.zip.abababab-12"),
        ] {
            let pattern: TemporaryPattern = text.parse().unwrap_or_default();
            let temporary = name.temporary_by(&pattern, log, Sequence(12));
            assert_eq!(temporary.as_str(), made);
            let command = Command::PublishLedger { name: name.clone() };
            assert!(command.needs(Some(&temporary), log, Sequence(12)));
            for other in [1, 2, 121] {
                assert!(!command.needs(Some(&temporary), log, Sequence(other)));
            }
            assert!(!command.needs(Some(&temporary), LogId([0xac; 16]), Sequence(12)));
            let other = RemoteName::export(RequestId(70));
            let other = Command::PublishLedger { name: other };
            assert!(!other.needs(Some(&temporary), log, Sequence(12)));
        }
        for text in [
            "",
            "part",
            "{name}",
            "{name}{name}.part",
            "a/{name}",
            "{name} ",
            "{name}1",
        ] {
            assert!(text.parse::<TemporaryPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_known_again_and_no_others() {
        let log = LogId([0xab; 16]);
        for number in [0, 7, 10, u64::MAX] {
            let (request, start) = (RequestId(number), Sequence(number));
            let name = RemoteName::export(request);
            assert_eq!(name.encryption_of(request), Some(Encryption::Fernet));
            let temporary = name.temporary(log, start);
            assert!(temporary.is_temporary_of(&name, log, start));
            // One byte more, less or other is another name.
            for (text, is_known) in [
                (
                    name.as_str(),
                    (|name: &RemoteName, id: RequestId| {
                        name.encryption_of(id) == Some(Encryption::Fernet)
                    }) as fn(&_, _) -> _,
                ),
                (temporary.as_str(), |name: &RemoteName, id: RequestId| {
                    let export = RemoteName::export(id);
                    name.is_temporary_of(&export, LogId([0xab; 16]), Sequence(id.0))
                }),
            ] {
                for at in 0..text.len() {
                    for other in ["", "0", "+", "A", "-", "."] {
                        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                        let longer = format!("{}{other}{}", &text[..at], &text[at..]);
                        for near in [changed, longer] {
                            let near = RemoteName(near);
                            assert_eq!(is_known(&near, request), near.as_str() == text, "{near}");
                        }
                    }
                }
            }
        }
    }
}
