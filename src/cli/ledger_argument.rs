//! Where a ledger is, as it is typed: a folder, or the address of a database.
//!
//! Deliberately absent: secrets, which never are arguments.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use courier_postgres::{Address, AddressError};

/// Where a ledger is, as it is named in a command.
#[derive(Clone, Debug)]
pub(crate) enum LedgerArgument {
    /// In this folder.
    Folder(PathBuf),
    /// In this database; what it is reached with stands in the environment (PGPASSWORD, PGSSLROOTCERT, PGSSLCERT,
    /// PGSSLKEY).
    Database(Box<Address>),
    /// What is meant as the address of a database, and cannot be used. It may hold a password, so it is not shown, as a
    /// wrong argument would be.
    Unusable(Arc<AddressError>),
}

impl FromStr for LedgerArgument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (Address::is_meant(text), text.parse()) {
            (true, Ok(address)) => Self::Database(Box::new(address)),
            (true, Err(error)) => Self::Unusable(Arc::new(error)),
            (false, _) => Self::Folder(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for LedgerArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Database(address) => address.fmt(f),
            Self::Unusable(_) => f.write_str("an address that cannot be used"),
        }
    }
}
