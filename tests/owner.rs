//! Only the owner of a ledger's folder writes to it; whoever can, reads. These tests need to be root, who
//! may give a folder away; without that they say that they were skipped.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, which say that they were skipped"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody who is neither root nor whoever runs the tests.
const OTHER: u32 = 65_534;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder with its configuration and its key, and a ledger's folder that is empty and belongs to
    /// `owner`; none when it cannot be given away.
    fn of(owner: u32) -> Option<Self> {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let text = "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
             FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"ledger\"\n[RUN]\nRETRIES = 0\n";
        fs::write(place.file("courier.toml"), text).unwrap();
        fs::create_dir(place.file("ledger")).unwrap();
        // Others shall get as far as the ledger.
        for (name, mode) in [("", 0o755), ("courier.toml", 0o644), ("ledger", 0o755)] {
            fs::set_permissions(place.file(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        // By a process of its own: what one of this process's threads has open for writing while another starts
        // somebody is held open there, and cannot be executed (ETXTBSY).
        let copy = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_broker-courier"))
            .arg(place.file("courier"))
            .status();
        assert!(copy.unwrap().success());
        place.says(None, &["keygen", "rki.key"], 0);
        match chown(place.file("ledger"), Some(owner), None) {
            Ok(()) => Some(place),
            Err(_) => {
                eprintln!("skipped: only root may give a folder away");
                None
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn says(&self, user: Option<u32>, words: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(self.file("courier"));
        command
            .env_remove("RUST_LOG")
            .env("BROKER_COURIER_CONFIG", self.file("courier.toml"))
            .current_dir(self.folder.path())
            .args(words);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{words:?}: {stdout}\n{stderr}"
        );
        (stdout, stderr)
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

const WRITERS: [&[&str]; 3] = [
    &["run"],
    &[
        "approve",
        "00000000",
        "--why",
        "it is right",
        "--who",
        "ann",
    ],
    &["rotate-key", "--why", "it was time", "--who", "ann"],
];

#[test]
fn root_does_not_write_to_somebody_else_s_ledger() {
    let Some(place) = Place::of(OTHER) else {
        return;
    };
    for words in WRITERS {
        let (_, error) = place.says(None, words, 3);
        for word in [
            "belongs to",
            "this runs as root",
            "hint: ",
            "courier.toml",
            words[0],
        ] {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(is_empty(&place.file("ledger")), "something was opened");
        assert!(!place.file("rki.key.next").exists());
    }
    // Reading is for whoever can.
    place.says(None, &["status"], 0);
    place.says(None, &["log"], 0);
}

#[test]
fn nobody_else_does_either_and_the_owner_does() {
    let Some(place) = Place::of(0) else { return };
    for words in WRITERS {
        let (_, error) = place.says(Some(OTHER), words, 3);
        assert!(error.contains("belongs to root"), "{error}");
        assert!(is_empty(&place.file("ledger")), "something was opened");
    }
    place.says(None, &["run"], 4);
    assert!(place.file("ledger/ledger.log").is_file());
    // A ledger's files are for their owner alone, as ever.
    place.says(Some(OTHER), &["status"], 7);
}
