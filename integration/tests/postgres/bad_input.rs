//! Databases that cannot be used: each with its words, nothing written.

use std::time::{Duration, Instant};

use courier_ledger::log::{FoldError, LogPlace as _, sample};
use courier_postgres::{Certificate, Database, DatabaseError, Settings, migrate};
use secrecy::SecretString;

use super::{PASSWORD, grant, is_there, schema, server, settings, tables};

/// What somebody is told who opens it: the error with its causes, and the hint.
fn told(settings: Settings) -> String {
    let begun = Instant::now();
    let error = match Database::new(settings).open(sample::TIME).map(drop) {
        Err(FoldError::Log(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(()) => panic!("it was opened"),
    };
    assert!(begun.elapsed() < Duration::from_secs(15), "{error}");
    let mut words = format!("{error}; {}", error.hint());
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words.push_str(&format!("; {error}"));
        cause = error.source();
    }
    assert!(!words.contains(PASSWORD), "{words}");
    words
}

fn assert_says(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn over_the_network_both_sides_prove_who_they_are() {
    let Some(server) = server() else { return };
    let schema = tables(server);
    let with = |address: &str| Settings {
        ca_file: Some(server.ca_file()),
        password: Some(SecretString::from(PASSWORD)),
        ..settings(address)
    };
    let address = server.network("courier", &schema);
    sample::leave_runs(Database::new(with(&address)), sample::TIME, 1).unwrap();

    let wrong = Settings {
        password: Some(SecretString::from("another")),
        ..with(&address)
    };
    assert_says(
        &told(wrong),
        &[
            "refuses the login",
            "LEDGER.PASSWORD_FILE",
            "password authentication failed",
        ],
    );
    let none = Settings {
        password: None,
        ..with(&address)
    };
    assert_says(&told(none), &["refuses the login", "LEDGER.PASSWORD_FILE"]);
    let nobody = with(&server.network("nobody", &schema));
    assert_says(&told(nobody), &["refuses the login"]);
    let nowhere = with(&address.replace("/postgres?", "/elsewhere?"));
    assert_says(&told(nowhere), &["refuses the login", "elsewhere"]);

    let untrusted = Settings {
        ca_file: None,
        ..with(&address)
    };
    assert_says(
        &told(untrusted),
        &[
            "cannot be reached",
            "LEDGER.CA_FILE",
            "certificate verify failed",
        ],
    );
    let other_name = with(&address.replace("@localhost:", "@127.0.0.1:"));
    assert_says(
        &told(other_name),
        &["cannot be reached", "must be one of the certificate's"],
    );
    // Whoever asks for it has no proof.
    let plain = format!(
        "{}&sslmode=disable",
        address.replace("@localhost:", "@127.0.0.1:")
    );
    let plain = Database::new(with(&plain));
    drop(plain.open(sample::TIME).unwrap());

    let unknown = with(&address.replace("@localhost:", "@nowhere.invalid:"));
    assert_says(&told(unknown), &["cannot be reached", "LEDGER.URL"]);
    let port = server.port().to_string();
    let refused = with(&address.replace(&port, "1"));
    assert_says(
        &told(refused),
        &["cannot be reached", "check the host and the port"],
    );
    // The second of two will do.
    let second = address.replace("@localhost:", "@localhost:1,localhost:");
    let second = Database::new(with(&format!("{second}&target_session_attrs=read-write")));
    drop(second.open(sample::TIME).unwrap());

    let (chain, key) = server.client_certificate();
    let certified = Settings {
        password: None,
        certificate: Some(Certificate {
            chain: chain.clone(),
            key,
        }),
        ..with(&server.network("certified", &schema))
    };
    drop(Database::new(certified.clone()).open(sample::TIME).unwrap());
    let foreign_key = Settings {
        certificate: Some(Certificate {
            chain: chain.clone(),
            key: chain,
        }),
        ..certified.clone()
    };
    assert_says(&told(foreign_key), &["client.pem cannot be used", "PEM"]);
    let without = Settings {
        certificate: None,
        ..certified
    };
    assert_says(&told(without), &["refuses the login"]);
}

#[test]
fn tables_that_are_missing_of_another_version_or_closed_are_told_so() {
    let Some(server) = server() else { return };
    let schema = schema(server);
    let courier = || settings(&server.socket("courier", &schema));
    let owner = || settings(&server.socket("courier_owner", &schema));
    assert_says(
        &told(courier()),
        &["the tables of a ledger are not there", "ledger init"],
    );
    let refused = migrate(&courier()).unwrap_err();
    assert!(
        matches!(refused, DatabaseError::NotPermitted { .. }),
        "{refused}"
    );
    migrate(&owner()).unwrap();
    assert_says(&told(courier()), &["the user may not do it"]);
    grant(server, &schema);
    sample::leave_runs(Database::new(courier()), sample::TIME, 1).unwrap();
    // Once more changes nothing.
    migrate(&owner()).unwrap();
    drop(Database::new(courier()).open(sample::TIME).unwrap());

    let sql = |text: &str| server.sql(&text.replace("{s}", &schema)).unwrap();
    for (version, hint) in [(3, "newer one"), (0, "ledger init")] {
        sql(&format!("update {{s}}.version set version = {version}"));
        let version = format!("of version {version}");
        assert_says(&told(courier()), &[&version, "knows version 2", hint]);
        let refused = migrate(&owner()).unwrap_err();
        assert!(
            matches!(refused, DatabaseError::Version { .. }),
            "{refused}"
        );
    }
    sql("update {s}.version set version = 2");

    sql("revoke insert on {s}.entry from courier");
    let database = Database::new(courier());
    let error = sample::leave_runs(database.clone(), sample::TIME, 1).unwrap_err();
    assert!(
        error.to_string().contains("there is a ledger at"),
        "{error}"
    );
    let (mut table, _) = database.open(sample::TIME).unwrap();
    let due = courier_ledger::log::EventLog::tip(&table).sequence.next();
    let append = |table: &mut courier_postgres::Table| {
        let events = vec![sample::started()];
        courier_ledger::log::EventLog::append(table, due, sample::TIME, events)
    };
    let error = append(&mut table).unwrap_err();
    assert_says(
        &format!("{error}; {}", error.hint()),
        &["may not do it", "docs/two-hosts.md"],
    );
    drop(table);
    grant(server, &schema);

    let address = server.socket("courier", &schema);
    let read_only = Settings {
        patience: Duration::ZERO,
        ..settings(&format!(
            "{address}&options=-cdefault_transaction_read_only%3Don"
        ))
    };
    assert_says(
        &told(read_only),
        &["read-only", "target_session_attrs=read-write"],
    );
    drop(Database::new(courier()).open(sample::TIME).unwrap());
}

/// The documented rights: nobody but the owner changes or takes away an entry.
#[test]
fn the_courier_cannot_change_or_delete_an_entry() {
    if !is_there() {
        return;
    }
    let server = server().unwrap();
    let schema = tables(server);
    let courier = settings(&server.socket("courier", &schema));
    sample::leave_runs(Database::new(courier), sample::TIME, 1).unwrap();
    for statement in [
        "update {s}.entry set payload = hash",
        "delete from {s}.entry",
        "truncate {s}.entry",
        "drop table {s}.entry",
        "delete from {s}.runner",
        "insert into {s}.runner (one, sequence, epoch) values (1, 0, 0)",
        "update {s}.version set version = 3",
        "truncate {s}.standby",
    ] {
        for user in ["courier", "courier_auditor"] {
            let error = server
                .sql_as(user, &statement.replace("{s}", &schema))
                .unwrap_err()
                .to_string();
            let is_closed = error.contains("permission denied") || error.contains("must be owner");
            assert!(is_closed, "{user}: {statement}: {error}");
        }
    }
    let error = server
        .sql_as(
            "courier_auditor",
            &format!("update {schema}.runner set nonce = null"),
        )
        .unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    let insert = format!("insert into {schema}.standby (holder, seen) values ('x', now())");
    let error = server.sql_as("courier_auditor", &insert).unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
}
