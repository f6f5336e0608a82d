//! The ledger in PostgreSQL: Debian's own server, one for all tests, a schema for each.
//!
//! What always holds here: tables are made and granted as `examples/postgresql/` says; the courier is the writer.

mod bad_input;
mod contract;
mod full;
mod kept_state;
mod pooled;
mod program;
mod replaced;
mod standby;
mod takeover;
mod two_drop_boxes;
mod upgrade;
mod witness;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use courier_postgres::{Address, Settings, migrate};
use testbed::postgres::Postgres;

use crate::site;

const ROLES: &str = include_str!("../../../examples/postgresql/roles.sql");
const GRANTS: &str = include_str!("../../../examples/postgresql/grants.sql");
/// The password of everybody over the network.
pub(super) const PASSWORD: &str = "a-long-password";

/// The server; none, said plainly, where it is not installed. In continuous integration it must be there.
pub(super) fn server() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match Postgres::start() {
        Ok(server) => {
            let users = ROLES.replace("create schema", "create schema if not exists");
            server.sql(&users).unwrap();
            for user in ["courier", "courier_owner", "courier_auditor"] {
                let text = format!("alter role {user} password '{PASSWORD}'");
                server.sql(&text).unwrap();
            }
            server
                .sql("create role certified login in role courier")
                .unwrap();
            Some(server)
        }
        Err(error) if std::env::var_os("CI").is_none() => {
            site::skipped(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    });
    server.as_ref()
}

/// Whether there is one.
pub(super) fn is_there() -> bool {
    server().is_some()
}

/// A schema of its own, without tables.
pub(super) fn schema(server: &Postgres) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let schema = format!("ledger_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let statements = ROLES
        .lines()
        .filter(|line| !line.starts_with("create role"));
    let statements = statements.collect::<Vec<_>>().join("\n");
    server
        .sql(&statements.replace("broker_courier", &schema))
        .unwrap();
    schema
}

/// Tables in a schema of their own, made by their owner, with the documented rights.
pub(super) fn tables(server: &Postgres) -> String {
    let schema = schema(server);
    migrate(&settings(&server.socket("courier_owner", &schema))).unwrap();
    grant(server, &schema);
    schema
}

/// Gives the documented rights.
pub(super) fn grant(server: &Postgres, schema: &str) {
    let grants = GRANTS.replace("broker_courier", schema);
    server.sql_as("courier_owner", &grants).unwrap();
}

/// The settings of a test, that waits for nothing long.
pub(super) fn settings(address: &str) -> Settings {
    let address: Address = address.parse().unwrap();
    let holder = format!("a test, process {}", std::process::id());
    Settings {
        patience: Duration::from_secs(20),
        ..Settings::new(address, holder)
    }
}
