//! `verify` of a redacted copy: what can be checked without what was left out, and what was not checked.

use courier_ledger::log::{Piece, RedactedReading};
use courier_ledger::{Digest, LogId, Sequence, State, Tip};
use serde::Serialize;

use super::arguments::VerifyOptions;
use super::checkpoints::Checkpoints;
use super::error::{CommandError, LeftOut};
use super::redacted::{self, Stretches};
use super::{output, wrapped};
use crate::exit_code::ExitCode;

/// What is said of a copy.
#[derive(Serialize)]
struct CopyView {
    log: LogId,
    events: Sequence,
    hash: Digest,
    /// A copy, and not a ledger.
    redacted: Redacted,
    tree_root: Digest,
    checkpoints: usize,
    /// The largest of them: nobody vouches for what comes later.
    signed_events: Option<u64>,
    size_bytes: u64,
}

#[derive(Serialize)]
struct Redacted {
    kept: u64,
    left_out: Vec<(Sequence, Sequence)>,
    /// Up to there every transition was checked.
    transitions_checked_through: Sequence,
}

pub(super) fn verify(
    directory: &std::path::Path,
    options: &VerifyOptions,
) -> Result<ExitCode, CommandError> {
    if options.decisions {
        return Err(LeftOut::Decisions.into());
    }
    if !options.against.is_empty() {
        return Err(LeftOut::Copies.into());
    }
    let mut checkpoints = Checkpoints::read(directory, options)?.with_tree();
    let mut state = State::default();
    let mut whole_so_far = true;
    let reading = redacted::read(directory, |piece| {
        if let Piece::Kept(entry) = &piece {
            checkpoints.begin(entry);
        }
        checkpoints.take_hash(piece.hash());
        match piece {
            Piece::Kept(entry) if whole_so_far => state.advance(&entry)?,
            Piece::Kept(_) => {}
            Piece::LeftOut { .. } => whole_so_far = false,
        }
        Ok(())
    })?;
    let root = checkpoints.root();
    let signed = checkpoints.last().map(|it| it.size);
    let checkpoints = checkpoints.judged()?.map_or(0, |(_, count)| count);
    let RedactedReading {
        tip: Tip {
            log,
            sequence,
            hash,
        },
        kept,
        left_out,
        size_bytes,
    } = reading;
    let view = CopyView {
        log,
        events: sequence,
        hash,
        redacted: Redacted {
            kept,
            left_out,
            transitions_checked_through: state.tip(),
        },
        tree_root: root,
        checkpoints,
        signed_events: signed.filter(|_| checkpoints > 0),
        size_bytes,
    };
    if options.json {
        output::write_json(&view)?;
    } else {
        let key = options.key.is_some();
        let signers = if key {
            Signers::Checked
        } else {
            Signers::NotAsked
        };
        output::write(|output| {
            for sentence in told(&view, signers) {
                wrapped::write(output, "", "", &sentence)?;
            }
            Ok(())
        })?;
    }
    Ok(ExitCode::Done)
}

/// Whether signatures were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signers {
    /// By the key that was given.
    Checked,
    /// No key was given.
    NotAsked,
}

fn told(view: &CopyView, signers: Signers) -> Vec<String> {
    let CopyView {
        log,
        events,
        hash,
        redacted:
            Redacted {
                kept,
                left_out,
                transitions_checked_through: through,
            },
        tree_root,
        checkpoints,
        signed_events,
        size_bytes,
    } = view;
    let stretches = Stretches(left_out);
    let mut told = vec![
        format!(
            "This is a redacted copy of ledger {log}: of its {events} events {kept} are there, and of {} only the \
             hashes. The copy is whole ({size_bytes} bytes).",
            stretches.events()
        ),
        "Checked: each event that is there has its hash at its place, and is one that this version knows.".to_owned(),
    ];
    if !left_out.is_empty() {
        told.push(format!(
            "Not seen: what these events say: {stretches}. Whether each event follows from those before it was checked \
             up to event {through}; behind that it cannot be."
        ));
    }
    told.push(format!(
        "Last event: {events}, hash {hash}; the tree's root over all hashes is {tree_root}."
    ));
    told.push(match (signed_events, signers) {
        (None, _) => "No checkpoint was held against it: whoever made this copy may have made up its hashes. \
                      `verify --checkpoints FILE --key VKEY` holds it against those that were signed and kept \
                      elsewhere."
            .to_owned(),
        (Some(size), signers) => {
            let is = if *checkpoints == 1 { "1 checkpoint is" } else { "checkpoints are" };
            let is = if *checkpoints == 1 { is.to_owned() } else { format!("{checkpoints} {is}") };
            let by = match signers {
                Signers::Checked => "; those that were given are signed by that key",
                Signers::NotAsked => {
                    ", as they lie beside it: who signed them was not checked (--checkpoints FILE --key VKEY)"
                }
            };
            let behind = match events.0.saturating_sub(*size) {
                0 => String::new(),
                _ => format!(" Events behind {size} are in none of them."),
            };
            format!("{is} of exactly these hashes, the last of {size} events{by}.{behind}")
        }
    });
    told
}
