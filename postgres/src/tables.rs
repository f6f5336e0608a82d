//! The statements: what is asked of the tables, and what they answer.
//!
//! What always holds here: each statement is a transaction of its own, and unnamed, so that a pool may give
//! each to another connection. Whatever changes the row of the runner names epoch and nonce of who asks. Deliberately
//! absent: deadlines, and asking again.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

use courier_ledger::{Digest, LogId, Sequence, Tip};

use crate::bytes::{self, column};
use crate::settings::Settings;

/// What a row of `runner` may hold of who holds it.
pub(crate) type Nonce = [u8; 16];

/// So many bytes of entries are taken at once, besides the last entry.
const PORTION_BYTES: usize = 8 << 20;

/// An entry as it is kept.
pub(crate) struct Row {
    pub(crate) sequence: Sequence,
    pub(crate) hash: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

/// Who holds the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) epoch: i64,
    pub(crate) nonce: Nonce,
}

/// The row of the runner, as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The log's id as it stands there; none before it begins.
    log: Option<Vec<u8>>,
    sequence: i64,
    hash: Option<Vec<u8>>,
    pub(crate) epoch: i64,
    nonce: Option<Vec<u8>>,
    pub(crate) holder: Option<String>,
    left_micros: Option<i64>,
    pub(crate) moved_to: Option<String>,
    last: Option<i64>,
}

/// Where a log ends.
pub(crate) enum End {
    /// It has not begun.
    Vacant,
    /// There.
    At(Tip),
    /// That makes no sense.
    Unusable,
}

impl Look {
    /// Where the log ends.
    pub(crate) fn end(&self) -> End {
        let sequence = bytes::sequence(self.sequence);
        match (&self.log, sequence, &self.hash) {
            (None, Some(Sequence::NONE), None) => End::Vacant,
            (Some(log), Some(sequence), Some(hash)) if sequence != Sequence::NONE => {
                let log: Option<LogId> = bytes::log(log);
                let hash: Option<Digest> = bytes::digest(hash);
                match (log, hash) {
                    (Some(log), Some(hash)) => End::At(Tip {
                        log,
                        sequence,
                        hash,
                    }),
                    _ => End::Unusable,
                }
            }
            _ => End::Unusable,
        }
    }

    /// The number of the tip, whatever it is worth.
    pub(crate) fn sequence(&self) -> Sequence {
        bytes::sequence(self.sequence).unwrap_or(Sequence::NONE)
    }

    /// The last entry that is there, whatever the tip says.
    pub(crate) fn last(&self) -> Sequence {
        self.last
            .and_then(bytes::sequence)
            .unwrap_or(Sequence::NONE)
    }

    /// Whether it is held under this epoch, by whoever drew this nonce.
    pub(crate) fn is_held_by(&self, hold: &Hold) -> bool {
        self.epoch == hold.epoch && self.nonce.as_deref() == Some(&hold.nonce)
    }

    /// Whether anybody holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.nonce.is_some()
    }

    /// How much longer, by the database's clock.
    pub(crate) fn left(&self) -> Duration {
        let micros = self
            .left_micros
            .and_then(|micros| u64::try_from(micros).ok());
        Duration::from_micros(micros.unwrap_or(0))
    }
}

/// The statements over one schema.
pub(crate) struct Tables {
    version: String,
    look: String,
    claim: String,
    take_over: String,
    renew: String,
    renew_behind: String,
    release: String,
    moved: String,
    append: String,
    portion: String,
}

