//! `REMOTE.CHECK`: the real program looks at a real drop-box, reports or repairs, and touches nothing
//! that the ledger did not create.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;

use site::{Courier, Place};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::server::SftpServer;

struct Scene {
    place: Place,
    courier: Courier,
    /// Serves until the scene ends.
    _broker: EmbeddedBroker,
}

/// Three results delivered, a foreign file beside them, then one result removed and one cut short.
fn damaged(server: &dyn SftpServer, check: &str) -> Scene {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    for _ in 0..3 {
        broker.publish("rki");
    }
    let place = Place::new(&broker.url(), server);
    place.change_config("[MISC]", &format!("[REMOTE]\nCHECK = \"{check}\"\n[MISC]"));
    let courier = Courier::build();
    fs::write(place.drop_box().join("export_77.zip"), "somebody else's").unwrap();
    courier.run(&place, &["run"], 0);
    let (stdout, stderr) = courier.run(&place, &["run"], 0);
    assert!(stdout.contains("3 unchanged"), "{stdout}{stderr}");
    fs::remove_file(place.drop_box().join("export_0.zip")).unwrap();
    fs::write(place.drop_box().join("export_1.zip"), "short").unwrap();
    Scene {
        place,
        courier,
        _broker: broker,
    }
}

fn size_of(place: &Place, name: &str) -> u64 {
    fs::metadata(place.drop_box().join(name)).unwrap().len()
}

fn report(server: &dyn SftpServer) {
    let scene = damaged(server, "report");
    for command in ["plan", "run"] {
        let (stdout, stderr) = scene.courier.run(&scene.place, &[command], 0);
        let told = format!("{stdout}{stderr}");
        assert!(
            told.contains(
                "the result of request 0 was delivered, and it is no longer at the drop-box"
            ),
            "{told}"
        );
        assert!(
            told.contains("the result of request 1 was delivered, and it has 5 bytes"),
            "{told}"
        );
        assert!(!told.contains("export_77"), "{told}");
    }
    assert_eq!(size_of(&scene.place, "export_1.zip"), 5);
    let (status, _) = scene.courier.run(&scene.place, &["status"], 0);
    assert!(
        status.contains("it has 5 bytes at the drop-box now"),
        "{status}"
    );
    scene.courier.run(&scene.place, &["verify"], 0);
}

fn repair(server: &dyn SftpServer) {
    let scene = damaged(server, "repair");
    let (plan, _) = scene
        .courier
        .run(&scene.place, &["plan", "--exit-code"], 10);
    assert!(plan.contains("2 to do"), "{plan}");
    let (stdout, _) = scene.courier.run(&scene.place, &["run"], 0);
    assert!(site::sum(&stdout).starts_with("2 uploaded"), "{stdout}");
    let (stdout, _) = scene.courier.run(&scene.place, &["run"], 0);
    assert!(site::sum(&stdout).starts_with("0 uploaded"), "{stdout}");
    assert_eq!(
        size_of(&scene.place, "export_0.zip"),
        size_of(&scene.place, "export_2.zip")
    );
    let foreign = fs::read_to_string(scene.place.drop_box().join("export_77.zip")).unwrap();
    assert_eq!(foreign, "somebody else's");
    // Whoever takes the file away again has it.
    let taken = scene.place.drop_box().join("export_0.zip");
    fs::remove_file(&taken).unwrap();
    for says in ["was uploaded again for that", "0 uploaded"] {
        let (stdout, stderr) = scene.courier.run(&scene.place, &["run"], 0);
        assert!(site::sum(&stdout).starts_with("0 uploaded"), "{stdout}");
        let told = format!("{stdout}{stderr}");
        assert!(told.contains(says), "{told}");
        assert_eq!(
            told.contains("REMOTE.CHECK"),
            says != "0 uploaded",
            "{told}"
        );
        assert!(!taken.exists());
    }
    scene.courier.run(&scene.place, &["verify"], 0);
}

