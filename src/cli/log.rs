//! `log`: what happened, event by event.
//!
//! What always holds here: an event is shown as it is read, so that memory does not depend on how many
//! there are; unless it is asked for, nothing is shown of a ledger that cannot be relied on. Both together cost a second
//! reading: whether the first entry is true is known only when the last one was compared with the
//! head, and what one reading would hold back until then grows with the log.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use courier_ledger::log::Piece;
use courier_ledger::{Entry, Event, Sequence, Timestamp};
use serde::Serialize;

use super::arguments::{Arguments, LogOptions, RunName};
use super::error::{CommandError, LeftOut, UsageError};
use super::moment::Moment;
use super::redacted::{self, Stretches};
use super::subject::Subject;
use super::{ledger, output};
use crate::exit_code::ExitCode;

#[derive(Serialize)]
struct Line<'a> {
    sequence: Sequence,
    time: Timestamp,
    kind: &'static str,
    event: &'a Event,
    hash: courier_ledger::Digest,
}

/// An event that was left out of a redacted copy.
#[derive(Serialize)]
struct LeftOutLine {
    sequence: Sequence,
    kind: &'static str,
    hash: courier_ledger::Digest,
}

pub(crate) fn log(arguments: &Arguments, options: &LogOptions) -> Result<ExitCode, CommandError> {
    if let Some(folder) = redacted::named(arguments)? {
        return of_copy(&folder, options);
    }
    let mut subject = Subject::new(options.request);
    let run = match options.run {
        Some(run) => Some(run_of(arguments, run)?),
        None => None,
    };
    let first = match (options.since, options.request) {
        (Some(Moment::Event(first)), None) => first,
        // An outcome names only its command, which may stand earlier; clocks may have been turned back.
        _ => Sequence::NONE,
    };
    let (mut last, mut shown) = (None, 0_u64);
    let mut read = Ok(());
    output::write(|output| {
        let mut written = Ok(());
        let mut visitor = |entry: Entry| {
            last = Some((entry.sequence, entry.time));
            if subject.concerns(&entry) && is_asked_for(&entry, options, run) {
                shown += 1;
                written = show(output, options, &entry);
            }
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        read = match options.until_damage {
            true => ledger::read_until_damage(arguments, &mut visitor),
            false => ledger::read_from(arguments, first, &mut visitor),
        };
        written
    })?;
    read?;
    if let Some((sequence, time)) = last.filter(|_| shown == 0) {
        tell_nothing(options, sequence, time);
    }
    Ok(ExitCode::Done)
}

/// The same of a redacted copy.
fn of_copy(folder: &Path, options: &LogOptions) -> Result<ExitCode, CommandError> {
    if options.run.is_some() {
        return Err(LeftOut::Runs.into());
    }
    let mut subject = Subject::new(options.request);
    // What is not whole is known at once; then nothing is shown.
    let left_out = redacted::read(folder, |_| Ok(()))?.left_out;
    let filtered = options.request.is_some() || !options.kind.is_empty();
    let mut read = Ok(());
    output::write(|output| {
        let mut written = Ok(());
        read = redacted::read(folder, |piece| {
            if written.is_err() {
                return Ok(());
            }
            match piece {
                Piece::Kept(entry) => {
                    if subject.concerns(&entry) && is_asked_for(&entry, options, None) {
                        written = show(output, options, &entry);
                    }
                }
                Piece::LeftOut { sequence, hash } => {
                    let by_number = |it: Moment| match it {
                        Moment::Event(number) => Some(number),
                        Moment::Time(_) | Moment::Day(..) => None,
                    };
                    let since = options.since.and_then(by_number);
                    let until = options.until.and_then(by_number);
                    let asked = since.is_none_or(|it| sequence >= it)
                        && until.is_none_or(|it| sequence <= it);
                    if asked && !filtered {
                        written = show_left_out(output, options, sequence, hash);
                    }
                }
            }
            Ok(())
        })
        .map(drop);
        written
    })?;
    read?;
    if !left_out.is_empty() {
        let stretches = Stretches(&left_out);
        let and = match filtered {
            true => "; whether any of them is among what was asked for is not known",
            false => "",
        };
        tracing::warn!(
            "this is a redacted copy: what these events say was left out: {stretches}{and}"
        );
    }
    Ok(ExitCode::Done)
}

fn show_left_out(
    output: &mut dyn Write,
    options: &LogOptions,
    sequence: Sequence,
    hash: courier_ledger::Digest,
) -> io::Result<()> {
    if options.json {
        let line = LeftOutLine {
            sequence,
            kind: "left-out",
            hash,
        };
        serde_json::to_writer(&mut *output, &line)?;
        writeln!(output)
    } else {
        writeln!(
            output,
            "{sequence:>6}  left out: only its hash is here, {hash}"
        )
    }
}

/// Whether an event is in the time, of the kinds and in the run that are asked for.
fn is_asked_for(
    entry: &Entry,
    options: &LogOptions,
    run: Option<(Sequence, Option<Sequence>)>,
) -> bool {
    let Entry { sequence, time, .. } = *entry;
    let since = options.since;
    let until = options.until;
    let kind = entry.event.kind();
    since.is_none_or(|since| since.is_reached_by(sequence, time))
        && until.is_none_or(|until| until.is_not_passed_by(sequence, time))
        && (options.kind.is_empty() || options.kind.iter().any(|it| it == kind))
        && run.is_none_or(|(first, next)| {
            sequence >= first && next.is_none_or(|next| sequence < next)
        })
}

/// The first event of a run, and of the one behind it.
fn run_of(
    arguments: &Arguments,
    run: RunName,
) -> Result<(Sequence, Option<Sequence>), CommandError> {
    let mut found: Option<(Sequence, Option<Sequence>)> = None;
    let mut last = Sequence::NONE;
    let mut visitor = |entry: Entry| {
        last = entry.sequence;
        if matches!(entry.event, Event::RunStarted { .. }) {
            let is_behind = matches!(run, RunName::Of(event) if event < entry.sequence);
            match &mut found {
                Some((_, next)) if is_behind => {
                    next.get_or_insert(entry.sequence);
                }
                None if is_behind => {}
                _ => found = Some((entry.sequence, None)),
            }
        }
        ControlFlow::Continue(())
    };
    ledger::read_from(arguments, Sequence::NONE, &mut visitor)?;
    match (run, found) {
        (RunName::Of(event), Some(_)) if event > last => Err(UsageError::NoSuchRun(event).into()),
        (_, Some(found)) => Ok(found),
        (RunName::Of(event), None) => Err(UsageError::NoSuchRun(event).into()),
        (RunName::Last, None) => Err(UsageError::NoEvents.into()),
    }
}

/// Says that nothing is shown, and up to where the ledger goes.
fn tell_nothing(options: &LogOptions, last: Sequence, time: Timestamp) {
    let about = match options.request {
        Some(request) => format!(" about request {request}"),
        None => String::new(),
    };
    tracing::warn!("the ledger has no such event{about}; its last one is {last}, of {time}");
}

fn show(output: &mut dyn Write, options: &LogOptions, entry: &Entry) -> io::Result<()> {
    let Entry {
        sequence,
        time,
        event,
        hash,
        ..
    } = entry;
    if options.json {
        let line = Line {
            sequence: *sequence,
            time: *time,
            kind: event.kind(),
            event,
            hash: *hash,
        };
        serde_json::to_writer(&mut *output, &line)?;
        writeln!(output)
    } else {
        writeln!(
            output,
            "{sequence:>6}  {time}  {:<16}  {event}",
            event.kind()
        )
    }
}
