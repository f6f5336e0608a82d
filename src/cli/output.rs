//! Standard output, for a reader that may go away (`| head`) at any time.

use std::io::{self, Write};

use courier_ledger::{ClockDifference, OtherClock};
use serde::Serialize;

use super::error::{CommandError, OutputError};
use super::logging;

/// Writes to standard output; a reader that has gone away is no error.
pub(crate) fn write(
    produce: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CommandError> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    match produce(&mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError(error).into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tells what was done. It stands, whoever reads of it: what cannot be shown is said, and ends nothing.
pub(crate) fn tell(produce: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    if let Err(error) = write(produce) {
        tracing::warn!(
            "what was done stands, and standard output did not take what it is: {error}"
        );
    }
}

/// Says that clocks do not agree.
pub(crate) fn warn_of_clock(difference: &ClockDifference) {
    // Each time by a little more or less.
    let clock = match difference.whose {
        OtherClock::Broker => "clock of the broker",
        OtherClock::LastEntry => "clock of the last entry",
    };
    if !logging::is_worth_saying(clock) {
        return;
    }
    tracing::warn!(
        "{difference}. The ledger records what ours says, and that they differ; nothing is decided by it. \
         Set the clock that is wrong"
    );
}

/// What could not be written.
pub(crate) fn error(error: io::Error) -> CommandError {
    OutputError(error).into()
}

/// Writes a value as indented JSON.
pub(crate) fn write_json(value: &impl Serialize) -> Result<(), CommandError> {
    write(|output| {
        serde_json::to_writer_pretty(&mut *output, value)?;
        writeln!(output)
    })
}
