//! What `plan` says of a broker and a drop-box that are there, and what a run makes of it.

use std::fs;

use serde_json::Value;
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::EmbeddedSftp;

use crate::site::{self, Courier, Place};

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

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.says(arguments, code)).unwrap()
    }
}

/// Words without how they are broken into lines.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
        let text = flat(&text);
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
    assert!(flat(&scene.says(&["plan"], 0)).contains("Nothing to do. 0 to do, 0 blocked"));
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
        assert!(flat(&text).contains(words), "{text}");
    }
    let plan = scene.json(&["plan", "--json", "--exit-code"], 6);
    assert_eq!(plan["limit"]["wanted"], 4, "{plan}");
    assert_eq!(plan["limit"]["allowed"], 3, "{plan}");
    assert_eq!(plan["limit"]["guards"]["max_deletions"], 10, "{plan}");
    assert_eq!(fs::read_dir(scene.place.drop_box()).unwrap().count(), 7);
}
