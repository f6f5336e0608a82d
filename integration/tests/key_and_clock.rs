//! A key that nobody announced, and clocks that do not agree, with a broker, a drop-box and the program.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;

use site::{Courier, Place, sum};
use testbed::age::{self, Reader};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::EmbeddedSftp;

const THREE_YEARS_SECONDS: i64 = 3 * 365 * 24 * 60 * 60;

struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    courier: Courier,
    _server: EmbeddedSftp,
}

impl Scene {
    /// A scene in which so many results were delivered.
    fn with(results: usize) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        let scene = Self {
            broker,
            place,
            courier: Courier::build(),
            _server: server,
        };
        for _ in 0..results {
            scene.submit();
        }
        scene.says(&["run"], 0);
        assert_eq!(scene.place.zips().len(), results);
        scene
    }

    fn submit(&self) {
        let id = self.broker.publish("rki");
        self.broker.submit_result(1, id, "text/plain", b"a result");
    }

    /// Everything that a command says.
    fn says(&self, arguments: &[&str], code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, arguments, code);
        format!("{stdout}{stderr}")
    }

    /// The id of the key of a file.
    fn key_of(&self, request: &str) -> String {
        let json = self.courier.run(&self.place, &["status", "--json"], 0).0;
        let (_, rest) = json.split_once(&format!("\"id\": {request},")).unwrap();
        let (_, rest) = rest.split_once("\"key\": \"").unwrap();
        rest[..16].to_owned()
    }
}

#[test]
fn a_swapped_key_waits_until_it_is_put_back_approved_or_announced() {
    let scene = Scene::with(3);
    let key = scene.place.key_path();
    let kept = key.with_file_name("kept");
    fs::rename(&key, &kept).unwrap();
    let path = key.display().to_string();
    scene.says(&["keygen", &path], 0);
    scene.submit();

    let old = scene.key_of("0");
    for _ in 0..2 {
        let told = scene.says(&["run"], 6);
        for words in [
            format!(
                "is not the last run's, {old}, and nobody announced it: 3 results lie under {old}"
            ),
            "approve ".to_owned(),
        ] {
            assert!(told.contains(&words), "{words}: {told}");
        }
        assert_eq!(scene.place.zips().len(), 3);
    }
    let plan = scene.says(&["plan"], 0);
    assert!(plan.contains("1 blocked") && plan.contains(&old), "{plan}");

    // Put back, it goes on without a word.
    let swapped = key.with_file_name("swapped");
    fs::rename(&key, &swapped).unwrap();
    fs::rename(&kept, &key).unwrap();
    let told = scene.says(&["run"], 0);
    assert!(!told.contains("announced"), "{told}");
    assert_eq!(scene.key_of("3"), old);

    // Announced and put in its place, it is used.
    let swapped = swapped.display().to_string();
    scene.says(
        &[
            "rotate-key",
            &swapped,
            "--who",
            "ann",
            "--why",
            "it is right",
        ],
        0,
    );
    fs::rename(&key, &kept).unwrap();
    fs::rename(&swapped, &key).unwrap();
    scene.submit();
    let told = scene.says(&["run"], 0);
    assert!(!told.contains("announced"), "{told}");
    assert_ne!(scene.key_of("4"), old);
}

#[test]
fn a_rotated_key_is_used_by_the_next_run_and_the_old_one_still_reads() {
    let scene = Scene::with(1);
    let old = scene.key_of("0");
    scene.says(&["rotate-key", "--who", "ann", "--why", "it was time"], 0);
    scene.submit();
    scene.says(&["run"], 0);
    assert_ne!(scene.key_of("1"), old);
    for name in ["export_0.zip", "export_1.zip"] {
        scene.courier.decrypts(&scene.place, name);
    }
    scene.says(&["verify"], 0);
}

