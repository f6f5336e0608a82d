//! Tables that an older version of the program made.

use courier_ledger::log::{EventLog as _, FoldError, LogPlace as _, sample};
use courier_postgres::{Database, migrate, read_state, stand_by, stood_by};

use super::{grant, schema, server, settings, tables};

/// What version 1 of the tables was made with, and its rights.
const VERSION_1: &str = "
    create table {s}.version (one int8 primary key check (one = 1), version int8 not null);
    create table {s}.entry (
        sequence int8 primary key check (sequence > 0), hash bytea not null, payload bytea not null);
    create table {s}.runner (
        one int8 primary key check (one = 1), log bytea, sequence int8 not null, hash bytea, epoch int8 not null,
        nonce bytea, holder text, until timestamptz, moved_to text);
    insert into {s}.version (one, version) values (1, 1);
    insert into {s}.runner (one, sequence, epoch) values (1, 0, 0);
    grant select on all tables in schema {s} to courier, courier_auditor;
    grant insert on {s}.entry to courier;
    grant update (log, sequence, hash, epoch, nonce, holder, until, moved_to) on {s}.runner to courier;";

#[test]
fn tables_of_version_1_are_brought_up_to_date_with_their_entries() {
    let Some(server) = server() else { return };
    let (old, new) = (schema(server), tables(server));
    let sql = |user: &str, text: &str| {
        let text = text.replace("{s}", &old).replace("{new}", &new);
        server.sql_as(user, &text).unwrap()
    };
    let courier = |schema: &str| Database::new(settings(&server.socket("courier", schema)));
    sql("courier_owner", VERSION_1);
    sample::leave_runs(courier(&new), sample::TIME, 2).unwrap();
    sql(
        "postgres",
        "insert into {s}.entry select * from {new}.entry; \
         delete from {s}.runner; insert into {s}.runner select * from {new}.runner",
    );
    let entries = || {
        sql(
            "postgres",
            "select md5(string_agg(sequence::text || hash::text || payload::text, '' order by sequence)) \
             from {s}.entry",
        )
    };
    let (before, (_, tip)) = (entries(), read_state(courier(&new)).unwrap());

    let Err(FoldError::Log(error)) = courier(&old).open(sample::TIME).map(drop) else {
        panic!("it was opened");
    };
    let said = format!("{error}; {}", error.hint());
    for part in ["are of version 1", "knows version 2", "ledger init"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(migrate(&settings(&server.socket("courier", &old))).is_err());
    let owner = settings(&server.socket("courier_owner", &old));
    for _ in 0..2 {
        assert_eq!(migrate(&owner).unwrap(), 2);
    }
    assert_eq!(entries(), before);

    // What is new takes rights of its own; the ledger goes on without them.
    let (mut table, _) = courier(&old).open(sample::TIME).unwrap();
    assert_eq!(table.tip(), tip);
    let due = tip.sequence.next();
    table
        .append(due, sample::TIME, vec![sample::started()])
        .unwrap();
    table.close().unwrap();
    let error = stand_by(&courier(&old)).unwrap_err();
    assert!(error.hint().contains("docs/two-hosts.md"), "{error}");
    grant(server, &old);
    stand_by(&courier(&old)).unwrap();
    assert_eq!(stood_by(&courier(&old)).unwrap().len(), 1);
}
