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
