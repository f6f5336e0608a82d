//! Keys as the command line knows them: which results lie under which, and reading with earlier ones.
//! Without a network: the ledger is written here.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use assert_cmd::Command;
use courier_ledger::log::{Files, Ledger, NewLog};
use courier_ledger::{Event, KeyId};
use scenario::History;

/// A working directory with its configuration and its keys.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        fs::create_dir(place.file("ledger")).unwrap();
        place.configure("");
        place
    }

    /// Writes the configuration, with more lines about security.
    fn configure(&self, security: &str) {
        let text = format!(
            "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
             FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n{security}\n\
             [MISC]\nWORKING_DIR = \"ledger\"\n[RUN]\nRETRIES = 0\n"
        );
        fs::write(self.file("courier.toml"), text).unwrap();
        let secret = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.file("courier.toml"), secret).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Standard output and standard error of a command, once its exit code is right.
    fn says(&self, words: &[&str], code: i32) -> (String, String) {
        let mut command = Command::cargo_bin("broker-courier").unwrap();
        let output = command
            .env_remove("RUST_LOG")
            .env("BROKER_COURIER_CONFIG", self.file("courier.toml"))
            .current_dir(self.folder.path())
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let found = output.status.code();
        assert_eq!(found, Some(code), "{words:?}: {stdout}\n{stderr}");
        (stdout, stderr)
    }

    /// Makes a key; gives its id.
    fn keygen(&self, name: &str) -> KeyId {
        let (said, _) = self.says(&["keygen", name], 0);
        let (_, rest) = said.split_once("(key id ").unwrap();
        KeyId::from_hex(&rest[..16]).unwrap()
    }

    /// Writes a ledger that tells this history.
    fn write_ledger(&self, history: &History) {
        let mut entries = history.entries().iter();
        let Some(Event::LogCreated { log, version }) = entries.next().map(|it| &it.event) else {
            panic!("a history begins with a log");
        };
        let new = NewLog {
            id: *log,
            version: version.clone(),
        };
        let files = Files::new(self.file("ledger")).unwrap();
        let mut ledger = Ledger::create(files, history.entries()[0].time, new).unwrap();
        for entry in entries {
            ledger
                .append(entry.time, vec![entry.event.clone()])
                .unwrap();
        }
        ledger.close().unwrap();
    }

    /// Encrypts a file with a key.
    fn encrypt(&self, key: &str, text: &str, name: &str) {
        let key = fs::read_to_string(self.file(key)).unwrap();
        let token = fernet::Fernet::new(key.trim())
            .unwrap()
            .encrypt(text.as_bytes());
        fs::write(self.file(name), token).unwrap();
    }
}

/// So many results under each of these keys, one key after the other; requests are numbered from 0.
fn delivered(under: &[(KeyId, u64)]) -> History {
    let mut history = History::new();
    let mut next = 0;
    for (key, count) in under {
        if history.state().run().is_some() {
            let (key, who, why) = (*key, "a person".to_owned(), "it was time".to_owned());
            history.record(Event::KeyAnnounced { key, who, why });
        }
        history.policy.key = *key;
        for id in next..next + count {
            history.broker.publish(id, 10, &[(1, Some(5))]);
        }
        next += count;
        assert_eq!(history.run().blocked, []);
    }
    history
}

