//! Every file of the working directory in every bad way: each has its exit code and message, and
//! whatever is refused is left byte for byte as it was found. `docs/recovery.md` tells people the same.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use site::{Courier, Place};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::EmbeddedSftp;

/// A working directory with a history, copies of it from other times, and what it needs to go on.
struct Scene {
    place: Place,
    courier: Courier,
    broker: EmbeddedBroker,
    _server: EmbeddedSftp,
    copies: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        let scene = Self {
            place,
            courier: Courier::build(),
            broker,
            _server: server,
            copies: tempfile::tempdir().unwrap(),
        };
        scene.courier.run(&scene.place, &["run"], 0);
        scene.keep("another");
        fs::create_dir(scene.copy("empty")).unwrap();
        scene.restore("empty");
        fs::remove_file(scene.place.drop_box().join("status.xml")).unwrap();
        scene.broker.publish("rki");
        scene.courier.run(&scene.place, &["run"], 0);
        scene.broker.publish("rki");
        scene.courier.run(&scene.place, &["run"], 0);
        scene.keep("backup");
        scene.broker.publish("rki");
        scene.courier.run(&scene.place, &["run"], 0);
        scene.keep("now");
        scene
    }

    fn copy(&self, name: &str) -> PathBuf {
        self.copies.path().join(name)
    }

    fn keep(&self, name: &str) {
        fs::create_dir(self.copy(name)).unwrap();
        copy_files(&self.place.working_dir(), &self.copy(name));
    }

    /// The working directory as it was, and nothing else in it.
    fn restore(&self, name: &str) {
        let work = self.place.working_dir();
        if work.is_dir() && !work.is_symlink() {
            fs::set_permissions(&work, fs::Permissions::from_mode(0o700)).unwrap();
            fs::remove_dir_all(&work).unwrap();
        } else if work.exists() {
            fs::remove_file(&work).unwrap();
        }
        fs::create_dir(&work).unwrap();
        copy_files(&self.copy(name), &work);
    }

    /// Runs a command without the power to pass over permissions.
    fn run(&self, command: &str) -> (Option<i32>, String) {
        let mut program = match fs::metadata(self.place.config()).unwrap().uid() == 0 {
            true => {
                let mut setpriv = Command::new("setpriv");
                setpriv
                    .args(["--bounding-set", "-dac_override,-dac_read_search"])
                    .arg(self.courier.program().path());
                setpriv
            }
            false => self.courier.program().command(),
        };
        let output = program
            .arg("-c")
            .arg(self.place.config())
            .arg(command)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Every ordinary file and what it holds.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.path(), beginning(&entry.path())))
        .collect()
}

/// A file as far as it can differ: some have a hole of a terabyte behind their end.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    file.take(1 << 20).read_to_end(&mut bytes).unwrap();
    bytes.extend(size.to_le_bytes());
    bytes
}

