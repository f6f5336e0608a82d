//! Whole runs, with a broker and a drop-box, where the machine gives less than it usually does.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::process::{Command, Stdio};

use site::{Courier, Place};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::embedded_sftp::EmbeddedSftp;

struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    courier: Courier,
    _server: EmbeddedSftp,
}

impl Scene {
    /// A scene in which two results wait to be delivered.
    fn new() -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        for _ in 0..2 {
            let id = broker.publish("rki");
            broker.submit_result(1, id, "text/plain", b"a result");
        }
        Self {
            broker,
            place,
            courier: Courier::build(),
            _server: server,
        }
    }

    /// A run under what a shell says before it; gives its exit code and what it said.
    fn run(&self, before: &str, after: &str) -> (Option<i32>, String) {
        let program = self.courier.program();
        let output = Command::new("sh")
            .args(["-c", &format!("{before} exec \"$0\" \"$@\" {after}")])
            .arg(program.path())
            .arg("-c")
            .arg(self.place.config())
            .arg("run")
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{before} {after}: {said}");
        (output.status.code(), said)
    }
}

#[test]
fn a_run_delivers_whatever_its_standard_streams_are() {
    for after in [
        "2>/dev/full",
        ">/dev/full",
        ">/dev/full 2>&1",
        "2>&-",
        ">&-",
        "<&- >&- 2>&-",
    ] {
        let scene = Scene::new();
        let (code, said) = scene.run("", after);
        assert_eq!(code, Some(0), "{after}: {said}");
        assert_eq!(scene.place.zips().len(), 2, "{after}");
        drop(scene.broker);
    }
}

/// From where nothing can begin up to where everything can: never an abort that loses what was recorded.
#[test]
fn too_little_memory_or_too_small_files_are_an_error_and_the_next_run_delivers() {
    let memory = (4..=24).map(|tens| format!("ulimit -v {};", tens * 20_000));
    let files = [1, 4, 8, 12].map(|blocks| format!("ulimit -f {blocks};"));
    let scene = Scene::new();
    let mut ends = Vec::new();
    for limit in memory.chain(files) {
        let (code, said) = scene.run(&limit, "");
        ends.push((limit, code, said));
        scene.courier.run(&scene.place, &["status"], 0);
    }
    let unnamed: Vec<_> = ends
        .iter()
        .filter(|(_, code, _)| !code.is_some_and(|code| code <= 8))
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:#?}");
    scene.courier.run(&scene.place, &["run"], 0);
    assert_eq!(scene.place.zips().len(), 2);
    scene.courier.run(&scene.place, &["verify"], 0);
}

/// What cron sends by mail: nothing of runs that did what they should, an outage once.
#[test]
fn a_run_that_nobody_watches_says_each_problem_once_and_nothing_else() {
    let scene = Scene::new();
    let run = |code: i32| {
        let program = scene.courier.program();
        let config = scene.place.config().display().to_string();
        let outcome = program.run(&["-c", &config, "run"]);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        format!("{}{}", outcome.stdout, outcome.stderr)
    };
    assert_eq!(run(0), "", "the first run");
    assert_eq!(scene.place.zips().len(), 2);
    assert_eq!(run(0), "", "nothing to do");
    let outage = |runs: usize| {
        scene
            .broker
            .fail_next(Route::List, Answer::error(401), runs);
    };
    outage(3);
    let said = run(4);
    assert!(said.contains("check BROKER.API_KEY"), "{said}");
    assert_eq!([run(4), run(4)], ["", ""], "it was said");
    assert_eq!(run(0), "", "it is over");
    outage(1);
    assert_eq!(run(4), said, "it is back");
    assert_eq!(run(0), "");
    let left = scene.place.working_dir().join("told.json");
    assert!(!left.exists(), "nothing is remembered of what is over");
    let id = scene.broker.publish("rki");
    scene.broker.submit_result(1, id, "text/plain", b"a result");
    let (said, _) = scene.courier.run(&scene.place, &["run"], 0);
    let named = format!("delivered export_{id}.zip, ");
    assert!(said.starts_with(&named), "who asks is told: {said}");
}

