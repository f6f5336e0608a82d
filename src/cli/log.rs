//! `log`: what happened, event by event.

use std::collections::BTreeSet;

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
    let mut chosen = Vec::new();
    ledger::read_entries(arguments, &mut |entry| {
        let recent = match options.since {
            None => true,
            Some(Since::Sequence(first)) => entry.sequence >= first,
            Some(Since::Time(first)) => entry.time >= first,
        };
        if subject.concerns(&entry) && recent {
            chosen.push(entry);
        }
    })?;
    output::write(|output| {
        for entry in &chosen {
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
                writeln!(output)?;
            } else {
                writeln!(
                    output,
                    "{sequence:>6}  {time}  {:<16}  {event}",
                    event.kind()
                )?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::Done)
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