/// One bad working directory.
struct Case {
    what: &'static str,
    spoil: fn(&Path, &Scene),
    /// Exit code of `run`, and what it says.
    run: (i32, &'static str),
    /// Exit code of `verify` before that, and what it says.
    verify: (i32, &'static str),
}

const LOG: &str = "ledger.log";
const HEAD: &str = "ledger.head";
const STATUS: &str = "status.xml";
const CHECKPOINT: &str = "ledger.checkpoint";

fn replace_by_directory(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

fn replace_by_link(path: &Path) {
    let elsewhere = path.with_extension("elsewhere");
    fs::rename(path, &elsewhere).unwrap();
    symlink(&elsewhere, path).unwrap();
}

fn cut(path: &Path, keep: impl Fn(u64) -> u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let size = file.metadata().unwrap().len();
    file.set_len(keep(size)).unwrap();
}

/// A hole of a terabyte behind the end: nothing may try to hold it in memory.
fn inflate(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(1 << 40).unwrap();
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(bytes).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn take(from: PathBuf, directory: &Path, name: &str) {
    fs::copy(from.join(name), directory.join(name)).unwrap();
}

const CASES: &[Case] = &[
    // The log.
    Case {
        what: "the log is missing",
        spoil: |work, _| fs::remove_file(work.join(LOG)).unwrap(),
        run: (7, "the log is gone, but its witness is there"),
        verify: (7, "the log is gone, but its witness is there"),
    },
    Case {
        what: "the log is empty",
        spoil: |work, _| cut(&work.join(LOG), |_| 0),
        run: (7, "byte 0: the file is shorter than a log's header"),
        verify: (7, "byte 0: the file is shorter than a log's header"),
    },
    Case {
        what: "the log is cut within its witnessed part",
        spoil: |work, _| cut(&work.join(LOG), |size| size / 2),
        run: (7, "the witness says that it was whole"),
        verify: (7, "the witness says that it was whole"),
    },
    Case {
        what: "the log has lost its last byte",
        spoil: |work, _| cut(&work.join(LOG), |size| size - 1),
        run: (7, "the witness says that it was whole"),
        verify: (7, "the witness says that it was whole"),
    },
    Case {
        what: "the log has a terabyte of nothing behind its end",
        spoil: |work, _| inflate(&work.join(LOG)),
        run: (7, "more follows it than one interrupted write can leave"),
        verify: (7, "more follows it than one interrupted write can leave"),
    },
    Case {
        what: "the log is read-only",
        spoil: |work, _| mode(&work.join(LOG), 0o400),
        run: (7, "ledger.log: "),
        verify: (0, "is whole"),
    },
    Case {
        what: "the log cannot be read",
        spoil: |work, _| mode(&work.join(LOG), 0o000),
        run: (7, "ledger.log: "),
        verify: (7, "ledger.log: "),
    },
    Case {
        what: "the log is a directory",
        spoil: |work, _| replace_by_directory(&work.join(LOG)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the log is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(LOG)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the log is something else",
        spoil: |work, _| fs::write(work.join(LOG), [b'x'; 500]).unwrap(),
        run: (7, "byte 0: the file does not begin as a ledger log does"),
        verify: (7, "byte 0: the file does not begin as a ledger log does"),
    },
    Case {
        what: "the log is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, LOG),
        run: (7, "the witness"),
        verify: (7, "the witness"),
    },
    Case {
        what: "the log is from an older backup than the witness",
        spoil: |work, scene| take(scene.copy("backup"), work, LOG),
        run: (
            7,
            "the log ends here, and the witness says that it was longer",
        ),
        verify: (
            7,
            "the log ends here, and the witness says that it was longer",
        ),
    },
    Case {
        what: "one bit of the log is flipped",
        spoil: |work, _| {
            let mut bytes = fs::read(work.join(LOG)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(work.join(LOG), bytes).unwrap();
        },
        run: (7, "the frame here is damaged"),
        verify: (7, "the frame here is damaged"),
    },
    Case {
        what: "a torn write behind the witness",
        spoil: |work, _| {
            let size = fs::metadata(work.join(LOG)).unwrap().len();
            overwrite(&work.join(LOG), size, &[0; 17]);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    // The witness.
    Case {
        what: "the witness is missing",
        spoil: |work, _| fs::remove_file(work.join(HEAD)).unwrap(),
        run: (
            7,
            "the witness is missing, and the log has more than its first run",
        ),
        verify: (
            7,
            "the witness is missing, and the log has more than its first run",
        ),
    },
    Case {
        what: "the witness is empty",
        spoil: |work, _| cut(&work.join(HEAD), |_| 0),
        run: (7, "the witness is damaged"),
        verify: (7, "the witness is damaged"),
    },
    Case {
        what: "the witness is cut short",
        spoil: |work, _| cut(&work.join(HEAD), |size| size / 2),
        run: (7, "the witness is damaged"),
        verify: (7, "the witness is damaged"),
    },
    Case {
        what: "the witness has a terabyte",
        spoil: |work, _| inflate(&work.join(HEAD)),
        run: (7, "the witness is damaged"),
        verify: (7, "the witness is damaged"),
    },
    Case {
        what: "the witness is read-only: it is replaced, never written into",
        spoil: |work, _| mode(&work.join(HEAD), 0o400),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the witness cannot be read",
        spoil: |work, _| mode(&work.join(HEAD), 0o000),
        run: (7, "ledger.head: "),
        verify: (7, "ledger.head: "),
    },
    Case {
        what: "the witness is a directory",
        spoil: |work, _| replace_by_directory(&work.join(HEAD)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the witness is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(HEAD)),
        run: (7, "it is not an ordinary file"),
        verify: (7, "it is not an ordinary file"),
    },
    Case {
        what: "the witness is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, HEAD),
        run: (7, "the entry here is not the one that the witness names"),
        verify: (7, "the entry here is not the one that the witness names"),
    },
    Case {
        what: "the witness is from an older backup than the log: nothing is lost",
        spoil: |work, scene| take(scene.copy("backup"), work, HEAD),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "log and witness are from an older backup, together",
        spoil: |work, scene| {
            take(scene.copy("backup"), work, LOG);
            take(scene.copy("backup"), work, HEAD);
        },
        run: (7, "it is an old copy"),
        verify: (7, "status.xml says that it shows the ledger as of event"),
    },
    Case {
        what: "log and witness are lost, and status.xml shows it",
        spoil: |work, _| {
            fs::remove_file(work.join(LOG)).unwrap();
            fs::remove_file(work.join(HEAD)).unwrap();
        },
        run: (7, "that ledger is not here"),
        verify: (2, "there is no ledger"),
    },
    // The checkpoint, which only saves time.
    Case {
        what: "the checkpoint is something else",
        spoil: |work, _| fs::write(work.join(CHECKPOINT), [b'x'; 5000]).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is empty",
        spoil: |work, _| fs::write(work.join(CHECKPOINT), "").unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint has a terabyte",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "").unwrap();
            inflate(&work.join(CHECKPOINT));
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint is a directory",
        spoil: |work, _| fs::create_dir(work.join(CHECKPOINT)).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the checkpoint cannot be read",
        spoil: |work, _| {
            fs::write(work.join(CHECKPOINT), "x").unwrap();
            mode(&work.join(CHECKPOINT), 0o000);
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    // status.xml, which is computed from the log and so never more than it.
    Case {
        what: "status.xml is missing",
        spoil: |work, _| fs::remove_file(work.join(STATUS)).unwrap(),
        run: (0, "unchanged"),
        verify: (0, "there is no status.xml of this ledger yet"),
    },
    Case {
        what: "status.xml is empty",
        spoil: |work, _| cut(&work.join(STATUS), |_| 0),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml is cut short",
        spoil: |work, _| cut(&work.join(STATUS), |size| size / 2),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml was edited by hand",
        spoil: |work, _| {
            let text = fs::read_to_string(work.join(STATUS)).unwrap();
            fs::write(work.join(STATUS), text.replace("<id>1</id>", "<id>7</id>")).unwrap();
        },
        run: (0, "unchanged"),
        verify: (7, "status.xml says that it shows the ledger as of event"),
    },
    Case {
        what: "status.xml is read-only: it is replaced, never written into",
        spoil: |work, _| mode(&work.join(STATUS), 0o400),
        run: (0, "unchanged"),
        verify: (0, "status.xml is the projection"),
    },
    Case {
        what: "status.xml is a directory",
        spoil: |work, _| replace_by_directory(&work.join(STATUS)),
        run: (7, "status.xml is not an ordinary file"),
        verify: (7, "status.xml is not an ordinary file"),
    },
    Case {
        what: "status.xml is a symbolic link",
        spoil: |work, _| replace_by_link(&work.join(STATUS)),
        run: (7, "status.xml is not an ordinary file"),
        verify: (7, "status.xml is not an ordinary file"),
    },
    Case {
        what: "status.xml is another ledger's",
        spoil: |work, scene| take(scene.copy("another"), work, STATUS),
        run: (7, "that ledger is not here"),
        verify: (7, "status.xml"),
    },
    Case {
        what: "status.xml is from an older backup than the log",
        spoil: |work, scene| take(scene.copy("backup"), work, STATUS),
        run: (0, "unchanged"),
        verify: (0, "is the projection as of event"),
    },
    Case {
        what: "status.xml has a terabyte",
        spoil: |work, _| inflate(&work.join(STATUS)),
        run: (0, "unchanged"),
        verify: (7, "status.xml"),
    },
    // The spool, which holds nothing that is not fetched again.
    Case {
        what: "the spool holds what somebody else put there",
        spoil: |work, _| {
            fs::create_dir(work.join("spool")).unwrap();
            fs::write(work.join("spool").join("notes.txt"), "mine").unwrap();
        },
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
    Case {
        what: "the spool is a file",
        spoil: |work, _| fs::write(work.join("spool"), "not a folder").unwrap(),
        run: (3, "spool"),
        verify: (0, "is whole"),
    },
    // The directory itself.
    Case {
        what: "the directory is missing",
        spoil: |work, _| fs::remove_dir_all(work).unwrap(),
        run: (3, "does not exist"),
        verify: (3, "does not exist"),
    },
    Case {
        what: "the directory is a file",
        spoil: |work, _| {
            fs::remove_dir_all(work).unwrap();
            fs::write(work, "a file").unwrap();
        },
        run: (3, "does not exist"),
        verify: (3, "does not exist"),
    },
    Case {
        what: "the directory is read-only",
        spoil: |work, _| mode(work, 0o500),
        run: (3, "must be writable"),
        verify: (0, "is whole"),
    },
    Case {
        what: "a temporary file of an interrupted replacement is left",
        spoil: |work, _| fs::write(work.join("ledger.head.tmp"), "half").unwrap(),
        run: (0, "unchanged"),
        verify: (0, "is whole"),
    },
];

#[test]
fn every_bad_working_directory_has_its_exit_code_and_message_and_stays_as_it_was_found() {
    let scene = Scene::new();
    let work = scene.place.working_dir();
    let mut wrong = Vec::new();
    for case in CASES {
        scene.restore("now");
        (case.spoil)(&work, &scene);
        let found = contents(&work);
        let refuses = case.run.0 != 0;
        for (command, expected) in [("verify", case.verify), ("run", case.run)] {
            let (code, told) = scene.run(command);
            if code != Some(expected.0) || !told.contains(expected.1) {
                wrong.push(format!("{}: {command}: {code:?}: {told}", case.what));
            }
            if (refuses || command == "verify") && contents(&work) != found {
                wrong.push(format!("{}: {command} changed something", case.what));
            }
        }
        if !refuses {
            let (code, told) = scene.run("verify");
            if code != Some(0) {
                wrong.push(format!("{}: not whole afterwards: {told}", case.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
