//! What a host has seen of the ledger in a database, held against what is there when it comes again.

use std::fs;
use std::path::PathBuf;

use testbed::courier::unwrapped;

use super::program::Scene;
use super::tables;
use crate::site::{self, Place};

/// A host that publishes once an hour, as a watch does: its `status.xml` is older than what it has recorded.
fn host(scene: &Scene) -> Place {
    let host = scene.host();
    host.change_config("[LEDGER]", "[PUBLISH]\nAT_LEAST = 3600\n[LEDGER]");
    host
}

fn witness(host: &Place) -> PathBuf {
    host.working_dir().join("ledger.witness")
}

/// Refused by whoever would go on with the ledger, and by `verify`; nothing is written.
fn refused(scene: &Scene, host: &Place, says: &str) {
    let entries = || scene.sql("select count(*) from {s}.entry");
    let (before, names) = (entries(), host.names().unwrap());
    for command in [
        "run",
        "status",
        "verify",
        "plan",
        "check",
        "approve 12345678 --why x",
        "rotate-key --why x",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let (out, said) = scene.run(host, &words, 7);
        let said = unwrapped(&format!("{out}{said}"));
        assert!(said.contains(says), "{command}: {said}");
        assert!(said.contains("nothing was changed"), "{command}: {said}");
        let file = witness(host).display().to_string();
        assert!(said.contains(&file), "{command}: {said}");
    }
    assert_eq!((entries(), host.names().unwrap()), (before, names));
}

#[test]
fn a_database_that_was_restored_without_a_publication_between_is_an_old_copy() {
    let Some(scene) = Scene::new() else { return };
    let host = host(&scene);
    scene.publish();
    scene.run(&host, &["run"], 0);
    // A backup, and a run behind it that has nothing to deliver, and publishes nothing.
    scene.sql("create table {s}.backup as select * from {s}.entry");
    let published = fs::read(host.drop_box().join("status.xml")).unwrap();
    scene.run(&host, &["run"], 0);
    let now = fs::read(host.drop_box().join("status.xml")).unwrap();
    assert_eq!(now, published);

    let restore = "delete from {s}.entry where sequence not in (select sequence from {s}.backup); \
        update {s}.runner set sequence = (select max(sequence) from {s}.entry), \
        hash = (select hash from {s}.entry order by sequence desc limit 1)";
    scene.sql("create table {s}.newer as select * from {s}.entry");
    scene.sql(restore);
    refused(&scene, &host, "it is an old copy");
    // Another machine has not seen it; what it goes on with is another history for this one.
    let other = scene.host();
    for _ in 0..4 {
        scene.run(&other, &["run"], 0);
    }
    refused(&scene, &host, "has another event");

    // The newer backup is what this one knows.
    scene.sql("delete from {s}.entry; insert into {s}.entry select * from {s}.newer");
    scene.sql(
        "update {s}.runner set sequence = (select max(sequence) from {s}.entry), \
         hash = (select hash from {s}.entry order by sequence desc limit 1)",
    );
    fs::copy(
        host.working_dir().join("status.xml"),
        host.drop_box().join("status.xml"),
    )
    .unwrap();
    let (said, _) = scene.run(&host, &["run"], 0);
    assert!(site::sum(&said).contains("1 unchanged"), "{said}");
    refused(&scene, &other, "it is an old copy");
}

