//! The arguments of `ledger`.

use clap::Subcommand;

/// What is done to a ledger as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum UpkeepCommand {
    /// Makes the tables of a ledger in a database, or brings older ones up to date; twice is once
    Init,
}
