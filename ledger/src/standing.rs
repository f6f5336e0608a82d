//! Whether the ledger that is here may be gone on with, judged by what stands in place of its own
//! `status.xml`: one function, no I/O, beside the recovery table, which judges the log's bytes.
//!
//! What always holds here: a ledger that was lost, or is an older copy of itself, is not gone on with:
//! that would be to forget what was delivered since. Deliberately absent: the published `status.xml`,
//! and words for people.

use crate::id::{LogId, Sequence};
use crate::state::State;
use crate::tip::Tip;

/// What stands in place of the local `status.xml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFound {
    /// Nothing.
    Nothing,
    /// The ledger of the replaced program.
    Legacy,
    /// A projection of ours, through that entry.
    Projection(Tip),
    /// A file that cannot be read, or is neither.
    Damaged,
    /// Something that is no file: somebody put it there on purpose.
    NoFile,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger is gone on with.
    GoOn,
    /// First what the replaced program left is taken over.
    Import,
    /// The ledger is gone on with, and what stands there is written anew from it.
    Rewrite,
    /// What stands there is not to be replaced or overlooked: a person must look at it.
    InTheWay,
    /// It was written from another ledger, which is not here.
    Lost {
        /// That ledger.
        log: LogId,
    },
    /// It shows more than the ledger has: the ledger is an old copy.
    OldCopy {
        /// The entry that it shows.
        shown: Sequence,
        /// The last one of the ledger.
        last: Sequence,
    },
}

/// What a `status.xml` says to a log of which `state` is all.
#[must_use]
pub fn standing(found: StatusFound, state: &State) -> Standing {
    // A log is created before anything is taken over, and the run may have been cut off in between.
    let has_begun = state.tip() > Sequence(1);
    match found {
        StatusFound::Nothing => Standing::GoOn,
        StatusFound::Legacy if has_begun => Standing::GoOn,
        StatusFound::Legacy => Standing::Import,
        StatusFound::Projection(tip) if state.log() != Some(tip.log) => {
            Standing::Lost { log: tip.log }
        }
        StatusFound::Projection(tip) if tip.sequence > state.tip() => Standing::OldCopy {
            shown: tip.sequence,
            last: state.tip(),
        },
        StatusFound::Projection(_) => Standing::GoOn,
        // It is only a projection then.
        StatusFound::Damaged if has_begun => Standing::Rewrite,
        StatusFound::Damaged | StatusFound::NoFile => Standing::InTheWay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::event::{Entry, Event};
    use crate::id::KeyId;
    use crate::time::Timestamp;

    const LOG: LogId = LogId([7; 16]);

    /// States after no, one and two entries.
    fn states() -> [State; 3] {
        let entry = |number, event| Entry {
            sequence: Sequence(number),
            time: Timestamp(1),
            event,
            hash: Digest([0; 32]),
        };
        let version = || "test".to_owned();
        let created = Event::LogCreated {
            log: LOG,
            version: version(),
        };
        let started = Event::RunStarted {
            version: version(),
            policy: Digest([0; 32]),
            key: KeyId([0; 8]),
            instead_of: None,
        };
        let begun = State::default().apply(&entry(1, created)).expect("legal");
        let run = begun.clone().apply(&entry(2, started)).expect("legal");
        [State::default(), begun, run]
    }

    fn judged(found: StatusFound) -> [Standing; 3] {
        states().map(|state| standing(found, &state))
    }

    #[test]
    fn every_combination_has_its_row() {
        use Standing::{GoOn, Import, InTheWay, Lost, OldCopy, Rewrite};
        let projection = |log, sequence| {
            StatusFound::Projection(Tip {
                log,
                sequence: Sequence(sequence),
                hash: Digest([0; 32]),
            })
        };
        let old = |shown, last| OldCopy {
            shown: Sequence(shown),
            last: Sequence(last),
        };
        let another = LogId([8; 16]);
        assert_eq!(judged(StatusFound::Nothing), [GoOn; 3]);
        assert_eq!(judged(StatusFound::Legacy), [Import, Import, GoOn]);
        assert_eq!(judged(StatusFound::Damaged), [InTheWay, InTheWay, Rewrite]);
        assert_eq!(judged(StatusFound::NoFile), [InTheWay; 3]);
        assert_eq!(judged(projection(another, 1)), [Lost { log: another }; 3]);
        let lost = Lost { log: LOG };
        assert_eq!(judged(projection(LOG, 1)), [lost, GoOn, GoOn]);
        assert_eq!(judged(projection(LOG, 2)), [lost, old(2, 1), GoOn]);
        assert_eq!(judged(projection(LOG, 3)), [lost, old(3, 1), old(3, 2)]);
    }
}
