//! The contract once more, with PgBouncer in between: nothing of a session is relied on.

use std::sync::OnceLock;

use courier_postgres::Database;
use testbed::pgbouncer::PgBouncer;

use super::{server, settings, tables};
use crate::site;

/// The pool; none, said plainly, where it is not installed. In continuous integration it must be there.
fn pool() -> Option<&'static PgBouncer> {
    static POOL: OnceLock<Option<PgBouncer>> = OnceLock::new();
    let pool = POOL.get_or_init(|| match PgBouncer::start(server()?) {
        Ok(pool) => Some(pool),
        Err(error) if std::env::var_os("CI").is_none() => {
            site::skipped(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    });
    pool.as_ref()
}

fn database() -> impl Fn() -> Database {
    let schema = tables(server().unwrap());
    let address = pool().unwrap().address("courier", &schema);
    move || Database::new(settings(&address))
}

courier_ledger::place_contract!(database(), if pool().is_some());
