//! What the packages hold, before anybody builds one: the units, the tool that stands in for them, the lists
//! of files. `integration/packages.sh` installs them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{configuration, courier, exits, key};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a unit of an instance says, line by line, without comments.
fn unit(file: &str, instance: &str) -> Vec<String> {
    let text = text(&format!("packaging/systemd/{file}")).replace("%i", instance);
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(ToOwned::to_owned).collect()
}

/// The values of one setting of a unit.
fn values<'a>(unit: &'a [String], name: &str) -> Vec<&'a str> {
    let lines = unit.iter().filter_map(|line| line.split_once('='));
    let lines = lines.filter(|(key, _)| *key == name);
    lines.map(|(_, value)| value).collect()
}

/// A service and the name of its configuration.
const SERVICES: [(&str, &str); 2] = [
    ("broker-courier.service", "courier"),
    ("broker-courier@.service", "rki"),
];

/// What comes for one instance and for several: its name and its kind.
const UNITS: [(&str, &str); 3] = [
    ("broker-courier", "service"),
    ("broker-courier", "timer"),
    ("broker-courier-watch", "service"),
];

/// What goes on and on is shut in as what runs once, is given the same, and stands in for its timer.
#[test]
fn the_services_that_watch_differ_from_those_that_run_in_how_they_go_on_alone() {
    let going_on = [
        "Conflicts",
        "Description",
        "ExecStart",
        "Restart",
        "RestartPreventExitStatus",
        "RestartSec",
        "SuccessExitStatus",
        "TimeoutStartSec",
        "Type",
        "WantedBy",
        "WatchdogSec",
    ];
    for (file, instance) in SERVICES {
        let runs = unit(file, instance);
        let watches = unit(&file.replace("courier", "courier-watch"), instance);
        let shut_in = |unit: &[String]| -> Vec<String> {
            let lines = unit.iter().filter(|line| *line != "[Install]");
            let name = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
            let lines = lines.filter(|line| !going_on.contains(&name(line).as_str()));
            lines.cloned().collect()
        };
        assert_eq!(shut_in(&runs), shut_in(&watches));
        let [line] = values(&watches, "ExecStart")[..] else {
            panic!("one ExecStart: {watches:?}");
        };
        let once = values(&runs, "ExecStart")[0];
        assert_eq!(line.strip_suffix("watch"), once.strip_suffix("run"));
        assert_eq!(values(&watches, "Type"), ["notify"]);
        let timer = file
            .replace("@.service", "@rki.timer")
            .replace(".service", ".timer");
        assert_eq!(values(&watches, "Conflicts"), [timer]);
    }
}

/// As systemd starts it: the configuration, its files and nothing else in a folder of their own, in which
/// the group's bits are the mask of an access control list.
#[test]
fn the_services_start_the_program_as_it_is_and_their_secrets_give_no_warning() {
    for (file, instance) in SERVICES {
        let unit = unit(file, instance);
        let [line] = values(&unit, "ExecStart")[..] else {
            panic!("one ExecStart: {unit:?}");
        };
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        let config = configuration(folder.path());
        key(folder.path());
        let given = fs::read_to_string(&config).unwrap();
        let given = given.replace("rki.key", &format!("{}/rki.key", credentials.display()));
        let given = given.replace("API_KEY = \"k\"", "API_KEY_FILE = \"api-key\"");
        fs::write(credentials.join(format!("{instance}.toml")), given).unwrap();
        fs::write(credentials.join("api-key"), "k").unwrap();
        fs::rename(folder.path().join("rki.key"), credentials.join("rki.key")).unwrap();
        for entry in fs::read_dir(&credentials).unwrap() {
            let path = entry.unwrap().path();
            fs::set_permissions(path, fs::Permissions::from_mode(0o440)).unwrap();
        }
        let line = line.replace(
            "${CREDENTIALS_DIRECTORY}",
            &credentials.display().to_string(),
        );
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("/usr/bin/broker-courier"));
        let run = |is_service: bool| {
            let mut command = courier();
            command
                .args(words.clone())
                .env_remove("CREDENTIALS_DIRECTORY");
            if is_service {
                command.env("CREDENTIALS_DIRECTORY", &credentials);
            }
            let (_, said) = exits(&mut command, 4);
            said.matches("can be read by its group").count()
        };
        assert_eq!(run(true), 0);
        assert_eq!(run(false), 3);
    }
}

