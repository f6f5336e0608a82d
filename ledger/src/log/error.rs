//! Why the log cannot be read or written: the file, the byte, the rule, and what a person can do.

use std::io;

use super::frame::PayloadError;
use super::recovery::Rule;
use crate::{IllegalEvent, Sequence};

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file operation failed.
    #[error("{file} could not be {operation}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Another process has the log open for writing.
    #[error("another run holds {file}")]
    Locked {
        /// The file.
        file: String,
    },
    /// There is no log.
    #[error("there is no ledger at {file}")]
    Missing {
        /// Where it was looked for.
        file: String,
    },
    /// A log exists where a new one was to begin.
    #[error("{file} exists already")]
    Exists {
        /// The file.
        file: String,
    },
    /// The log is damaged, or not to be trusted; nothing was changed.
    #[error("{file} is refused at byte {offset} (after event {after}): {rule}")]
    Refused {
        /// The file.
        file: String,
        /// The byte where it begins.
        offset: u64,
        /// The last event before it.
        after: Sequence,
        /// The rule.
        rule: Rule,
        /// What is wrong with the event, when that is the rule.
        #[source]
        source: Option<PayloadError>,
    },
    /// An entry cannot follow from those before it.
    #[error("{file} holds an event that cannot follow")]
    Illegal {
        /// The file.
        file: String,
        /// Which, and why.
        source: IllegalEvent,
    },
    /// A write or fsync failed before; nothing more is written.
    #[error("{file} could not be written before, and is not written again by this run")]
    Poisoned {
        /// The file.
        file: String,
    },
    /// Somebody else appended in between.
    #[error("event {expected} was to be appended, and the next is {next}")]
    WrongSequence {
        /// The number that the caller expected.
        expected: Sequence,
        /// The number that is next.
        next: Sequence,
    },
    /// An event is larger than a frame may be.
    #[error("an event of kind {kind} is too large for the log")]
    TooLarge {
        /// Its kind.
        kind: &'static str,
    },
}

impl LogError {
    /// What a person can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { rule, .. } => Some(rule.hint()),
            Self::Illegal { .. } => Some(
                "the file is whole, so the program that wrote it, or this one, has a defect: please \
                 report it with the output of `broker-courier log`",
            ),
            Self::Io { .. } | Self::Poisoned { .. } => Some(
                "look at the disk (space, permissions, `dmesg`); everything recorded before stands, \
                 and the next run goes on from there",
            ),
            Self::Locked { .. } => Some("wait for it to end; the lock ends with the process"),
            Self::Missing { .. } => Some("the first `run` creates it"),
            Self::Exists { .. } | Self::WrongSequence { .. } | Self::TooLarge { .. } => None,
        }
    }
}
