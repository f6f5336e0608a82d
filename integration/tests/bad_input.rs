//! Everything that can be wrong outside: each has its exit code, a message that names the thing and
//! the remedy, and a log that is whole afterwards.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;
use std::process::Command;

use site::{Courier, Place};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::openssh::{KeyKind, OpenSsh, OpenSshSettings, PASSPHRASE};
use testbed::server::SftpServer;

/// A broker with one finished request, an embedded server, and a place to run in.
struct Scene {
    broker: EmbeddedBroker,
    server: Box<dyn SftpServer>,
    place: Place,
    courier: Courier,
}

impl Scene {
    fn new(server: Box<dyn SftpServer>) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let id = broker.publish("rki");
        broker.submit_result(1, id, "text/plain", b"a result");
        let place = Place::new(&broker.url(), server.as_ref());
        // What is tried again and may then succeed is the subject of `resilience.rs`.
        place.change_config("[MISC]", "[RUN]\nRETRIES = 0\n[MISC]");
        Self {
            broker,
            server,
            place,
            courier: Courier::build(),
        }
    }

    fn embedded() -> Self {
        Self::new(Box::new(site::embedded()))
    }

    /// A run ends with this code and says all of this; the log is whole after it.
    fn run(&self, code: i32, says: &[&str]) {
        let (stdout, stderr) = self.courier.run(&self.place, &["run"], code);
        for words in says {
            assert!(
                stderr.contains(words) || stdout.contains(words),
                "{words}?\n{stdout}\n{stderr}"
            );
        }
        self.courier.run(&self.place, &["verify"], 0);
    }

    /// Once the cause is gone, the next run delivers.
    fn recovers(&self) {
        self.run(0, &[]);
        assert_eq!(self.place.zips(), ["export_0.zip"]);
    }
}

fn html() -> Answer {
    Answer::Instead {
        status: 200,
        content_type: "text/html".to_owned(),
        body: b"<html><head><title>Welcome</title></head></html>".to_vec(),
    }
}