impl Tables {
    pub(crate) fn of(schema: &str) -> Self {
        let with = |text: &str| text.replace("{schema}", schema);
        Self {
            version: with("select version from {schema}.version where one = 1"),
            look: with(
                "select r.log, r.sequence, r.hash, r.epoch, r.nonce, r.holder, \
                 cast(extract(epoch from (r.until - now())) * 1000000 as int8), r.moved_to, \
                 (select max(e.sequence) from {schema}.entry e) \
                 from {schema}.runner r where r.one = 1",
            ),
            claim: with(
                "update {schema}.runner set epoch = epoch + 1, nonce = $1, holder = $2, \
                 until = now() + $3 * interval '1 microsecond' \
                 where one = 1 and (nonce is null or nonce = $1 or until < now()) \
                 returning epoch",
            ),
            take_over: with(
                "update {schema}.runner set epoch = epoch + 1, nonce = $1, holder = $2, \
                 until = now() + $3 * interval '1 microsecond' \
                 where one = 1 and (epoch = $4 and nonce is not null or nonce = $1) \
                 returning epoch",
            ),
            renew: with(
                "update {schema}.runner set until = now() + $3 * interval '1 microsecond' \
                 where one = 1 and epoch = $1 and nonce = $2",
            ),
            renew_behind: with(
                "update {schema}.runner set until = now() + $3 * interval '1 microsecond' \
                 where one = 1 and epoch = $1 and nonce = $2 and sequence = $4 and hash = $5",
            ),
            release: with(
                "update {schema}.runner set nonce = null, until = null \
                 where one = 1 and epoch = $1 and nonce = $2",
            ),
            moved: with(
                "update {schema}.runner set moved_to = $3 \
                 where one = 1 and epoch = $1 and nonce = $2",
            ),
            append: with(
                "with moved as (\
                 update {schema}.runner set log = $1, sequence = $2, hash = $3 \
                 where one = 1 and epoch = $4 and nonce = $5 and sequence = $6 \
                 and (log = $1 and hash = $7 or log is null and sequence = 0) \
                 returning one) \
                 insert into {schema}.entry (sequence, hash, payload) \
                 select e.sequence, e.hash, e.payload \
                 from unnest($8::int8[], $9::bytea[], $10::bytea[]) as e (sequence, hash, payload) \
                 where exists (select 1 from moved)",
            ),
            portion: with(
                "select sequence, hash, payload from {schema}.entry \
                 where sequence >= $1 and sequence <= $2 order by sequence limit $3",
            ),
        }
    }

    /// The version of the tables; none where there is no row of it.
    pub(crate) async fn version(&self, client: &Client) -> Result<Option<i64>, Error> {
        let rows = client.query_typed(&self.version, &[]).await?;
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    /// The row of the runner; none where it is gone.
    pub(crate) async fn look(&self, client: &Client) -> Result<Option<Look>, Error> {
        let rows = client.query_typed(&self.look, &[]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Look {
            log: row.try_get(0)?,
            sequence: row.try_get(1)?,
            hash: row.try_get(2)?,
            epoch: row.try_get(3)?,
            nonce: row.try_get(4)?,
            holder: row.try_get(5)?,
            left_micros: row.try_get(6)?,
            moved_to: row.try_get(7)?,
            last: row.try_get(8)?,
        }))
    }

