//! The integration scenario of the replaced program, step by step, against real servers; and the
//! migration from it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod plans;
mod site;

use std::fs;

use site::{Courier, Place, audit, status_lines};
use testbed::aktin::Aktin;
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::people::{Analyst, Hospital};
use testbed::server::SftpServer;

/// Six requests, a first run, changes, a second run.
fn scenario(broker_url: &str, server: &dyn SftpServer) {
    let analyst = Analyst::new(broker_url, EmbeddedBroker::ADMIN_KEY);
    let one = Hospital::new(broker_url, EmbeddedBroker::NODE_1_KEY);
    let two = Hospital::new(broker_url, EmbeddedBroker::NODE_2_KEY);
    let place = Place::new(broker_url, server);
    let courier = Courier::build();

    let ids: Vec<u64> = ["rki", "default"]
        .iter()
        .cycle()
        .take(6)
        .map(|tag| analyst.publish(tag).unwrap())
        .collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
    for id in &ids {
        one.deliver(*id, "text/plain", &format!("result {id}"))
            .unwrap();
    }
    courier.run(&place, &["run"], 0);
    assert_eq!(
        place.zips(),
        ["export_0.zip", "export_2.zip", "export_4.zip"]
    );
    let remote = fs::read_to_string(place.drop_box().join("status.xml")).unwrap();
    assert_eq!(status_lines(&remote).len(), 3, "{remote}");
    assert_eq!(
        fs::read_to_string(place.working_dir().join("status.xml")).unwrap(),
        remote
    );

    assert_eq!(analyst.publish("rki").unwrap(), 6);
    assert_eq!(analyst.publish("default").unwrap(), 7);
    analyst.delete(0).unwrap();
    for id in 1..=5 {
        two.report(id, "retrieved").unwrap();
    }
    courier.run(&place, &["run"], 0);
    assert_eq!(
        place.zips(),
        ["export_2.zip", "export_4.zip", "export_6.zip"]
    );
    let remote = fs::read_to_string(place.drop_box().join("status.xml")).unwrap();
    let lines = status_lines(&remote);
    assert_eq!(lines.len(), 4, "{remote}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("<last-update>"))
            .count(),
        2,
        "{remote}"
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("<deleted>"))
            .count(),
        1,
        "{remote}"
    );
    assert!(
        lines[1].contains("<id>2</id><completion>0.5</completion>"),
        "{remote}"
    );
    for (name, entries) in audit(&courier, &place) {
        let has_result = entries.iter().any(|entry| entry.contains("_result"));
        assert_eq!(has_result, name != "export_6.zip", "{name}: {entries:?}");
    }

    courier.run(&place, &["verify"], 0);
    let (stdout, _) = courier.run(&place, &["run"], 0);
    assert!(
        site::sum(&stdout).starts_with("0 uploaded, 0 deleted, 0 failed"),
        "{stdout}"
    );
}

#[test]
fn the_legacy_scenario_with_the_embedded_broker_and_openssh() {
    let Some(server) = site::openssh() else {
        return;
    };
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    scenario(&broker.url(), &server);
}

#[test]
fn the_legacy_scenario_with_embedded_servers_only() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    scenario(&broker.url(), &site::embedded());
}

#[test]
fn the_legacy_scenario_with_aktins_own_broker_and_openssh() {
    let Some(server) = site::openssh() else {
        return;
    };
    match Aktin::start_if_available() {
        None => site::skipped("AKTIN_BROKER_DIST is not set"),
        Some(broker) => scenario(broker.unwrap().url(), &server),
    }
}

