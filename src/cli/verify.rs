//! `verify`: every byte of the ledger, from the first to the last, and `status.xml` against it.

use std::path::Path;

use courier_ledger::{ProjectionTip, State, StatusDocument};

use super::arguments::Arguments;
use super::error::CommandError;
use super::{output, place};
use crate::effects::status_file::{Found, LocalStatusFile};
use crate::run::ExitCode;

pub(crate) fn verify(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let directory = place::working_dir(arguments)?;
    let claim = claim(&directory)?;
    let mut state = State::default();
    let mut projected = None;
    let reading = place::visit(&directory, &mut |entry| {
        state = place::fold(std::mem::take(&mut state), &entry, &directory)?;
        if let (Some((tip, _)), Some(log)) = (&claim, state.log())
            && tip.sequence == entry.sequence
        {
            let tip = ProjectionTip {
                log,
                sequence: entry.sequence,
                hash: entry.hash,
            };
            projected = Some(StatusDocument::project(&state, tip));
        }
        Ok(())
    })?;
    let Some(reading) = reading else {
        let text = format!("there is no ledger in {}", directory.display());
        return Err(CommandError::new(ExitCode::Usage, text).hint("the first `run` creates it"));
    };
    let status = match (&claim, &projected) {
        (None, _) => "there is no status.xml of this ledger yet".to_owned(),
        (Some((tip, bytes)), Some(document)) if document.as_bytes() == bytes => {
            format!("status.xml is the projection as of event {}", tip.sequence)
        }
        (Some((tip, _)), _) => {
            let text = format!(
                "status.xml says that it shows the ledger as of event {}, and it does not",
                tip.sequence
            );
            return Err(CommandError::new(ExitCode::Ledger, text)
                .hint("the next run writes it anew from the log, which is whole"));
        }
    };
    output::write(|output| {
        writeln!(
            output,
            "The ledger {} is whole: {} events, {} bytes.\n\
             Hash chain, witness, every event and every transition were checked; {status}.\n\
             Last event: {}, hash {}",
            reading.log,
            reading.entries,
            reading.size_bytes,
            reading.tip.sequence,
            reading.tip.hash
        )?;
        if reading.unfinished_bytes > 0 {
            writeln!(
                output,
                "{} bytes after it are an event that is being written, or that a crash cut short: \
                 the next run keeps them aside and goes on.",
                reading.unfinished_bytes
            )?;
        }
        Ok(())
    })?;
    Ok(ExitCode::Done)
}

/// What the local `status.xml` claims to show.
fn claim(directory: &Path) -> Result<Option<(ProjectionTip, Vec<u8>)>, CommandError> {
    match LocalStatusFile::inside(directory).read() {
        Ok(Found::Projection(tip, bytes)) => Ok(Some((tip, bytes))),
        Ok(Found::Nothing | Found::Legacy(_)) => Ok(None),
        Err(error) => Err(CommandError::new(ExitCode::Ledger, error)
            .hint("the next run writes it anew from the log")),
    }
}
