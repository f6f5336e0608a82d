//! The recovery table: from what is found on disk to what is done about it, one function, no I/O.
//! `docs/log-format.md` holds the same table in words.
//!
//! What always holds here: exactly one outcome changes a damaged file, [`Action::Heal`], and it needs
//! damage after the witness that an interrupted write explains. Everything else that is not whole is
//! refused.

use super::error::Rule;

/// Why the first bytes of `ledger.log` are not the header of a log that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// The file is shorter than a header.
    Short,
    /// The file does not begin as a log does.
    NotALog,
    /// The header's checksum does not hold.
    Damaged,
    /// The header is sound, of another version of the format.
    UnknownVersion(u16),
    /// The header is sound, of another hash.
    UnknownHash(u8),
}

/// What ended the walk along the chain of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
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
pub enum History {
    /// Not even the entry that creates a log.
    Empty,
    /// At most one run.
    FirstRun,
    /// More than one run.
    Longer,
}

/// What is found in place of `ledger.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFound {
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
pub enum WitnessFound {
    /// No such file.
    Absent,
    /// A file that is not a witness, byte for byte.
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
pub struct Facts {
    /// The log.
    pub log: LogFound,
    /// The witness, held against the log.
    pub witness: WitnessFound,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
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
#[must_use]
pub fn action(facts: Facts) -> Action {
    use Action::{Create, Heal, Open, Refuse};
    use WitnessFound as Witness;

    let (end, history) = match (facts.log, facts.witness) {
        (LogFound::Absent, Witness::Absent) => return Create,
        (
            LogFound::Absent,
            Witness::Damaged | Witness::Contained | Witness::Different | Witness::Beyond,
        ) => return Refuse(Rule::LogLost),
        (LogFound::Unusable(fault), _) => return Refuse(Rule::Header(fault)),
        (LogFound::Frames { end, history }, _) => (end, history),
    };
    match (end, facts.witness, history) {
        // What no interrupted write leaves behind, wherever it stands.
        (End::SequenceGap, _, _) => Refuse(Rule::SequenceGap),
        (End::Oversized, _, _) => Refuse(Rule::Oversized),
        (End::Undecodable, _, _) => Refuse(Rule::Undecodable),
        (End::NotCreated, _, _) => Refuse(Rule::NotCreated),
        (End::Followed, _, _) => Refuse(Rule::DamageFollowed),
        (End::Excess, _, _) => Refuse(Rule::DamageTooLong),
        // The witness is replaced atomically: no interruption damages it or makes it disagree.
        (_, Witness::Different, _) => Refuse(Rule::WitnessDiffers),
        (_, Witness::Damaged, _) => Refuse(Rule::WitnessDamaged),
        // Everything up to the witness was on disk before the witness was.
        (End::Boundary, Witness::Beyond, _) => Refuse(Rule::ShorterThanWitness),
        (End::Torn | End::Unordered, Witness::Beyond, _) => Refuse(Rule::DamageBeforeWitness),
        // The log appears under its name only with its first entry.
        (_, Witness::Absent | Witness::Contained, History::Empty) => Refuse(Rule::NotCreated),
        // Between the log's creation and its first witness lies at most one run.
        (_, Witness::Absent, History::Longer) => Refuse(Rule::WitnessMissing),
        (End::Boundary, Witness::Absent, History::FirstRun) => Open,
        (End::Boundary, Witness::Contained, History::FirstRun | History::Longer) => Open,
        (End::Torn | End::Unordered, Witness::Absent, History::FirstRun) => Heal,
        (End::Torn | End::Unordered, Witness::Contained, History::FirstRun | History::Longer) => {
            Heal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Create, Heal, Open, Refuse};

    const HEADER_FAULTS: [HeaderFault; 5] = [
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
    const WITNESSES: [WitnessFound; 5] = [
        WitnessFound::Absent,
        WitnessFound::Damaged,
        WitnessFound::Contained,
        WitnessFound::Different,
        WitnessFound::Beyond,
    ];

    fn frames(end: End, history: History, witness: WitnessFound) -> Action {
        action(Facts {
            log: LogFound::Frames { end, history },
            witness,
        })
    }

    #[test]
    fn a_whole_log_that_contains_its_witness_opens() {
        for history in [History::FirstRun, History::Longer] {
            assert_eq!(
                frames(End::Boundary, history, WitnessFound::Contained),
                Open
            );
        }
    }

    #[test]
    fn a_torn_tail_after_the_witness_heals() {
        for end in [End::Torn, End::Unordered] {
            for history in [History::FirstRun, History::Longer] {
                assert_eq!(frames(end, history, WitnessFound::Contained), Heal);
            }
        }
    }

    #[test]
    fn without_a_witness_only_the_first_run_opens_or_heals() {
        assert_eq!(
            frames(End::Boundary, History::FirstRun, WitnessFound::Absent),
            Open
        );
        for end in [End::Torn, End::Unordered] {
            assert_eq!(frames(end, History::FirstRun, WitnessFound::Absent), Heal);
        }
        for end in [End::Boundary, End::Torn, End::Unordered] {
            assert_eq!(
                frames(end, History::Longer, WitnessFound::Absent),
                Refuse(Rule::WitnessMissing)
            );
        }
    }

    #[test]
    fn a_log_without_its_first_entry_is_refused() {
        for end in [End::Boundary, End::Torn, End::Unordered] {
            for witness in [WitnessFound::Absent, WitnessFound::Contained] {
                assert_eq!(
                    frames(end, History::Empty, witness),
                    Refuse(Rule::NotCreated)
                );
            }
        }
    }

    #[test]
    fn no_log_and_no_witness_create_and_a_witness_alone_is_refused() {
        for witness in WITNESSES {
            let expected = match witness {
                WitnessFound::Absent => Create,
                WitnessFound::Damaged
                | WitnessFound::Contained
                | WitnessFound::Different
                | WitnessFound::Beyond => Refuse(Rule::LogLost),
            };
            assert_eq!(
                action(Facts {
                    log: LogFound::Absent,
                    witness
                }),
                expected
            );
        }
    }

    #[test]
    fn an_unusable_header_is_refused_whatever_the_witness() {
        for fault in HEADER_FAULTS {
            for witness in WITNESSES {
                assert_eq!(
                    action(Facts {
                        log: LogFound::Unusable(fault),
                        witness
                    }),
                    Refuse(Rule::Header(fault))
                );
            }
        }
    }

    #[test]
    fn what_no_interrupted_write_leaves_is_refused_whatever_the_witness() {
        for (end, rule) in [
            (End::Followed, Rule::DamageFollowed),
            (End::Excess, Rule::DamageTooLong),
            (End::SequenceGap, Rule::SequenceGap),
            (End::Oversized, Rule::Oversized),
            (End::Undecodable, Rule::Undecodable),
            (End::NotCreated, Rule::NotCreated),
        ] {
            for history in HISTORIES {
                for witness in WITNESSES {
                    assert_eq!(frames(end, history, witness), Refuse(rule));
                }
            }
        }
    }

    #[test]
    fn a_witness_that_is_damaged_or_differs_or_is_not_reached_is_refused() {
        for end in [End::Boundary, End::Torn, End::Unordered] {
            let unreached = if end == End::Boundary {
                Rule::ShorterThanWitness
            } else {
                Rule::DamageBeforeWitness
            };
            for history in HISTORIES {
                for (witness, rule) in [
                    (WitnessFound::Damaged, Rule::WitnessDamaged),
                    (WitnessFound::Different, Rule::WitnessDiffers),
                    (WitnessFound::Beyond, unreached),
                ] {
                    assert_eq!(frames(end, history, witness), Refuse(rule));
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
            for witness in WITNESSES {
                match action(Facts { log, witness }) {
                    Create => created += 1,
                    Open => opened += 1,
                    Heal => healed += 1,
                    Refuse(_) => refused += 1,
                }
            }
        }
        assert_eq!((created, opened, healed, refused), (1, 3, 6, 155));
    }
}