#[test]
fn the_units_of_one_instance_and_of_several_differ_in_names_alone() {
    let names = |line: &str| {
        let line = line.replace(" (rki)", "").replace("courier-rki", "courier");
        let line = line
            .replace("rki.key", "results.key")
            .replace("rki.toml", "courier.toml");
        line.replace("User=courier", "User=broker-courier")
            .replace("courier-as rki", "courier-as courier")
            .replace("courier@rki.timer", "courier.timer")
            .replace("rki.", "")
    };
    for (name, kind) in UNITS {
        let one = unit(&format!("{name}.{kind}"), "");
        let several = unit(&format!("{name}@.{kind}"), "rki");
        let several: Vec<String> = several.iter().map(|line| names(line)).collect();
        assert_eq!(one, several);
    }
}

#[test]
fn a_service_has_more_time_than_a_run_and_a_timer_makes_up_for_what_was_missed() {
    let keys = text("docs/configuration.md");
    let deadline = keys
        .lines()
        .find(|line| line.starts_with("| `RUN.DEADLINE`"));
    let default = deadline.unwrap().split('|').nth(3).unwrap().trim();
    let deadline = Duration::from_secs(default.parse().unwrap());
    for (file, instance) in SERVICES {
        let unit = unit(file, instance);
        let [time] = values(&unit, "TimeoutStartSec")[..] else {
            panic!("one TimeoutStartSec: {unit:?}");
        };
        let time: jiff::SignedDuration = time.parse().unwrap();
        assert!(time.unsigned_abs() > deadline, "{time:?} {deadline:?}");
        assert_eq!(values(&unit, "SuccessExitStatus"), ["8"]);
        let timer = file.replace(".service", ".timer");
        let timer = self::unit(&timer, instance);
        assert_eq!(values(&timer, "Persistent"), ["true"]);
        assert_eq!(values(&timer, "WantedBy"), ["timers.target"]);
    }
}

/// With `systemd-run` replaced by what prints its arguments.
#[test]
fn the_tool_that_stands_in_for_a_service_gives_what_the_service_gets() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let script = text("packaging/broker-courier-as").replace("/etc/broker-courier", &place);
    let fake = folder.path().join("systemd-run");
    fs::write(&fake, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{place}:{}", std::env::var("PATH").unwrap());
    let run = |words: &[&str]| {
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, "broker-courier-as"])
            .args(words);
        let output = command.env("PATH", &path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    for (file, instance) in SERVICES {
        assert_eq!(run(&[instance, "check"]).0, Some(3), "no configuration");
        fs::write(folder.path().join(format!("{instance}.toml")), "").unwrap();
        let (code, said) = run(&[instance, "approve", "--why", "it costs $HOME and a b"]);
        assert_eq!(code, Some(0));
        let given: Vec<&str> = said.lines().collect();
        let unit = unit(file, instance);
        for name in [
            "LoadCredential",
            "SetCredential",
            "DynamicUser",
            "User",
            "StateDirectory",
            "StateDirectoryMode",
            "UMask",
        ] {
            for value in values(&unit, name) {
                let option = format!("--property={name}={value}");
                let option = option.replace("/etc/broker-courier", &place);
                assert!(given.contains(&option.as_str()), "{option}: {given:?}");
            }
        }
        let config = format!("${{CREDENTIALS_DIRECTORY}}/{instance}.toml");
        let program = ["/usr/bin/broker-courier", "-c", &config];
        // systemd makes one of two dollar signs.
        let words = ["approve", "--why", "it costs $$HOME and a b"];
        assert!(
            given.ends_with(&[&program[..], &words].concat()),
            "{given:?}"
        );
        let [called] = values(&unit, "Environment")[..] else {
            panic!("{unit:?}");
        };
        let called = format!("--setenv={}", called.trim_matches('"'));
        assert!(given.contains(&called.as_str()), "{called}: {given:?}");
    }
    for wrong in [&["../x", "run"][..], &[], &["--help"]] {
        assert_eq!(run(wrong).0, Some(2), "{wrong:?}");
    }
}

