//! The state cache as the command line uses it: `run`, `plan` and `status` go on from it; `verify`,
//! `replay` and `log` never look at it; deleting it changes nothing that anybody is told.
//!
//! Deliberately absent: what becomes of damaged state caches (`ledger/tests/state_cache.rs`), and time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use courier_ledger::Timestamp;
use courier_ledger::log::{Files, sample};

const STATE_CACHE: &str = "ledger.cache";

/// A working directory whose log is long enough for a state cache to be worth while, and a
/// configuration whose broker is not there.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        let text = format!(
            "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
             FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"{}\"\n[RUN]\nRETRIES = 0\n",
            place.path().display()
        );
        fs::write(place.file("courier.toml"), text).unwrap();
        let secret = fs::Permissions::from_mode(0o600);
        fs::set_permissions(place.file("courier.toml"), secret).unwrap();
        let key = place.file("rki.key");
        place.says(&["keygen", key.to_str().unwrap()], 0);
        let files = Files::new(place.path()).unwrap();
        sample::leave_runs(files, Timestamp(1), 600).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// What a command says on standard output, once its exit code is right.
    fn says(&self, words: &[&str], code: i32) -> String {
        let mut command = Command::cargo_bin("broker-courier").unwrap();
        let output = command
            .env_remove("RUST_LOG")
            .env("BROKER_COURIER_CONFIG", self.file("courier.toml"))
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let found = output.status.code();
        assert_eq!(found, Some(code), "{words:?}: {stdout}\n{stderr}");
        stdout
    }

    /// Damages an entry near the log's beginning, which only a reading from the start can meet.
    fn damage_the_beginning(&self) {
        let mut log = fs::read(self.file("ledger.log")).unwrap();
        log[300] ^= 1;
        fs::write(self.file("ledger.log"), log).unwrap();
    }
}

const BROKER_IS_DOWN: i32 = 4;
const LEDGER_IS_DAMAGED: i32 = 7;

#[test]
fn run_plan_and_status_go_on_from_the_state_cache_and_the_auditors_do_not() {
    let place = Place::new();
    assert!(!place.file(STATE_CACHE).exists());
    place.says(&["run"], BROKER_IS_DOWN);
    let mode = fs::metadata(place.file(STATE_CACHE)).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let status = place.says(&["status", "--json"], 0);

    place.damage_the_beginning();
    assert_eq!(place.says(&["status", "--json"], 0), status);
    place.says(&["plan"], BROKER_IS_DOWN);
    for auditor in ["verify", "replay", "log"] {
        place.says(&[auditor], LEDGER_IS_DAMAGED);
    }
    let shown = place.says(&["log", "--until-damage"], LEDGER_IS_DAMAGED);
    let first = shown.lines().next().unwrap_or_default();
    assert!(first.contains("LogCreated"), "{shown}");
    place.says(&["run"], BROKER_IS_DOWN);

    fs::remove_file(place.file(STATE_CACHE)).unwrap();
    for command in ["run", "plan", "status", "verify", "replay", "log"] {
        place.says(&[command], LEDGER_IS_DAMAGED);
    }
}

#[test]
fn deleting_the_state_cache_changes_nothing_that_anybody_is_told() {
    let place = Place::new();
    place.says(&["run"], BROKER_IS_DOWN);
    // What is said of what stands behind the state cache counts, too.
    place.says(&["run"], BROKER_IS_DOWN);
    let told = || {
        // As text, `status` tells how long ago things were.
        let status: &[&str] = &["status", "--json"];
        [status, &["replay"], &["verify"], &["log"]].map(|command| {
            let text = place.says(command, 0);
            place.says(&["plan"], BROKER_IS_DOWN) + &text
        })
    };
    let with = told();
    let cache = fs::read(place.file(STATE_CACHE)).unwrap();
    fs::remove_file(place.file(STATE_CACHE)).unwrap();
    assert_eq!(told(), with);
    assert!(!place.file(STATE_CACHE).exists(), "a reader wrote one");
    place.says(&["run"], BROKER_IS_DOWN);
    assert_ne!(fs::read(place.file(STATE_CACHE)).unwrap(), cache);
}

#[test]
fn a_state_cache_that_cannot_be_written_changes_nothing_but_time() {
    let place = Place::new();
    fs::create_dir(place.file(STATE_CACHE)).unwrap();
    place.says(&["run"], BROKER_IS_DOWN);
    place.says(&["run"], BROKER_IS_DOWN);
    let summary = place.says(&["verify"], 0);
    assert!(summary.contains("is whole: 1207 events"), "{summary}");
    fs::remove_dir(place.file(STATE_CACHE)).unwrap();
    place.says(&["run"], BROKER_IS_DOWN);
    assert!(place.file(STATE_CACHE).is_file());
}
