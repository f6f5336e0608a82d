//! What `plan` says of a broker and a drop-box that are there, and what a run makes of it.

#[path = "../../../tests/evidence/published.rs"]
mod published;

use std::fs;
use std::path::Path;

use serde_json::Value;
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::unwrapped;
use testbed::embedded_sftp::EmbeddedSftp;

use crate::site::{self, Courier, Place};
use published::Published;

/// A broker with a drop-box, and the program.
struct Scene {
    broker: EmbeddedBroker,
    _server: EmbeddedSftp,
    place: Place,
    courier: Courier,
}

impl Scene {
    /// So many results are delivered, each of the first hospital alone.
    fn with_delivered(count: u64) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        let courier = Courier::build();
        for id in 0..count {
            assert_eq!(broker.publish("rki"), id);
            broker.set_status(1, id, "completed");
            broker.set_status(2, id, "retrieved");
        }
        courier.run(&place, &["run"], 0);
        Self {
            broker,
            _server: server,
            place,
            courier,
        }
    }

    fn says(&self, arguments: &[&str], code: i32) -> String {
        self.courier.run(&self.place, arguments, code).0
    }

    /// Runs that were bound, or to deal with some requests only, are no contradiction to what was decided.
    fn does_what_its_rules_say(&self) {
        let said = self.says(&["verify", "--decisions"], 0);
        assert!(said.contains("; none did otherwise."), "{said}");
    }

    /// What is written as JSON, which is as its schema says.
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let told = serde_json::from_str(&self.says(arguments, code)).unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Published::of(&project).hold(&told);
        told
    }
}

