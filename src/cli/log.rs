//! `log`: what happened, event by event.

use std::collections::BTreeSet;

use courier_ledger::{Command, Entry, Event, RequestId, Sequence, Timestamp};
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
        let Some(id) = self.request else { return true };
        match &entry.event {
            Event::LegacyImported { entries, .. } => entries.iter().any(|it| it.id == id),
            Event::SnapshotObserved(delta) => {
                delta.changed.iter().any(|it| it.id == id)
                    || delta.gone.iter().any(|it| it.id == id)
                    || delta.unreadable.iter().any(|it| it.id == id)
            }
            Event::RemoteObserved(delta) => {
                delta.changed.iter().any(|it| it.id == id) || delta.settled.contains(&id)
            }
            Event::CommandStarted { command, .. } => {
                let ours = Command::request(command) == Some(id);
                if ours {
                    self.starts.insert(entry.sequence);
                }
                ours
            }
            Event::Uploaded { start, .. }
            | Event::PickedUp { start, .. }
            | Event::Deleted { start, .. }
            | Event::CommandFailed { start, .. } => self.starts.contains(start),
            Event::LogCreated { .. }
            | Event::RunStarted { .. }
            | Event::PollFailed { .. }
            | Event::DeletionsApproved { .. }
            | Event::LedgerPublished { .. }
            | Event::RunFinished { .. }
            | Event::TailRecovered { .. }
            | Event::RemoteCheckFailed { .. } => false,
        }
    }
}
