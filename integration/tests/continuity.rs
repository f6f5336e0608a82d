//! The ledger that is here and the `status.xml` at the drop-box: restored backups, lost directories, two
//! couriers in one folder, as a person on call would meet them. Neither side is written then.

#![allow(clippy::unwrap_used, reason = "tests")]

mod evidence;
mod site;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use site::{Courier, Place};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::either_broker::EitherBroker;
use testbed::openssh::OpenSshSettings;
use testbed::server::SftpServer;

/// A broker, a drop-box, and a courier that has delivered one result in each of two runs, with a backup
/// of its directory from between them.
struct Scene {
    broker: EitherBroker,
    server: Box<dyn SftpServer>,
    place: Place,
    courier: Courier,
    backup: tempfile::TempDir,
}

type Files = BTreeMap<String, Vec<u8>>;

/// Every file of a folder, and what it holds.
fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn empty(folder: &Path) {
    for name in files(folder).keys() {
        fs::remove_file(folder.join(name)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        fs::write(to.join(name), bytes).unwrap();
    }
}

impl Scene {
    fn embedded(server: Box<dyn SftpServer>) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        Self::at(EitherBroker::Embedded(broker), server)
    }

    fn at(broker: EitherBroker, server: Box<dyn SftpServer>) -> Self {
        let scene = Self {
            place: Place::new(&broker.url(), server.as_ref()),
            broker,
            server,
            courier: Courier::build(),
            backup: tempfile::tempdir().unwrap(),
        };
        scene.publish();
        scene.run(0);
        copy(&scene.place.working_dir(), scene.backup.path());
        scene.publish();
        scene.run(0);
        assert_eq!(scene.place.zips(), ["export_0.zip", "export_1.zip"]);
        scene
    }

    fn publish(&self) -> u64 {
        self.broker.publish_answered("rki").unwrap()
    }

    fn run(&self, code: i32) -> String {
        self.say("run", code)
    }

    fn say(&self, command: &str, code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, &[command], code);
        format!("{stdout}{stderr}")
    }

    fn log_id(&self) -> String {
        let (status, _) = self.courier.run(&self.place, &["status", "--json"], 0);
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        status["log"].as_str().unwrap().to_owned()
    }

    fn published(&self) -> String {
        fs::read_to_string(self.place.drop_box().join("status.xml")).unwrap()
    }

    /// The working directory loses everything.
    fn loses_everything(&self) {
        empty(&self.place.working_dir());
    }

    /// Run and plan refuse with these words, and nothing is written, here or there.
    fn is_refused(&self, code: i32, words: &[&str]) {
        let before = (
            files(&self.place.working_dir()),
            files(self.place.drop_box()),
        );
        for command in ["run", "plan", "run"] {
            let said = self.say(command, code);
            for words in words {
                assert!(said.contains(words), "{command}: {words}?\n{said}");
            }
            let after = (
                files(&self.place.working_dir()),
                files(self.place.drop_box()),
            );
            assert!(before == after, "{command} wrote something");
        }
    }
}

/// Tells a story with embedded servers only, and at OpenSSH with each broker.
fn everywhere(story: impl Fn(&Scene)) {
    story(&Scene::embedded(Box::new(site::embedded())));
    for broker in EitherBroker::each() {
        if let Some(server) = site::openssh() {
            story(&Scene::at(broker, Box::new(server)));
        }
    }
}

#[test]
fn an_older_backup_of_the_whole_directory_is_not_gone_on_with() {
    everywhere(|scene| {
        scene.loses_everything();
        copy(scene.backup.path(), &scene.place.working_dir());
        // Here all fits together: only what was published tells.
        scene.say("verify", 0);
        let words = [
            "shows the ledger as of event",
            "it is an old copy",
            "broker-courier recover",
        ];
        scene.is_refused(7, &words);
        // A result of the gap that is withdrawn meanwhile is not forgotten.
        scene.broker.delete(1).unwrap();
        scene.is_refused(7, &words);
    });
}

#[test]
fn a_ledger_that_went_on_from_an_old_copy_elsewhere_is_not_gone_on_with() {
    everywhere(|scene| {
        let newest = files(&scene.place.working_dir());
        // Somebody goes on from the backup where nobody sees what was published.
        let there = fs::read(scene.place.drop_box().join("status.xml")).unwrap();
        scene.loses_everything();
        copy(scene.backup.path(), &scene.place.working_dir());
        fs::remove_file(scene.place.drop_box().join("status.xml")).unwrap();
        for _ in 0..4 {
            scene.say("run", 1);
        }
        let forked = files(&scene.place.working_dir());
        assert_ne!(forked, newest);
        fs::write(scene.place.drop_box().join("status.xml"), there).unwrap();
        scene.is_refused(7, &["shows another event", "went on from an old copy"]);
    });
}

