//! The state that a host keeps of a ledger in a database, so that a run does not read all of it again.
//!
//! What always holds here: with or without it the state is the same, and `verify` never looks at it.

use std::fs;

use courier_ledger::log::{LogPlace as _, keep_state, sample};
use courier_ledger::{Sequence, State, Tip};
use courier_postgres::{Database, read, read_state};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::Outcome;
use testbed::postgres::Postgres;

use super::{server, settings, tables};
use crate::site::{self, Courier, Place};

const RUNS: u64 = 600;
const CACHE: &str = "ledger.cache";
/// A row long before the end.
const DAMAGE: &str = "update {s}.entry set payload = '\\x00' where sequence = 5";

fn sql(server: &Postgres, schema: &str, text: &str) {
    server.sql(&text.replace("{s}", schema)).unwrap();
}

fn database(server: &Postgres, schema: &str) -> Database {
    Database::new(settings(&server.socket("courier", schema)))
}

/// The state in the middle of a log.
fn middle(database: &Database) -> (State, Tip) {
    let (mut state, mut tip) = (State::default(), None);
    let end = read_state(database.clone()).unwrap().1;
    read(
        database,
        |entry| -> Result<(), courier_ledger::log::FoldError> {
            if entry.sequence <= Sequence(40) {
                tip = Some(Tip {
                    sequence: entry.sequence,
                    hash: entry.hash,
                    ..end
                });
                state.advance(&entry)?;
            }
            Ok(())
        },
    )
    .unwrap();
    (state, tip.unwrap())
}

#[test]
fn what_is_known_is_gone_on_from_where_the_log_has_it() {
    let Some(server) = server() else { return };
    let schema = tables(server);
    let there = database(server, &schema);
    sample::leave_runs(there.clone(), sample::TIME, 30).unwrap();
    let whole = read_state(there.clone()).unwrap();
    let (state, tip) = middle(&there);
    assert_ne!(tip, whole.1);
    let another_log = Tip {
        log: courier_ledger::LogId([9; 16]),
        ..tip
    };
    let another_hash = Tip {
        hash: courier_ledger::Digest([9; 32]),
        ..tip
    };
    let later = Tip {
        sequence: Sequence(4000),
        ..tip
    };
    for known in [tip, another_log, another_hash, later] {
        let knowing = there.clone().knowing(state.clone(), known);
        assert_eq!(read_state(knowing.clone()).unwrap(), whole);
        assert_eq!(knowing.open(sample::TIME).unwrap().1, whole.0);
    }
    let (end, at_end) = whole.clone();
    let knowing = there.clone().knowing(end, at_end);
    assert_eq!(read_state(knowing).unwrap(), whole);

    // It saves reading what came before: that is nobody's but an audit's.
    sql(server, &schema, DAMAGE);
    let knowing = there.clone().knowing(state.clone(), tip);
    assert_eq!(read_state(knowing).unwrap(), whole);
    // What does not fit is read from the start, where the damage is named.
    let knowing = there.knowing(state, another_hash);
    let refused = read_state(knowing).unwrap_err().to_string();
    assert!(refused.contains("entry 5"), "{refused}");
}

#[test]
fn a_run_goes_on_from_what_its_host_keeps_and_verify_reads_everything() {
    let Some(server) = server() else { return };
    let schema = tables(server);
    let there = database(server, &schema);
    sample::leave_runs(there.clone(), sample::TIME, RUNS).unwrap();
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let sftp = site::embedded();
    let courier = Courier::build();
    let host = || {
        let host = Place::new(&broker.url(), &sftp);
        let address = server.socket("courier", &schema);
        host.change_config("[MISC]", &format!("[LEDGER]\nURL = \"{address}\"\n[MISC]"));
        host
    };
    let (one, other) = (host(), host());
    let run = |host: &Place, command: &str| -> Outcome {
        let config = host.config().display().to_string();
        courier.program().run(&["-c", &config, command])
    };
    let cache = |host: &Place| host.working_dir().join(CACHE);

    assert_eq!(run(&one, "run").code, Some(0));
    let kept = fs::read(cache(&one)).unwrap();
    assert_eq!(run(&one, "run").code, Some(0));
    assert_eq!(
        fs::read(cache(&one)).unwrap(),
        kept,
        "too little came since"
    );

    sql(server, &schema, DAMAGE);
    for command in ["run", "status", "plan"] {
        let outcome = run(&one, command);
        assert_eq!(outcome.code, Some(0), "{command}: {outcome:?}");
    }
    let outcome = run(&one, "verify");
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    assert!(outcome.stderr.contains("entry 5"), "{outcome:?}");
    // Whoever has none, or one that is damaged or of another ledger, reads all of it.
    let spoilt: [Box<dyn Fn()>; 3] = [
        Box::new(|| fs::remove_file(cache(&one)).unwrap()),
        Box::new(|| fs::write(cache(&one), &kept[..kept.len() - 1]).unwrap()),
        Box::new(|| {
            let (state, tip) = foreign();
            let mut files = courier_ledger::log::Files::new(one.working_dir()).unwrap();
            keep_state(&mut files, &state, tip).unwrap();
        }),
    ];
    for spoil in spoilt {
        fs::write(cache(&one), &kept).unwrap();
        spoil();
        let outcome = run(&one, "run");
        assert_eq!(outcome.code, Some(7), "{outcome:?}");
        assert!(outcome.stderr.contains("entry 5"), "{outcome:?}");
    }
    assert_eq!(run(&other, "run").code, Some(7));
}

/// A ledger of somebody else's.
fn foreign() -> (State, Tip) {
    let folder = tempfile::tempdir().unwrap();
    let files = || courier_ledger::log::Files::new(folder.path()).unwrap();
    sample::leave_runs(files(), sample::TIME, 1).unwrap();
    let (state, tip) = courier_ledger::log::read_state(&files()).unwrap();
    (state, tip)
}
