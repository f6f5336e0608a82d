//! A ledger that was lost, or is an old copy, begins anew from what its drop-box holds. What a person on
//! call would try, and what must come of it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;
use std::path::Path;

use site::{Courier, Place};
use testbed::courier::unwrapped;
use testbed::either_broker::EitherBroker;
use testbed::server::SftpServer;

struct Scene {
    broker: EitherBroker,
    place: Place,
    courier: Courier,
    _server: Box<dyn SftpServer>,
}

impl Scene {
    /// So many results of a broker are delivered.
    fn at(broker: EitherBroker, server: Box<dyn SftpServer>, count: u64) -> Self {
        let scene = Self {
            place: Place::new(&broker.url(), server.as_ref()),
            broker,
            courier: Courier::build(),
            _server: server,
        };
        // Others are there, so that an absence can be proven.
        scene.broker.publish("other").unwrap();
        for _ in 0..count {
            scene.publish();
        }
        scene.run(0);
        scene
    }

    fn publish(&self) -> u64 {
        self.broker.publish_answered("rki").unwrap()
    }

    fn say(&self, arguments: &[&str], code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, arguments, code);
        format!("{stdout}{stderr}")
    }

    fn run(&self, code: i32) -> String {
        self.say(&["run"], code)
    }

    fn recover(&self) -> String {
        let before = self.tree();
        let shown = self.say(&["recover"], 0);
        assert_eq!(self.tree(), before, "only shown, and changed\n{shown}");
        let done = self.say(
            &["recover", "--who", "somebody", "--why", "the disk was lost"],
            0,
        );
        self.say(&["verify"], 0);
        format!("{shown}{done}")
    }

    /// Everything in the working directory and at the drop-box.
    fn tree(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let mut files = files(&self.place.working_dir());
        files.extend(files_of(self.place.drop_box()));
        files
    }

    fn loses_its_directory(&self) {
        fs::remove_dir_all(self.place.working_dir()).unwrap();
        fs::create_dir(self.place.working_dir()).unwrap();
    }
}

fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files_of(folder)
}

fn files_of(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (path, bytes) in files_of(from) {
        fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
    }
}

/// Tells a story at OpenSSH, with each broker, where so many results were delivered.
fn everywhere(count: u64, story: impl Fn(&Scene)) {
    for broker in EitherBroker::each() {
        if let Some(server) = site::openssh() {
            story(&Scene::at(broker, Box::new(server), count));
        }
    }
}

#[test]
fn a_lost_directory_is_one_command_away_from_good() {
    everywhere(4, |scene| {
        let delivered = files_of(scene.place.drop_box());
        scene.loses_its_directory();
        let said = scene.run(6);
        assert!(said.contains("recover"), "{said}");
        assert_eq!(files_of(scene.place.drop_box()), delivered);
        let said = scene.recover();
        assert!(said.contains("adopted   4 files"), "{said}");
        scene.broker.delete(1).unwrap();
        let new = scene.publish();
        let said = scene.run(0);
        assert!(
            site::sum(&said).starts_with("1 uploaded, 1 deleted, 0 failed"),
            "{said}"
        );
        let zips = [
            "export_2.zip",
            "export_3.zip",
            "export_4.zip",
            "export_5.zip",
        ];
        assert_eq!(scene.place.zips(), zips, "{new}");
        let said = scene.run(0);
        assert!(
            site::sum(&said).starts_with("0 uploaded, 0 deleted, 0 failed"),
            "{said}"
        );
        // The files that were adopted are the very ones.
        let now = files_of(scene.place.drop_box());
        let kept = |name: &str| {
            let find = |files: &[(std::path::PathBuf, Vec<u8>)]| {
                let found = files.iter().find(|(path, _)| path.ends_with(name));
                found.map(|(_, bytes)| bytes.clone())
            };
            find(&delivered) == find(&now)
        };
        assert!(kept("export_2.zip") && kept("export_3.zip") && kept("export_4.zip"));
        assert!(
            scene
                .say(&["recover"], 2)
                .contains("nothing is to be recovered")
        );
    });
}

#[test]
fn another_drop_box_than_the_one_that_was_looked_at_waits() {
    everywhere(2, |scene| {
        scene.loses_its_directory();
        scene.recover();
        let elsewhere = scene.place.drop_box().with_file_name("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let folder = |name: &str| format!("FOLDERNAME = \"{name}\"");
        scene
            .place
            .change_config(&folder("rki"), &folder("elsewhere"));
        let said = scene.run(6);
        let sentence = unwrapped(&said);
        assert!(sentence.contains("/elsewhere, not sftp://"), "{said}");
        assert_eq!(files_of(&elsewhere), []);
    });
}

