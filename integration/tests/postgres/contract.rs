//! The contract that files are held to, over PostgreSQL; and what only tables can suffer.

use std::time::{Duration, Instant};

use courier_ledger::log::{EventLog as _, FoldError, LogError, LogPlace as _, NewLog, sample};
use courier_ledger::{Sequence, Tip};
use courier_postgres::{Database, Settings, Table, holding, read_from, read_state, verify};
use testbed::postgres::Postgres;

use super::{is_there, server, settings, tables};

fn database() -> impl Fn() -> Database {
    let server = server().unwrap();
    let address = server.socket("courier", &tables(server));
    move || Database::new(settings(&address))
}

courier_ledger::place_contract!(database(), if is_there());

/// Tables of a server, and the ledger in them.
struct Scene {
    server: &'static Postgres,
    schema: String,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = server()?;
        let schema = tables(server);
        Some(Self { server, schema })
    }

    fn database(&self) -> Database {
        Database::new(settings(&self.server.socket("courier", &self.schema)))
    }

    fn begun(&self) -> Table {
        let (table, _) = self
            .database()
            .create(sample::TIME, sample::new_log())
            .unwrap();
        table
    }

    fn sql(&self, text: &str) -> String {
        let text = text.replace("{s}", &self.schema);
        self.server.sql(&text).unwrap()
    }
}

fn append(table: &mut Table, runs: u64) -> Result<Tip, LogError> {
    for _ in 0..runs {
        let due = table.tip().sequence.next();
        table.append(due, sample::TIME, vec![sample::started()])?;
    }
    Ok(table.tip())
}

#[test]
fn a_copy_that_is_older_than_what_was_acknowledged_is_told_from_a_defect() {
    let Some(scene) = Scene::new() else { return };
    let mut table = scene.begun();
    append(&mut table, 4).unwrap();
    scene.sql(
        "delete from {s}.entry where sequence > 3; update {s}.runner set sequence = 3, \
         hash = (select hash from {s}.entry where sequence = 3)",
    );
    let error = append(&mut table, 1).unwrap_err();
    assert!(matches!(error, LogError::Refused(_)), "{error}");
    assert!(
        error.to_string().contains("an older copy was restored"),
        "{error}"
    );
}

#[test]
fn rows_that_were_changed_or_taken_away_are_refused() {
    if !is_there() {
        return;
    }
    for (damage, says) in [
        (
            "update {s}.entry set payload = overlay(payload placing '\\xff'::bytea from 5) where sequence = 4",
            "do not have its hash",
        ),
        (
            "update {s}.entry set hash = decode(repeat('07', 32), 'hex') where sequence = 4",
            "do not have its hash",
        ),
        (
            "update {s}.entry set hash = '\\x00' where sequence = 4",
            "do not have its hash",
        ),
        (
            "delete from {s}.entry where sequence = 4",
            "entry 4 is missing",
        ),
        (
            "delete from {s}.entry where sequence = 7",
            "entry 7 is missing",
        ),
        (
            "update {s}.runner set sequence = 5, hash = (select hash from {s}.entry where sequence = 5)",
            "moved back",
        ),
        (
            "update {s}.runner set hash = (select hash from {s}.entry where sequence = 5)",
            "hash of its entry 7",
        ),
        ("update {s}.runner set log = '\\x01'", "row of the tip"),
        ("update {s}.runner set log = null", "row of the tip"),
        ("delete from {s}.runner", "row of the tip"),
        (
            "update {s}.runner set log = decode(repeat('08', 16), 'hex')",
            "bytes of entry 1 do not have its hash",
        ),
    ] {
        let scene = Scene::new().unwrap();
        sample::leave_runs(scene.database(), sample::TIME, 3).unwrap();
        scene.sql(damage);
        let refused = |error: FoldError| match error {
            FoldError::Log(error @ LogError::Refused(_)) => error.to_string(),
            other => panic!("{damage}: {other}"),
        };
        let opened = scene.database().open(sample::TIME).map(drop);
        let said = refused(opened.unwrap_err());
        assert!(said.contains(says), "{damage}: {said}");
        let said = refused(read_state(scene.database()).unwrap_err());
        assert!(said.contains(says), "{damage}: {said}");
    }
}

