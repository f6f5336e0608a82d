//! Where the times of a ledger go back.

use std::io::{self, Write};

use courier_ledger::{Entry, Event, Sequence, Timestamp};

/// So many places are named where times go back.
const NAMED_PLACES: usize = 3;

/// Where an entry claims a time before that of the one before it.
#[derive(Default)]
pub(super) struct Times {
    last: Option<(Sequence, Timestamp)>,
    count: u64,
    first: Vec<String>,
}

impl Times {
    /// How often.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes the next entry.
    pub(super) fn read(&mut self, entry: &Entry) {
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

    /// Says where, and how often.
    pub(super) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
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