#[test]
fn a_new_empty_directory_does_not_begin_beside_what_was_published() {
    everywhere(|scene| {
        let log = scene.log_id();
        scene.loses_everything();
        let written = format!("was written from the ledger {log}, and that ledger is not here");
        scene.is_refused(6, &[&written, "broker-courier recover"]);
        assert!(files(&scene.place.working_dir()).is_empty());
    });
}

#[test]
fn the_published_file_in_an_empty_directory_is_not_taken_for_a_ledger() {
    everywhere(|scene| {
        scene.loses_everything();
        fs::write(
            scene.place.working_dir().join("status.xml"),
            scene.published(),
        )
        .unwrap();
        let words = ["that ledger is not here", "broker-courier recover"];
        scene.is_refused(7, &words);
        let said = scene.say("verify", 7);
        assert!(words.iter().all(|it| said.contains(it)), "{said}");
        assert!(!said.contains("uploaded again"), "{said}");
    });
}

#[test]
fn only_log_and_head_restored_is_the_same_to_run_plan_and_verify() {
    everywhere(|scene| {
        for name in ["ledger.log", "ledger.head"] {
            let bytes = fs::read(scene.backup.path().join(name)).unwrap();
            fs::write(scene.place.working_dir().join(name), bytes).unwrap();
        }
        let words = ["it is an old copy", "broker-courier recover"];
        scene.is_refused(7, &words);
        let said = scene.say("verify", 7);
        assert!(words.iter().all(|it| said.contains(it)), "{said}");
        assert!(!said.contains("written anew"), "{said}");
    });
}

#[test]
fn two_configurations_with_one_folder_do_not_overwrite_each_other() {
    everywhere(|scene| {
        let other = Place::new(&scene.broker.url(), scene.server.as_ref());
        let before = (files(&other.working_dir()), files(other.drop_box()));
        for command in ["run", "plan", "run"] {
            let (_, said) = scene.courier.run(&other, &[command], 6);
            assert!(said.contains(&scene.log_id()), "{said}");
            assert!(said.contains("SFTP.FOLDERNAME"), "{said}");
            assert!(before == (files(&other.working_dir()), files(other.drop_box())));
        }
        // The first one is not disturbed.
        scene.run(0);
    });
}

#[test]
fn of_two_first_runs_at_once_one_ends_and_nothing_is_begun_before_the_judgement() {
    let (broker, server) = (
        EmbeddedBroker::start(Settings::default()).unwrap(),
        site::embedded(),
    );
    let place = Place::new(&broker.url(), &server);
    let courier = Courier::build();
    broker.fail_next(Route::List, Answer::Silence, 1);
    let mut first = courier.program().command();
    first.arg("-c").arg(place.config()).arg("run");
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while broker.counters().route(Route::List) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (_, said) = courier.run(&place, &["run"], 8);
    assert!(said.contains("another run is active"), "{said}");
    let process = format!("it is process {}, running for ", first.id());
    assert!(said.contains(&process), "{said}");
    assert!(files(&place.working_dir()).is_empty());
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(files(&place.working_dir()).is_empty());
    courier.run(&place, &["run"], 0);
    assert!(files(server.drop_box()).contains_key("status.xml"));
}

#[test]
fn a_file_that_is_nobodys_is_not_overwritten_by_a_new_courier() {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let courier = Courier::build();
    for (content, words) in [
        (&b"<html>somebody's page</html>"[..], "neither a ledger's"),
        (b"<status></status>", "the replaced program's"),
    ] {
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        fs::write(server.drop_box().join("status.xml"), content).unwrap();
        let (_, said) = courier.run(&place, &["run"], 6);
        assert!(said.contains(words), "{said}");
        assert!(files(&place.working_dir()).is_empty());
        assert_eq!(files(server.drop_box())["status.xml"], content);
    }
    let server = site::embedded();
    let place = Place::new(&broker.url(), &server);
    fs::create_dir(server.drop_box().join("status.xml")).unwrap();
    let (_, said) = courier.run(&place, &["run"], 6);
    assert!(said.contains("is not an ordinary file"), "{said}");
    assert!(files(&place.working_dir()).is_empty());
}

#[test]
fn what_the_recipient_takes_or_damages_is_said_once_and_written_anew() {
    everywhere(|scene| {
        let path = scene.place.drop_box().join("status.xml");
        fs::remove_file(&path).unwrap();
        assert!(scene.run(0).contains("is not at the drop-box any more"));
        assert!(path.exists());
        assert!(
            scene
                .say("status", 0)
                .contains("is not at the drop-box any more")
        );
        fs::write(&path, "<sta").unwrap();
        assert!(scene.run(0).contains("damaged or somebody else's"));
        assert!(scene.published().starts_with("<status log="));
        // As expected again, and then not a word more.
        assert!(scene.run(0).contains("as expected again"));
        for _ in 0..2 {
            assert!(!scene.run(0).contains("status.xml"));
        }
        assert!(!scene.say("status", 0).contains("status.xml"));
        scene.say("verify", 0);
    });
}

