//! Whether the ledger that is here may be gone on with, judged by what stands in place of its
//! `status.xml`, in the working directory and at the drop-box: no I/O, beside the recovery table, which
//! judges the log's bytes.
//!
//! What always holds here: a ledger that was lost, is an older copy of itself, or was rewritten, is not
//! gone on with: that would be to forget what was delivered since; and what another ledger or somebody
//! else published is not overwritten. Deliberately absent: words for people, and `status.xml` files that
//! somebody keeps elsewhere.

use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{LogId, Sequence};
use crate::import::LegacyStatus;
use crate::partners::DropBoxAddress;
use crate::projection::StatusDocument;
use crate::published::PublishedSeen;
use crate::state::State;
use crate::tip::Tip;

/// What stands in place of a `status.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusFound {
    /// Nothing.
    Nothing,
    /// One of the replaced program.
    Legacy,
    /// A projection of a ledger, through that entry.
    Projection(Tip),
    /// A file that is neither.
    Damaged,
    /// Something that is no file: somebody put it there on purpose.
    NoFile,
    /// It cannot be read.
    Unreadable(Failure),
}

impl StatusFound {
    /// What a file is that begins so; none when only more of it can tell.
    #[must_use]
    pub fn of_beginning(bytes: &[u8]) -> Option<Self> {
        StatusDocument::tip_of(bytes)
            .map(Self::Projection)
            .or_else(|| {
                let root = root_of(bytes)?;
                Some(match root {
                    b"<status>" | b"<status/>" => Self::Legacy,
                    _ => Self::Damaged,
                })
            })
    }

    /// The entry whose hash it shows, where the ledger that `state` follows from should have it.
    #[must_use]
    pub fn entry_in(&self, state: &State) -> Option<Sequence> {
        match self {
            Self::Projection(tip)
                if state.log() == Some(tip.log) && tip.sequence <= state.tip() =>
            {
                Some(tip.sequence)
            }
            Self::Nothing
            | Self::Legacy
            | Self::Projection(_)
            | Self::Damaged
            | Self::NoFile
            | Self::Unreadable(_) => None,
        }
    }
}

/// The start tag of the root element, without white space at its end; none while it is not there as a
/// whole.
fn root_of(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let end = if rest.starts_with(b"<?") {
            find(rest, b"?>")? + 2
        } else if rest.starts_with(b"<!--") {
            find(rest, b"-->")? + 3
        } else {
            break;
        };
        rest = rest.get(end..)?;
    }
    if !rest.is_empty() && !rest.starts_with(b"<") {
        // Not XML, however it goes on.
        return Some(rest);
    }
    let tag = rest.get(..=find(rest, b">")?)?;
    Some(match tag {
        b"<status >" => b"<status>",
        b"<status />" => b"<status/>",
        _ => tag,
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}

/// How a ledger goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it is.
    GoOn,
    /// First what the replaced program left is taken over.
    Import,
    /// As it is; what stands there is written anew from it.
    Rewrite,
}

/// Why a ledger is not gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It was written from another ledger, which is not here.
    AnotherLedger {
        /// That ledger.
        shown: LogId,
        /// The one that is here; none where none has begun.
        here: Option<LogId>,
    },
    /// It shows more than the ledger has: the ledger is an old copy.
    OldCopy {
        /// The entry that it shows.
        shown: Sequence,
        /// The last one of the ledger.
        last: Sequence,
    },
    /// It shows an entry that the ledger has otherwise: one of them went on from an old copy, or was
    /// rewritten.
    Forked {
        /// The entry.
        at: Sequence,
    },
    /// It is neither a ledger's nor the replaced program's, and this ledger never wrote one there.
    Foreign,
    /// It is no file.
    NoFile,
    /// It cannot be read, and this ledger never wrote one there.
    Unreadable,
    /// It is the replaced program's, and was not taken over.
    NotTakenOver {
        /// The ledger that began without it; none while it can still be taken over.
        here: Option<LogId>,
    },
    /// It is the replaced program's, although this ledger has published its own: that program still
    /// runs.
    ReplacedRuns,
}

