//! What a person reads when a command fails: what went wrong, its causes, and what to do next.

use std::error::Error;
use std::io::Write as _;

use crate::exit_code::ExitCode;

/// An error on its way to a person, with its exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// The exit code.
    pub(crate) code: ExitCode,
    error: Box<dyn Error>,
    hint: Option<String>,
}

impl CommandError {
    /// An error without advice.
    pub(crate) fn new(code: ExitCode, error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            code,
            error: error.into(),
            hint: None,
        }
    }

    /// The same, with advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes the error, each cause on a line of its own, and the advice to standard error.
    pub(crate) fn report(&self) {
        let mut text = format!("error: {}\n", self.error);
        let mut cause = self.error.source();
        while let Some(error) = cause {
            text.push_str(&format!("  because: {error}\n"));
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        // Nothing is left to be done about a standard error that is gone.
        drop(std::io::stderr().write_all(text.as_bytes()));
    }
}
