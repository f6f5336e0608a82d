//! `watch`: one run after the other in one process, beside everything else that people and monitors do.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::Duration;

use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::proxy::Distant;
use testbed::watched::{Watched, until};

use super::site::{self, Courier, Place};

struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    courier: Courier,
    server: Distant,
}

impl Scene {
    /// A scene in which so many results wait to be delivered.
    fn new(results: u64, watch: &str) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let server = Distant::new(Box::new(site::embedded()), Duration::ZERO).unwrap();
        let place = Place::new(&broker.url(), &server);
        place.change_config("[MISC]", &format!("[WATCH]\n{watch}\n[MISC]"));
        let scene = Self {
            broker,
            place,
            courier: Courier::build(),
            server,
        };
        for _ in 0..results {
            scene.completes();
        }
        scene
    }

    /// The broker has no websocket.
    fn with_polling_alone(self) -> Self {
        let absent = Answer::Instead {
            status: 404,
            content_type: "text/html".to_owned(),
            body: b"<html>".to_vec(),
        };
        self.broker.fail_next(Route::Websocket, absent, usize::MAX);
        self
    }

    /// One more result waits to be delivered.
    fn completes(&self) {
        let id = self.broker.publish("rki");
        self.broker
            .submit_result(1, id, "application/octet-stream", b"counts");
    }

    fn watch(&self) -> Watched {
        self.watch_as(|command| command)
    }

    fn watch_as(&self, told: impl FnOnce(&mut Command) -> &mut Command) -> Watched {
        let config = self.place.config();
        let mut command = self.courier.program().command();
        Watched::begin(told(command.arg("-c").arg(config).arg("watch"))).unwrap()
    }

    fn delivers(&self, results: usize) {
        until(&format!("{results} results"), || {
            let names = self.place.names().unwrap();
            names.iter().filter(|name| name.ends_with(".zip")).count() == results
        });
    }

    fn says(&self, arguments: &[&str], code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, arguments, code);
        testbed::courier::unwrapped(&format!("{stdout}{stderr}"))
    }

    /// It ends as it is asked to, and has left a ledger that is whole.
    fn ends(&self, watched: Watched) -> String {
        watched.signal("TERM");
        let (code, said) = watched.ended();
        assert_eq!(code, Some(0), "{said}");
        self.says(&["verify"], 0);
        said
    }
}

#[test]
fn it_runs_again_and_again_and_says_who_it_is() {
    let scene = Scene::new(1, "INTERVAL = 1").with_polling_alone();
    let watched = scene.watch();
    scene.delivers(1);
    scene.completes();
    scene.delivers(2);
    watched.says("1 uploaded", 2);
    let pid = watched.pid();
    for arguments in [["run"], ["watch"]] {
        let busy = scene.says(&arguments, 8);
        assert!(
            busy.contains(&format!("process {pid}, which watches")),
            "{busy}"
        );
    }
    let status = scene.says(&["status"], 0);
    let watches = format!("Watch process {pid}, a run every 1 s at least");
    assert!(status.contains("All is well"), "{status}");
    assert!(status.contains(&watches), "{status}");

    // A bad configuration changes nothing, and each of its problems is told.
    let config = scene.place.config();
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("[WATCH]", "[WATCH]\nINTERFALL = 1")).unwrap();
    watched.signal("HUP");
    watched.says("stays in use", 1);
    assert!(watched.said().contains("INTERFALL"), "{}", watched.said());
    fs::write(&config, good.replace("INTERVAL = 1", "INTERVAL = 3600")).unwrap();
    watched.signal("HUP");
    watched.says("the configuration was read again", 1);
    until("another interval", || {
        scene.says(&["status"], 0).contains("every 3600 s")
    });
    scene.completes();
    watched.signal("HUP");
    scene.delivers(3);

    let said = scene.ends(watched);
    assert_eq!(
        said.matches("WATCH.INTERVAL has passed: ").count(),
        1,
        "{said}"
    );
    assert!(said.contains("ended, as asked"), "{said}");
    assert!(!scene.says(&["status"], 0).contains("Watch "));
    let log = scene.says(&["log", "--json"], 0);
    assert!(log.contains("\"every_minutes\":1"), "{log}");
    assert!(log.contains("\"every_minutes\":60"), "{log}");
    let told = log.matches("\"RunStarted\"").count();
    assert_eq!(told, log.matches("\"RunFinished\"").count(), "{log}");
    assert!(told >= 4, "{told}");
}