/// Whoever was replaced can write nothing more, whatever it knew.
#[test]
fn whoever_lost_the_lease_is_fenced_and_who_took_it_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let mut paused = scene.begun();
    append(&mut paused, 2).unwrap();
    let held = holding(&scene.database()).unwrap();
    assert_eq!(held.epoch, 1);
    assert!(held.holder.unwrap().starts_with("a test, process "));
    assert!(held.left > Duration::from_secs(20) && held.left <= Duration::from_secs(30));
    assert!(paused.lasting().left() > Duration::from_secs(20));
    let error = scene.database().open(sample::TIME).map(drop).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("is held by a test, process "), "{said}");
    assert!(matches!(error, FoldError::Log(LogError::Busy { .. })));

    // As if it had slept for so long.
    scene.sql("update {s}.runner set until = now() - interval '1 second'");
    let (mut next, _) = scene.database().open(sample::TIME).unwrap();
    assert_eq!(next.tip(), paused.tip());
    let error = append(&mut paused, 1).unwrap_err();
    assert!(matches!(error, LogError::Fenced { .. }), "{error}");
    assert_eq!(paused.lasting().left(), Duration::ZERO);
    let error = append(&mut paused, 1).unwrap_err();
    assert!(matches!(error, LogError::Unusable { .. }), "{error}");
    // What it leaves does not let another in.
    drop(paused);
    append(&mut next, 1).unwrap();
    assert_eq!(next.tip().sequence, Sequence(4));
    assert_eq!(holding(&scene.database()).unwrap().epoch, 2);
    next.close().unwrap();
    assert_eq!(holding(&scene.database()).unwrap().holder, None);
}

/// A person names the holder by its epoch: nobody else is replaced, and who is can write nothing more.
#[test]
fn a_ledger_is_taken_from_the_epoch_that_was_named_and_from_no_other() {
    let Some(scene) = Scene::new() else { return };
    let address = scene.server.socket("courier", &scene.schema);
    let instead_of = |epoch: u64| {
        Database::new(Settings {
            instead_of: Some(epoch),
            ..settings(&address)
        })
    };
    let mut held = scene.begun();
    for epoch in [0, 2, u64::MAX] {
        let error = instead_of(epoch).open(sample::TIME).map(drop).unwrap_err();
        assert!(
            matches!(error, FoldError::Log(LogError::Busy { .. })),
            "{error}"
        );
        append(&mut held, 1).unwrap();
    }
    let (mut taken, _) = instead_of(1).open(sample::TIME).unwrap();
    assert_eq!(holding(&scene.database()).unwrap().epoch, 2);
    let error = append(&mut held, 1).unwrap_err();
    assert!(matches!(error, LogError::Fenced { .. }), "{error}");
    assert!(held.lasting().is_lost());
    drop(held);
    append(&mut taken, 1).unwrap();
    // Once more for the same epoch changes nothing: it is over.
    let error = instead_of(1).open(sample::TIME).map(drop).unwrap_err();
    assert!(
        matches!(error, FoldError::Log(LogError::Busy { .. })),
        "{error}"
    );
    taken.close().unwrap();
    // Who has given it back need not be replaced.
    assert!(instead_of(2).open(sample::TIME).is_err());
    drop(scene.database().open(sample::TIME).unwrap());
}

/// An answer that was lost: the append is looked for, and is there once.
#[test]
fn an_append_whose_answer_was_lost_is_there_once() {
    let Some(scene) = Scene::new() else { return };
    let mut table = scene.begun();
    let own = "pid <> pg_backend_pid() and usename = 'courier'";
    for round in 0..4 {
        // Its connection is ended while it waits for the row, and before it asks.
        if round % 2 == 0 {
            let blocked = format!(
                "begin; select * from {{s}}.runner for update; select pg_sleep(0.1); \
                 select pg_terminate_backend(pid) from pg_stat_activity where {own} and query like '%{{s}}.%'; \
                 commit"
            );
            std::thread::scope(|scope| {
                scope.spawn(|| scene.sql(&blocked));
                std::thread::sleep(Duration::from_millis(60));
                append(&mut table, 1).unwrap();
            });
        } else {
            scene.sql(&format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where {own} and query like '%{{s}}.%'"
            ));
            append(&mut table, 1).unwrap();
        }
    }
    let tip = table.tip();
    assert_eq!(tip.sequence, Sequence(5));
    assert_eq!(
        scene.sql("select count(*), max(sequence) from {s}.entry"),
        "5|5"
    );
    drop(table);
    assert_eq!(read_state(scene.database()).unwrap().1, tip);
}