#[test]
fn what_only_the_lost_part_of_an_old_copy_knew_is_withdrawn_too() {
    everywhere(3, |scene| {
        let backup = scene.place.working_dir().with_file_name("backup");
        copy(&scene.place.working_dir(), &backup);
        let gap = scene.publish();
        scene.run(0);
        let name = format!("export_{gap}.zip");
        assert!(scene.place.zips().contains(&name));
        scene.loses_its_directory();
        copy(&backup, &scene.place.working_dir());
        let before = scene.tree();
        scene.broker.delete(gap).unwrap();
        let said = scene.run(7);
        assert!(
            said.contains("old copy") && said.contains("recover"),
            "{said}"
        );
        assert_eq!(scene.tree(), before);
        scene.recover();
        scene.run(0);
        assert!(!scene.place.zips().contains(&name));
        scene.run(0);
        // The old copy is kept for whoever audits it.
        let kept = fs::read_dir(scene.place.working_dir())
            .unwrap()
            .find_map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.starts_with("lost-").then_some(path)
            });
        let kept = kept.expect("what was left is kept").display().to_string();
        scene.say(&["--ledger", &kept, "log"], 0);
    });
}

#[test]
fn a_flipped_bit_and_a_lost_head_are_recovered_from() {
    everywhere(3, |scene| {
        let log = scene.place.working_dir().join("ledger.log");
        let mut bytes = fs::read(&log).unwrap();
        bytes[200] ^= 1;
        fs::write(&log, bytes).unwrap();
        scene.run(7);
        scene.recover();
        for _ in 0..2 {
            let said = scene.run(0);
            let nothing = "0 uploaded, 0 deleted, 0 failed";
            assert!(site::sum(&said).starts_with(nothing), "{said}");
        }
        fs::remove_file(scene.place.working_dir().join("ledger.head")).unwrap();
        scene.run(7);
        scene.recover();
        let said = scene.run(0);
        assert!(
            site::sum(&said).starts_with("0 uploaded, 0 deleted, 0 failed"),
            "{said}"
        );
    });
}

#[test]
fn what_is_missing_is_delivered_and_what_is_not_proven_is_left_alone() {
    everywhere(3, |scene| {
        let drop_box = scene.place.drop_box();
        fs::remove_file(drop_box.join("export_1.zip")).unwrap();
        fs::write(drop_box.join("export_2.zip"), "somebody else's").unwrap();
        scene.loses_its_directory();
        let said = scene.recover();
        assert!(
            said.contains("missing") && said.contains("unknown"),
            "{said}"
        );
        let said = scene.run(1);
        assert!(said.contains("did not create"), "{said}");
        assert!(drop_box.join("export_1.zip").exists());
        assert_eq!(
            fs::read(drop_box.join("export_2.zip")).unwrap(),
            b"somebody else's"
        );
    });
}

#[test]
fn a_copy_of_the_drop_box_and_of_its_ledger_will_do() {
    everywhere(2, |scene| {
        let copied = scene.place.working_dir().with_file_name("copied");
        copy(scene.place.drop_box(), &copied);
        scene.loses_its_directory();
        let from = copied.display().to_string();
        let status = copied.join("status.xml").display().to_string();
        let arguments = [
            "recover", "--from", &from, "--status", &status, "--who", "somebody", "--why", "lost",
        ];
        let said = scene.say(&arguments, 0);
        assert!(said.contains("adopted   2 files"), "{said}");
        let said = scene.run(0);
        assert!(
            site::sum(&said).starts_with("0 uploaded, 0 deleted, 0 failed"),
            "{said}"
        );
    });
}

#[test]
fn what_was_delivered_under_another_name_too_is_known_again_after_a_loss() {
    everywhere(2, |scene| {
        let config = format!(
            "[SECURITY]\nENCRYPTION = \"age\"\nRECIPIENTS = \"{}\"\nON_KEY_CHANGE = \"reupload\"",
            testbed::age::RECIPIENT
        );
        scene.place.change_config("[SECURITY]", &config);
        let told = scene.run(0);
        assert!(site::sum(&told).contains("2 uploaded"), "{told}");
        assert_eq!(scene.place.names().unwrap().len(), 5);
        scene.loses_its_directory();
        let told = unwrapped(&scene.recover());
        for words in ["adopted 2 files", "superseded 2 results"] {
            assert!(told.contains(words), "{words}?\n{told}");
        }
        // Nothing is delivered anew; what stands under the old names goes.
        let told = scene.run(0);
        assert!(
            site::sum(&told).contains("0 uploaded, 0 deleted, 0 failed"),
            "{told}"
        );
        let names = scene.place.names().unwrap();
        let ends = |end| names.iter().filter(|name| name.ends_with(end)).count();
        assert_eq!((names.len(), ends(".zip.age")), (3, 2), "{names:?}");
    });
}
