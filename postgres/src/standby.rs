//! Who stands by: one row for each process that waits until the ledger is free, with when it looked last.
//!
//! What always holds here: nothing is based on it, and nothing of the ledger is touched. Who writes removes what is
//! older than a day. Deliberately absent: how often one says so.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use courier_ledger::log::LogError;

use crate::error::DatabaseError;
use crate::place::Database;
use crate::session::{Session, silent};
use crate::settings::Settings;

const SAYING: &str = "saying who stands by";
const READING: &str = "reading who stands by";

/// One who stood by within the last hour, and does not hold the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoodBy {
    /// Who, in its own words.
    pub who: String,
    /// How long ago it looked last, by the database's clock.
    pub ago: Duration,
}

/// Says that the holder of these settings stands by.
pub fn stand_by(database: &Database) -> Result<(), LogError> {
    let settings = &database.settings;
    let say = async |client: &Client| {
        let holder: [(&(dyn ToSql + Sync), Type); 1] = [(&settings.holder, Type::TEXT)];
        let seen = in_schema(
            settings,
            "insert into {schema}.standby (holder, seen) values ($1, now()) \
             on conflict (holder) do update set seen = now()",
        );
        client.execute_typed(&seen, &holder).await?;
        let old = in_schema(
            settings,
            "delete from {schema}.standby where seen < now() - interval '1 day'",
        );
        client.execute_typed(&old, &[]).await.map(drop)
    };
    once(settings, SAYING, &say)
}

/// Who stood by within the last hour, the latest first.
pub fn stood_by(database: &Database) -> Result<Vec<StoodBy>, LogError> {
    let settings = &database.settings;
    let read = async |client: &Client| {
        let seen = in_schema(
            settings,
            "select s.holder, cast(extract(epoch from (now() - s.seen)) * 1000000 as int8) \
             from {schema}.standby s \
             where s.seen > now() - interval '1 hour' and not exists (\
             select 1 from {schema}.runner r where r.holder = s.holder and r.nonce is not null) \
             order by s.seen desc, s.holder",
        );
        let rows = client.query_typed(&seen, &[]).await?;
        let rows = rows.iter().map(|row| {
            let micros: i64 = row.try_get(1)?;
            Ok(StoodBy {
                who: row.try_get(0)?,
                ago: Duration::from_micros(u64::try_from(micros).unwrap_or(0)),
            })
        });
        rows.collect()
    };
    once(settings, READING, &read)
}

fn in_schema(settings: &Settings, statement: &str) -> String {
    statement.replace("{schema}", settings.address.schema())
}

/// Asks over a connection of its own, once.
fn once<T>(
    settings: &Settings,
    step: &'static str,
    ask: &impl AsyncFn(&Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T, LogError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DatabaseError::Here {
        what: "starting to wait for the network",
        source,
    })?;
    let asked = runtime.block_on(async {
        let session = Session::open(settings).await?;
        match tokio::time::timeout(settings.statement(), ask(session.client())).await {
            Ok(answer) => answer.map_err(|error| DatabaseError::of(&settings.place(), step, error)),
            Err(_) => Err(silent(settings, step)),
        }
    });
    runtime.shutdown_background();
    Ok(asked?)
}