/// But for the command that is to be pasted.
fn fits_a_terminal(text: &str) {
    for line in text.lines().filter(|line| !line.contains(" approve ")) {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
}

#[test]
fn a_plan_groups_what_is_to_be_done_and_says_why() {
    let scene = Scene::with_delivered(4);
    scene.broker.set_status(2, 1, "completed");
    scene.broker.set_status(1, 1, "completed");
    scene.broker.delete(2);
    scene.broker.publish("rki");
    // What could not be delivered is explained by what was delivered last, not by what was seen last.
    scene.broker.fail_next(
        testbed::broker::Route::Export,
        testbed::broker::Answer::error(404),
        2,
    );
    for _ in 0..2 {
        let text = scene.says(&["plan"], 0);
        fits_a_terminal(&text);
        let text = unwrapped(&text);
        for words in [
            "To be delivered again: 1 ~ export_1.zip changed: 1 of 2 hospitals → 2 of 2; node 0 \
             delivered again on ",
            "; node 1 delivered on ",
            "To be delivered: 1 + export_4.zip new, no hospital has answered",
            " to do, 0 blocked, 0 left alone, 2 unchanged",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        let plan = scene.json(&["plan", "--json"], 0);
        assert_eq!(plan["schema"], "broker-courier.plan.1");
        let grounds = plan["grounds"].as_array().unwrap();
        let changed = grounds.iter().find(|it| it["request"] == 1).unwrap();
        assert_eq!(changed["difference"]["was"]["completed"], 1, "{plan}");
        assert_eq!(changed["difference"]["is"]["completed"], 2, "{plan}");
        let again = &changed["difference"]["nodes"][0];
        assert_eq!(again["node"], 0, "{plan}");
        assert!(again["change"]["delivered-again"].is_string(), "{plan}");
        if text.contains("To be withdrawn: 1 - export_2.zip the request was deleted") {
            scene.courier.run(&scene.place, &["run"], 1);
        } else {
            assert!(text.contains("last time it failed: "), "{text}");
        }
    }
    scene.says(&["run"], 0);
    assert!(unwrapped(&scene.says(&["plan"], 0)).contains("Nothing to do. 0 to do, 0 blocked"));
}

#[test]
fn what_is_held_is_shown_by_guard_with_its_limit_and_key() {
    let scene = Scene::with_delivered(6);
    for id in 0..4 {
        scene.broker.delete(id);
    }
    let words = "4, more deletions than GUARDS.MAX_DELETIONS allows: 4 of 6 delivered results would be \
                 withdrawn or overwritten, 3 may be without a person: GUARDS.MAX_DELETIONS = 10 or 20 %, \
                 whichever is more, and never more than half: delete export_0.zip (the request was deleted)";
    for (arguments, code) in [(["plan"], 0), (["run"], 6)] {
        let text = scene.says(&arguments, code);
        if arguments == ["plan"] {
            fits_a_terminal(&text);
        }
        assert!(unwrapped(&text).contains(words), "{text}");
    }
    let plan = scene.json(&["plan", "--json", "--exit-code"], 6);
    assert_eq!(plan["limit"]["wanted"], 4, "{plan}");
    assert_eq!(plan["limit"]["allowed"], 3, "{plan}");
    assert_eq!(plan["limit"]["guards"]["max_deletions"], 10, "{plan}");
    assert_eq!(fs::read_dir(scene.place.drop_box()).unwrap().count(), 7);
}

#[test]
fn a_kept_plan_is_done_once_as_it_is_or_not_at_all() {
    let scene = Scene::with_delivered(1);
    let file = scene.place.working_dir().with_file_name("tonight.plan");
    let path = file.display().to_string();
    let keep = || {
        drop(fs::remove_file(&file));
        scene.says(&["plan", "--out", &path], 0)
    };
    let refused = |code: i32| {
        let before = fs::read(scene.place.working_dir().join("ledger.log")).unwrap();
        let (_, why) = scene
            .courier
            .run(&scene.place, &["run", "--plan", &path], code);
        let after = fs::read(scene.place.working_dir().join("ledger.log")).unwrap();
        (unwrapped(&why), before == after)
    };
    scene.broker.publish("rki");
    let said = keep();
    assert!(said.contains(&format!("run --plan {path}")), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(testbed::place::KEY) && !text.contains(EmbeddedBroker::ADMIN_KEY));
    // Nobody's file is overwritten.
    scene.says(&["plan", "--out", &path], 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    for (from, to, why) in [
        (
            "\"version\": 1",
            "\"version\": 2",
            "is of version 2, and this program knows version 1",
        ),
        (
            "broker-courier plan",
            "something else",
            "is not a plan that `plan --out` wrote",
        ),
        (
            "export_1.zip",
            "export_0.zip",
            "was edited or damaged: it says that its digest is ",
        ),
        (
            "\"only\": null",
            "\"only\": null, \"more\": 1",
            "was edited or damaged: unknown field `more`",
        ),
        ("}", "", "is not a plan"),
    ] {
        fs::write(&file, text.replace(from, to)).unwrap();
        let (said, untouched) = refused(2);
        assert!(said.contains(why) && untouched, "{why}\n{said}");
    }
    fs::write(&file, &text).unwrap();

    scene.broker.set_status(1, 1, "completed");
    scene.broker.delete(0);
    let published = fs::read(scene.place.drop_box().join("status.xml")).unwrap();
    let (said, untouched) = refused(6);
    assert!(!untouched, "what was seen is recorded");
    for words in [
        "the world has moved since the plan was made, and nothing was done: export_0.zip: was nothing to do; \
         is to be withdrawn (the request was deleted)",
        "export_1.zip: was to be delivered (new, no hospital has answered yet); is to be delivered (new, 1/1 \
         completed)",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert_eq!(scene.place.zips(), ["export_0.zip"]);
    assert_eq!(
        fs::read(scene.place.drop_box().join("status.xml")).unwrap(),
        published
    );
    let status = unwrapped(&scene.says(&["status"], 0));
    assert!(
        status.contains("the plan that the run was bound to no longer holds"),
        "{status}"
    );

    let said = keep();
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let plan = kept["digest"].as_str().unwrap();
    assert!(said.contains(plan), "{said}");
    scene.says(&["run", "--plan", &path], 0);
    assert_eq!(scene.place.zips(), ["export_1.zip"]);
    // Who audits sees which runs were bound to which plan, and what followed from it.
    let bound_to = format!("bound to the plan {plan}");
    let log = scene.says(&["log", "--kind", "RunStarted"], 0);
    assert_eq!(log.matches("bound to the plan").count(), 2, "{log}");
    assert_eq!(log.matches(&bound_to).count(), 1, "{log}");
    let why = scene.json(&["why", "1", "--json"], 0);
    let told = why["happenings"].as_array().unwrap().iter();
    let mut begun = told.filter(|it| it["what"] == "begun");
    assert!(begun.all(|it| it["bound_to"] == plan), "{why}");
    let why = unwrapped(&scene.says(&["why", "1"], 0));
    assert!(
        why.contains(&format!("by a run that was {bound_to}")),
        "{why}"
    );
    let page = file.with_file_name("report.html").display().to_string();
    scene.says(&["report", "-o", &page], 0);
    assert!(fs::read_to_string(&page).unwrap().contains(plan));
    let (said, untouched) = refused(6);
    let over = "is over: since it was made, at event ";
    assert!(
        said.contains(over) && said.contains("\"delete export_0.zip"),
        "{said}"
    );
    assert!(untouched, "{said}");

    keep();
    let tag = "TAG = \"rki\"";
    scene.place.change_config(tag, "TAG = \"other\"");
    let (said, untouched) = refused(2);
    assert!(
        said.contains("is for another broker or tag: ") && untouched,
        "{said}"
    );
    scene.place.change_config("TAG = \"other\"", tag);
    scene.says(&["run", "--plan", &path], 0);
    scene.does_what_its_rules_say();
}

#[test]
fn only_some_requests_are_dealt_with_and_unknown_ones_are_named() {
    let scene = Scene::with_delivered(0);
    for _ in 0..4 {
        scene.broker.publish("rki");
    }
    let text = unwrapped(&scene.says(&["plan", "--only", "1,2"], 0));
    assert!(
        text.contains("2 others left to another run by --only 2 to do, "),
        "{text}"
    );
    for command in ["plan", "run"] {
        let (_, said) = scene
            .courier
            .run(&scene.place, &[command, "--only", "1", "77", "78"], 2);
        assert!(
            said.contains("neither the broker nor the ledger knows: request 77, 78"),
            "{said}"
        );
    }
    let said = scene.says(&["run", "--only", "1", "2"], 0);
    assert!(site::sum(&said).contains("2 uploaded, "), "{said}");
    assert!(said.contains("2 left alone by --only"), "{said}");
    assert_eq!(scene.place.zips(), ["export_1.zip", "export_2.zip"]);
    let log = scene.says(&["log", "--kind", "RunFinished"], 0);
    assert!(log.contains("exit code 0; not begun with 0, 3"), "{log}");
    scene.does_what_its_rules_say();
}