fn xml(body: &str) -> Answer {
    Answer::Instead {
        status: 200,
        content_type: "application/xml".to_owned(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_broker_that_refuses_the_key() {
    let scene = Scene::embedded();
    scene.place.change_config("xxxAdmin1234", "wrong");
    scene.run(4, &["BROKER.API_KEY", "administrator"]);
    scene.place.change_config("\"wrong\"", "\"xxxApiKey123\"");
    scene.run(4, &["BROKER.API_KEY"]);
    scene.place.change_config("xxxApiKey123", "xxxAdmin1234");
    scene.recovers();
}

#[test]
fn lists_that_are_not_lists_never_read_as_empty() {
    let scene = Scene::embedded();
    scene.recovers();
    let namespace = "http://aktin.org/ns/exchange";
    let cases = [
        html(),
        xml(""),
        xml("<html/>"),
        xml("<request-list/>"),
        xml("<request-list xmlns=\"http://example.org\"/>"),
        xml(&format!("<request-list xmlns=\"{namespace}\">")),
        xml(&format!("<request-list xmlns=\"{namespace}\"/><html/>")),
        xml(&format!(
            "<request-list xmlns=\"{namespace}\"><request id=\"x\"/></request-list>"
        )),
        xml(&format!(
            "<request-list xmlns=\"{namespace}\"><request id=\"0\"/><request id=\"0\"/></request-list>"
        )),
        Answer::Cut(120),
        Answer::Instead {
            status: 503,
            content_type: "text/plain".to_owned(),
            body: b"later".to_vec(),
        },
    ];
    for answer in cases {
        scene.broker.fail_next(Route::List, answer.clone(), 1);
        let (_, stderr) = scene.courier.run(&scene.place, &["run"], 4);
        assert!(
            stderr.contains("nothing was changed at the drop-box"),
            "{answer:?}\n{stderr}"
        );
        assert_eq!(scene.place.zips(), ["export_0.zip"], "{answer:?}");
    }
    scene.recovers();
}

#[test]
fn html_instead_of_xml_is_called_that() {
    let scene = Scene::embedded();
    scene.broker.fail_next(Route::List, html(), 1);
    scene.run(4, &["text/html", "BROKER.URL"]);
}

#[test]
fn one_request_that_cannot_be_read_or_exported_delays_no_other() {
    let scene = Scene::embedded();
    scene.broker.publish("rki");
    scene.broker.fail_next(Route::Status, html(), 1);
    scene.run(1, &["1 uploaded", "1 unreadable"]);
    let refusal = Answer::Instead {
        status: 500,
        content_type: "text/plain".to_owned(),
        body: b"no".to_vec(),
    };
    scene.broker.fail_next(Route::Export, refusal, 1);
    scene.run(1, &["1 failed", "export"]);
    scene.run(0, &["1 uploaded"]);
    assert_eq!(scene.place.zips(), ["export_0.zip", "export_1.zip"]);
}

#[test]
fn a_download_that_breaks_off_leaves_nothing_behind() {
    let scene = Scene::embedded();
    for bytes in [0, 1, 100, u64::MAX] {
        scene
            .broker
            .fail_next(Route::Download, Answer::Cut(bytes), 1);
        scene.run(1, &["1 failed"]);
        assert!(scene.place.zips().is_empty());
    }
    scene.recovers();
}

#[test]
fn an_sftp_server_that_is_down() {
    let scene = Scene::embedded();
    let port = format!("PORT = \"{}\"", scene.server.port());
    scene.place.change_config(&port, "PORT = \"9\"");
    scene.run(5, &["127.0.0.1:9"]);
    scene.place.change_config("PORT = \"9\"", &port);
    scene.recovers();
}

#[test]
fn a_wrong_password() {
    let scene = Scene::embedded();
    scene.place.change_config("sftppassword", "a-wrong-one");
    let (_, stderr) = scene.courier.run(&scene.place, &["run"], 5);
    assert!(
        stderr.contains("authenticate") && !stderr.contains("a-wrong-one"),
        "{stderr}"
    );
    scene.place.change_config("a-wrong-one", "sftppassword");
    scene.recovers();
}

#[test]
fn an_unknown_or_changed_host_key_ends_the_run_and_says_which_line_to_add() {
    let scene = Scene::embedded();
    let fingerprint = scene.server.host_key_fingerprint();
    let other = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let host_key = |code, arguments: &[&str]| {
        let arguments = [&["host-key"], arguments].concat();
        scene.courier.run(&scene.place, &arguments, code).0
    };
    let pinned = host_key(0, &[]);
    assert!(
        pinned.contains("It is pinned") && !pinned.contains("add this line"),
        "{pinned}"
    );
    scene.place.change_config(&fingerprint, other);
    scene.run(5, &[&fingerprint, "no credential was sent"]);
    let differs = host_key(5, &[]);
    for words in [
        "NOT the one that SFTP.HOST_KEY accepts",
        other,
        &fingerprint,
    ] {
        assert!(differs.contains(words), "{differs}");
    }
    let json: serde_json::Value = serde_json::from_str(&host_key(5, &["--json"])).unwrap();
    assert_eq!(json["pinned"], "other");
    assert_eq!(json["accepted"], false);
    assert_eq!(json["fingerprint"], fingerprint.as_str());
    let nobody = scene.place.working_dir().join("known_hosts");
    fs::write(&nobody, "").unwrap();
    scene.place.change_config(
        &format!("HOST_KEY = \"{other}\""),
        &format!("KNOWN_HOSTS = \"{}\"", nobody.display()),
    );
    scene.run(5, &[&fingerprint, "HOST_KEY"]);
    let (stdout, _) = scene.courier.run(&scene.place, &["host-key"], 0);
    assert!(
        stdout.contains(&format!("HOST_KEY = \"{fingerprint}\"")),
        "{stdout}"
    );
    // Without any secret, and without a folder or a working directory.
    let (host, port) = (scene.server.host(), scene.server.port());
    let alone = scene.place.working_dir().join("server.toml");
    let text = format!("[SFTP]\nHOST = \"{host}\"\nPORT = {port}\nPASSWORD_FILE = \"not there\"\n");
    fs::write(&alone, text).unwrap();
    let alone = alone.display().to_string();
    let asked = scene.courier.program().run(&["-c", &alone, "host-key"]);
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert!(asked.stdout.contains(&fingerprint), "{}", asked.stdout);
    scene.place.change_config(
        &format!("KNOWN_HOSTS = \"{}\"", nobody.display()),
        &format!("HOST_KEY = [\"{other}\", \"{fingerprint}\"]"),
    );
    scene.recovers();
}

#[test]
fn a_missing_folder() {
    let scene = Scene::embedded();
    scene
        .place
        .change_config("FOLDERNAME = \"rki\"", "FOLDERNAME = \"nowhere\"");
    scene.run(5, &["nowhere", "create it"]);
    scene
        .place
        .change_config("FOLDERNAME = \"nowhere\"", "FOLDERNAME = \"rki\"");
    scene.recovers();
}

#[test]
fn somebody_elses_file_under_a_needed_name_stays() {
    let scene = Scene::embedded();
    let file = scene.place.drop_box().join("export_0.zip");
    fs::write(&file, "somebody else's").unwrap();
    scene.run(1, &["did not create"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody else's");
    fs::remove_file(&file).unwrap();
    scene.recovers();
}

#[test]
fn private_keys_of_every_kind_log_in_and_a_wrong_passphrase_is_named() {
    let Some(server) = site::openssh() else {
        return;
    };
    let keys: Vec<_> = [
        KeyKind::Ed25519,
        KeyKind::Ecdsa,
        KeyKind::Rsa,
        KeyKind::Encrypted,
    ]
    .map(|kind| (kind, server.private_key(kind)))
    .into();
    let password = server.password();
    let scene = Scene::new(Box::new(server));
    let mut login = match password {
        Some(password) => format!("PASSWORD = \"{password}\""),
        None => format!("KEY_FILE = \"{}\"", keys[0].1.display()),
    };
    for (kind, path) in keys {
        let mut next = format!("KEY_FILE = \"{}\"", path.display());
        if kind == KeyKind::Encrypted {
            let wrong = format!("{next}\nKEY_PASSPHRASE = \"wrong\"");
            scene.place.change_config(&login, &wrong);
            scene.run(5, &["passphrase"]);
            login = wrong;
            next = format!("{next}\nKEY_PASSPHRASE = \"{PASSPHRASE}\"");
        }
        scene.place.change_config(&login, &next);
        scene.recovers();
        login = next;
    }
}

#[test]
fn a_write_only_drop_box_is_served() {
    let settings = OpenSshSettings {
        folder_mode: 0o333,
        ..OpenSshSettings::default()
    };
    let Some(server) = site::openssh_with(settings) else {
        return;
    };
    let scene = Scene::new(Box::new(server));
    scene.recovers();
}

#[test]
fn a_server_without_posix_rename_is_served_and_the_gap_is_recorded() {
    let settings = OpenSshSettings {
        sftp_arguments: vec!["-P".to_owned(), "posix-rename".to_owned()],
        ..OpenSshSettings::default()
    };
    let Some(server) = site::openssh_with(settings) else {
        return;
    };
    let scene = Scene::new(Box::new(server));
    scene.recovers();
    scene
        .broker
        .submit_result(2, 0, "text/plain", b"another result");
    scene.recovers();
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    assert!(
        log.contains("\"placement\":\"unlink-then-rename\""),
        "{log}"
    );
}

/// A small file system mounted where a test wants it full; only root may do that.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: &std::path::Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0777"),
                "tmpfs",
            ])
            .arg(path)
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            Some(Self(path.to_owned()))
        } else {
            site::skipped("a small disk can only be mounted by root");
            None
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_at_the_drop_box_leaves_no_partial_file() {
    let Some(server): Option<OpenSsh> = site::openssh() else {
        return;
    };
    let Some(_disk) = SmallDisk::mount(server.drop_box(), "1m") else {
        return;
    };
    let scene = Scene::new(Box::new(server));
    scene.broker.set_synthetic_result(0, 4 << 20);
    scene.run(
        1,
        &["1 failed", "the drop-box is full: 0 of 1 MiB are free"],
    );
    assert!(scene.place.zips().is_empty());
    scene.broker.set_synthetic_result(0, 1000);
    scene.recovers();
}

#[test]
fn a_full_disk_of_our_own_is_named_and_the_log_stays_whole() {
    let scene = Scene::embedded();
    let Some(_disk) = SmallDisk::mount(&scene.place.working_dir(), "12m") else {
        return;
    };
    scene.broker.set_synthetic_result(0, 32 << 20);
    scene.run(1, &["1 failed", "spool"]);
    assert!(scene.place.zips().is_empty());
    scene.broker.set_synthetic_result(0, 1000);
    scene.recovers();
}
