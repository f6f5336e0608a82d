//! Copies of `status.xml` that somebody kept, held against the ledger: a line for each.

use std::fmt;
use std::path::PathBuf;

use courier_ledger::{CopyVerdict, KeptCopies, LogId, Sequence, Tip};
use serde::Serialize;

use super::error::UsageError;
use crate::effects::status_file;

/// Reads copies, one after the other.
pub(super) fn read(files: &[PathBuf]) -> Result<KeptCopies, UsageError> {
    let mut copies = KeptCopies::default();
    for path in files {
        let bytes = status_file::read_bounded(path).map_err(|source| UsageError::Copy {
            path: path.clone(),
            source,
        })?;
        copies.add(&bytes);
    }
    Ok(copies)
}

/// What the ledger says to each.
pub(super) fn judged(files: &[PathBuf], copies: &KeptCopies, end: Tip) -> Vec<JudgedCopy> {
    let verdicts = copies.verdicts(end);
    let judged = files.iter().zip(verdicts);
    judged
        .map(|(file, verdict)| JudgedCopy::new(file.display().to_string(), verdict))
        .collect()
}

/// One copy.
#[derive(Serialize)]
pub(super) struct JudgedCopy {
    file: String,
    verdict: &'static str,
    /// The event that it names, if it names one of this ledger.
    event: Option<Sequence>,
    /// The other ledger that it names.
    log: Option<LogId>,
    sentence: String,
}

impl JudgedCopy {
    fn new(file: String, verdict: CopyVerdict) -> Self {
        let (word, event, log) = match verdict {
            CopyVerdict::Contained { at } => ("contained", Some(at), None),
            CopyVerdict::LogShorter { shown, .. } => ("log-shorter", Some(shown), None),
            CopyVerdict::Differs { at } => ("differs", Some(at), None),
            CopyVerdict::AnotherLog { shown } => ("another-log", None, Some(shown)),
            CopyVerdict::Edited { at } => ("edited", Some(at), None),
            CopyVerdict::NoProjection => ("no-projection", None, None),
        };
        Self {
            file,
            verdict: word,
            event,
            log,
            sentence: Sentence(verdict).to_string(),
        }
    }

    /// Whether the ledger contains it.
    pub(super) fn is_contained(&self) -> bool {
        self.verdict == "contained"
    }
}

impl fmt::Display for JudgedCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.sentence)
    }
}

struct Sentence(CopyVerdict);

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CopyVerdict::Contained { at } => write!(
                f,
                "contained: it is, byte for byte, what this ledger shows as of event {at}"
            ),
            CopyVerdict::LogShorter { shown, last } => write!(
                f,
                "the ledger is shorter than this: it ends with event {last}, and this shows event \
                 {shown}: the ledger was cut, or is an old copy"
            ),
            CopyVerdict::Differs { at } => write!(
                f,
                "the ledger differs at event {at}: its history was rewritten, or went on from an old \
                 copy"
            ),
            CopyVerdict::AnotherLog { shown } => {
                write!(f, "of another ledger: {shown}")
            }
            CopyVerdict::Edited { at } => write!(
                f,
                "edited: it names event {at} of this ledger, and is not what the ledger shows as of it"
            ),
            CopyVerdict::NoProjection => f.write_str("not a status.xml that a ledger has written"),
        }
    }
}
