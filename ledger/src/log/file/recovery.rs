//! The recovery table: from what is found on disk to what is done about it, one function, no I/O.
//! `docs/log-format.md` holds the same table in words.
//!
//! What always holds here: exactly one outcome changes a damaged file, [`Action::Heal`], and it needs
//! damage after the head that an interrupted write explains. Everything else that is not whole is
//! refused.

use std::fmt;

use crate::log::error::{Advised, LogError};
use crate::log::header::HeaderFault;

/// What ended the walk along the chain of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The end of the file, behind a whole frame (or behind the header).
    Boundary,
    /// A short or bad frame, behind which no valid frame header follows.
    Torn,
    /// A short or bad frame of which at least one whole disk sector was never written, and behind
    /// which only frames of the same append can follow: the disk wrote an append out of order.
    Unordered,
    /// A bad frame with a valid frame header behind it.
    Followed,
    /// A short or bad frame with more bytes behind it than one append can have written.
    Excess,
    /// A whole frame header with another sequence number than the one that is due.
    SequenceGap,
    /// A whole frame header that announces more bytes than a payload may have.
    Oversized,
    /// A frame with the right hash that does not hold an event of this version, byte for byte.
    Undecodable,
    /// A first frame with the right hash that does not create a log of this id.
    NotCreated,
}

/// What the whole frames tell about the log's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum History {
    /// Not even the entry that creates a log.
    Empty,
    /// At most one run.
    FirstRun,
    /// More than one run.
    Longer,
}

/// What is found in place of `ledger.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFound {
    /// No such file.
    Absent,
    /// A file without a usable header.
    Unusable(HeaderFault),
    /// A header, then frames.
    Frames {
        /// What ended the walk along them.
        end: End,
        /// What the whole ones tell.
        history: History,
    },
}

/// What is found in place of `ledger.head`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadFound {
    /// No such file.
    Absent,
    /// A file that is not a head, byte for byte.
    Damaged,
    /// Its entry is in the log, with its hash.
    Contained,
    /// The log has another entry under that number.
    Different,
    /// The whole frames end before its entry.
    Beyond,
}

/// Everything that the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The log.
    pub(crate) log: LogFound,
    /// The head, held against the log.
    pub(crate) head: HeadFound,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A new log may begin.
    Create,
    /// The log is whole.
    Open,
    /// The tail is kept elsewhere, cut off, and its loss recorded.
    Heal,
    /// A person must look at it; nothing is changed.
    Refuse(Rule),
}