#[test]
fn while_something_waits_for_a_person_the_person_is_let_in() {
    let scene = Scene::new(6, "INTERVAL = 3600").with_polling_alone();
    let watched = scene.watch();
    scene.delivers(6);
    for id in 0..4 {
        scene.broker.delete(id);
    }
    watched.signal("HUP");
    watched.says("more deletions than GUARDS.MAX_DELETIONS", 1);
    let status = scene.says(&["status"], 0);
    assert!(status.contains("A person must decide"), "{status}");
    let digest = status.split("Held ").nth(1).unwrap();
    let digest = digest.split(',').next().unwrap().trim().to_owned();
    scene.says(&["approve", &digest, "--why", "agreed by telephone"], 0);
    watched.says("somebody wrote to the ledger: 0 uploaded, 4 deleted", 1);
    scene.delivers(2);
    scene.ends(watched);
}

#[test]
fn a_run_that_is_under_way_is_ended_in_good_order() {
    let scene = Scene::new(1, "INTERVAL = 3600");
    let slow = Duration::from_secs(600);
    scene.broker.set_route_latency(Route::Export, slow);
    let watched = scene.watch();
    until("an export", || {
        scene.broker.counters().route(Route::Export) > 0
    });
    let said = scene.ends(watched);
    assert!(said.contains("ending what is under way"), "{said}");
}

#[test]
fn the_broker_wakes_it_and_is_listened_to_again_when_it_was_lost() {
    let scene = Scene::new(1, "INTERVAL = 3600");
    let watched = scene.watch();
    scene.delivers(1);
    watched.says("the broker's websocket wakes it", 1);
    let woken = "woken by the broker's websocket";
    assert!(scene.says(&["status"], 0).contains(woken));
    scene.completes();
    scene.delivers(2);
    watched.says("the broker told of request 1", 1);

    // What happens while nobody listens is found when somebody does again.
    let refused = Answer::Instead {
        status: 404,
        content_type: "text/html".to_owned(),
        body: b"<html>".to_vec(),
    };
    scene.broker.fail_next(Route::Websocket, refused, 1);
    scene.broker.end_websockets();
    watched.says("the broker's websocket does not wake it: ", 1);
    let status = scene.says(&["status"], 0);
    assert!(
        status.contains("not woken by the broker's websocket: "),
        "{status}"
    );
    scene.completes();
    watched.says("the broker's websocket wakes it", 2);
    scene.delivers(3);
    let said = scene.ends(watched);
    assert_eq!(said.matches("does not wake it: ").count(), 1, "{said}");
}

#[test]
fn a_broker_without_a_websocket_is_polled_and_that_is_said_once() {
    let scene = Scene::new(0, "INTERVAL = 1").with_polling_alone();
    let watched = scene.watch();
    let words = "there is none: it is answered with 404 Not Found";
    watched.says(words, 1);
    scene.completes();
    scene.delivers(1);
    until("another try", || {
        scene.broker.counters().route(Route::Websocket) > 1
    });
    assert!(scene.says(&["status"], 0).contains(words));
    let said = scene.ends(watched);
    assert_eq!(said.matches(words).count(), 1, "{said}");
}

/// How often each kind of event stands in a log.
fn count(log: &str, kind: &str) -> usize {
    log.matches(&format!("\"kind\":\"{kind}\"")).count()
}

