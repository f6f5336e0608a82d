//! `prove`: an entry is in a checkpoint, or one checkpoint goes on from another; for somebody who has no
//! access to this machine.

use std::io;
use std::path::Path;

use courier_ledger::log::{Piece, chain};
use courier_ledger::{Digest, Entry, Event, FullTree, LogId, RequestId, Sequence, Tip};

use super::arguments::{Arguments, ProveOptions};
use super::error::{CommandError, NotProven};
use super::{ledger, output, parts, redacted};
use crate::effects::evidence::{ConsistencyProof, InclusionProof, Kept, Signed};
use crate::effects::new_file;
use crate::exit_code::ExitCode;

pub(crate) fn prove(
    arguments: &Arguments,
    options: &ProveOptions,
) -> Result<ExitCode, CommandError> {
    let location = parts::location(arguments)?;
    let directory = location.folder();
    // The log can only be longer than what was signed before it is read.
    let mut read = Read::of(options);
    let log = match redacted::is_copy(&location)? {
        true => {
            let take = |piece| {
                read.take(piece);
                Ok(())
            };
            redacted::read(directory, take)?.tip.log
        }
        false => {
            let take = |entry| {
                read.take(Piece::Kept(entry));
                Ok(())
            };
            ledger::audit(&location, take, |_| ())?.tip.log
        }
    };
    let kept = Kept::read(directory, log).map_err(NotProven::Kept)?;
    let text = match options.consistency.as_deref() {
        Some([old, new]) => consistency(&read, &kept, *old, *new)?,
        Some(_) | None => inclusion(&read, &kept, options, log)?,
    };
    match &options.output {
        Some(path) => write(path, &text)?,
        None => output::write(|output| output.write_all(text.as_bytes()))?,
    }
    Ok(ExitCode::Done)
}

/// What is gathered while the log is read.
struct Read {
    wanted: Option<Sequence>,
    request: Option<RequestId>,
    hashes: Vec<Digest>,
    entry: Option<Entry>,
    left_out: Missing,
}

/// What a redacted copy does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// It has everything, or is none.
    Nothing,
    /// Events that nobody asked for by number.
    Others,
    /// The one that was asked for.
    Wanted(Sequence),
}

impl Read {
    fn of(options: &ProveOptions) -> Self {
        Self {
            wanted: options.entry.map(|it| it.0),
            request: options.request,
            hashes: Vec::new(),
            entry: None,
            left_out: Missing::Nothing,
        }
    }

    fn take(&mut self, piece: Piece) {
        self.hashes.push(piece.hash());
        let entry = match piece {
            Piece::Kept(entry) => entry,
            Piece::LeftOut { sequence, .. } => {
                if self.wanted == Some(sequence) {
                    self.left_out = Missing::Wanted(sequence);
                } else if self.left_out == Missing::Nothing {
                    self.left_out = Missing::Others;
                }
                return;
            }
        };
        if self.wanted == Some(entry.sequence) || self.request.is_some_and(|it| tells(&entry, it)) {
            self.entry = Some(entry);
        }
    }
}

/// Whether an entry says that the result of this request was delivered.
fn tells(entry: &Entry, request: RequestId) -> bool {
    match &entry.event {
        Event::Uploaded { delivery, .. } | Event::PickedUp { delivery, .. } => {
            delivery.name.encryption_of(request).is_some()
        }
        _ => false,
    }
}

fn inclusion(
    read: &Read,
    kept: &Kept,
    options: &ProveOptions,
    log: LogId,
) -> Result<String, NotProven> {
    let entry = match (&read.entry, options.request) {
        (Some(entry), _) => entry,
        (None, None) if matches!(read.left_out, Missing::Wanted(_)) => {
            return Err(NotProven::LeftOut);
        }
        (None, Some(_)) if read.left_out != Missing::Nothing => return Err(NotProven::LeftOut),
        (None, Some(request)) => return Err(NotProven::NotDelivered(request)),
        (None, None) => return Err(NotProven::NoEntry),
    };
    if options.request.is_some() && read.left_out != Missing::Nothing {
        tracing::warn!(
            "this is a redacted copy: whether event {} is the last delivery cannot be told by it",
            entry.sequence
        );
    }
    let number = entry.sequence;
    let checkpoint = match options.checkpoint {
        Some(size) => of_size(kept, size)?,
        None => kept.all().last().ok_or(NotProven::NothingSigned)?,
    };
    let size = checkpoint.claim.size;
    if number.0 > size {
        return Err(NotProven::Later { number, size });
    }
    let before = Tip {
        log,
        sequence: Sequence(number.0 - 1),
        hash: match number.0.checked_sub(2) {
            Some(index) => at(&read.hashes, index).ok_or(NotProven::NoEntry)?,
            None => chain::start(log).hash,
        },
    };
    let made = chain::next(before, entry.time, &entry.event, entry.salt);
    let (again, payload) = made.map_err(|_| NotProven::NoEntry)?;
    debug_assert_eq!(&again, entry);
    let tree = FullTree::of(&read.hashes);
    let proof = InclusionProof::make(&tree, number, payload, before.hash, checkpoint.clone());
    Ok(proof.ok_or(NotProven::NotThisLedger(size))?.text())
}

fn consistency(read: &Read, kept: &Kept, old: u64, new: u64) -> Result<String, NotProven> {
    of_size(kept, old)?;
    let checkpoint = of_size(kept, new)?;
    let proof = ConsistencyProof::make(&FullTree::of(&read.hashes), old, checkpoint.clone());
    Ok(proof.ok_or(NotProven::Order { old, new })?.text())
}

fn of_size(kept: &Kept, size: u64) -> Result<&Signed, NotProven> {
    let mut all = kept.all().iter();
    all.find(|it| it.claim.size == size)
        .ok_or_else(|| NotProven::NoSuchCheckpoint {
            size,
            last: kept.all().last().map(|it| it.claim.size),
        })
}

fn at(hashes: &[Digest], index: u64) -> Option<Digest> {
    hashes.get(usize::try_from(index).ok()?).copied()
}

fn write(path: &Path, text: &str) -> Result<(), NotProven> {
    new_file::write_new(path, text.as_bytes()).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => NotProven::Exists(path.to_owned()),
        _ => NotProven::Unwritable {
            path: path.to_owned(),
            source,
        },
    })
}
