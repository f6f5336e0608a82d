//! Whom a ledger deals with: a broker that was set up anew, another broker, another folder. What a person
//! on call would try, and what must come of it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use site::{Courier, Place};
use testbed::courier::unwrapped;
use testbed::either_broker::EitherBroker;
use testbed::server::SftpServer;

struct Scene {
    broker: EitherBroker,
    place: Place,
    courier: Courier,
    server: Box<dyn SftpServer>,
}

impl Scene {
    /// So many results of a broker are delivered.
    fn at(broker: EitherBroker, server: Box<dyn SftpServer>, count: u64) -> Self {
        let scene = Self {
            place: Place::new(&broker.url(), server.as_ref()),
            broker,
            courier: Courier::build(),
            server,
        };
        for _ in 0..count {
            scene.publish("rki");
        }
        scene.run(0);
        assert_eq!(scene.place.zips().len() as u64, count);
        scene
    }

    fn publish(&self, tag: &str) -> u64 {
        self.broker.publish_answered(tag).unwrap()
    }

    /// What a run says.
    fn run(&self, code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, &["run"], code);
        self.courier.run(&self.place, &["verify"], 0);
        format!("{stdout}{stderr}")
    }

    /// Releases what is held back, by the line that was printed for it, which holds this.
    fn approve_as_printed(&self, said: &str, holds: &str) {
        let line = said
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("broker-courier ") && line.contains(holds))
            .unwrap_or_else(|| panic!("no line to paste with {holds}:\n{said}"));
        let program = self.courier.program().path().display().to_string();
        let script = line
            .replacen("broker-courier", &program, 1)
            .replace('…', "it is right");
        let pasted = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(pasted.status.success(), "{script}\n{pasted:?}");
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.place.zips();
        let read = |name: String| {
            let bytes = fs::read(self.place.drop_box().join(&name)).unwrap();
            (name, bytes)
        };
        names.into_iter().map(read).collect()
    }
}

/// Tells a story at OpenSSH, with each broker, where so many results were delivered.
fn everywhere(count: u64, story: impl Fn(&mut Scene)) {
    for broker in EitherBroker::each() {
        if let Some(server) = site::openssh() {
            story(&mut Scene::at(broker, Box::new(server), count));
        }
    }
}

#[test]
fn nothing_is_deleted_for_a_broker_that_was_set_up_anew() {
    everywhere(8, |scene| {
        let before = scene.files();
        scene.broker.recreate_database().unwrap();
        scene.publish("other");
        scene.publish("rki");
        for _ in 0..2 {
            let said = scene.run(6);
            let sentence = "8 of 8 known requests are gone, and 2 numbers mean others (0-1): \
                            this is another broker, or its database was set up anew";
            assert!(unwrapped(&said).contains(sentence), "{said}");
            assert_eq!(scene.files(), before);
        }
        let (plan, _) = scene.courier.run(&scene.place, &["plan", "--exit-code"], 6);
        assert!(!plan.contains("Nothing to do"), "{plan}");
        scene.approve_as_printed(&scene.run(6), "approve");
        scene.run(0);
        assert_eq!(scene.place.zips(), ["export_1.zip"]);
        let said = scene.run(0);
        assert!(
            site::sum(&said).starts_with("0 uploaded, 0 deleted, 0 failed, 0 blocked"),
            "{said}"
        );
    });
}

#[test]
fn nothing_is_delivered_for_a_broker_that_was_set_up_anew() {
    everywhere(20, |scene| {
        let before = scene.files();
        scene.broker.recreate_database().unwrap();
        for _ in 0..12 {
            scene.publish("rki");
        }
        let said = scene.run(6);
        assert!(said.contains("12 numbers mean others (0-11)"), "{said}");
        assert_eq!(scene.files(), before);
    });
}

#[test]
fn an_approval_of_what_is_not_held_back_is_refused() {
    everywhere(4, |scene| {
        let approve = |digest: &str, code| {
            let arguments = [
                "approve",
                digest,
                "--who",
                "somebody",
                "--why",
                "it is right",
            ];
            scene.courier.run(&scene.place, &arguments, code)
        };
        let any = "0123456789abcdef".repeat(4);
        approve(&any, 2);
        for id in 0..3 {
            scene.broker.delete(id).unwrap();
        }
        let said = scene.run(6);
        approve(&any, 2);
        approve("xyz", 2);
        scene.approve_as_printed(&said, "approve");
        let said = scene.run(0);
        assert!(said.contains("3 deleted"), "{said}");
        // What was carried out is not held back any more.
        let digest = said_digest(scene);
        approve(&digest, 2);
    });
}