#[test]
fn a_folder_that_may_only_be_written_to_still_works() {
    for mode in [0o333, 0o733] {
        let settings = OpenSshSettings {
            folder_mode: mode,
            ..OpenSshSettings::default()
        };
        let Some(server) = site::openssh_with(settings) else {
            return;
        };
        // Names that are known can be opened there.
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let place = Place::new(&broker.url(), &server);
        let courier = Courier::build();
        for _ in 0..2 {
            let (_, said) = courier.run(&place, &["run"], 0);
            assert!(!said.contains("cannot be read"), "{said}");
        }
    }
}

#[test]
fn a_server_that_lets_nothing_be_read_is_said_once_and_shown() {
    let settings = OpenSshSettings {
        sftp_arguments: vec!["-P".to_owned(), "read".to_owned()],
        ..OpenSshSettings::default()
    };
    let Some(server) = site::openssh_with(settings) else {
        return;
    };
    let scene = Scene::embedded(Box::new(server));
    let words = "cannot be read, so only what is kept here tells";
    // It was said by the second run, the first that found one there.
    assert!(!scene.run(0).contains(words));
    let status = scene.say("status", 0);
    assert!(
        status.contains(words) && status.contains("permission denied"),
        "{status}"
    );
    let (json, _) = scene.courier.run(&scene.place, &["status", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["status_xml_seen"].as_str().unwrap().contains(words));
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    assert_eq!(
        log.matches("\"kind\":\"PublishedLedgerSeen\"").count(),
        1,
        "{log}"
    );
}

#[test]
fn kept_copies_are_judged_each_with_its_sentence() {
    let scene = Scene::embedded(Box::new(site::embedded()));
    let kept = tempfile::tempdir().unwrap();
    let keep = |name: &str, text: &str| {
        let path = kept.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let old = fs::read_to_string(scene.backup.path().join("status.xml")).unwrap();
    let new = scene.published();
    let (first, second) = (keep("first.xml", &old), keep("second.xml", &new));
    let verify = |arguments: &[&str], code| {
        let arguments = [&["verify", "--against"], arguments].concat();
        let (stdout, stderr) = scene.courier.run(&scene.place, &arguments, code);
        format!("{stdout}{stderr}")
    };
    let said = verify(&[&first, &second], 0);
    assert_eq!(said.matches(": contained: ").count(), 2, "{said}");

    let edited = keep("edited.xml", &new.replace("</status>", "\n</status>"));
    let another = Scene::embedded(Box::new(site::embedded()));
    let foreign = keep("foreign.xml", &another.published());
    let later = keep("later.xml", &new.replacen("sequence=\"", "sequence=\"9", 1));
    let (start, rest) = old.split_once("hash=\"").unwrap();
    let differs = keep(
        "differs.xml",
        &format!("{start}hash=\"{}{}", "0".repeat(64), &rest[64..]),
    );
    for (file, sentence) in [
        (&edited, "edited: it names event"),
        (&foreign, "of another ledger"),
        (&later, "the ledger is shorter than this"),
        (&differs, "the ledger differs at event"),
    ] {
        let said = verify(&[&first, file], 7);
        assert!(said.contains(&format!("{file}: {sentence}")), "{said}");
        assert!(said.contains(": contained: "), "{said}");
    }
    let all = [&*first, &edited, &foreign, &later, &differs, "--json"];
    let json: serde_json::Value = serde_json::from_str(&verify(&all, 7)).unwrap();
    let verdicts: Vec<_> = json["against"].as_array().unwrap().iter().collect();
    let verdicts: Vec<_> = verdicts
        .iter()
        .map(|it| it["verdict"].as_str().unwrap())
        .collect();
    let due = [
        "contained",
        "edited",
        "another-log",
        "log-shorter",
        "differs",
    ];
    assert_eq!(verdicts, due);
    verify(&["/nowhere/status.xml"], 2);
}

/// A script that was written from the document alone reads every golden log, and no damaged one.
#[test]
fn the_document_of_the_log_is_enough_for_somebody_else() {
    python(&["test.py"]);
}

/// The schemas of what `--json` writes are those of the shapes that their page shows.
#[test]
fn the_published_schemas_are_as_their_page_has_them() {
    python(&["schemas.py", "--check"]);
}

/// Runs a script of the independent ones.
fn python(words: &[&str]) {
    let mut python = Command::new("python3");
    python
        .arg("-B")
        .args(words)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("independent"));
    match python.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        Err(error) if std::env::var_os("CI").is_none() => {
            site::skipped(&format!("python3: {error}"));
        }
        Err(error) => panic!("python3: {error}"),
    }
}