#[test]
fn another_ledger_or_none_is_not_taken_for_the_one_that_was_seen() {
    let Some(scene) = Scene::new() else { return };
    let host = host(&scene);
    scene.publish();
    scene.run(&host, &["run"], 0);
    let empty = tables(scene.server);
    let schema = |schema: &str| format!("schema={schema}");
    host.change_config(&schema(&scene.schema), &schema(&empty));
    let (_, said) = scene.run(&host, &["run"], 7);
    assert!(
        unwrapped(&said).contains("holds no ledger, and this machine knows"),
        "{said}"
    );
    scene.run(&host, &["check"], 7);
    let (_, said) = scene.run(&host, &["verify"], 7);
    assert!(
        unwrapped(&said).contains("holds no ledger, and this machine knows"),
        "{said}"
    );

    // Somebody else's, with a drop-box of its own.
    let sftp = site::embedded();
    let stranger = Place::new(&scene.broker.url(), &sftp);
    scene.point(&stranger, &empty);
    scene.run(&stranger, &["run"], 0);
    let (_, said) = scene.run(&host, &["run"], 7);
    let said = unwrapped(&said);
    assert!(said.contains("holds the ledger "), "{said}");
    assert!(said.contains("check LEDGER.URL"), "{said}");
    host.change_config(&schema(&empty), &schema(&scene.schema));
    scene.run(&host, &["run"], 0);
}

#[test]
fn an_old_witness_is_enough_a_lost_one_is_written_anew_and_a_damaged_one_refused() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = (host(&scene), host(&scene));
    scene.publish();
    scene.run(&one, &["run"], 0);
    let old = fs::read(witness(&one)).unwrap();
    for _ in 0..3 {
        scene.publish();
        scene.run(&other, &["run"], 0);
    }
    assert_eq!(fs::read(witness(&one)).unwrap(), old);
    scene.run(&one, &["verify"], 0);
    let (said, _) = scene.run(&one, &["check"], 0);
    assert!(said.contains("ledger.database"), "{said}");
    scene.run(&one, &["run"], 0);
    let tip = scene.sql("select encode(log, 'hex') || ' ' || sequence || ' ' || encode(hash, 'hex') from {s}.runner");
    let seen = fs::read_to_string(witness(&one)).unwrap();
    assert!(seen.starts_with(&format!("{tip} ")), "{seen}");

    fs::remove_file(witness(&one)).unwrap();
    scene.run(&one, &["verify"], 0);
    scene.run(&one, &["run"], 0);
    let seen = fs::read(witness(&one)).unwrap();

    for damaged in [&seen[..seen.len() - 2], b"", b"\xff\xfe\n"] {
        fs::write(witness(&one), damaged).unwrap();
        refused(&scene, &one, "is damaged");
    }
    fs::remove_file(witness(&one)).unwrap();
    fs::create_dir(witness(&one)).unwrap();
    scene.run(&one, &["run"], 7);
    fs::remove_dir(witness(&one)).unwrap();
    scene.run(&one, &["run"], 0);
    assert!(witness(&one).is_file());
}

/// The same ledger, wherever it was meanwhile.
#[test]
fn a_ledger_that_went_to_a_folder_and_came_back_is_the_one_that_was_seen() {
    let Some(scene) = Scene::new() else { return };
    let host = host(&scene);
    scene.publish();
    scene.run(&host, &["run"], 0);
    let seen = fs::read(witness(&host)).unwrap();
    let address = scene.server.socket("courier", &scene.schema);
    let folder = host.working_dir().display().to_string();
    let copy = |from: &str, to: &str| {
        let words = ["ledger", "copy", "--from", from, "--to", to];
        let outcome = scene.courier.program().run(&words);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    };
    copy(&address, &folder);
    let in_database = fs::read_to_string(host.config()).unwrap();
    let (before, rest) = in_database.split_once("[LEDGER]").unwrap();
    let (_, after) = rest.split_once("[MISC]").unwrap();
    fs::write(host.config(), format!("{before}[MISC]{after}")).unwrap();
    scene.publish();
    scene.run(&host, &["run"], 0);
    assert_eq!(fs::read(witness(&host)).unwrap(), seen);
    copy(&folder, &address);
    fs::write(host.config(), in_database).unwrap();
    let (said, _) = scene.run(&host, &["run"], 0);
    assert!(site::sum(&said).contains("2 unchanged"), "{said}");
    assert_ne!(fs::read(witness(&host)).unwrap(), seen);
    scene.run(&host, &["verify"], 0);
}