    /// Takes a ledger that nobody holds; gives the epoch.
    pub(crate) async fn claim(
        &self,
        client: &Client,
        nonce: &Nonce,
        settings: &Settings,
    ) -> Result<Option<i64>, Error> {
        let nonce = nonce.as_slice();
        let micros = micros(settings.lease);
        let instead_of = settings.instead_of.map(|epoch| i64::try_from(epoch).ok());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&nonce, Type::BYTEA),
            (&settings.holder, Type::TEXT),
            (&micros, Type::INT8),
            (&instead_of.flatten(), Type::INT8),
        ];
        let rows = match settings.instead_of {
            None => client.query_typed(&self.claim, &parameters[..3]).await?,
            // From whoever holds it under the epoch that a person named.
            Some(_) => client.query_typed(&self.take_over, &parameters).await?,
        };
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    /// Holds it for longer; no if another has it.
    pub(crate) async fn renew(
        &self,
        client: &Client,
        hold: &Hold,
        lease: Duration,
    ) -> Result<bool, Error> {
        let micros = micros(lease);
        let changed = client
            .execute_typed(
                &self.renew,
                &[
                    (&hold.epoch, Type::INT8),
                    (&hold.nonce.as_slice(), Type::BYTEA),
                    (&micros, Type::INT8),
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// The same, if the log ends there.
    pub(crate) async fn renew_behind(
        &self,
        client: &Client,
        hold: &Hold,
        lease: Duration,
        tip: Tip,
    ) -> Result<bool, Error> {
        let micros = micros(lease);
        let changed = client
            .execute_typed(
                &self.renew_behind,
                &[
                    (&hold.epoch, Type::INT8),
                    (&hold.nonce.as_slice(), Type::BYTEA),
                    (&micros, Type::INT8),
                    (&column(tip.sequence), Type::INT8),
                    (&tip.hash.0.as_slice(), Type::BYTEA),
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Says where the ledger is kept; no if another has it.
    pub(crate) async fn move_to(
        &self,
        client: &Client,
        hold: &Hold,
        place: Option<&str>,
    ) -> Result<bool, Error> {
        let changed = client
            .execute_typed(
                &self.moved,
                &[
                    (&hold.epoch, Type::INT8),
                    (&hold.nonce.as_slice(), Type::BYTEA),
                    (&place, Type::TEXT),
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Lets the next one in.
    pub(crate) async fn release(&self, client: &Client, hold: &Hold) -> Result<bool, Error> {
        let changed = client
            .execute_typed(
                &self.release,
                &[
                    (&hold.epoch, Type::INT8),
                    (&hold.nonce.as_slice(), Type::BYTEA),
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Moves the tip from one place to another and inserts what is between them, or changes nothing.
    pub(crate) async fn append(
        &self,
        client: &Client,
        hold: &Hold,
        (from, to): (Tip, Tip),
        rows: &[Row],
    ) -> Result<bool, Error> {
        let sequences: Vec<i64> = rows.iter().map(|row| column(row.sequence)).collect();
        let hashes: Vec<&[u8]> = rows.iter().map(|row| row.hash.as_slice()).collect();
        let payloads: Vec<&[u8]> = rows.iter().map(|row| row.payload.as_slice()).collect();
        let inserted = client
            .execute_typed(
                &self.append,
                &[
                    (&to.log.0.as_slice(), Type::BYTEA),
                    (&column(to.sequence), Type::INT8),
                    (&to.hash.0.as_slice(), Type::BYTEA),
                    (&hold.epoch, Type::INT8),
                    (&hold.nonce.as_slice(), Type::BYTEA),
                    (&column(from.sequence), Type::INT8),
                    (&from.hash.0.as_slice(), Type::BYTEA),
                    (&sequences, Type::INT8_ARRAY),
                    (&hashes, Type::BYTEA_ARRAY),
                    (&payloads, Type::BYTEA_ARRAY),
                ],
            )
            .await?;
        Ok(inserted > 0)
    }

    /// The entries from `first` to `last`, as many as are to be had at once, at least one if there is one.
    pub(crate) async fn portion(
        &self,
        client: &Client,
        (first, last): (Sequence, Sequence),
        most: i64,
    ) -> Result<Vec<Row>, Error> {
        let asked = client
            .query_typed_raw::<Box<dyn tokio_postgres::types::ToSql + Sync + Send>, _>(
                &self.portion,
                [
                    (Box::new(column(first)) as Box<_>, Type::INT8),
                    (Box::new(column(last)) as Box<_>, Type::INT8),
                    (Box::new(most) as Box<_>, Type::INT8),
                ],
            )
            .await?;
        let mut asked = pin!(asked);
        let (mut rows, mut taken) = (Vec::new(), 0);
        while let Some(row) = asked.next().await {
            let row = row?;
            let sequence: i64 = row.try_get(0)?;
            let payload: Vec<u8> = row.try_get(2)?;
            taken += payload.len();
            rows.push(Row {
                sequence: bytes::sequence(sequence).unwrap_or(Sequence::NONE),
                hash: row.try_get(1)?,
                payload,
            });
            if taken >= PORTION_BYTES {
                break;
            }
        }
        Ok(rows)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