#[test]
fn a_run_of_the_replaced_program_is_taken_over_and_nothing_is_uploaded_again() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let server = site::embedded();
    let analyst = Analyst::new(&broker.url(), EmbeddedBroker::ADMIN_KEY);
    let one = Hospital::new(&broker.url(), EmbeddedBroker::NODE_1_KEY);
    let two = Hospital::new(&broker.url(), EmbeddedBroker::NODE_2_KEY);
    for _ in 0..3 {
        let id = analyst.publish("rki").unwrap();
        one.deliver(id, "text/plain", "result").unwrap();
    }
    two.report(1, "retrieved").unwrap();
    let place = Place::new(&broker.url(), &server);
    let legacy = "<status>\
        <request-status><id>1</id><completion>0.5</completion><uploaded>2021-10-11 09:39:50</uploaded>\
        <last-update>2021-10-11 09:39:56</last-update></request-status>\
        <request-status><id>0</id><completion>1.0</completion><uploaded>2021-10-11 09:39:51</uploaded>\
        </request-status>\
        <request-status><id>9</id><completion>0.0</completion><uploaded>2021-10-11 09:39:52</uploaded>\
        <deleted>2021-10-12 08:00:00</deleted></request-status></status>";
    fs::write(place.working_dir().join("status.xml"), legacy).unwrap();
    for name in ["export_0.zip", "export_1.zip"] {
        fs::write(
            place.drop_box().join(name),
            "as the replaced program left it",
        )
        .unwrap();
    }
    let courier = Courier::build();
    let (plan, _) = courier.run(&place, &["plan"], 0);
    assert!(plan.contains("1 to do"), "{plan}");
    let (import, _) = courier.run(&place, &["import"], 0);
    for words in [
        "status.xml has 3 requests",
        "export_1.zip       completion 0.5   stays as it is",
        "export_9.zip       completion 0.0   stays withdrawn",
        "2 stays as it is, 1 stays withdrawn; 1 others are uploaded. Nothing was changed.",
    ] {
        assert!(import.contains(words), "{import}");
    }
    let (import, _) = courier.run(&place, &["import", "--json"], 0);
    let import: serde_json::Value = serde_json::from_str(&import).unwrap();
    assert_eq!(import["schema"], "broker-courier.import.1");
    let then: Vec<_> = import["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["then"].as_str().unwrap())
        .collect();
    assert_eq!(then, ["stays", "stays", "stays-away"]);
    assert_eq!(import["others"].as_array().unwrap().len(), 1);
    assert!(!place.working_dir().join("ledger.log").exists());
    let (stdout, _) = courier.run(&place, &["run"], 0);
    courier.run(&place, &["import"], 2);
    assert!(
        site::sum(&stdout).starts_with("1 uploaded, 0 deleted, 0 failed"),
        "{stdout}"
    );
    for name in ["export_0.zip", "export_1.zip"] {
        let text = fs::read_to_string(place.drop_box().join(name)).unwrap();
        assert_eq!(text, "as the replaced program left it");
    }
    let status = fs::read_to_string(place.working_dir().join("status.xml")).unwrap();
    let lines = status_lines(&status);
    assert_eq!(
        lines[..3],
        status_lines(legacy)[..],
        "the first lines stay as they were"
    );
    assert_eq!(lines.len(), 4, "{status}");

    two.deliver(1, "text/plain", "another result").unwrap();
    let (stdout, _) = courier.run(&place, &["run"], 0);
    assert!(
        site::sum(&stdout).starts_with("1 uploaded, 0 deleted"),
        "{stdout}"
    );
    fs::remove_file(place.drop_box().join("export_0.zip")).unwrap();
    assert_eq!(audit(&courier, &place).len(), 2);
}

#[test]
fn a_plan_works_and_changes_nothing_while_a_run_is_active() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    broker.publish("rki");
    let server = site::embedded();
    let place = Place::new(&broker.url(), &server);
    let courier = Courier::build();
    courier.run(&place, &["run"], 0);
    broker.publish("rki");
    let ledger = || fs::read(place.working_dir().join("ledger.log")).unwrap();
    let before = ledger();
    let lock = fs::File::open(place.working_dir()).unwrap();
    lock.lock().unwrap();
    courier.run(&place, &["run"], 8);
    courier.run(&place, &["plan", "--exit-code"], 10);
    let (json, _) = courier.run(&place, &["plan", "--json"], 0);
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        plan["commands"][0]["Upload"]["name"], "export_1.zip",
        "{json}"
    );
    courier.run(&place, &["check"], 0);
    assert_eq!(place.zips(), ["export_0.zip"]);
    assert_eq!(ledger(), before);
    drop(lock);
    courier.run(&place, &["run"], 0);
    courier.run(&place, &["plan", "--exit-code"], 0);
}

#[test]
fn a_run_that_is_killed_at_any_moment_loses_nothing() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let server = site::embedded();
    let place = Place::new(&broker.url(), &server);
    let courier = Courier::build();
    for id in 0..40 {
        assert_eq!(broker.publish("rki"), id);
        broker.submit_result(1, id, "text/plain", b"a result");
    }
    for milliseconds in [30, 60, 80, 100, 120, 140, 160, 200] {
        let mut run = courier
            .program()
            .command()
            .arg("-c")
            .arg(place.config())
            .arg("run")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        run.kill().unwrap();
        run.wait().unwrap();
        // A run that was killed before it wrote anything leaves no ledger to verify.
        if place.working_dir().join("ledger.log").exists() {
            courier.run(&place, &["verify"], 0);
        }
        broker.submit_result(1, milliseconds % 40, "text/plain", b"a newer result");
    }
    courier.run(&place, &["run"], 0);
    let (stdout, _) = courier.run(&place, &["run"], 0);
    assert!(
        site::sum(&stdout).starts_with("0 uploaded, 0 deleted, 0 failed"),
        "{stdout}"
    );
    assert_eq!(audit(&courier, &place).len(), 40);
    let left: Vec<_> = fs::read_dir(place.working_dir()).unwrap().collect();
    assert_eq!(
        left.len(),
        3,
        "ledger.log, ledger.head, status.xml: {left:?}"
    );
}

#[test]
fn an_approval_releases_exactly_what_was_blocked() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let server = site::embedded();
    let place = Place::new(&broker.url(), &server);
    let courier = Courier::build();
    for id in 0..13 {
        assert_eq!(broker.publish("rki"), id);
    }
    courier.run(&place, &["run"], 0);
    for id in 0..12 {
        broker.delete(id);
    }
    let (stdout, _) = courier.run(&place, &["run"], 6);
    assert_eq!(place.zips().len(), 13);
    let digest = stdout
        .split("approve ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    courier.run(&place, &["approve", "abc", "--why", "x", "--who", "me"], 2);
    courier.run(
        &place,
        &[
            "approve",
            &digest,
            "--why",
            "the study has ended",
            "--who",
            "me",
        ],
        0,
    );
    courier.run(&place, &["run"], 0);
    assert_eq!(place.zips(), ["export_12.zip"]);
    let (log, _) = courier.run(&place, &["log"], 0);
    assert!(log.contains("approved by me: the study has ended"), "{log}");
}