#[test]
fn who_collects_objects_gets_nothing_else_on_standard_error() {
    let scene = Scene::new();
    let program = scene.courier.program();
    let config = scene.place.config().display().to_string();
    let mut runs = Vec::new();
    for code in [0, 4] {
        let arguments = ["-c", &config, "--log-format", "json", "run"];
        let outcome = program.run(&arguments);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        let lines = outcome.stderr.lines().map(|line| {
            let object = serde_json::from_str::<serde_json::Value>(line);
            object.unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let lines: Vec<_> = lines.collect();
        let run = lines[0]["run"].clone();
        assert!(lines.iter().all(|line| line["run"] == run), "{lines:?}");
        let last = lines.last().unwrap();
        assert_eq!(last["exit_code"], code, "{last}");
        if code == 0 {
            assert_eq!(last["uploaded"], 2, "{last}");
            scene.broker.fail_next(Route::List, Answer::error(401), 1);
        } else {
            let error = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("BROKER.API_KEY"), "{error}");
            assert_eq!(error["hint"], "nothing was changed at the drop-box");
        }
        runs.push(run);
    }
    assert_ne!(runs[0], runs[1]);
}

/// One look says whether all is well, and what is not; a monitoring system reads a line.
#[test]
fn status_says_in_one_word_whether_all_is_well() {
    let scene = Scene::new();
    let status = |options: &[&str], code: i32| {
        let arguments = [&["status"], options].concat();
        scene.courier.run(&scene.place, &arguments, code).0
    };
    let unknown = status(&["--check"], 3);
    assert!(
        unknown.starts_with("BROKER-COURIER UNKNOWN - nothing has been run yet"),
        "{unknown}"
    );
    scene.courier.run(&scene.place, &["run"], 0);
    let said = status(&[], 0);
    assert!(said.starts_with("All is well\nLast run "), "{said}");
    assert!(said.contains("exit code 0"), "{said}");
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
    let line = status(&["--check"], 0);
    assert!(
        line.starts_with("BROKER-COURIER OK - last good run "),
        "{line}"
    );
    assert!(
        line.contains(" | age=") && line.contains(";;3600 pending=0 "),
        "{line}"
    );
    status(&["--check", "--max-age", "0s"], 2);
    let id = scene.broker.publish("rki");
    scene.broker.submit_result(1, id, "text/plain", b"a result");
    scene.broker.fail_next(Route::Export, Answer::error(404), 1);
    scene.courier.run(&scene.place, &["run"], 1);
    let said = status(&[], 0);
    assert!(said.starts_with("Not all is well\n"), "{said}");
    assert!(said.contains("\nLast good "), "{said}");
    assert!(
        said.contains(&format!("\nFailed    request {id}: ")),
        "{said}"
    );
    let pending = format!("\n          upload export_{id}.zip (new, ");
    assert!(
        said.contains("\nPending   1, the oldest for ") && said.contains(&pending),
        "{said}"
    );
    let line = status(&["--check"], 1);
    assert!(line.starts_with("BROKER-COURIER WARNING - "), "{line}");
    assert!(line.contains(" pending=1 failed=1 "), "{line}");
    let json = status(&["--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "failing");
    assert_eq!(json["last_run"]["exit_code"], 1);
    assert_eq!(json["pending"][0]["request"], id);
    assert!(json["pending"][0]["since"].is_string(), "{json}");
    assert!(json["failed"][0]["failure"].is_string(), "{json}");
    scene.courier.run(&scene.place, &["run"], 0);
    scene.broker.delete(id);
    scene.courier.run(&scene.place, &["run"], 0);
    let said = status(&[], 0);
    assert!(said.contains("1 withdrawn: --all shows them"), "{said}");
    assert!(
        status(&["--all"], 0).contains("deleted, withdrawn "),
        "{said}"
    );
}

/// Figures for Prometheus after each run, and a command that is told what has changed.
#[test]
fn who_else_wants_to_know_is_told() {
    let scene = Scene::new();
    let beside = |name: &str| scene.place.working_dir().with_file_name(name);
    let (metrics, notices) = (beside("courier.prom"), beside("notices"));
    let keys = format!(
        "[METRICS]\nTEXTFILE = \"{}\"\n[NOTIFY]\nCOMMAND = \"\"\"cat >> '{1}'; echo \
         $BROKER_COURIER_EVENT $BROKER_COURIER_EXIT_CODE >> '{1}'\"\"\"\n[MISC]",
        metrics.display(),
        notices.display()
    );
    scene.place.change_config("[MISC]", &keys);
    let run = |code: i32| scene.courier.run(&scene.place, &["run"], code);
    let told = || std::fs::read_to_string(&notices).unwrap_or_default();
    run(0);
    run(0);
    assert_eq!(told(), "", "all is well");
    let figures = std::fs::read_to_string(&metrics).unwrap();
    let figure = |name: &str| {
        let line = figures
            .lines()
            .find(|line| line.starts_with(&format!("broker_courier_{name}{{")));
        line.unwrap_or_else(|| panic!("{name}: {figures}"))
            .split(' ')
            .next_back()
            .unwrap()
    };
    assert_eq!(figure("last_run_exit_code"), "0");
    assert_eq!(figure("delivered_results"), "2");
    assert_eq!(figure("pending_requests"), "0");
    assert_eq!(
        figure("last_run_timestamp_seconds"),
        figure("last_success_timestamp_seconds")
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&metrics).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o644);
    scene.broker.fail_next(Route::List, Answer::error(401), 2);
    run(4);
    run(4);
    let outage = told();
    assert!(
        outage.starts_with("broker-courier: failure, exit code 4: "),
        "{outage}"
    );
    assert!(outage.ends_with("failure 4\n"), "{outage}");
    assert_eq!(outage.matches("exit code").count(), 1, "once: {outage}");
    run(0);
    assert!(told().ends_with("recovery 0\n"), "{}", told());
}