/// The digest that was approved, from the log.
fn said_digest(scene: &Scene) -> String {
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    let held = log.lines().find(|line| line.contains("PlanHeld")).unwrap();
    let (_, rest) = held.split_once("\"digest\":\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn when_the_world_moves_an_approval_falls_and_the_run_says_whose() {
    everywhere(8, |scene| {
        for id in 0..5 {
            scene.broker.delete(id).unwrap();
        }
        scene.approve_as_printed(&scene.run(6), "approve");
        scene.broker.delete(5).unwrap();
        let said = scene.run(6);
        assert!(
            said.contains("was for another plan") && said.contains("+ delete export_5.zip"),
            "{said}"
        );
        assert_eq!(scene.place.zips().len(), 8);
    });
}

#[test]
fn nothing_is_done_in_another_folder_until_a_person_says_what_it_is() {
    everywhere(3, |scene| {
        let before = scene.files();
        let folder = scene.server.folder_name().to_owned();
        let moved = format!("{}-2", folder.trim_end_matches('/'));
        let mut other = scene.place.drop_box().as_os_str().to_owned();
        other.push("-2");
        let other = std::path::PathBuf::from(other);
        fs::create_dir(&other).unwrap();
        let owner = fs::metadata(scene.place.drop_box()).unwrap();
        std::os::unix::fs::chown(&other, Some(owner.uid()), Some(owner.gid())).unwrap();
        fs::set_permissions(&other, owner.permissions()).unwrap();
        let key = |folder: &str| format!("FOLDERNAME = \"{folder}\"");
        scene.place.change_config(&key(&folder), &key(&moved));
        scene.publish("rki");
        let said = scene.run(6);
        assert!(
            said.contains("the drop-box is") && said.contains(&moved),
            "{said}"
        );
        assert_eq!(fs::read_dir(&other).unwrap().count(), 0, "{said}");
        assert_eq!(scene.files(), before);
        // Without saying what it is, nothing is approved.
        let digest = said_digest(scene);
        let arguments = ["approve", digest.as_str(), "--why", "it is right"];
        scene.courier.run(&scene.place, &arguments, 2);
        scene.approve_as_printed(&said, "--drop-box another");
        scene.run(0);
        let mut names: Vec<_> = fs::read_dir(&other)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "export_0.zip",
                "export_1.zip",
                "export_2.zip",
                "export_3.zip",
                "status.xml"
            ]
        );
        let (left, _) = scene.courier.run(&scene.place, &["left-behind"], 0);
        assert!(left.contains("export_2.zip"), "{left}");
        let gone = [
            "left-behind",
            "--gone",
            "--why",
            "emptied",
            "--who",
            "somebody",
        ];
        scene.courier.run(&scene.place, &gone, 0);
        let (left, _) = scene.courier.run(&scene.place, &["left-behind"], 0);
        assert!(left.contains("Nothing"), "{left}");
    });
}

#[test]
fn another_tag_waits_and_what_the_old_one_asked_for_can_be_kept() {
    everywhere(4, |scene| {
        scene
            .place
            .change_config("TAG = \"rki\"", "TAG = \"other\"");
        scene.publish("other");
        let said = scene.run(6);
        assert_eq!(scene.place.zips().len(), 4, "{said}");
        scene.approve_as_printed(&said, "--broker keep");
        scene.run(0);
        assert_eq!(scene.place.zips().len(), 5);
        scene.run(0);
    });
}

/// Several tags and drop-boxes are several instances.
#[test]
fn two_couriers_of_one_broker_know_nothing_of_each_other() {
    for broker in EitherBroker::each() {
        let courier = Courier::build();
        let servers = [site::embedded(), site::embedded()];
        let places = servers
            .each_ref()
            .map(|server| Place::new(&broker.url(), server));
        let [rki, dzif] = &places;
        dzif.change_config("TAG = \"rki\"", "TAG = \"dzif\"");
        let publish = |tag: &str| broker.publish_answered(tag).unwrap();
        let (first, second) = (publish("rki"), publish("dzif"));
        let name = |id: u64| format!("export_{id}.zip");
        // At the same time: a lock is for one ledger.
        std::thread::scope(|scope| {
            for place in &places {
                scope.spawn(|| courier.run(place, &["run"], 0));
            }
        });
        assert_eq!(rki.zips(), [name(first)]);
        assert_eq!(dzif.zips(), [name(second)]);
        // What waits for a person at one, or fails, holds nothing up at the other.
        let third = publish("dzif");
        publish("rki");
        let pinned = servers[0].host_key_fingerprint();
        rki.change_config(
            &pinned,
            "SHA256:EXAMPLE/ASK/THE/OPERATOR/OF/YOUR/SERVER/AAA",
        );
        courier.run(rki, &["run"], 5);
        courier.run(dzif, &["run"], 0);
        assert_eq!(dzif.zips(), [name(second), name(third)]);
        for place in &places {
            courier.run(place, &["verify"], 0);
        }
        // Two in one folder of a drop-box: the second one is told, and changes nothing.
        let [_, server] = &servers;
        let intruder = Place::new(&broker.url(), server);
        let (_, said) = courier.run(&intruder, &["run"], 6);
        assert!(
            said.contains("give each configuration a folder of its own"),
            "{said}"
        );
        assert_eq!(dzif.zips(), [name(second), name(third)]);
        courier.run(dzif, &["run"], 0);
    }
}
