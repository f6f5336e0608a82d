//! What a database is reached with that a command line names, and what this process is called there.
//!
//! What always holds here: a password comes from the environment or a file, never from an argument. Deliberately
//! absent: what the configuration says, and reaching it (`courier-postgres`).

use std::path::PathBuf;

use courier_postgres::{Address, Certificate, Settings};
use secrecy::SecretString;

use super::environment;

/// The settings of an address without a configuration: what else it takes is in the variables that PostgreSQL's own
/// programs read.
pub(crate) fn named(address: Address) -> Settings {
    let path = |name| environment::value(name).map(PathBuf::from);
    let certificate = path("PGSSLCERT").zip(path("PGSSLKEY"));
    Settings {
        password: environment::text("PGPASSWORD").map(SecretString::from),
        ca_file: path("PGSSLROOTCERT"),
        certificate: certificate.map(|(chain, key)| Certificate { chain, key }),
        ..Settings::new(address, holder())
    }
}

/// Who holds a ledger, for whoever reads that on another machine.
pub(crate) fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "a host without a name",
        name => name,
    };
    format!("{host}, process {}", std::process::id())
}
