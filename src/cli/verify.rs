//! `verify`: every byte of the ledger, from the first to the last, and `status.xml` against it.

use std::io::{self, Write};
use std::path::Path;

use courier_ledger::log::Tail;
use courier_ledger::{Entry, Event, Sequence, State, StatusDocument, Timestamp, Tip};

use super::arguments::Arguments;
use super::error::{CommandError, NoProjection};
use super::{ledger, output, parts};
use crate::effects::status_file::{Found, LocalStatusFile};
use crate::exit_code::ExitCode;

pub(crate) fn verify(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let directory = parts::working_dir(arguments)?;
    let claim = claim(&directory)?;
    let mut state = State::default();
    let mut projected = None;
    let mut times = Times::default();
    let bar = progress_bar();
    let visit = |entry: courier_ledger::Entry| {
        times.read(&entry);
        state.advance(&entry)?;
        if let (Some((tip, _)), Some(log)) = (&claim, state.log())
            && tip.sequence == entry.sequence
        {
            let tip = Tip {
                log,
                sequence: entry.sequence,
                hash: entry.hash,
            };
            projected = Some(StatusDocument::project(&state, tip));
        }
        Ok(())
    };
    let summary = ledger::audit(&directory, visit, |progress| {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.done_bytes);
    });
    bar.finish_and_clear();
    let summary = summary?;
    let status = match (&claim, &projected) {
        (None, _) => "there is no status.xml of this ledger yet".to_owned(),
        (Some((tip, bytes)), Some(document)) if document.as_bytes() == bytes => {
            format!("status.xml is the projection as of event {}", tip.sequence)
        }
        (Some((tip, _)), _) => {
            return Err(NoProjection::Differs {
                shown: tip.sequence,
            }
            .into());
        }
    };
    output::write(|output| {
        writeln!(
            output,
            "The ledger {} is whole: {} events, {} bytes.\n\
             Hash chain, head, every event and every transition were checked; {status}.\n\
             Last event: {}, hash {}",
            summary.tip.log,
            summary.tip.sequence,
            summary.size_bytes,
            summary.tip.sequence,
            summary.tip.hash
        )?;
        times.write(output)?;
        match summary.tail {
            Tail::Complete => Ok(()),
            Tail::BeingWritten => writeln!(output, "A run is writing the next event right now."),
            Tail::Torn(_) => writeln!(
                output,
                "Behind it is an event that a crash cut short: the next run keeps it aside and goes on."
            ),
        }
    })?;
    Ok(ExitCode::Done)
}

/// So many places are named where times go back.
const NAMED_PLACES: usize = 3;

/// Where an entry claims a time before that of the one before it.
#[derive(Default)]
struct Times {
    last: Option<(Sequence, Timestamp)>,
    count: u64,
    first: Vec<String>,
}

impl Times {
    fn read(&mut self, entry: &Entry) {
        let now = (entry.sequence, entry.time);
        let Some((before, last)) = self
            .last
            .replace(now)
            .filter(|(_, last)| entry.time < *last)
        else {
            return;
        };
        self.count += 1;
        if self.first.len() < NAMED_PLACES {
            let said = match &entry.event {
                Event::ClockDiffers(_) => ", and says so",
                _ => "",
            };
            let (sequence, time) = now;
            self.first.push(format!(
                "event {before} is of {last}, and event {sequence} of {time}{said}"
            ));
        }
    }

    fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        match self.count {
            0 => return Ok(()),
            1 => writeln!(output, "Times go back once:")?,
            count => writeln!(output, "Times go back {count} times, first:")?,
        }
        for place in &self.first {
            writeln!(output, "  {place}")?;
        }
        Ok(())
    }
}

/// On a terminal, how far the audit has come.
fn progress_bar() -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    match style {
        Ok(style) => indicatif::ProgressBar::new(0).with_style(style),
        Err(_) => indicatif::ProgressBar::hidden(),
    }
}

/// What the local `status.xml` claims to show.
fn claim(directory: &Path) -> Result<Option<(Tip, Vec<u8>)>, NoProjection> {
    match LocalStatusFile::inside(directory).read()? {
        Found::Projection(tip, bytes) => Ok(Some((tip, bytes))),
        Found::Nothing | Found::Legacy(_) => Ok(None),
    }
}