/// The recovery table. Every combination has its row; the first that fits decides.
pub(crate) fn action(facts: Facts) -> Action {
    use Action::{Create, Heal, Open, Refuse};
    use HeadFound as Head;

    let (end, history) = match (facts.log, facts.head) {
        (LogFound::Absent, Head::Absent) => return Create,
        (LogFound::Absent, Head::Damaged | Head::Contained | Head::Different | Head::Beyond) => {
            return Refuse(Rule::LogLost);
        }
        (LogFound::Unusable(fault), _) => return Refuse(Rule::Header(fault)),
        (LogFound::Frames { end, history }, _) => (end, history),
    };
    match (end, facts.head, history) {
        // What no interrupted write leaves behind, wherever it stands.
        (End::SequenceGap, _, _) => Refuse(Rule::SequenceGap),
        (End::Oversized, _, _) => Refuse(Rule::Oversized),
        (End::Undecodable, _, _) => Refuse(Rule::Undecodable),
        (End::NotCreated, _, _) => Refuse(Rule::NotCreated),
        (End::Followed, _, _) => Refuse(Rule::DamageFollowed),
        (End::Excess, _, _) => Refuse(Rule::DamageTooLong),
        // The head is replaced atomically: no interruption damages it or makes it disagree.
        (_, Head::Different, _) => Refuse(Rule::HeadDiffers),
        (_, Head::Damaged, _) => Refuse(Rule::HeadDamaged),
        // Everything up to the head was on disk before the head was.
        (End::Boundary, Head::Beyond, _) => Refuse(Rule::ShorterThanHead),
        (End::Torn | End::Unordered, Head::Beyond, _) => Refuse(Rule::DamageBeforeHead),
        // The log appears under its name only with its first entry.
        (_, Head::Absent | Head::Contained, History::Empty) => Refuse(Rule::NotCreated),
        // Between the log's creation and its first head lies at most one run.
        (_, Head::Absent, History::Longer) => Refuse(Rule::HeadMissing),
        (End::Boundary, Head::Absent, History::FirstRun) => Open,
        (End::Boundary, Head::Contained, History::FirstRun | History::Longer) => Open,
        (End::Torn | End::Unordered, Head::Absent, History::FirstRun) => Heal,
        (End::Torn | End::Unordered, Head::Contained, History::FirstRun | History::Longer) => Heal,
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

impl Advised for Refusal {
    fn hint(&self) -> &'static str {
        self.rule.hint()
    }
}

impl From<Refusal> for LogError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Refusal {
    /// The refusal that an error is, if files were refused.
    #[must_use]
    pub fn of(error: &LogError) -> Option<&Self> {
        error.told().and_then(|told| told.downcast_ref())
    }
}

/// The rules of the recovery table that refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// There is a head and no log.
    #[error("the log is gone, but its head is there")]
    LogLost,
    /// The first bytes are not the header of a log that this version reads.
    #[error("{}", header_fault(*.0))]
    Header(HeaderFault),
    /// A frame that the head covers is short or bad.
    #[error("the frame here is damaged, and the head says that it was whole")]
    DamageBeforeHead,
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
    /// The log ends before the head.
    #[error("the log ends here, and the head says that it was longer")]
    ShorterThanHead,
    /// The log has another entry where the head points.
    #[error("the entry here is not the one that the head names")]
    HeadDiffers,
    /// The head is not a head, byte for byte.
    #[error("the head is damaged")]
    HeadDamaged,
    /// A frame was whole when the log was opened, and no longer is.
    #[error("the frame here was whole when the log was opened, and no longer is")]
    ChangedSinceOpening,
    /// The file is not what its one writer wrote.
    #[error("the file was changed by something else while the run wrote to it")]
    ReplacedMeanwhile,
    /// The digest at the end of a redacted copy is not that of what stands before it, or it does not consist of
    /// entries.
    #[error("the redacted copy is damaged, or was cut short")]
    CopyDamaged,
    /// A redacted copy keeps an entry whose bytes do not have its hash.
    #[error("the bytes of the entry here do not have its hash: the redacted copy was changed")]
    CopyBroken,
    /// There is no head for a log of more than one run.
    #[error("the head is missing, and the log has more than its first run")]
    HeadMissing,
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
        HeaderFault::Redacted => {
            "this is a redacted copy: events were left out of it, and nobody can go on from it"
                .to_owned()
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
            Self::Header(HeaderFault::Redacted) => {
                "`verify`, `log`, `prove`, `why`, `replay` and `redact` read it; everything else needs the ledger \
                 itself, in its own folder"
            }
            Self::CopyDamaged | Self::CopyBroken => {
                "have it copied once more, and compare the copies' SHA-256 with whoever made it"
            }
            Self::LogLost
            | Self::Header(HeaderFault::Short | HeaderFault::NotALog | HeaderFault::Damaged)
            | Self::DamageBeforeHead
            | Self::DamageFollowed
            | Self::DamageTooLong
            | Self::SequenceGap
            | Self::Oversized
            | Self::NotCreated
            | Self::ChangedSinceOpening
            | Self::ReplacedMeanwhile
            | Self::ShorterThanHead => {
                "copy the directory away, check the disk, then restore ledger.log and ledger.head \
                 together from one backup; the published status.xml names the last entry and hash \
                 that the backup should have; if there is none, `broker-courier recover` begins a \
                 new ledger from what is at the drop-box"
            }
            Self::HeadDiffers | Self::HeadDamaged | Self::HeadMissing => {
                "copy the directory away, find out who changed it, then restore ledger.log and \
                 ledger.head together from one backup; the published status.xml names the last \
                 entry and hash that the backup should have; if there is none, `broker-courier \
                 recover` begins a new ledger from what is at the drop-box"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Create, Heal, Open, Refuse};

    const HEADER_FAULTS: [HeaderFault; 6] = [
        HeaderFault::Redacted,
        HeaderFault::Short,
        HeaderFault::NotALog,
        HeaderFault::Damaged,
        HeaderFault::UnknownVersion(2),
        HeaderFault::UnknownHash(2),
    ];
    const ENDS: [End; 9] = [
        End::Boundary,
        End::Torn,
        End::Unordered,
        End::Followed,
        End::Excess,
        End::SequenceGap,
        End::Oversized,
        End::Undecodable,
        End::NotCreated,
    ];
    const HISTORIES: [History; 3] = [History::Empty, History::FirstRun, History::Longer];
    const HEADS: [HeadFound; 5] = [
        HeadFound::Absent,
        HeadFound::Damaged,
        HeadFound::Contained,
        HeadFound::Different,
        HeadFound::Beyond,
    ];

    fn frames(end: End, history: History, head: HeadFound) -> Action {
        action(Facts {
            log: LogFound::Frames { end, history },
            head,
        })
    }

    #[test]
    fn a_whole_log_that_contains_its_head_opens() {
        for history in [History::FirstRun, History::Longer] {
            assert_eq!(frames(End::Boundary, history, HeadFound::Contained), Open);
        }
    }

    #[test]
    fn a_torn_tail_after_the_head_heals() {
        for end in [End::Torn, End::Unordered] {
            for history in [History::FirstRun, History::Longer] {
                assert_eq!(frames(end, history, HeadFound::Contained), Heal);
            }
        }
    }

    #[test]
    fn without_a_head_only_the_first_run_opens_or_heals() {
        assert_eq!(
            frames(End::Boundary, History::FirstRun, HeadFound::Absent),
            Open
        );
        for end in [End::Torn, End::Unordered] {
            assert_eq!(frames(end, History::FirstRun, HeadFound::Absent), Heal);
        }
        for end in [End::Boundary, End::Torn, End::Unordered] {
            assert_eq!(
                frames(end, History::Longer, HeadFound::Absent),
                Refuse(Rule::HeadMissing)
            );
        }
    }

    #[test]
    fn a_log_without_its_first_entry_is_refused() {
        for end in [End::Boundary, End::Torn, End::Unordered] {
            for head in [HeadFound::Absent, HeadFound::Contained] {
                assert_eq!(frames(end, History::Empty, head), Refuse(Rule::NotCreated));
            }
        }
    }

    #[test]
    fn no_log_and_no_head_create_and_a_head_alone_is_refused() {
        for head in HEADS {
            let expected = match head {
                HeadFound::Absent => Create,
                HeadFound::Damaged
                | HeadFound::Contained
                | HeadFound::Different
                | HeadFound::Beyond => Refuse(Rule::LogLost),
            };
            assert_eq!(
                action(Facts {
                    log: LogFound::Absent,
                    head
                }),
                expected
            );
        }
    }

    #[test]
    fn an_unusable_header_is_refused_whatever_the_head() {
        for fault in HEADER_FAULTS {
            for head in HEADS {
                assert_eq!(
                    action(Facts {
                        log: LogFound::Unusable(fault),
                        head
                    }),
                    Refuse(Rule::Header(fault))
                );
            }
        }
    }

    #[test]
    fn what_no_interrupted_write_leaves_is_refused_whatever_the_head() {
        for (end, rule) in [
            (End::Followed, Rule::DamageFollowed),
            (End::Excess, Rule::DamageTooLong),
            (End::SequenceGap, Rule::SequenceGap),
            (End::Oversized, Rule::Oversized),
            (End::Undecodable, Rule::Undecodable),
            (End::NotCreated, Rule::NotCreated),
        ] {
            for history in HISTORIES {
                for head in HEADS {
                    assert_eq!(frames(end, history, head), Refuse(rule));
                }
            }
        }
    }

    #[test]
    fn a_head_that_is_damaged_or_differs_or_is_not_reached_is_refused() {
        for end in [End::Boundary, End::Torn, End::Unordered] {
            let unreached = if end == End::Boundary {
                Rule::ShorterThanHead
            } else {
                Rule::DamageBeforeHead
            };
            for history in HISTORIES {
                for (head, rule) in [
                    (HeadFound::Damaged, Rule::HeadDamaged),
                    (HeadFound::Different, Rule::HeadDiffers),
                    (HeadFound::Beyond, unreached),
                ] {
                    assert_eq!(frames(end, history, head), Refuse(rule));
                }
            }
        }
    }

    /// The tests above name rows; this one counts what all combinations come to, so that no row is
    /// forgotten and none heals or opens that is not named there.
    #[test]
    fn of_all_combinations_only_the_named_ones_do_not_refuse() {
        let mut logs = vec![LogFound::Absent];
        logs.extend(HEADER_FAULTS.map(LogFound::Unusable));
        for end in ENDS {
            logs.extend(HISTORIES.map(|history| LogFound::Frames { end, history }));
        }
        let (mut created, mut opened, mut healed, mut refused) = (0, 0, 0, 0);
        for log in logs {
            for head in HEADS {
                match action(Facts { log, head }) {
                    Create => created += 1,
                    Open => opened += 1,
                    Heal => healed += 1,
                    Refuse(_) => refused += 1,
                }
            }
        }
        assert_eq!((created, opened, healed, refused), (1, 3, 6, 160));
    }
}