#[test]
fn a_broker_whose_clock_is_years_off_is_said_and_recorded_once_a_run_and_nothing_else_changes() {
    let scene = Scene::with(1);
    for (seconds, count) in [(THREE_YEARS_SECONDS, 1), (-THREE_YEARS_SECONDS, 2)] {
        scene.broker.set_clock_ahead(seconds);
        let told = scene.says(&["run"], 0);
        assert!(told.contains("days apart"), "{told}");
        let log = scene.says(&["log"], 0);
        assert_eq!(log.matches("ClockDiffers").count(), count, "{log}");
    }
    assert!(scene.says(&["plan"], 0).contains("days apart"));
    // A minute is nothing.
    scene.broker.set_clock_ahead(60);
    let told = scene.says(&["run"], 0);
    assert!(!told.contains("apart"), "{told}");
    let told = scene.says(&["verify"], 0);
    assert!(!told.contains("go back"), "{told}");
}

#[test]
fn changing_over_to_age_is_a_key_change_and_only_the_recipient_opens_what_is_delivered() {
    let scene = Scene::with(2);
    let said = |arguments: &[&str], code| scene.says(arguments, code);
    let config = format!(
        "[SECURITY]\nENCRYPTION = \"age\"\nRECIPIENTS = \"{}\"",
        age::RECIPIENT
    );
    scene.place.change_config("[SECURITY]", &config);
    let identity = scene.place.key_path().with_file_name("identity.txt");
    fs::write(&identity, age::IDENTITY).unwrap();
    scene.submit();
    let old = scene.key_of("0");

    // It waits for a word, as any other key does.
    assert!(said(&["run"], 6).contains(&format!("is not the last run's, {old}")));
    assert!(said(&["check"], 0).contains(age::RECIPIENT));
    let told = said(&["rotate-key", "--why", "the recipient asked for it"], 0);
    for words in [
        age::RECIPIENT,
        &format!("2 results under {old}"),
        ".zip.age",
    ] {
        assert!(told.contains(words), "{words}?\n{told}");
    }
    assert!(
        said(&["rotate-key", "other.key", "--why", "?"], 2).contains("recipients are announced")
    );

    // New results and new versions are for the recipient; what has not changed stays.
    scene
        .broker
        .submit_result(2, 0, "text/plain", b"another result");
    let told = said(&["run"], 0);
    assert!(sum(&told).contains("2 uploaded, 0 deleted"), "{told}");
    let names = || scene.place.names().unwrap();
    let (zero, two) = ("export_0.zip.age", "export_2.zip.age");
    assert_eq!(
        names(),
        ["export_0.zip", zero, "export_1.zip", two, "status.xml"]
    );
    assert_ne!(scene.key_of("0"), old);
    assert!(said(&["rotate-key", "--why", "again"], 2).contains("are in use already"));

    // The file under the old name goes with the next run, which delivers nothing anew.
    scene
        .place
        .change_config("[MISC]", "[REMOTE]\nCHECK = \"report\"\n[MISC]");
    let told = said(&["run"], 0);
    assert!(sum(&told).contains("0 uploaded, 0 deleted"), "{told}");
    assert_eq!(names(), [zero, "export_1.zip", two, "status.xml"]);

    let drop_box = scene.place.drop_box().to_owned();
    let opened = drop_box.with_file_name("opened");
    let (identity, opened) = (identity.display().to_string(), opened.display().to_string());
    for name in [zero, two] {
        let file = drop_box.join(name).display().to_string();
        assert!(said(&["decrypt", &file, "-o", &opened], 2).contains("--identity"));
        said(
            &["decrypt", &file, "-o", &opened, "--identity", &identity],
            0,
        );
        let ours = fs::read(&opened).unwrap();
        fs::remove_file(&opened).unwrap();
        assert!(ours.starts_with(b"PK"));
        for reader in Reader::ALL {
            if !reader.is_available() {
                site::skipped(&format!("{reader:?} is not installed"));
                continue;
            }
            let theirs = reader.decrypt(identity.as_ref(), file.as_ref());
            assert_eq!(theirs.as_ref(), Ok(&ours), "{reader:?}");
        }
    }
    let folder = drop_box.display().to_string();
    let audited = said(&["audit-box", &folder, "--identity", &identity], 0);
    assert!(audited.contains("3 whole"), "{audited}");
    said(&["verify"], 0);

    // What is withdrawn goes under the name that it has.
    scene.broker.delete(0);
    scene.broker.delete(1);
    let told = said(&["run"], 0);
    assert!(sum(&told).contains("0 uploaded, 2 deleted"), "{told}");
    assert_eq!(names(), [two, "status.xml"]);
}
