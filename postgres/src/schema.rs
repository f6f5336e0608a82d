//! The tables of a ledger, and how they are made.
//!
//! What always holds here: tables of a version that is not known are left alone; making them twice
//! changes nothing. Deliberately absent: who may do what with them, which their owner says (docs/two-hosts.md).

use tokio::runtime::Builder;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::error::DatabaseError;
use crate::session::{Session, silent};
use crate::settings::Settings;

/// The version of the tables that this program makes and uses.
pub const VERSION: i64 = 2;

const STEP: &str = "making the tables";

/// What makes them, statement by statement, and what older ones lack; `{schema}` is where. An entry is written once;
/// of a ledger, the one row of `runner` is all that ever changes. The version comes last: a migration that was
/// interrupted is done once more.
const TABLES: [&str; 8] = [
    "create schema if not exists {schema}",
    "create table if not exists {schema}.version (
        one int8 primary key check (one = 1),
        version int8 not null)",
    "create table if not exists {schema}.entry (
        sequence int8 primary key check (sequence > 0),
        hash bytea not null,
        payload bytea not null)",
    "create table if not exists {schema}.runner (
        one int8 primary key check (one = 1),
        log bytea,
        sequence int8 not null,
        hash bytea,
        epoch int8 not null,
        nonce bytea,
        holder text,
        until timestamptz,
        moved_to text)",
    // Since version 2.
    "create table if not exists {schema}.standby (
        holder text primary key,
        seen timestamptz not null)",
    "insert into {schema}.runner (one, sequence, epoch) values (1, 0, 0) on conflict (one) do nothing",
    "insert into {schema}.version (one, version) values (1, 2) on conflict (one) do nothing",
    "update {schema}.version set version = 2 where one = 1 and version < 2",
];

/// Makes the tables where they are not, and brings older ones up to date; gives their version. To be done as the user
/// who is to own them.
pub fn migrate(settings: &Settings) -> Result<i64, DatabaseError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DatabaseError::Here {
        what: "starting to wait for the network",
        source,
    })?;
    let migrated = runtime.block_on(async {
        let session = Session::open(settings).await?;
        // Whoever may not create a schema may own one that is there.
        match version(session.client(), settings).await {
            Ok(found) if !(1..=VERSION).contains(&found) => {
                return Err(other_version(settings, found));
            }
            Ok(_) | Err(DatabaseError::NoTables { .. }) => {}
            Err(error) => return Err(error),
        }
        for statement in TABLES {
            let statement = statement.replace("{schema}", settings.address.schema());
            if statement.starts_with("create schema")
                && has_schema(session.client(), settings).await?
            {
                continue;
            }
            let made = session.client().execute_typed(&statement, &[]);
            within(settings, made).await?;
        }
        Ok(VERSION)
    });
    runtime.shutdown_background();
    migrated
}

async fn within<T>(
    settings: &Settings,
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(settings.statement(), asked).await {
        Ok(answer) => answer.map_err(|error| DatabaseError::of(&settings.place(), STEP, error)),
        Err(_) => Err(silent(settings, STEP)),
    }
}

async fn has_schema(client: &Client, settings: &Settings) -> Result<bool, DatabaseError> {
    let schema = settings.address.schema();
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&schema, Type::TEXT)];
    let asked = client.query_typed(
        "select 1 from information_schema.schemata where schema_name = $1",
        &parameters,
    );
    Ok(!within(settings, asked).await?.is_empty())
}

async fn version(client: &Client, settings: &Settings) -> Result<i64, DatabaseError> {
    let statement = format!("select version from {}.version", settings.address.schema());
    let rows = within(settings, client.query_typed(&statement, &[])).await?;
    let first = rows.first().map(|row| row.try_get(0));
    let first = first.transpose();
    let first = first.map_err(|error| DatabaseError::of(&settings.place(), STEP, error))?;
    first.ok_or_else(|| DatabaseError::NoTables {
        place: settings.place(),
    })
}

pub(crate) fn other_version(settings: &Settings, found: i64) -> DatabaseError {
    DatabaseError::Version {
        place: settings.place(),
        found,
        known: VERSION,
    }
}
