//! A ledger with a history, copies of its directory from other times, and what it needs to go on.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::EmbeddedSftp;

use crate::site::{self, Courier, Place};

/// A working directory with a history, copies of it from other times, and what it needs to go on.
pub(crate) struct Scene {
    pub(crate) place: Place,
    courier: Courier,
    broker: EmbeddedBroker,
    _server: EmbeddedSftp,
    copies: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        self.copies.path().join(name)
    }

    fn keep(&self, name: &str) {
        fs::create_dir(self.copy(name)).unwrap();
        copy_files(&self.place.working_dir(), &self.copy(name));
    }

    /// The working directory as it was, and nothing else in it.
    pub(crate) fn restore(&self, name: &str) {
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
    pub(crate) fn run(&self, command: &str) -> (Option<i32>, String) {
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
            // A good run says nothing by itself.
            .args(["-v", command])
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
