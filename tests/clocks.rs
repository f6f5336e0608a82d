//! A clock that goes back is said and recorded by whoever writes next, before anything else; whoever
//! reads is told where. Without a network: the ledger is written here.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use assert_cmd::Command;
use courier_ledger::log::{Files, Ledger, NewLog, verify};
use courier_ledger::{Digest, Entry, Event, KeyId, LogId, Poll, RequestId, RunCounts, Timestamp};

/// In 2099.
const AHEAD: Timestamp = Timestamp(4_080_000_000_000_000);

/// A working directory whose ledger was written by a clock far ahead, and a configuration whose broker
/// is not there.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        let text = "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
             FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"ledger\"\n[RUN]\nRETRIES = 0\n";
        fs::write(place.file("courier.toml"), text).unwrap();
        let secret = fs::Permissions::from_mode(0o600);
        fs::set_permissions(place.file("courier.toml"), secret).unwrap();
        fs::create_dir(place.file("ledger")).unwrap();
        place.says(&["keygen", "rki.key"], 0);
        let new = NewLog {
            id: LogId([7; 16]),
            version: "0.1.0".to_owned(),
        };
        let files = Files::new(place.file("ledger")).unwrap();
        let mut ledger = Ledger::create(files, AHEAD, new).unwrap();
        let start = Event::RunStarted {
            version: "0.1.0".to_owned(),
            policy: Digest([3; 32]),
            key: KeyId([4; 8]),
            instead_of: None,
            bound_to: None,
            every_minutes: None,
        };
        let finish = Event::RunFinished {
            counts: RunCounts::default(),
            duration_micros: 1,
            verdict: None,
        };
        ledger.append(AHEAD, vec![start]).unwrap();
        let polled = Poll::begin(Vec::<(RequestId, Option<Timestamp>)>::new()).unwrap();
        let snapshot = polled.complete(&ledger.state().expected()).unwrap();
        let delta = snapshot.delta(ledger.state());
        ledger
            .append(AHEAD, vec![Event::SnapshotObserved(delta), finish])
            .unwrap();
        ledger.close().unwrap();
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

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

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let files = Files::new(self.file("ledger")).unwrap();
        verify(
            &files,
            |entry| {
                entries.push(entry);
                Ok::<(), courier_ledger::log::LogError>(())
            },
            |_| {},
        )
        .unwrap();
        entries
    }
}

/// Where times go back, each entry says so.
fn times_go_back_as_said(entries: &[Entry]) -> usize {
    let pairs = entries.windows(2);
    let back = pairs.filter(|pair| pair[1].time < pair[0].time);
    let said = back.inspect(|pair| {
        assert!(matches!(pair[1].event, Event::ClockDiffers(_)), "{pair:?}");
    });
    said.count()
}

#[test]
fn whoever_writes_first_behind_the_last_entry_says_so_first() {
    let rotate = ["rotate-key", "--who", "ann", "--why", "it was time"];
    for (words, code, kind) in [
        (&["run"][..], 4, "RunStarted"),
        (&rotate, 0, "KeyAnnounced"),
    ] {
        let place = Place::new();
        let (_, warned) = place.says(words, code);
        assert!(
            warned.contains("the ledger's last entry is of 2099-"),
            "{warned}"
        );
        let entries = place.entries();
        assert_eq!(times_go_back_as_said(&entries), 1);
        assert_eq!(entries[4].event.kind(), "ClockDiffers");
        assert_eq!(entries[5].event.kind(), kind);

        let (_, quiet) = place.says(&["run"], 4);
        assert!(!quiet.contains("last entry"), "{quiet}");
        assert_eq!(times_go_back_as_said(&place.entries()), 1);
        let (told, _) = place.says(&["verify"], 0);
        assert!(
            told.contains("Times go back once:\n  event 4 is of 2099-")
                && told.contains("and says so"),
            "{told}"
        );
    }
}

#[test]
fn reading_says_nothing_and_changes_nothing() {
    let place = Place::new();
    let (told, warned) = place.says(&["status"], 0);
    assert!(
        !told.contains("clock") && warned.is_empty(),
        "{told}{warned}"
    );
    let (told, _) = place.says(&["verify"], 0);
    assert!(!told.contains("go back"), "{told}");
    assert_eq!(place.entries().len(), 4);
}
