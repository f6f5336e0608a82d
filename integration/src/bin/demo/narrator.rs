//! Tells the story on standard output: headlines, sentences, and what programs said, indented.

use std::io::{self, IsTerminal as _, Write as _};

use crate::Outcome;

pub(crate) struct Narrator {
    bold: bool,
}

impl Narrator {
    pub(crate) fn new() -> Self {
        Self {
            bold: io::stdout().is_terminal(),
        }
    }

    pub(crate) fn headline(&mut self, text: &str) -> Outcome<()> {
        if self.bold {
            writeln!(io::stdout(), "\n\x1b[1m{text}\x1b[0m\n")?;
        } else {
            writeln!(io::stdout(), "\n{text}\n{}\n", "-".repeat(text.len()))?;
        }
        Ok(())
    }

    pub(crate) fn say(&mut self, text: &str) -> Outcome<()> {
        writeln!(io::stdout(), "{text}")?;
        Ok(())
    }

    pub(crate) fn quote(&mut self, text: &str) -> Outcome<()> {
        let mut output = io::stdout().lock();
        writeln!(output)?;
        for line in text.lines() {
            writeln!(output, "    {line}")?;
        }
        writeln!(output)?;
        Ok(())
    }

    pub(crate) fn fail(&mut self, error: &dyn std::error::Error) {
        // Nothing is left to be done about a standard error that is gone.
        let _unheard = writeln!(io::stderr(), "The demo could not go on: {error}");
    }
}
