//! The ledger in PostgreSQL beside the one in files, on the same machine: runs, appends, an audit.
//!
//! What always holds here: the database makes everything durable, as the files do, and is reached over TLS with a
//! password. Without PostgreSQL there are no rows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use courier_ledger::log::{EventLog, Files, FoldError, LogError, LogPlace, NewLog};
use courier_ledger::{Event, LogId, Timestamp};
use courier_postgres::{Database, Settings, migrate, verify};
use testbed::openssh::StartError;
use testbed::postgres::Postgres;

use crate::row::Row;
use crate::scene::{Distances, Scene, words};
use crate::work::{ROUNDS, Rows};

const TIME: Timestamp = Timestamp(1_790_000_000_000_000);
const PASSWORD: &str = "a-long-password";
/// How many entries are appended one after the other.
const ALONE: usize = 500;
/// How many are appended at once.
const GROUP: usize = 64;
/// How many entries an audit reads.
const AUDITED: usize = 600_000;

/// A server with the tables of one ledger after the other.
struct Server {
    postgres: Postgres,
}

impl Server {
    /// None where PostgreSQL is not installed.
    fn start() -> Result<Option<Self>, String> {
        let postgres = match Postgres::start_durable() {
            Err(StartError::Missing(_)) => return Ok(None),
            started => started.map_err(words)?,
        };
        let password = format!("alter role postgres password '{PASSWORD}'");
        postgres.sql(&password).map_err(words)?;
        Ok(Some(Self { postgres }))
    }

    fn settings(&self, schema: &str) -> Result<Settings, String> {
        let address = self.postgres.network("postgres", schema);
        let address = address.parse().map_err(words)?;
        Ok(Settings {
            password: Some(PASSWORD.into()),
            ca_file: Some(self.postgres.ca_file()),
            ..Settings::new(address, "the benchmark".to_owned())
        })
    }

    /// Tables without an entry.
    fn tables(&self, schema: &str) -> Result<Database, String> {
        let settings = self.settings(schema)?;
        migrate(&settings).map_err(words)?;
        Ok(Database::new(settings))
    }

    /// Has the program keep the ledger of a scene there.
    fn keep(&self, scene: &Scene, schema: &str) -> Result<(), String> {
        self.tables(schema)?;
        let keys = format!(
            "[LEDGER]\nURL = \"{}\"\nPASSWORD = \"{PASSWORD}\"\nCA_FILE = \"{}\"\n[MISC]",
            self.postgres.network("postgres", schema),
            self.postgres.ca_file().display(),
        );
        scene.place.change_config("[MISC]", &keys).map_err(words)
    }
}

/// A first run and an unchanged one, with each ledger in turns.
pub(crate) fn runs() -> Rows {
    const COUNT: u64 = 1000;
    let Some(server) = Server::start()? else {
        return Ok(Vec::new());
    };
    let distances = Distances {
        broker: Duration::from_millis(5),
        ..Distances::NONE
    };
    let (mut first, mut unchanged) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..ROUNDS {
        for (place, (first, unchanged)) in first.iter_mut().zip(&mut unchanged).enumerate() {
            let scene = Scene::new(distances, COUNT, 64 << 10)?;
            if place == 0 {
                server.keep(&scene, &format!("runs_{round}"))?;
            }
            let run = scene.run(&format!("{COUNT} uploaded, 0 deleted, 0 failed"))?;
            first.push(run.elapsed.as_secs_f64());
            for _ in 0..ROUNDS {
                let run = scene.run("0 uploaded, 0 deleted, 0 failed")?;
                unchanged.push(run.elapsed.as_secs_f64());
            }
        }
    }
    let row = |work, [measured, reference]: [Vec<f64>; 2], goal| Row {
        work,
        unit: "s",
        measured,
        reference,
        reference_name: "the same with files",
        goal,
        replaced: "–",
    };
    Ok(vec![
        row(
            "ledger in PostgreSQL: first run, 1,000 × 64 KiB",
            first,
            "≤ 1.15 × the reference",
        ),
        row(
            "ledger in PostgreSQL: unchanged run",
            unchanged,
            "≤ 1.5 × the reference",
        ),
    ])
}

/// Appends, one entry after the other and many at once, to each ledger.
pub(crate) fn appends() -> Rows {
    let Some(server) = Server::start()? else {
        return Ok(Vec::new());
    };
    let folder = tempfile::tempdir().map_err(words)?;
    let (mut alone, mut grouped) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..ROUNDS {
        let tables = server.tables(&format!("appends_{round}"))?;
        let mut table = begin(tables).map_err(words)?;
        let files = folder.path().join(round.to_string());
        fs::create_dir(&files).map_err(words)?;
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&files, private).map_err(words)?;
        let mut journal = begin(Files::new(&files).map_err(words)?).map_err(words)?;
        alone[0].push(rate(&mut table, ALONE, 1)?);
        alone[1].push(rate(&mut journal, ALONE, 1)?);
        grouped[0].push(rate(&mut table, ALONE * GROUP, GROUP)?);
        grouped[1].push(rate(&mut journal, ALONE * GROUP, GROUP)?);
    }
    let row = |work, [measured, reference]: [Vec<f64>; 2]| Row {
        work,
        unit: "/s",
        measured,
        reference,
        reference_name: "the same in files",
        goal: "–",
        replaced: "–",
    };
    Ok(vec![
        row("ledger in PostgreSQL: appends, one entry each", alone),
        row("ledger in PostgreSQL: entries appended by 64", grouped),
    ])
}

/// Every entry read and checked.
pub(crate) fn audit() -> Rows {
    let Some(server) = Server::start()? else {
        return Ok(Vec::new());
    };
    let tables = server.tables("audit")?;
    let mut table = begin(tables.clone()).map_err(words)?;
    rate(&mut table, AUDITED, 8192)?;
    table.close().map_err(words)?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let reading = verify(&tables, |_| Ok::<(), LogError>(()), |_| ()).map_err(words)?;
        rates.push(reading.tip.sequence.0 as f64 / began.elapsed().as_secs_f64());
    }
    Ok(vec![Row {
        work: "ledger in PostgreSQL: entries verified",
        unit: "/s",
        measured: rates,
        reference: Vec::new(),
        reference_name: "–",
        goal: "≥ 300,000 /s",
        replaced: "–",
    }])
}

fn begin<L: EventLog>(place: impl LogPlace<Log = L>) -> Result<L, FoldError> {
    let new = NewLog {
        id: LogId([7; 16]),
        version: "the benchmark".to_owned(),
    };
    Ok(place.create(TIME, new)?.0)
}

/// How many entries a second are appended, so many in all and so many at once.
fn rate(log: &mut impl EventLog, entries: usize, at_once: usize) -> Result<f64, String> {
    let event = Event::LogCreated {
        log: LogId([7; 16]),
        version: "the benchmark".to_owned(),
    };
    let began = Instant::now();
    for _ in 0..entries.div_ceil(at_once) {
        let due = log.tip().sequence.next();
        let events = vec![event.clone(); at_once];
        log.append(due, TIME, events).map_err(words)?;
    }
    Ok(entries as f64 / began.elapsed().as_secs_f64())
}