/// Every file that the two lists name, but for those that the build makes.
#[test]
fn the_packages_name_only_files_that_are_there_and_the_same_ones() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let metadata = &manifest["package"]["metadata"];
    let deb = metadata["deb"]["assets"].as_array().unwrap();
    let deb: Vec<&str> = deb.iter().map(|asset| asset[0].as_str().unwrap()).collect();
    let rpm = metadata["generate-rpm"]["assets"].as_array().unwrap();
    let mut rpm: Vec<&str> = rpm
        .iter()
        .map(|asset| asset["source"].as_str().unwrap())
        .collect();
    let scripts = ["post_install", "pre_uninstall", "post_uninstall"];
    let scripts = scripts.map(|name| {
        let name = format!("{name}_script");
        metadata["generate-rpm"][&name].as_str().unwrap()
    });
    for pattern in deb.iter().chain(&rpm).chain(&scripts) {
        if !pattern.starts_with("target/") {
            let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
            let ending = name.strip_prefix('*');
            let names = fs::read_dir(root().join(folder)).unwrap();
            let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let is_there = names.any(|it| ending.map_or(it == name, |end| it.ends_with(end)));
            assert!(is_there, "{pattern}");
        }
    }
    // Where the packagers differ: who strips the program, and where the licence goes.
    let mut deb = deb;
    deb.retain(|pattern| *pattern != "target/release/broker-courier");
    deb.push("LICENSE-MIT");
    rpm.retain(|pattern| *pattern != "target/package/broker-courier");
    deb.sort_unstable();
    rpm.sort_unstable();
    assert_eq!(deb, rpm);
}

/// systemd's own opinion of the units, where it is there to be asked.
#[test]
#[allow(clippy::print_stderr, reason = "says that it was skipped")]
fn systemd_takes_the_units_and_finds_them_closed() {
    let version = Command::new("systemd-analyze").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: systemd-analyze is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let mut units: Vec<PathBuf> = Vec::new();
    for (name, kind) in UNITS {
        for at in ["", "@"] {
            let file = format!("{name}{at}.{kind}");
            let text = text(&format!("packaging/systemd/{file}"));
            let text = text.replace("/usr/bin/broker-courier", &program.display().to_string());
            let path = folder.path().join(file.replace('@', "@rki"));
            fs::write(&path, text).unwrap();
            units.push(path);
        }
    }
    // What the documents let a person add to one.
    let drop_ins = folder.path().join("broker-courier.service.d");
    fs::create_dir(&drop_ins).unwrap();
    let page = text("docs/installation.md");
    let shown = page.split("```ini\n").skip(1);
    let shown: Vec<&str> = shown
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!shown.is_empty());
    for (number, drop_in) in (1..).zip(shown) {
        fs::write(drop_ins.join(format!("{number}.conf")), drop_in).unwrap();
    }
    let analyze = |words: &[&str], units: &[PathBuf]| {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(words).args(units).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    };
    let said = analyze(&["verify", "--man=no"], &units);
    let ours = said.lines().filter(|line| line.contains("broker-courier"));
    assert_eq!(ours.count(), 0, "{said}");
    // In tenths: at most 1.5 of 10.
    let score = ["security", "--offline=true", "--threshold=15", "--no-pager"];
    units.retain(|unit| unit.extension().is_some_and(|it| it == "service"));
    analyze(&score, &units);
}
