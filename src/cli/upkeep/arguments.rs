//! The arguments of `ledger`.

use clap::{Args, Subcommand};

use crate::cli::ledger_argument::LedgerArgument;

/// What is done to a ledger as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum UpkeepCommand {
    /// Makes the tables of a ledger in a database, or brings older ones up to date; twice is once
    #[command(visible_alias = "migrate")]
    Init,
    /// Moves a ledger between a folder and a database; what it leaves says where it is
    Copy(CopyOptions),
    /// Takes a ledger in a database from a holder that is known to be dead, before its lease ends
    Takeover(TakeoverOptions),
}

/// Who decides that, and why.
#[derive(Debug, Args)]
pub(crate) struct TakeoverOptions {
    /// How it is known that the holder is dead
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,

    /// Who answers for it; by default whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

/// From where to where.
#[derive(Debug, Args)]
pub(crate) struct CopyOptions {
    /// The ledger as it is: a folder, or a database
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) from: LedgerArgument,

    /// Where it is to be: nothing may be there yet, or the beginning of it
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) to: LedgerArgument,
}
