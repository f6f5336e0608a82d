//! `log`: what happened, event by event.
//!
//! What always holds here: an event is shown as it is read, so that memory does not depend on how many
//! there are; unless it is asked for, nothing is shown of a ledger that cannot be relied on. Both together cost a second
//! reading: whether the first entry is true is known only when the last one was compared with the
//! head, and what one reading would hold back until then grows with the log.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::ControlFlow;

use courier_ledger::{Entry, Event, RequestId, Sequence, Timestamp};
use serde::Serialize;

use super::arguments::{Arguments, LogOptions, Since};
use super::error::CommandError;
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

pub(crate) fn log(arguments: &Arguments, options: &LogOptions) -> Result<ExitCode, CommandError> {
    let mut subject = Subject::new(options.request);
    let first = match (options.since, options.request) {
        (Some(Since::Sequence(first)), None) => first,
        // An outcome names only its command, which may stand earlier; clocks may have been turned back.
        (Some(Since::Time(_)) | None, _) | (_, Some(_)) => Sequence::NONE,
    };
    let mut read = Ok(());
    output::write(|output| {
        let mut written = Ok(());
        let mut visitor = |entry: Entry| {
            let recent = match options.since {
                None => true,
                Some(Since::Sequence(first)) => entry.sequence >= first,
                Some(Since::Time(first)) => entry.time >= first,
            };
            if subject.concerns(&entry) && recent {
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
    Ok(ExitCode::Done)
}

fn show(output: &mut dyn Write, options: &LogOptions, entry: &Entry) -> io::Result<()> {
    let Entry {
        sequence,
        time,
        event,
        hash,
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

/// Follows one request through the log: its observations, its commands and their outcomes.
struct Subject {
    request: Option<RequestId>,
    starts: BTreeSet<Sequence>,
}

impl Subject {
    fn new(request: Option<RequestId>) -> Self {
        Self {
            request,
            starts: BTreeSet::new(),
        }
    }

    fn concerns(&mut self, entry: &Entry) -> bool {
        let Some(request) = self.request else {
            return true;
        };
        if let Some(start) = entry.event.outcome_of() {
            return self.starts.contains(&start);
        }
        let concerns = entry.event.concerns(request);
        if concerns && matches!(entry.event, Event::CommandStarted { .. }) {
            self.starts.insert(entry.sequence);
        }
        concerns
    }
}