/// The power of the database's machine fails again and again, and every entry that was acknowledged is there.
#[test]
fn a_database_that_dies_at_any_moment_loses_and_doubles_nothing() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(_) if !is_there() => return,
        Err(error) => panic!("{error}"),
    };
    let address = server.socket("postgres", "mortal");
    server.sql("alter system set fsync = on").unwrap();
    let settings = settings(&address);
    courier_postgres::migrate(&settings).unwrap();
    let database = Database::new(settings);
    let (mut table, _) = database
        .clone()
        .create(sample::TIME, sample::new_log())
        .unwrap();
    let crashes = 4;
    std::thread::scope(|scope| {
        let crashing = scope.spawn(|| {
            for number in 0..crashes {
                std::thread::sleep(Duration::from_millis(20 + 13 * number));
                server.crash().unwrap();
            }
        });
        while !crashing.is_finished() {
            append(&mut table, 5).unwrap();
        }
    });
    let tip = append(&mut table, 1).unwrap();
    drop(table);
    let (state, found) = read_state(database.clone()).unwrap();
    assert_eq!((state.tip(), found), (tip.sequence, tip));
}

/// A statement that hangs has its deadline, and what it would have done is done once.
#[test]
fn a_statement_that_hangs_is_given_up_and_done_once() {
    let Some(scene) = Scene::new() else { return };
    let mut settings = settings(&scene.server.socket("courier", &scene.schema));
    settings.statement = Duration::from_millis(200);
    settings.patience = Duration::from_millis(500);
    let database = Database::new(settings);
    let new = || NewLog {
        ..sample::new_log()
    };
    let (mut table, _) = database.clone().create(sample::TIME, new()).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            scene.sql("begin; select * from {s}.runner for update; select pg_sleep(1.5); commit");
        });
        std::thread::sleep(Duration::from_millis(150));
        let error = append(&mut table, 1).unwrap_err();
        assert!(
            error.to_string().contains("had no answer within"),
            "{error}"
        );
    });
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(table);
    // Whether it was done is known to the next opening: once, or not.
    let entries = scene.sql("select count(*) from {s}.entry where sequence = 2");
    assert!(["0", "1"].contains(&entries.as_str()), "{entries}");
    scene.sql("update {s}.runner set nonce = null");
    let (mut table, _) = database.open(sample::TIME).unwrap();
    append(&mut table, 1).unwrap();
}

#[test]
fn reading_needs_no_lease_and_gives_what_was_acknowledged() {
    let Some(scene) = Scene::new() else { return };
    let absent = verify::<FoldError>(&scene.database(), |_| Ok(()), |_| ());
    assert!(matches!(
        absent,
        Err(FoldError::Log(LogError::Absent { .. }))
    ));
    let mut table = scene.begun();
    let tip = append(&mut table, 20).unwrap();
    let auditor = settings(&scene.server.socket("courier_auditor", &scene.schema));
    let auditor = Database::new(auditor);
    let (mut seen, mut told) = (0, 0);
    let reading = verify::<FoldError>(
        &auditor,
        |entry| {
            seen = entry.sequence.0;
            Ok(())
        },
        |progress| told = progress.done_bytes,
    )
    .unwrap();
    assert_eq!((reading.tip, reading.runs), (tip, 20));
    assert_eq!((seen, told), (21, reading.size_bytes));
    let numbers: Vec<u64> = read_from(&auditor, Sequence(19))
        .unwrap()
        .map(|entry| entry.unwrap().sequence.0)
        .collect();
    assert_eq!(numbers, [19, 20, 21]);
    let error = auditor.open(sample::TIME).map(drop).unwrap_err();
    assert!(error.to_string().contains("may not do it"), "{error}");
}
