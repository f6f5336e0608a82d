//! Whole runs, with a broker and a drop-box, where the machine gives less than it usually does.

#![allow(clippy::unwrap_used, reason = "tests")]

mod book;
mod postgres;
mod site;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
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

/// Somebody who runs nothing else here: what may run at once is counted for each user.
const ALONE: u32 = 61_234;

/// Names are looked up on threads, too.
#[test]
fn without_further_threads_a_run_is_an_error_and_the_next_one_delivers() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return site::skipped("only root can become a user who runs nothing else");
    }
    if Command::new("prlimit").arg("-V").output().is_err() {
        return site::skipped("prlimit is not installed");
    }
    let scene = Scene::new();
    scene
        .place
        .change_config("http://127.0.0.1", "http://localhost");
    give(scene.place.config().parent().unwrap());
    // Built by root, below a folder that others need not be able to enter.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("broker-courier");
    if fs::hard_link(scene.courier.program().path(), &program).is_err() {
        // By a process of its own, whose threads hold nothing open that is to be executed (ETXTBSY).
        let copy = Command::new("cp")
            .arg(scene.courier.program().path())
            .arg(&program)
            .status();
        assert!(copy.unwrap().success());
    }
    let run = |limit: Option<u32>| {
        let mut command = match limit {
            Some(limit) => {
                let mut command = Command::new("prlimit");
                command.arg(format!("--nproc={limit}")).arg(&program);
                command
            }
            None => Command::new(&program),
        };
        command
            .arg("-c")
            .arg(scene.place.config())
            .arg("run")
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .uid(ALONE)
            .gid(ALONE);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{limit:?}: {said}");
        (output.status.code(), said)
    };
    let ends: Vec<_> = (1..=10).map(|limit| run(Some(limit))).collect();
    let is_named = |(code, _): &(Option<i32>, String)| code.is_some_and(|code| code <= 8);
    assert!(ends.iter().all(is_named), "{ends:#?}");
    let says = |words: &str| ends.iter().any(|(_, said)| said.contains(words));
    assert!(says("no thread to look the host's name up on"), "{ends:#?}");
    let (code, said) = run(None);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(scene.place.zips().len(), 2);
}

/// Gives a folder and what is in it to that user.
fn give(folder: &std::path::Path) {
    chown(folder, Some(ALONE), Some(ALONE)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        chown(entry.path(), Some(ALONE), Some(ALONE)).unwrap();
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path());
        }
    }
}

/// SMB and FUSE: a file system that tells neither how large it is nor what is free.
#[test]
fn a_file_system_that_tells_no_size_takes_results_of_any() {
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        return site::skipped("strace is not installed");
    }
    let scene = Scene::new();
    let id = scene.broker.publish("rki");
    scene.broker.submit_synthetic_result(1, id, 3 << 20);
    // struct statfs (statfs(2)): its type, the size of a block, and no blocks at all.
    let answer = format!("53ef{:012}0010{:012}{}", 0, 0, "0".repeat(3 * 16));
    let inject = format!("inject=fstatfs:poke_exit=@arg2={answer}");
    let program = scene.courier.program();
    let trace = scene.place.working_dir().with_file_name("trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", &inject, "-e", "trace=fstatfs", "-o"])
        .arg(&trace)
        .arg(program.path())
        .arg("-c")
        .arg(scene.place.config())
        .arg("run")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(scene.place.zips().len(), 3, "{said}");
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("f_blocks=0"), "it was not asked: {trace}");
}

/// What libssh2 does once for the process is done before anything else runs beside: on a thread that is
/// still connecting when the program ends it would fail, and say so as a panic.
#[test]
fn the_ssh_library_is_made_ready_before_there_is_a_thread_that_connects() {
    let scene = Scene::new();
    let library = scene.place.working_dir().with_file_name("exit.so");
    // As at the end of a program, for every thread but the first.
    let source = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\n\
        #include <sys/syscall.h>\n\
        int __cxa_atexit(void (*f)(void *), void *a, void *d) {\n\
        if (syscall(SYS_gettid) != getpid()) return -1;\n\
        int (*real)(void (*)(void *), void *, void *) = dlsym(RTLD_NEXT, \"__cxa_atexit\");\n\
        return real(f, a, d);\n}\n";
    let file = library.with_extension("c");
    fs::write(&file, source).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &file])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return site::skipped("there is no C compiler");
    }
    let preload = format!("LD_PRELOAD={}", library.display());
    let (code, said) = scene.run(&preload, "");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(scene.place.zips().len(), 2, "{said}");
}
