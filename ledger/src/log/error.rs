//! What can go wrong with the log, and what a person can do about each.
//!
//! Deliberately absent: event contents in messages.

use std::fmt;
use std::io;

use crate::id::Sequence;

use super::recovery::HeaderFault;
use super::storage::{LogFile, Storage};

/// Why a log is not opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process is its writer.
    #[error("{path} is locked: another run is active")]
    Locked {
        /// The log.
        path: String,
    },
    /// There is neither a log nor a witness.
    #[error("there is no ledger at {path}")]
    NotFound {
        /// Where the log would be.
        path: String,
    },
    /// A log was to be created where there is one.
    #[error("there is a ledger at {path} already")]
    Exists {
        /// The log.
        path: String,
    },
    /// What is on disk cannot be relied on; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file operation failed.
    #[error("{path}: {operation} failed")]
    Storage {
        /// The file.
        path: String,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Entries were to be appended at another place than the end.
    #[error("entry {expected} was to be appended, and entry {due} is due")]
    Conflict {
        /// The sequence number that the caller expected.
        expected: Sequence,
        /// The one that is due.
        due: Sequence,
    },
    /// An earlier write or fsync failed: what is on disk is known only to the next opening.
    #[error("{path}: nothing can be appended after a failed write")]
    Poisoned {
        /// The log.
        path: String,
    },
    /// An event has more bytes than a frame may hold.
    #[error("entry {sequence} would have {size_bytes} bytes, and {max_bytes} are allowed")]
    TooLarge {
        /// The entry.
        sequence: Sequence,
        /// The size of its payload.
        size_bytes: usize,
        /// The most that a payload may have.
        max_bytes: u32,
    },
    /// An event could not be encoded.
    #[error("entry {sequence} cannot be encoded")]
    Encode {
        /// The entry.
        sequence: Sequence,
        /// Why.
        source: rmp_serde::encode::Error,
    },
}

impl LogError {
    /// Says of an operating system's error which file it concerns and what was tried.
    pub(crate) fn storage<S: Storage + ?Sized>(
        storage: &S,
        file: LogFile,
        operation: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Storage {
            path: storage.locate(file),
            operation,
            source,
        }
    }

    /// What a person can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "wait until the other run has ended",
            Self::NotFound { .. } => "check the path; the first run creates the ledger",
            Self::Exists { .. } => "use the ledger that is there, or another directory",
            Self::Refused(refusal) => refusal.rule.hint(),
            Self::Storage { .. } => {
                "check the directory's owner, permissions, free space and disk, then start again"
            }
            Self::Conflict { .. } | Self::Encode { .. } => "this is a bug; please report it",
            Self::Poisoned { .. } => {
                "check free space and the disk, then start again: everything acknowledged is kept"
            }
            Self::TooLarge { .. } => "this is more than any known broker shows; please report it",
        }
    }
}

/// Where a log cannot be relied on, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub path: String,
    /// Where in the file, in bytes.
    pub offset_bytes: u64,
    /// The rule that it breaks.
    pub rule: Rule,
    /// The version of the program that recorded the last start up to there, as far as it can be read.
    pub written_by: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, byte {}: {}",
            self.path, self.offset_bytes, self.rule
        )?;
        match (&self.written_by, self.rule) {
            (Some(version), Rule::Undecodable) => {
                write!(f, " (the last start up to here was by version {version})")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// The rules of the recovery table that refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// There is a witness and no log.
    #[error("the log is gone, but its witness is there")]
    LogLost,
    /// The first bytes are not the header of a log that this version reads.
    #[error("{}", header_fault(*.0))]
    Header(HeaderFault),
    /// A frame that the witness covers is short or bad.
    #[error("the frame here is damaged, and the witness says that it was whole")]
    DamageBeforeWitness,
    /// A bad frame has a valid frame header behind it.
    #[error("the frame here is damaged, and valid ones follow it")]
    DamageFollowed,
    /// Behind a short or bad frame lies more than one append can have written.
    #[error("the frame here is damaged, and more follows it than one interrupted write can leave")]
    DamageTooLong,
    /// A sequence number was skipped or used again.
    #[error("the frame here does not have the sequence number that is due")]
    SequenceGap,
    /// A frame announces more than a payload may have.
    #[error("the frame here is larger than any frame may be")]
    Oversized,
    /// A frame has the right hash and does not hold an event of this version.
    #[error("the frame here is intact and holds no event that this version knows")]
    Undecodable,
    /// The first frame does not create a log of the header's id.
    #[error("the log does not begin with its own creation")]
    NotCreated,
    /// The log ends before the witness.
    #[error("the log ends here, and the witness says that it was longer")]
    ShorterThanWitness,
    /// The log has another entry where the witness points.
    #[error("the entry here is not the one that the witness names")]
    WitnessDiffers,
    /// The witness is not a witness, byte for byte.
    #[error("the witness is damaged")]
    WitnessDamaged,
    /// A frame was whole when the log was opened, and no longer is.
    #[error("the frame here was whole when the log was opened, and no longer is")]
    ChangedSinceOpening,
    /// There is no witness for a log of more than one run.
    #[error("the witness is missing, and the log has more than its first run")]
    WitnessMissing,
}

fn header_fault(fault: HeaderFault) -> String {
    match fault {
        HeaderFault::Short => "the file is shorter than a log's header".to_owned(),
        HeaderFault::NotALog => "the file does not begin as a ledger log does".to_owned(),
        HeaderFault::Damaged => "the log's header is damaged".to_owned(),
        HeaderFault::UnknownVersion(version) => {
            format!("the log has format version {version}, which this program does not know")
        }
        HeaderFault::UnknownHash(id) => {
            format!("the log uses hash {id}, which this program does not know")
        }
    }
}

impl Rule {
    /// What a person can do.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Header(HeaderFault::UnknownVersion(_) | HeaderFault::UnknownHash(_))
            | Self::Undecodable => {
                "use the version of the program that wrote the log, or a newer one"
            }
            Self::LogLost
            | Self::Header(HeaderFault::Short | HeaderFault::NotALog | HeaderFault::Damaged)
            | Self::DamageBeforeWitness
            | Self::DamageFollowed
            | Self::DamageTooLong
            | Self::SequenceGap
            | Self::Oversized
            | Self::NotCreated
            | Self::ChangedSinceOpening
            | Self::ShorterThanWitness => {
                "copy the directory away, check the disk, then restore ledger.log and ledger.head \
                 together from one backup; the published status.xml names the last entry and hash \
                 that the backup should have"
            }
            Self::WitnessDiffers | Self::WitnessDamaged | Self::WitnessMissing => {
                "copy the directory away, find out who changed it, then restore ledger.log and \
                 ledger.head together from one backup; the published status.xml names the last \
                 entry and hash that the backup should have"
            }
        }
    }
}
