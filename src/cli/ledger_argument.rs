//! Where a ledger is, as it is typed: a folder, or the address of a database.
//!
//! Deliberately absent: secrets, which never are arguments.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use courier_postgres::{Address, AddressError};

/// Where a ledger is, as it is named in a command.
#[derive(Clone, Debug)]
pub(crate) enum LedgerArgument {
    /// In this folder.
    Folder(PathBuf),
    /// In this database; what it is reached with stands in the environment (PGPASSWORD, PGSSLROOTCERT, PGSSLCERT,
    /// PGSSLKEY).
    Database(Box<Address>),
}

impl FromStr for LedgerArgument {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Address::is_meant(text) {
            true => Ok(Self::Database(Box::new(text.parse()?))),
            false => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for LedgerArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Database(address) => address.fmt(f),
        }
    }
}
