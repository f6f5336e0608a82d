//! A person takes the ledger from a holder that seems dead, although its lease lasts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use testbed::courier::unwrapped;
use testbed::watched::{Watched, until};

use super::program::Scene;
use crate::site::Place;

/// So long a holder counts on a long lease that was not confirmed.
const UNCONFIRMED: Duration = Duration::from_secs(25);
const LEASE: &str = "[WATCH]\nINTERVAL = 2\n[LEDGER]\nLEASE = 600";

/// Two hosts, of which one stopped in the middle of an upload, while its lease lasts for minutes.
struct Dead {
    scene: Scene,
    dead: Place,
    other: Place,
    stopped: Watched,
    name: String,
}

impl Dead {
    fn in_an_upload(command: &str) -> Option<Self> {
        let scene = Scene::new()?;
        let (dead, other) = (scene.host(), scene.host());
        for host in [&dead, &other] {
            host.change_config("[LEDGER]", LEASE);
        }
        let id = scene.broker.publish("rki");
        scene.broker.submit_synthetic_result(1, id, 64 << 20);
        let mut asked = scene.courier.program().command();
        asked.arg("-vc").arg(dead.config()).arg(command);
        let stopped = Watched::begin(&mut asked).unwrap();
        until("an upload", || {
            let names = dead.names().unwrap();
            names.iter().any(|name| name.ends_with(".part"))
        });
        stopped.signal("STOP");
        let name = format!("export_{id}.zip");
        assert!(!dead.names().unwrap().contains(&name));
        Some(Self {
            scene,
            dead,
            other,
            stopped,
            name,
        })
    }

    fn holder(&self) -> String {
        format!(", process {}", self.stopped.pid())
    }

    /// A person who knows that it is dead.
    fn take_over(&self, code: i32) -> String {
        let words = ["ledger", "takeover", "--who", "ann", "--why", "it burnt"];
        let (said, error) = self.scene.run(&self.other, &words, code);
        unwrapped(&format!("{said}{error}"))
    }

    fn place_of(&self, name: &str) -> (u64, i64, u64) {
        let it = fs::metadata(self.other.drop_box().join(name)).unwrap();
        (it.ino(), it.mtime(), it.size())
    }

    /// It comes back after all: nothing is changed by that, and it learns who has taken the ledger.
    fn comes_back_and_does_no_harm(&self) {
        let (delivered, names) = (self.place_of(&self.name), self.other.names().unwrap());
        self.stopped.signal("CONT");
        until(&format!("it knows: {}", self.stopped.said()), || {
            unwrapped(&self.stopped.said()).contains("was taken from this run by ")
        });
        assert_eq!(self.place_of(&self.name), delivered);
        assert_eq!(self.other.names().unwrap(), names);
    }

    /// What was decided is told wherever decisions are.
    fn is_told(&self) {
        let host = &self.other;
        let told = |words: &[&str]| self.scene.run(host, words, 0).0;
        let log = told(&["log", "--kind", "LedgerTakenOver"]);
        let holder = self.holder();
        assert!(
            log.contains(&format!("{holder} under epoch 2 by ann: it burnt")),
            "{log}"
        );
        let report: serde_json::Value = serde_json::from_str(&told(&["report", "--json"])).unwrap();
        let [decision] = &report["decisions"].as_array().unwrap()[..] else {
            panic!("{report}");
        };
        assert_eq!(decision["decided"], "ledger-taken-over");
        assert_eq!(decision["who"], "ann");
        let id = self.name.trim_start_matches("export_");
        let why = unwrapped(&told(&["why", id.trim_end_matches(".zip")]));
        assert!(why.contains("took the ledger from"), "{why}");
        assert!(why.contains("\"it burnt\""), "{why}");
        told(&["verify"]);
    }
}

