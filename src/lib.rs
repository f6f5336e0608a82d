//! The program `broker-courier`: carries the results of tagged AKTIN broker requests to an SFTP
//! drop-box, encrypted, and keeps a ledger that anyone can replay.
//!
//! A library only so that tests and the testbed reach its parts; the program is its one user.

pub mod config;
pub mod effects;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod run;

mod cli;
mod exit_code;

pub use exit_code::ExitCode;

/// Runs the program: parses its arguments, does what they say, and gives the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    cli::main().into()
}
