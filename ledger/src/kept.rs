//! Copies of `status.xml` that somebody keeps elsewhere, held against a log: whoever has one can tell
//! whether the log still is what it was then.
//!
//! What always holds here: any number of copies, of any entries, in one pass over the log, and no copy is
//! held in memory. Deliberately absent: files, and words for people.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::event::Entry;
use crate::id::{LogId, Sequence};
use crate::projection::StatusDocument;
use crate::state::State;
use crate::tip::Tip;

/// What a log says to one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyVerdict {
    /// The log contains it: it is, byte for byte, the projection as of that entry.
    Contained {
        /// The entry.
        at: Sequence,
    },
    /// It shows more than the log has: the log was cut, or is an old copy.
    LogShorter {
        /// The entry that it shows.
        shown: Sequence,
        /// The last one of the log.
        last: Sequence,
    },
    /// The log has another entry there: its history was rewritten.
    Differs {
        /// The entry.
        at: Sequence,
    },
    /// It was written from another log.
    AnotherLog {
        /// That log.
        shown: LogId,
    },
    /// It names an entry of the log, and is not the projection as of it: the copy was edited.
    Edited {
        /// The entry.
        at: Sequence,
    },
    /// It is no `status.xml` of a ledger.
    NoProjection,
}

/// Copies, to be held against a log.
#[derive(Debug, Default)]
pub struct KeptCopies {
    copies: Vec<KeptCopy>,
    /// The copies that show an entry, whatever their log.
    at: BTreeMap<Sequence, Vec<usize>>,
}

#[derive(Debug)]
struct KeptCopy {
    tip: Option<Tip>,
    sha256: Digest,
    /// What the log said when it came to the entry.
    found: Option<CopyVerdict>,
}

impl KeptCopies {
    /// Takes the bytes of one more copy.
    pub fn add(&mut self, bytes: &[u8]) {
        let tip = StatusDocument::tip_of(bytes);
        if let Some(tip) = tip {
            let copies = self.at.entry(tip.sequence).or_default();
            copies.push(self.copies.len());
        }
        self.copies.push(KeptCopy {
            tip,
            sha256: Digest::of(&[bytes]),
            found: None,
        });
    }

    /// Takes the next entry of the log; `state` is the one after it.
    pub fn read(&mut self, state: &State, entry: &Entry) {
        let (Some(log), Some(copies)) = (state.log(), self.at.get(&entry.sequence)) else {
            return;
        };
        let at = entry.sequence;
        let ours = Tip {
            log,
            sequence: at,
            hash: entry.hash,
        };
        let mut projected = None;
        for index in copies {
            let Some(copy) = self.copies.get_mut(*index) else {
                continue;
            };
            copy.found = if copy.tip == Some(ours) {
                let sha256 = *projected.get_or_insert_with(|| {
                    Digest::of(&[StatusDocument::project(state, ours).as_bytes()])
                });
                Some(match sha256 == copy.sha256 {
                    true => CopyVerdict::Contained { at },
                    false => CopyVerdict::Edited { at },
                })
            } else {
                Some(CopyVerdict::Differs { at })
            };
        }
    }

    /// What the log, which ends here, says to each copy, in the order in which they were taken.
    #[must_use]
    pub fn verdicts(&self, end: Tip) -> Vec<CopyVerdict> {
        let verdict = |copy: &KeptCopy| match copy.tip {
            None => CopyVerdict::NoProjection,
            Some(tip) if tip.log != end.log => CopyVerdict::AnotherLog { shown: tip.log },
            Some(tip) => copy.found.unwrap_or(if tip.sequence > end.sequence {
                CopyVerdict::LogShorter {
                    shown: tip.sequence,
                    last: end.sequence,
                }
            } else {
                // There is no entry 0.
                CopyVerdict::Differs { at: tip.sequence }
            }),
        };
        self.copies.iter().map(verdict).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::id::KeyId;
    use crate::time::Timestamp;

    const LOG: LogId = LogId([7; 16]);

    /// A log of three entries, and its states.
    fn log() -> Vec<(State, Entry)> {
        let version = || "test".to_owned();
        let started = Event::RunStarted {
            version: version(),
            policy: Digest([0; 32]),
            key: KeyId([0; 8]),
            instead_of: None,
            bound_to: None,
            every_minutes: None,
        };
        let created = Event::LogCreated {
            log: LOG,
            version: version(),
        };
        let mut state = State::default();
        (1..)
            .zip([created, started.clone(), started])
            .map(|(number, event)| {
                let entry = Entry {
                    sequence: Sequence(number),
                    time: Timestamp(1),
                    event,
                    salt: None,
                    hash: Digest::of(&[&[7]]),
                };
                state.advance(&entry).expect("legal");
                (state.clone(), entry)
            })
            .collect()
    }

    fn projection(log: LogId, state: &State, sequence: u64, hash: Digest) -> Vec<u8> {
        let tip = Tip {
            log,
            sequence: Sequence(sequence),
            hash,
        };
        StatusDocument::project(state, tip).as_bytes().to_vec()
    }

    #[test]
    fn each_copy_has_its_verdict_in_one_pass() {
        let log = log();
        let hash = log[0].1.hash;
        let at = |number: usize, hash| projection(LOG, &log[number - 1].0, number as u64, hash);
        let another = LogId([8; 16]);
        let edited = [at(2, hash).as_slice(), b"\n"].concat();
        let cases = [
            (at(3, hash), CopyVerdict::Contained { at: Sequence(3) }),
            (at(1, hash), CopyVerdict::Contained { at: Sequence(1) }),
            (at(2, hash), CopyVerdict::Contained { at: Sequence(2) }),
            (edited, CopyVerdict::Edited { at: Sequence(2) }),
            (
                at(2, Digest([9; 32])),
                CopyVerdict::Differs { at: Sequence(2) },
            ),
            (
                projection(LOG, &log[2].0, 4, hash),
                CopyVerdict::LogShorter {
                    shown: Sequence(4),
                    last: Sequence(3),
                },
            ),
            (
                projection(LOG, &log[2].0, 0, hash),
                CopyVerdict::Differs { at: Sequence(0) },
            ),
            (
                projection(another, &log[2].0, 3, hash),
                CopyVerdict::AnotherLog { shown: another },
            ),
            (
                projection(another, &log[2].0, 9, hash),
                CopyVerdict::AnotherLog { shown: another },
            ),
            (b"<status></status>".to_vec(), CopyVerdict::NoProjection),
            (Vec::new(), CopyVerdict::NoProjection),
        ];
        let mut copies = KeptCopies::default();
        for (bytes, _) in &cases {
            copies.add(bytes);
        }
        for (state, entry) in &log {
            copies.read(state, entry);
        }
        let end = Tip {
            log: LOG,
            sequence: Sequence(3),
            hash,
        };
        let due: Vec<_> = cases.iter().map(|(_, verdict)| *verdict).collect();
        assert_eq!(copies.verdicts(end), due);
    }
}