#[test]
fn a_ledger_is_taken_from_a_watch_that_stopped_and_who_stands_by_goes_on() {
    let Some(it) = Dead::in_an_upload("watch") else {
        return;
    };
    let standby = it.scene.watch(&it.other);
    standby.says("standing by until it can go on", 1);
    // What nobody answers for is refused.
    it.scene.run(&it.dead, &["ledger", "takeover"], 2);
    let empty = ["ledger", "takeover", "--why", " "];
    it.scene.run(&it.dead, &empty, 2);
    // The process that holds it here is told apart from one that is gone.
    let refused = ["ledger", "takeover", "--why", "it burnt"];
    it.scene.run(&it.dead, &refused, 8);
    assert_eq!(it.scene.sql("select epoch from {s}.runner"), "1");

    std::thread::sleep(UNCONFIRMED);
    let said = it.take_over(0);
    assert!(said.contains("Recorded. "), "{said}");
    assert!(
        said.contains(&format!(
            "{} holds the ledger no longer; since epoch 2",
            it.holder()
        )),
        "{said}"
    );
    standby.says("watching:", 1);
    until("the result", || {
        it.other.names().unwrap().contains(&it.name)
    });
    let (said, _) = it.scene.run(&it.dead, &["status"], 0);
    assert!(said.contains("epoch 3, "), "{said}");
    let is_over = || {
        let names = it.other.names().unwrap();
        !names.iter().any(|name| name.ends_with(".part"))
            && names.iter().any(|it| it == "status.xml")
    };
    until("status.xml", is_over);

    it.comes_back_and_does_no_harm();
    // From then on it is the one that stands by, and does not say so again and again.
    std::thread::sleep(Duration::from_secs(4));
    let said = unwrapped(&it.stopped.said());
    assert!(said.matches("is held by").count() <= 1, "{said}");
    standby.signal("TERM");
    let (code, said) = standby.ended();
    assert_eq!(code, Some(0), "{said}");
    let next = format!("export_{}.zip", it.scene.publish());
    until("another result", || {
        it.other.names().unwrap().contains(&next)
    });
    it.stopped.signal("TERM");
    until("the end", || it.stopped.said().contains("ended, as asked"));
    it.is_told();
}

#[test]
fn a_run_whose_ledger_was_taken_ends_with_8() {
    let Some(it) = Dead::in_an_upload("run") else {
        return;
    };
    let (_, said) = it.scene.run(&it.other, &["run"], 8);
    assert!(
        said.contains(&format!("{} (epoch 1; ", it.holder())),
        "{said}"
    );
    std::thread::sleep(UNCONFIRMED);
    it.take_over(0);
    // Once it has been taken, nobody holds it.
    let said = it.take_over(0);
    assert!(said.contains("Nobody holds the ledger"), "{said}");
    let taken = "select count(*) from {s}.entry where payload like '%LedgerTakenOver%'::bytea";
    assert_eq!(it.scene.sql(taken), "1");
    it.scene.run(&it.other, &["run"], 0);
    assert_eq!(it.other.zips(), [it.name.as_str()]);
    let tip = || it.scene.sql("select sequence, epoch from {s}.runner");
    let before = tip();
    it.comes_back_and_does_no_harm();
    assert_eq!(tip(), before);
    it.is_told();
    let Dead { stopped, .. } = it;
    let (code, said) = stopped.ended();
    assert_eq!(code, Some(8), "{said}");
}

#[test]
fn nothing_is_taken_from_whom_it_need_not_be_taken() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host();
    let take = |code: i32| {
        let words = ["ledger", "takeover", "--why", "it burnt"];
        let (said, error) = scene.run(&host, &words, code);
        unwrapped(&format!("{said}{error}"))
    };
    assert!(take(0).contains("Nobody holds the ledger"));
    let hold = |until: &str| {
        scene.sql(&format!(
            "update {{s}}.runner set nonce = '\\x01', holder = 'host-b, process 9', epoch = epoch + 1, \
             until = now() + interval '{until}'"
        ));
    };
    // Held, and nothing has begun there yet.
    hold("10 minutes");
    let said = take(0);
    assert!(said.contains("No ledger has begun there"), "{said}");
    assert_eq!(scene.sql("select count(*) from {s}.entry"), "0");
    scene.publish();
    scene.run(&host, &["run"], 0);
    let entries = scene.sql("select count(*) from {s}.entry");
    hold("-1 second");
    let said = take(0);
    assert!(
        said.contains("The lease of host-b, process 9 has ended"),
        "{said}"
    );
    assert_eq!(scene.sql("select count(*) from {s}.entry"), entries);
    scene.run(&host, &["run"], 0);

    let files = Place::new(&scene.broker.url(), &scene.sftp);
    let words = ["ledger", "takeover", "--why", "it burnt"];
    let (_, said) = scene.run(&files, &words, 2);
    assert!(said.contains("ends with the process"), "{said}");
}
