//! The program `broker-courier`: carries the results of tagged AKTIN broker requests to an SFTP
//! drop-box, encrypted, and keeps a ledger that anyone can replay.
//!
//! A library only so that tests and the testbed reach its parts; the program is its one user.

// What cannot be written must not end a run by a panic: `cli::output` and `cli::terminal` write.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub(crate) mod config;
pub(crate) mod effects;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod run;

mod cli;
mod exit_code;

#[doc(hidden)]
pub use config::reference_markdown;
pub use exit_code::ExitCode;

/// What `benches/` measures. Not part of what the library offers.
#[doc(hidden)]
pub mod measured {
    pub use crate::effects::fernet::{Encryptor, FernetKey, TokenOrigin, TokenSeed, origins};
}

/// What the testbed looks at drop-boxes with. Not part of what the library offers.
#[doc(hidden)]
pub mod surveyed {
    pub use crate::cli::survey;
    pub use crate::effects::fernet::{FernetKey, origins};
    pub use crate::effects::survey::{Export, Folder, LedgerThere, Start, Survey, Temporary};
}

/// Runs the program: parses its arguments, does what they say, and gives the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    cli::main().into()
}