fn pickup(server: &dyn SftpServer) {
    let scene = damaged(server, "pickup");
    let (stdout, stderr) = scene.courier.run(&scene.place, &["run"], 0);
    assert!(site::sum(&stdout).starts_with("0 uploaded"), "{stdout}");
    assert!(
        stderr.contains("the result of request 1 was delivered, and it has 5 bytes"),
        "{stderr}"
    );
    assert!(!stderr.contains("export_0.zip"), "{stderr}");
    let (stdout, stderr) = scene.courier.run(&scene.place, &["run"], 0);
    assert!(
        !format!("{stdout}{stderr}").contains("export_1.zip"),
        "{stderr}"
    );
    let (status, _) = scene.courier.run(&scene.place, &["status", "--json"], 0);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["requests"][0]["drop_box"], "picked up");
    assert!(status["requests"][0]["missed"].is_string(), "{status}");
    let (status, _) = scene.courier.run(&scene.place, &["status"], 0);
    assert!(
        status.contains("the recipient has fetched it; noticed"),
        "{status}"
    );
}

#[test]
fn with_openssh_drift_is_reported_repaired_or_taken_for_fetched_and_nothing_else_is_touched() {
    let Some(server) = site::openssh() else {
        return;
    };
    report(&server);
    let Some(server) = site::openssh() else {
        return;
    };
    repair(&server);
    let Some(server) = site::openssh() else {
        return;
    };
    pickup(&server);
}

#[test]
fn with_the_embedded_server_drift_is_reported_repaired_or_taken_for_fetched_and_nothing_else_is_touched()
 {
    report(&site::embedded());
    repair(&site::embedded());
    pickup(&site::embedded());
}

#[test]
fn a_folder_is_held_against_the_ledger_file_by_file() {
    let server = site::embedded();
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    for _ in 0..5 {
        broker.publish("rki");
    }
    let place = Place::new(&broker.url(), &server);
    let courier = Courier::build();
    courier.run(&place, &["run"], 0);
    let folder = place.drop_box();
    let file = |name: &str| folder.join(name);
    let folder_text = folder.display().to_string();
    let audit = |more: &[&str], code| {
        let arguments = [&["audit-box", &folder_text], more].concat();
        courier.run(&place, &arguments, code).0
    };
    let key = place.key_path().display().to_string();
    let said = audit(&["--key", &key], 0);
    assert!(said.starts_with("5 whole\nby ledger "), "{said}");

    let earlier = fs::read(file("export_0.zip")).unwrap();
    broker.submit_result(1, 0, "text/plain", b"a hospital's");
    broker.delete(1);
    let withdrawn = fs::read(file("export_1.zip")).unwrap();
    courier.run(&place, &["run"], 0);
    fs::write(file("export_0.zip"), earlier).unwrap();
    fs::write(file("export_1.zip"), withdrawn).unwrap();
    fs::write(file("export_2.zip"), "other bytes").unwrap();
    fs::remove_file(file("export_3.zip")).unwrap();
    fs::write(file("export_77.zip"), "somebody else's").unwrap();
    let audited: serde_json::Value = serde_json::from_str(&audit(&["--json"], 1)).unwrap();
    let files = audited["files"].as_array().unwrap();
    let verdicts: Vec<_> = files
        .iter()
        .map(|file| {
            (
                file["name"].as_str().unwrap(),
                file["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("export_0.zip", "earlier"),
            ("export_1.zip", "withdrawn"),
            ("export_2.zip", "other-bytes"),
            ("export_3.zip", "missing"),
            ("export_4.zip", "whole"),
            ("export_77.zip", "foreign"),
        ]
    );
    let other = place.working_dir().with_file_name("other.key");
    let other = other.display().to_string();
    courier.run(&place, &["keygen", &other], 0);
    let said = audit(&["--key", &other], 1);
    assert!(said.contains("export_4.zip\": not decryptable"), "{said}");
    courier.run(&place, &["audit-box", "/nonexistent"], 2);

    // All that can be decrypted is; what cannot holds up none of it.
    let plain = place.working_dir().with_file_name("plain");
    fs::create_dir(&plain).unwrap();
    let plain_text = plain.display().to_string();
    courier.run(&place, &["decrypt", &folder_text, "-o", &plain_text], 1);
    let mut names: Vec<_> = fs::read_dir(&plain)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["export_0.zip", "export_1.zip", "export_4.zip"]);
}