#[test]
fn status_says_how_many_results_lie_under_which_key() {
    let place = Place::new();
    let (old, new) = (place.keygen("old.key"), place.keygen("rki.key"));
    place.write_ledger(&delivered(&[(old, 2), (new, 3)]));
    let (status, _) = place.says(&["status"], 0);
    for line in [format!("2 under key {old}"), format!("3 under key {new}")] {
        assert!(status.contains(&line), "{status}");
    }
    let (json, _) = place.says(&["status", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut expected = [(old.to_string(), 2), (new.to_string(), 3)];
    expected.sort();
    let expected =
        expected.map(|(key, results)| serde_json::json!({"key": key, "results": results}));
    assert_eq!(json["keys"], serde_json::json!(expected));
}

#[test]
fn decrypt_uses_the_key_that_the_ledger_names_and_says_which() {
    let place = Place::new();
    let (old, new) = (place.keygen("old.key"), place.keygen("rki.key"));
    place.write_ledger(&delivered(&[(old, 1), (new, 1)]));
    place.encrypt("old.key", "the first", "export_0.zip");
    place.encrypt("rki.key", "the second", "export_1.zip");

    // Nobody told where the earlier key is.
    let (_, error) = place.says(&["decrypt", "export_0.zip", "-o", "0"], 1);
    assert!(
        error.contains(&format!("the ledger names the key {old}")),
        "{error}"
    );
    assert!(
        error.contains("SECURITY.OLD_KEYS") && !place.file("0").exists(),
        "{error}"
    );

    place.configure("OLD_KEYS = \"old.key\"");
    let (said, warned) = place.says(&["decrypt", "export_0.zip", "-o", "0"], 0);
    assert!(
        said.contains(&format!("key {old}")) && warned.is_empty(),
        "{said}{warned}"
    );
    assert_eq!(fs::read(place.file("0")).unwrap(), b"the first");
    let (said, warned) = place.says(&["decrypt", "export_1.zip", "-o", "1"], 0);
    assert!(
        said.contains(&format!("key {new}")) && warned.is_empty(),
        "{said}{warned}"
    );
}

#[test]
fn decrypt_says_so_when_another_key_fits_than_the_ledger_names() {
    let place = Place::new();
    let (old, new) = (place.keygen("old.key"), place.keygen("rki.key"));
    place.configure("OLD_KEYS = [\"old.key\"]");
    place.write_ledger(&delivered(&[(new, 1)]));
    place.encrypt("old.key", "an earlier version", "export_0.zip");
    let (said, warned) = place.says(&["decrypt", "export_0.zip", "-o", "0"], 0);
    assert!(said.contains(&format!("key {old}")), "{said}");
    assert!(
        warned.contains(&format!("the ledger names the key {new}")),
        "{warned}"
    );

    // A file of another name is nobody's in the ledger, and every key is tried.
    fs::rename(place.file("export_0.zip"), place.file("saved")).unwrap();
    let (said, warned) = place.says(&["decrypt", "saved", "-o", "1"], 0);
    assert!(
        said.contains(&format!("key {old}")) && warned.is_empty(),
        "{said}{warned}"
    );
}

#[test]
fn decrypt_works_with_an_earlier_key_when_the_present_one_is_lost() {
    let place = Place::new();
    place.keygen("old.key");
    place.configure("OLD_KEYS = [\"old.key\"]");
    place.encrypt("old.key", "a result", "export_0.zip");
    let (_, warned) = place.says(&["decrypt", "export_0.zip", "-o", "0"], 0);
    assert!(warned.contains("only earlier keys are tried"), "{warned}");
    assert_eq!(fs::read(place.file("0")).unwrap(), b"a result");
}

#[test]
fn a_lost_key_is_to_be_restored_and_only_an_empty_ledger_is_told_to_make_one() {
    let place = Place::new();
    let (_, error) = place.says(&["run"], 3);
    assert!(error.contains("keygen FILE` makes one"), "{error}");

    let key = place.keygen("rki.key");
    place.write_ledger(&delivered(&[(key, 20)]));
    fs::rename(place.file("rki.key"), place.file("elsewhere")).unwrap();
    for spoil in [None, Some(""), Some("c2hvcnQ=")] {
        if let Some(text) = spoil {
            fs::write(place.file("rki.key"), text).unwrap();
        }
        for command in ["run", "plan"] {
            let (_, error) = place.says(&[command], 3);
            let hint = format!("restore the key {key}, 20 results were made with it");
            assert!(
                error.contains(&hint) && error.contains("rotate-key"),
                "{error}"
            );
            assert!(!error.contains("keygen"), "{error}");
        }
    }
}

/// The kinds of the ledger's last events.
fn last_events(place: &Place, count: usize) -> Vec<String> {
    let (log, _) = place.says(&["log"], 0);
    let kinds = log
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    let kinds: Vec<String> = kinds.map(ToOwned::to_owned).collect();
    kinds[kinds.len() - count..].to_vec()
}

#[test]
fn a_new_key_takes_the_place_of_the_old_one_which_is_kept_and_still_reads() {
    let place = Place::new();
    let old = place.keygen("rki.key");
    place.write_ledger(&delivered(&[(old, 2)]));
    place.encrypt("rki.key", "a result", "export_0.zip");
    let before = fs::read(place.file("rki.key")).unwrap();

    let rotate = ["rotate-key", "--who", "ann", "--why", "the old one leaked"];
    let (said, _) = place.says(&rotate, 0);
    let kept = format!("rki.key.{old}");
    assert_eq!(fs::read(place.file(&kept)).unwrap(), before);
    assert!(!place.file("rki.key.next").exists());
    for name in [kept.as_str(), "rki.key"] {
        let mode = fs::metadata(place.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    for word in [
        kept.as_str(),
        "the recipient must have the key",
        &format!("2 results under {old}"),
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(last_events(&place, 1), ["KeyAnnounced"]);
    let (log, _) = place.says(&["log"], 0);
    assert!(
        log.contains("announced by ann: the old one leaked"),
        "{log}"
    );
    let (decrypted, _) = place.says(&["decrypt", "export_0.zip", "-o", "0"], 0);
    assert!(decrypted.contains(&format!("key {old}")), "{decrypted}");

    // Again before any run, and no third key is made; the run uses the new one without a question.
    let rotated = fs::read(place.file("rki.key")).unwrap();
    let (again, _) = place.says(&rotate, 0);
    assert_eq!(again, said);
    assert_eq!(fs::read(place.file("rki.key")).unwrap(), rotated);
    assert_ne!(rotated, before);
    let (_, warned) = place.says(&["run"], 4);
    assert!(!warned.contains("announced"), "{warned}");
}

#[test]
fn a_rotation_that_was_interrupted_at_any_point_ends_well_the_next_time() {
    for interrupted_after in 0..4 {
        let place = Place::new();
        let old = place.keygen("rki.key");
        let kept = format!("rki.key.{old}");
        let mut history = delivered(&[(old, 1)]);
        let next = (interrupted_after >= 1).then(|| place.keygen("rki.key.next"));
        if interrupted_after >= 2 {
            fs::copy(place.file("rki.key"), place.file(&kept)).unwrap();
        }
        if let (3, Some(key)) = (interrupted_after, next) {
            let (who, why) = ("ann".to_owned(), "it was time".to_owned());
            history.record(Event::KeyAnnounced { key, who, why });
        }
        place.write_ledger(&history);
        let old_text = fs::read(place.file("rki.key")).unwrap();
        let next_text = fs::read(place.file("rki.key.next")).ok();

        place.says(&["rotate-key", "--why", "it was time", "--who", "ann"], 0);
        assert_eq!(fs::read(place.file(&kept)).unwrap(), old_text);
        assert!(!place.file("rki.key.next").exists());
        let current = fs::read(place.file("rki.key")).unwrap();
        assert_ne!(current, old_text);
        assert!(
            next_text.is_none_or(|next| next == current),
            "{interrupted_after}"
        );
        assert_eq!(
            last_events(&place, 1),
            ["KeyAnnounced"],
            "{interrupted_after}"
        );
    }
}

#[test]
fn a_lost_key_is_replaced_by_one_that_was_announced_first() {
    let place = Place::new();
    let lost = place.keygen("rki.key");
    place.write_ledger(&delivered(&[(lost, 3)]));
    fs::remove_file(place.file("rki.key")).unwrap();
    let (said, _) = place.says(&["rotate-key", "--who", "ann", "--why", "the disk died"], 0);
    assert!(
        said.contains(&format!("The file of {lost} was not there")) && said.contains("3 results"),
        "{said}"
    );
    place.says(&["run"], 4);
}

#[test]
fn a_key_from_elsewhere_is_announced_where_it_is() {
    let place = Place::new();
    let old = place.keygen("rki.key");
    place.write_ledger(&delivered(&[(old, 1)]));
    let other = place.keygen("theirs.key");
    let rotate = |file| ["rotate-key", file, "--who", "ann", "--why", "theirs"];
    let (said, _) = place.says(&rotate("theirs.key"), 0);
    assert!(
        said.contains(&other.to_string()) && said.contains("SECURITY.PATH_ENCRYPTION_KEY"),
        "{said}"
    );
    // One that is not there yet is made; one that is in use needs nothing.
    let (said, _) = place.says(&rotate("new.key"), 0);
    assert!(
        place.file("new.key").is_file() && said.contains("new.key"),
        "{said}"
    );
    let (_, error) = place.says(&rotate("rki.key"), 2);
    assert!(error.contains("is in use already"), "{error}");
    assert!(!place.file("rki.key.next").exists());
}

#[test]
fn another_key_needs_somebody_who_answers_for_it_and_a_ledger() {
    let place = Place::new();
    place.keygen("rki.key");
    place.says(&["rotate-key", "--who", "ann"], 2);
    place.says(&["rotate-key", "--who", "ann", "--why", " "], 2);
    place.says(&["rotate-key", "--who", "ann", "--why", "it was time"], 2);
    assert!(!place.file("rki.key.next").exists());
}
