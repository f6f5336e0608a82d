//! What fails and may succeed is tried again; what stalls ends; who is asked to end ends, and the next
//! run goes on. The real program, a broker and a line that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, which say how far they are"
)]

mod site;
mod watching;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use site::{Courier, Place, audit};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::proxy::{Distant, Fate};

/// A result that takes more than one window to upload.
const LARGE_BYTES: u64 = 24 << 20;

/// What is said once bytes have had to be written with care.
const CAREFUL: &str = "little is sent at once, in small packets";

struct Scene {
    broker: EmbeddedBroker,
    server: Distant,
    place: Place,
    courier: Courier,
}

impl Scene {
    /// One request with a result of this size; `RUN` as given.
    fn new(result_bytes: u64, run: &str) -> Self {
        Self::at_a_distance(result_bytes, run, Duration::ZERO)
    }

    fn at_a_distance(result_bytes: u64, run: &str, round_trip: Duration) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let id = broker.publish("rki");
        broker.submit_result(1, id, "application/octet-stream", b"");
        broker.set_synthetic_result(id, result_bytes);
        let server = Distant::new(Box::new(site::embedded()), round_trip).unwrap();
        let place = Place::new(&broker.url(), &server);
        place.change_config("[MISC]", &format!("[RUN]\n{run}\n[MISC]"));
        Self {
            broker,
            server,
            place,
            courier: Courier::build(),
        }
    }

    /// One run, which ends with this code and says this; the log is whole after it.
    fn run(&self, code: i32, says: &str) {
        let (stdout, stderr) = self.courier.run(&self.place, &["run"], code);
        let told = format!("{stdout}{stderr}");
        assert!(told.contains(says), "{says}?\n{told}");
        self.courier.run(&self.place, &["verify"], 0);
    }

    /// Waits until the run has come to what stalls it.
    fn wait_for(&self, stalls: &str) {
        let has_come = || match stalls {
            "upload" => self.server.proxy().has_stalled(),
            "download" => self.calls(Route::Download) > 0,
            _ => self.calls(Route::List) > 0,
        };
        for _ in 0..20_000 {
            if has_come() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the run never came to the {stalls}");
    }

    /// Broker and line forget what they were told to do wrong.
    fn behaves_again(&self) {
        self.broker.forget_faults();
        self.server.proxy().forget();
    }

    fn calls(&self, route: Route) -> u64 {
        self.broker.counters().route(route)
    }

    /// The result is there, and decrypts to what was recorded.
    fn is_delivered(&self) {
        assert_eq!(self.place.zips(), ["export_0.zip"]);
        assert_eq!(audit(&self.courier, &self.place).len(), 1);
    }

    /// Nothing but the ledger is left in the working directory, and which problems were told.
    fn is_clean(&self) {
        let mut left: Vec<String> = fs::read_dir(self.place.working_dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        left.retain(|name| name != "told.json");
        left.sort();
        assert_eq!(left, ["ledger.head", "ledger.log", "status.xml"]);
    }
}

fn status(status: u16) -> Answer {
    Answer::Instead {
        status,
        content_type: "text/plain".to_owned(),
        body: Vec::new(),
    }
}

fn busy() -> Answer {
    Answer::Custom {
        status: 503,
        headers: vec![("Retry-After".to_owned(), "1".to_owned())],
        body: Vec::new(),
    }
}

#[test]
fn calls_that_may_succeed_are_repeated_and_a_broker_that_asks_for_time_gets_it() {
    for (route, answer) in [
        (Route::List, busy()),
        (Route::List, status(500)),
        (Route::Status, status(429)),
        (Route::Status, status(502)),
        (Route::Export, busy()),
        (Route::Export, status(500)),
    ] {
        let scene = Scene::new(1000, "");
        scene.broker.fail_next(route, answer, 2);
        scene.run(0, "1 uploaded, 0 deleted, 0 failed");
        assert_eq!(scene.calls(route), 3, "{route:?}");
        scene.is_delivered();
    }
}

#[test]
fn a_broker_that_asks_for_more_time_than_the_run_has_is_not_asked_again() {
    let scene = Scene::new(1000, "DEADLINE = 600");
    let headers = vec![("Retry-After".to_owned(), "3600".to_owned())];
    let answer = Answer::Custom {
        status: 503,
        headers,
        body: Vec::new(),
    };
    scene.broker.fail_next(Route::List, answer, 9);
    scene.run(4, "503");
    assert_eq!(scene.calls(Route::List), 1);
}

#[test]
fn calls_that_will_not_succeed_are_not_repeated() {
    for (route, answer, code) in [
        (Route::List, status(401), 4),
        (Route::List, status(404), 4),
        (Route::Status, status(403), 1),
        (Route::Export, status(404), 1),
    ] {
        let scene = Scene::new(1000, "");
        scene.broker.fail_next(route, answer, 9);
        scene.run(code, "");
        assert_eq!(scene.calls(route), 1, "{route:?}");
    }
}

#[test]
fn without_retries_the_first_failure_counts() {
    let scene = Scene::new(1000, "RETRIES = 0");
    scene.broker.fail_next(Route::Export, status(500), 1);
    scene.run(1, "1 failed");
    assert_eq!(scene.calls(Route::Export), 1);
    scene.run(0, "1 uploaded");
}

#[test]
fn a_download_whose_link_has_expired_is_exported_once_more_even_without_retries() {
    let scene = Scene::new(1000, "RETRIES = 0");
    scene.broker.fail_next(Route::Download, status(404), 1);
    scene.run(0, "1 uploaded");
    assert_eq!(scene.calls(Route::Export), 2);
    assert_eq!(scene.calls(Route::Download), 2);
    scene.is_delivered();
}

#[test]
fn a_broker_that_is_too_busy_for_a_download_is_asked_later_for_the_same_bundle() {
    let scene = Scene::new(1000, "");
    scene.broker.fail_next(Route::Download, busy(), 2);
    scene.run(0, "1 uploaded");
    assert_eq!(scene.calls(Route::Export), 1);
    assert_eq!(scene.calls(Route::Download), 3);
    scene.is_delivered();
}

#[test]
fn a_deadline_that_passes_while_evidence_is_looked_for_needs_no_approval() {
    let scene = Scene::new(1000, "");
    scene.run(0, "1 uploaded");
    scene.place.change_config("[RUN]", "[RUN]\nDEADLINE = 3");
    scene.broker.delete(0);
    scene.broker.publish("other");
    scene.broker.fail_next(Route::WholeList, Answer::Silence, 9);
    scene.run(1, "RUN.DEADLINE has passed");
    scene.behaves_again();
    scene.run(0, "0 uploaded, 1 deleted");
}

#[test]
fn a_download_that_is_cut_is_fetched_anew_also_while_its_upload_follows() {
    for cut in [10, 1 << 20, 20 << 20] {
        let scene = Scene::new(LARGE_BYTES, "");
        scene.broker.fail_next(Route::Download, Answer::Cut(cut), 1);
        scene.run(0, "1 uploaded, 0 deleted, 0 failed");
        assert_eq!(scene.calls(Route::Download), 2);
        scene.is_delivered();
        scene.is_clean();
    }
}

#[test]
fn a_connection_that_is_lost_is_made_anew_and_the_upload_resumes_from_the_spool() {
    for bytes in [0, 2_000, 5_000, 1 << 20, 20 << 20] {
        let scene = Scene::new(LARGE_BYTES, "");
        scene.server.proxy().order(Fate::CutAfter(bytes));
        scene.run(0, "1 uploaded, 0 deleted, 0 failed");
        assert_eq!(scene.server.proxy().accepted(), 2, "cut after {bytes}");
        assert_eq!(scene.calls(Route::Export), 1, "cut after {bytes}");
        assert_eq!(scene.calls(Route::Download), 1, "cut after {bytes}");
        scene.is_delivered();
        scene.is_clean();
    }
}

#[test]
fn a_connection_that_is_lost_again_and_again_is_given_up_and_the_next_run_delivers() {
    let scene = Scene::new(LARGE_BYTES, "RETRIES = 2");
    for _ in 0..3 {
        scene.server.proxy().order(Fate::CutAfter(4 << 20));
    }
    scene.run(5, "export_0.zip");
    assert_eq!(scene.server.proxy().accepted(), 3);
    scene.run(0, "1 uploaded");
    scene.is_delivered();
}

#[test]
fn a_line_that_goes_dead_is_noticed_and_replaced() {
    let scene = Scene::new(LARGE_BYTES, "");
    scene
        .place
        .change_config("TIMEOUT = \"25\"", "TIMEOUT = \"2\"");
    scene.server.proxy().order(Fate::StallAfter(4 << 20));
    scene.run(0, "1 uploaded, 0 deleted, 0 failed");
    assert_eq!(scene.calls(Route::Download), 1);
    scene.is_delivered();
}

#[test]
fn a_connection_lost_while_bytes_were_written_makes_the_next_ones_careful_and_that_is_said_once() {
    let scene = Scene::new(LARGE_BYTES, "");
    for _ in 0..2 {
        scene.server.proxy().order(Fate::CutAfter(4 << 20));
    }
    let (_, stderr) = scene.courier.run(&scene.place, &["run"], 0);
    assert_eq!(stderr.matches(CAREFUL).count(), 1, "{stderr}");
    assert_eq!(scene.server.proxy().accepted(), 3);
    scene.is_delivered();
}

#[test]
fn a_connection_lost_between_a_rename_and_its_answer_leaves_a_doubt_that_the_next_run_settles() {
    let scene = Scene::at_a_distance(1_000, "", Duration::from_millis(200));
    let mut run = scene.courier.program().command();
    run.arg("-c").arg(scene.place.config()).arg("run");
    let run = run.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = run.spawn().unwrap();
    let file = scene.place.drop_box().join("export_0.zip");
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    scene.server.proxy().cut();
    let output = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // What was written was answered: the line broke for another reason.
    assert!(!stderr.contains(CAREFUL), "{stderr}");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    scene.run(0, "1 uploaded, 0 deleted, 0 failed");
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    assert!(log.contains("\"found\":{\"own\":"), "{log}");
    scene.is_delivered();
    scene.run(0, "0 uploaded, 0 deleted, 0 failed");
}

/// What a server or a line is told to do wrong; the answer is one that drips.
type Spoil = fn(&Scene, Answer);

#[test]
fn whatever_stalls_or_drips_ends_at_the_runs_deadline_and_the_next_run_delivers() {
    let drip = Answer::Drip {
        piece_bytes: 1,
        pause: Duration::from_millis(100),
    };
    let cases: [(&str, Spoil); 7] = [
        ("a silent list", |scene, _| {
            scene.broker.fail_next(Route::List, Answer::Silence, 9);
        }),
        ("a dripping list", |scene, drip| {
            scene.broker.fail_next(Route::List, drip, 9);
        }),
        ("a silent status", |scene, _| {
            scene.broker.fail_next(Route::Status, Answer::Silence, 9);
        }),
        ("a silent export", |scene, _| {
            scene.broker.fail_next(Route::Export, Answer::Silence, 9);
        }),
        ("a dripping download", |scene, drip| {
            scene.broker.fail_next(Route::Download, drip, 9);
        }),
        ("a drop-box that does not answer", |scene, _| {
            for _ in 0..9 {
                scene.server.proxy().order(Fate::StallAfter(0));
            }
        }),
        ("a drop-box that stalls half-way", |scene, _| {
            for _ in 0..9 {
                scene.server.proxy().order(Fate::StallAfter(4 << 20));
            }
        }),
    ];
    for (what, spoil) in cases {
        println!("{what}");
        let scene = Scene::new(LARGE_BYTES, "DEADLINE = 3\nRETRIES = 9");
        spoil(&scene, drip.clone());
        // Without the deadline each would take until its own limit, and say that.
        scene.run(1, "RUN.DEADLINE has passed");
        scene.place.change_config("DEADLINE = 3", "DEADLINE = 600");
        scene.behaves_again();
        scene.run(0, "1 uploaded");
        scene.is_delivered();
    }
}

#[test]
fn a_signal_ends_a_run_in_good_order_and_the_next_one_goes_on() {
    for signal in ["-TERM", "-INT"] {
        for stalls in ["upload", "download", "list"] {
            let scene = Scene::new(LARGE_BYTES, "");
            match stalls {
                "upload" => scene.server.proxy().order(Fate::StallAfter(4 << 20)),
                "download" => scene.broker.fail_next(
                    Route::Download,
                    Answer::Drip {
                        piece_bytes: 1 << 10,
                        pause: Duration::from_millis(50),
                    },
                    1,
                ),
                _ => scene.broker.fail_next(Route::List, Answer::Silence, 1),
            }
            let mut run = scene
                .courier
                .program()
                .command()
                .arg("-c")
                .arg(scene.place.config())
                .arg("run")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            scene.wait_for(stalls);
            let pid = run.id().to_string();
            assert!(
                Command::new("kill")
                    .args([signal, &pid])
                    .status()
                    .unwrap()
                    .success()
            );
            // Without the signal it would end minutes later, and otherwise.
            let ended = run.wait().unwrap();
            assert_eq!(ended.code(), Some(1), "{signal} during {stalls}");
            scene.courier.run(&scene.place, &["verify"], 0);
            let (log, _) = scene.courier.run(&scene.place, &["log"], 0);
            assert!(
                log.contains("run finished"),
                "{signal} during {stalls}\n{log}"
            );
            scene.behaves_again();
            scene.run(0, "1 uploaded");
            scene.is_delivered();
            scene.is_clean();
        }
    }
}