#[test]
fn one_connection_serves_many_runs_and_those_with_nothing_to_do_need_none() {
    let scene = Scene::new(1, "INTERVAL = 1").with_polling_alone();
    let watched = scene.watch();
    scene.delivers(1);
    let log = || scene.says(&["log", "--json"], 0);
    until("runs without anything to do", || {
        count(&log(), "RunFinished") >= 3
    });
    let connections = || scene.server.proxy().accepted();
    assert_eq!(count(&log(), "LedgerPublished"), 1);
    assert_eq!(connections(), 1);
    scene.completes();
    scene.delivers(2);
    watched.says("1 uploaded", 2);
    assert_eq!(count(&log(), "LedgerPublished"), 2);
    assert_eq!(connections(), 1);

    // One that the server has ended is noticed when it is needed.
    scene.server.proxy().cut();
    scene.completes();
    scene.delivers(3);
    watched.says("1 uploaded", 3);
    assert_eq!(connections(), 2);
    let published = fs::read(scene.place.drop_box().join("status.xml")).unwrap();
    let here = fs::read(scene.place.working_dir().join("status.xml")).unwrap();
    assert!(published == here);
    let said = scene.ends(watched);
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

#[test]
fn a_connection_that_nobody_needs_is_ended() {
    let scene = Scene::new(1, "INTERVAL = 3600\nIDLE = 1").with_polling_alone();
    let watched = scene.watch();
    watched.says("1 uploaded", 1);
    let is_open = || {
        let sockets = fs::read_dir(format!("/proc/{}/task", watched.pid())).unwrap();
        let names = sockets.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
        names
            .map(Result::unwrap_or_default)
            .any(|name| name.trim() == "sftp")
    };
    assert!(is_open());
    until("the end of the connection", || !is_open());
    scene.completes();
    watched.signal("HUP");
    scene.delivers(2);
    scene.ends(watched);
}

#[test]
fn a_run_that_owes_nothing_does_not_go_to_the_drop_box_where_it_may_not() {
    let scene = Scene::new(1, "");
    scene
        .place
        .change_config("[WATCH]", "[PUBLISH]\nAT_LEAST = 3600\n[WATCH]");
    scene.says(&["run"], 0);
    scene.says(&["run"], 0);
    assert_eq!(scene.server.proxy().accepted(), 1);
    scene.completes();
    scene.says(&["run"], 0);
    assert_eq!(scene.server.proxy().accepted(), 2);
    scene.place.change_config("AT_LEAST = 3600", "AT_LEAST = 0");
    scene.says(&["run"], 0);
    assert_eq!(scene.server.proxy().accepted(), 3);
    scene.says(&["verify"], 0);
}

#[test]
fn systemd_and_a_monitor_are_told_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let listen = folder.path().join("listen.sock");
    let watch = format!("INTERVAL = 3600\nLISTEN = \"{}\"", listen.display());
    let scene = Scene::new(1, &watch).with_polling_alone();
    let path = folder.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let hears = |words: &str| {
        let mut bytes = [0; 4096];
        loop {
            let count = socket.recv(&mut bytes).unwrap();
            let told = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if told.contains(words) {
                return told;
            }
        }
    };
    let watched = scene.watch_as(|command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000")
    });
    assert!(hears("READY=1").contains("\nSTATUS="));
    hears("STATUS=the first run: 1 uploaded");
    for _ in 0..3 {
        hears("WATCHDOG=1");
    }
    let get = |path: &str| {
        let mut stream = UnixStream::connect(&listen).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200 "));
    let metrics = get("/metrics");
    let figure = metrics
        .lines()
        .find(|line| line.starts_with("broker_courier_delivered_results{"));
    assert!(figure.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    watched.signal("HUP");
    assert!(hears("RELOADING=1").contains("MONOTONIC_USEC="));
    hears("READY=1");
    hears("STATUS=the configuration was read again: 0 uploaded");
    scene.ends(watched);
    hears("STOPPING=1");
    assert!(!listen.exists());
}