/// What the local `status.xml` says to a log of which `state` is all. `hash` is that of the entry that
/// [`StatusFound::entry_in`] names.
pub fn standing(
    found: &StatusFound,
    state: &State,
    hash: Option<Digest>,
) -> Result<Standing, Refused> {
    let has_begun = has_begun(state);
    match found {
        StatusFound::Nothing => Ok(Standing::GoOn),
        StatusFound::Legacy if has_begun => Ok(Standing::GoOn),
        StatusFound::Legacy => Ok(Standing::Import),
        StatusFound::Projection(tip) if continues(state, *tip) => Ok(Standing::GoOn),
        StatusFound::Projection(tip) => contained(*tip, state, hash).map(|()| Standing::GoOn),
        // It is only a projection then.
        StatusFound::Damaged | StatusFound::Unreadable(_) if has_begun => Ok(Standing::Rewrite),
        StatusFound::Damaged => Err(Refused::Foreign),
        StatusFound::Unreadable(_) => Err(Refused::Unreadable),
        StatusFound::NoFile => Err(Refused::NoFile),
    }
}

/// Whether it is too late to take anything over. A log is created before that is done, and the run may have
/// been cut off in between.
fn has_begun(state: &State) -> bool {
    state.tip() > Sequence(1)
}

/// What the `status.xml` at `drop_box` says to a log of which `state` is all, and into which `legacy` is
/// about to be taken over. `hash` is that of the entry that [`StatusFound::entry_in`] names.
pub fn published_standing(
    found: &StatusFound,
    drop_box: &DropBoxAddress,
    state: &State,
    hash: Option<Digest>,
    legacy: Option<&LegacyStatus>,
) -> Result<PublishedSeen, Refused> {
    // What was done at another drop-box says nothing of this one.
    let is_known = state.delivers_to(drop_box);
    let was_published = is_known && state.publication().is_some();
    let was_begun = is_known && state.publishing().is_some();
    let is_taken_over = legacy.is_some() || is_known && state.legacy().is_some();
    match found {
        StatusFound::Nothing if was_published => Ok(PublishedSeen::Missing),
        StatusFound::Nothing => Ok(PublishedSeen::AsExpected),
        StatusFound::Legacy if was_published => Err(Refused::ReplacedRuns),
        StatusFound::Legacy if is_taken_over => Ok(PublishedSeen::AsExpected),
        StatusFound::Legacy => Err(Refused::NotTakenOver {
            here: state.log().filter(|_| has_begun(state)),
        }),
        // What a lost ledger published is what this one was begun from, until it publishes its own.
        StatusFound::Projection(tip) if !was_published && continues(state, *tip) => {
            Ok(PublishedSeen::AsExpected)
        }
        StatusFound::Projection(tip) => {
            contained(*tip, state, hash).map(|()| PublishedSeen::AsExpected)
        }
        // A publication that was cut off leaves a part of it where files are written in place.
        StatusFound::Damaged if was_begun => Ok(PublishedSeen::Unusable),
        StatusFound::Damaged => Err(Refused::Foreign),
        StatusFound::NoFile => Err(Refused::NoFile),
        StatusFound::Unreadable(failure) => Ok(PublishedSeen::Unreadable(failure.clone())),
    }
}

/// Whether it shows no more of a lost ledger than what this one was begun from.
fn continues(state: &State, shown: Tip) -> bool {
    state.recovered_from().is_some_and(|lost| {
        lost.log == shown.log && (lost.sequence > shown.sequence || lost == shown)
    })
}

/// Whether the log holds that very entry.
fn contained(tip: Tip, state: &State, hash: Option<Digest>) -> Result<(), Refused> {
    if state.log() != Some(tip.log) {
        return Err(Refused::AnotherLedger {
            shown: tip.log,
            here: state.log(),
        });
    }
    if tip.sequence > state.tip() {
        return Err(Refused::OldCopy {
            shown: tip.sequence,
            last: state.tip(),
        });
    }
    if hash != Some(tip.hash) {
        return Err(Refused::Forked { at: tip.sequence });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
