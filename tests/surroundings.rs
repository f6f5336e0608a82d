//! The program where its surroundings are poor: standard streams that take nothing, an environment whose
//! variables are empty, terminals without colours. Without a network.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, which say that they were skipped"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A working directory with a configuration whose broker and server are not there, a key, and a ledger of
/// one run.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Self { folder };
        let text = format!(
            "[BROKER]\nURL = \"http://127.0.0.1:9\"\nAPI_KEY = \"k\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = 9\nUSERNAME = \"u\"\nPASSWORD = \"p\"\n\
             FOLDERNAME = \"rki\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"{}\"\n[RUN]\nRETRIES = 0\n",
            site.folder.path().display()
        );
        fs::write(site.config(), text).unwrap();
        fs::set_permissions(site.config(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(code(courier().arg("keygen").arg(site.at("rki.key"))), 0);
        assert_eq!(code(courier().arg("-c").arg(site.config()).arg("run")), 4);
        let key = fs::read_to_string(site.at("rki.key")).unwrap();
        let token = fernet::Fernet::new(key.trim())
            .unwrap()
            .encrypt(b"a result");
        fs::write(site.at("token"), token).unwrap();
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.at("courier.toml")
    }

    /// A broker that takes calls and leaves it to the test what becomes of them.
    fn takes_calls(&self) -> TcpListener {
        let broker = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = fs::read_to_string(self.config()).unwrap();
        let address = format!("http://{}", broker.local_addr().unwrap());
        fs::write(self.config(), text.replace("http://127.0.0.1:9", &address)).unwrap();
        broker
    }
}

/// What a command does with its result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// It shows something: where that cannot be shown, nothing was done.
    Shows,
    /// It does something, and tells what.
    Acts,
}

/// Every command, with the exit code that it has at a [`Site`].
const COMMANDS: &[(&str, i32, Does)] = &[
    ("--help", 0, Does::Shows),
    ("run --help", 0, Does::Shows),
    ("--version", 0, Does::Shows),
    ("fly", 2, Does::Shows),
    ("-c CONFIG run", 4, Does::Acts),
    ("-c CONFIG plan", 4, Does::Shows),
    ("-c CONFIG plan --json", 4, Does::Shows),
    ("-c CONFIG approve abcdef --why x", 2, Does::Acts),
    ("-c CONFIG status", 0, Does::Shows),
    ("-c CONFIG status --json", 0, Does::Shows),
    ("-c CONFIG recover", 5, Does::Shows),
    ("-c CONFIG left-behind", 0, Does::Shows),
    ("-c CONFIG log", 0, Does::Shows),
    ("-c CONFIG log --json", 0, Does::Shows),
    ("-c CONFIG replay", 0, Does::Shows),
    ("-c CONFIG replay --json", 0, Does::Shows),
    ("-c CONFIG replay --status-xml", 0, Does::Shows),
    ("-c CONFIG verify", 0, Does::Shows),
    ("-c CONFIG verify --json", 0, Does::Shows),
    ("-c CONFIG import", 2, Does::Shows),
    ("-c CONFIG config show", 0, Does::Shows),
    ("-c CONFIG config show --json", 0, Does::Shows),
    ("config schema", 0, Does::Shows),
    (
        "-c NEW config init --url http://a --tag t --host h --username u --folder f",
        0,
        Does::Acts,
    ),
    ("-c CONFIG check", 4, Does::Shows),
    ("-c CONFIG check --json", 4, Does::Shows),
    ("-c CONFIG host-key", 5, Does::Shows),
    ("-c CONFIG host-key --json", 5, Does::Shows),
    ("keygen NEW", 0, Does::Acts),
    ("evidence-key NEW", 0, Does::Acts),
    ("-c CONFIG rotate-key --why x --who y", 0, Does::Acts),
    ("-c CONFIG decrypt TOKEN -o NEW --key KEY", 0, Does::Acts),
    ("--log-format json -c CONFIG run", 4, Does::Acts),
    ("-c /nowhere/courier.toml run", 3, Does::Acts),
];

fn courier() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("broker-courier"));
    command
        .env_remove("BROKER_COURIER_CONFIG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn code(command: &mut Command) -> i32 {
    command.status().unwrap().code().unwrap_or(-1)
}

/// A command line at a site; what it makes gets a name of its own.
fn words(site: &Site, line: &str, new: &str) -> Vec<String> {
    let shown = |path: PathBuf| path.display().to_string();
    line.split(' ')
        .map(|word| match word {
            "CONFIG" => shown(site.config()),
            "KEY" => shown(site.at("rki.key")),
            "TOKEN" => shown(site.at("token")),
            "NEW" => shown(site.at(new)),
            word => word.to_owned(),
        })
        .collect()
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The end of a pipe that nobody reads from any more.
fn broken() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn whatever_standard_error_is_every_command_ends_as_it_would() {
    let site = Site::new();
    for (index, (line, expected, _)) in COMMANDS.iter().enumerate() {
        let key = fs::read(site.at("rki.key")).unwrap();
        for (way, stderr) in [("full", full().into()), ("broken", broken())] {
            let words = words(&site, line, &format!("new-{way}-{index}"));
            let ended = code(
                courier()
                    .args(words)
                    .env("RUST_LOG", "trace")
                    .stderr(stderr),
            );
            assert_eq!(ended, *expected, "{line}, standard error {way}");
        }
        let words = words(&site, line, &format!("new-closed-{index}"));
        let program = assert_cmd::cargo::cargo_bin("broker-courier");
        for closing in ["2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"] {
            let script = format!(
                "rm -f {}; exec \"$0\" \"$@\" {closing}",
                site.at(&format!("new-closed-{index}")).display()
            );
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).arg(&program).args(&words);
            shell.stdout(Stdio::null()).stderr(Stdio::null());
            let ended = code(&mut shell);
            assert_eq!(ended, *expected, "{line}, {closing}");
        }
        fs::write(site.at("rki.key"), key).unwrap();
    }
}

#[test]
fn a_result_that_nobody_could_read_is_an_error_only_where_it_was_all_there_was_to_do() {
    let site = Site::new();
    for (index, (line, expected, does)) in COMMANDS.iter().enumerate() {
        let key = fs::read(site.at("rki.key")).unwrap();
        let ended = |new: &str, stdout: Stdio| {
            let mut child = courier()
                .args(words(&site, line, &format!("{new}-{index}")))
                .stdout(stdout)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            let code = child.wait().unwrap().code().unwrap_or(-1);
            assert!(!said.contains("panicked"), "{line}: {said}");
            (code, said)
        };
        assert_eq!(
            ended("broken", broken()).0,
            *expected,
            "{line}, nobody reads"
        );
        let (code, said) = ended("full", full().into());
        let told = match (does, *expected) {
            (Does::Shows, 0) => 1,
            (Does::Shows | Does::Acts, expected) => expected,
        };
        assert_eq!(code, told, "{line}, a full disk: {said}");
        if *expected == 0 {
            assert!(said.contains("tandard output"), "{line}: {said}");
        }
        fs::write(site.at("rki.key"), key).unwrap();
    }
}

#[test]
fn what_is_empty_in_the_environment_is_not_set() {
    let site = Site::new();
    let variables = [
        "BROKER_COURIER_CONFIG",
        "BROKER_COURIER_SEED",
        "USER",
        "LOGNAME",
        "HOME",
    ];
    let empty = |words: &[&str]| {
        let mut command = courier();
        command.args(words).envs(variables.map(|name| (name, "")));
        command.env("RUST_LOG", "");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let folder = site.folder.path().display().to_string();
    let config = site.config().display().to_string();
    let new = site.at("new").display().to_string();
    assert_eq!(empty(&["keygen", &new]).0, Some(0));
    assert_eq!(empty(&["status", "--ledger", &folder]).0, Some(0));
    let (code, _, said) = empty(&["run"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no configuration was given"), "{said}");
    // RUST_LOG, empty, hides nothing.
    let (code, _, said) = empty(&["-c", &config, "plan"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("WARN"), "{said}");
    let (code, _, said) = empty(&["-c", &config, "rotate-key", "--why", "it was time"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_terminal_that_shall_not_be_coloured_is_not() {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "script(1) is not installed"
        );
        eprintln!("SKIPPED: script(1) is not installed");
        return;
    }
    let site = Site::new();
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let on_a_terminal = |line: &str, variables: &[(&str, &str)]| {
        let line = format!("{} {line}", program.display());
        let output = Command::new("script")
            .args(["-q", "-c", &line, "/dev/null"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Select Graphic Rendition of ECMA-48; other sequences move the cursor.
    let colours = |text: &str| {
        let mut sequences = text.split("\x1b[").skip(1);
        sequences.any(|it| it.find(|c: char| c.is_alphabetic()).map(|at| &it[at..=at]) == Some("m"))
    };
    // Something to warn of.
    fs::set_permissions(site.config(), fs::Permissions::from_mode(0o644)).unwrap();
    let run = format!("-c {} run", site.config().display());
    let verify = format!("-c {} verify", site.config().display());
    let always = format!("--color always {run}");
    let never = format!("--color never {run}");
    assert!(colours(&on_a_terminal(&run, &[])), "coloured otherwise");
    assert!(
        colours(&on_a_terminal(&run, &[("NO_COLOR", "")])),
        "empty is not set"
    );
    assert!(colours(&on_a_terminal(&always, &[("NO_COLOR", "1")])));
    assert!(!colours(&on_a_terminal(&never, &[])));
    for line in [run.as_str(), "--help", "fly"] {
        for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let said = on_a_terminal(line, &[variable]);
            assert!(!colours(&said), "{line}: {variable:?}: {said}");
        }
    }
    for line in [run.as_str(), verify.as_str()] {
        let said = on_a_terminal(line, &[("TERM", "dumb")]);
        assert!(!said.contains('\x1b'), "a bar moves the cursor: {said}");
    }
}

#[test]
fn config_init_asks_on_a_terminal_and_shows_no_secret() {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "script(1) is not installed"
        );
        eprintln!("SKIPPED: script(1) is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("new/courier.toml");
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let line = format!("{} -c {} config init", program.display(), config.display());
    let mut asked = Command::new("timeout")
        .args(["60", "script", "-q", "-c", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut answers, mut words) = (asked.stdin.take().unwrap(), asked.stdout.take().unwrap());
    let mut said = Vec::new();
    for (question, answer) in [
        ("(https://…): ", "broker"),
        ("(https://…): ", "https://broker.example.org"),
        ("delivered: ", "rki"),
        ("address): ", "sftp.example.org"),
        ("User name there: ", "hospital"),
        ("drop-box there: ", "rki"),
        ("later): ", "the key of the broker"),
        ("later): ", "the password"),
    ] {
        let begin = said.len();
        let mut byte = [0];
        while !said[begin..].ends_with(question.as_bytes()) {
            let text = String::from_utf8_lossy(&said).into_owned();
            assert_eq!(words.read(&mut byte).unwrap(), 1, "{question}: {text}");
            said.push(byte[0]);
        }
        answers.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    words.read_to_end(&mut said).unwrap();
    assert!(asked.wait().unwrap().success());
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("BROKER.URL takes an http"), "{said}");
    assert!(
        !said.contains("the key of") && !said.contains("the password\r"),
        "{said}"
    );
    let kept = |name: &str| fs::read_to_string(folder.path().join("new").join(name)).unwrap();
    assert_eq!(kept("api-key"), "the key of the broker");
    assert_eq!(kept("sftp-password"), "the password");
    assert!(kept("courier.toml").contains("URL = \"https://broker.example.org\""));
}

/// The limits of this shell, and then the program.
fn limited(limits: &str, arguments: &[&str]) -> (i32, String) {
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let output = Command::new("sh")
        .args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")])
        .arg(program)
        .args(arguments)
        .env_remove("BROKER_COURIER_CONFIG")
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{limits}: {said}");
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_what_was_recorded_stands() {
    let site = Site::new();
    let config = site.config().display().to_string();
    let recorded = fs::read(site.at("ledger.log")).unwrap();
    // In blocks of 512 bytes; a run appends more than what is left of them.
    let blocks = recorded.len() / 512 + 1;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(limited(
            &format!("ulimit -f {blocks}"),
            &["-c", &config, "run"],
        ));
    }
    assert!(codes.iter().any(|(code, _)| *code == 7), "{codes:?}");
    assert!(
        codes.iter().all(|(code, _)| [4, 7].contains(code)),
        "{codes:?}"
    );
    let now = fs::read(site.at("ledger.log")).unwrap();
    assert!(now.starts_with(&recorded));
    assert_eq!(code(courier().args(["-c", &config, "verify"])), 0);
    assert_eq!(code(courier().args(["-c", &config, "run"])), 4);
}

/// Somebody without rights, when this is root; whoever this is otherwise.
const NOBODY: u32 = 65_534;

#[test]
fn while_it_holds_secrets_it_leaves_no_core_and_nobody_may_look_into_it() {
    let site = Site::new();
    let silent = site.takes_calls();
    // Of a process that may be looked into, what `/proc` shows belongs to its user (proc(5)).
    let program = site.at("broker-courier");
    // By a process of its own: what one of this process's threads has open for writing while another starts
    // somebody is held open there, and cannot be executed (ETXTBSY).
    let copy = Command::new("cp")
        .arg(assert_cmd::cargo::cargo_bin("broker-courier"))
        .arg(&program)
        .status();
    assert!(copy.unwrap().success());
    let mut command = Command::new(&program);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        for entry in fs::read_dir(site.folder.path()).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), None).unwrap();
        }
        chown(site.folder.path(), Some(NOBODY), None).unwrap();
        command.uid(NOBODY);
    }
    command
        .arg("-c")
        .arg(site.config())
        .arg("run")
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (call, _) = silent.accept().unwrap();
    let of = |name: &str| format!("/proc/{}/{name}", child.id());
    let owner = fs::metadata(of("mem")).unwrap().uid();
    let limits = fs::read_to_string(of("limits"));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(call);
    assert_eq!(owner, 0, "other processes of its user may read its memory");
    // Only root may read them by now.
    if let Ok(limits) = limits {
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let soft = core.unwrap().split_whitespace().nth(4).unwrap();
        assert_eq!(soft, "0", "{limits}");
    }
}

/// The program under `strace`, which answers these system calls in the kernel's place.
fn traced(injected: &[&str], site: &Site, command: &str) -> Option<(i32, String)> {
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: strace is not installed");
        return None;
    }
    let program = assert_cmd::cargo::cargo_bin("broker-courier");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(injected)
        .arg(program)
        .args(words(site, command, "new"))
        .env_remove("BROKER_COURIER_CONFIG")
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    Some((output.status.code().unwrap_or(-1), said))
}

#[test]
fn a_folder_that_cannot_be_brought_to_disk_is_warned_of_once_and_gone_on_with() {
    let site = Site::new();
    let folder = site.folder.path().display().to_string();
    for error in ["EINVAL", "EOPNOTSUPP"] {
        let inject = format!("inject=fsync:error={error}");
        let injected = ["-P", &folder, "-e", &inject];
        let Some((code, said)) = traced(&injected, &site, "-c CONFIG -v run") else {
            return;
        };
        assert_eq!(code, 4, "{said}");
        assert_eq!(said.matches("docs/file-systems.md").count(), 1, "{said}");
    }
    let (code, said) = traced(
        &["-P", &folder, "-e", "inject=fsync:error=EIO"],
        &site,
        "-c CONFIG run",
    )
    .unwrap();
    assert_eq!(code, 7, "{said}");
    assert_eq!(code_of_verify(&site), 0);
}

#[test]
fn a_file_system_without_locks_is_refused_by_name() {
    let site = Site::new();
    let before = fs::read(site.at("ledger.log")).unwrap();
    for error in ["ENOLCK", "EOPNOTSUPP", "EBADF", "ENOSYS"] {
        let inject = format!("inject=flock:error={error}");
        let Some((code, said)) = traced(&["-e", &inject], &site, "-c CONFIG run") else {
            return;
        };
        assert_eq!(code, 7, "{said}");
        assert!(
            said.contains("has no lock") && said.contains("local disk"),
            "{said}"
        );
    }
    assert_eq!(fs::read(site.at("ledger.log")).unwrap(), before);
}

fn code_of_verify(site: &Site) -> i32 {
    code(courier().arg("-c").arg(site.config()).arg("verify"))
}

#[test]
fn what_a_killed_run_left_is_gone_after_the_next_start() {
    let site = Site::new();
    for name in [".status.xml.Ab12Cd.part", "ledger.head.tmp"] {
        fs::write(site.at(name), "left").unwrap();
    }
    // Who only looks removes nothing.
    assert_eq!(code_of_verify(&site), 0);
    assert!(site.at(".status.xml.Ab12Cd.part").exists());
    assert_eq!(code(courier().arg("-c").arg(site.config()).arg("run")), 4);
    assert!(!site.at(".status.xml.Ab12Cd.part").exists());
    assert!(!site.at("ledger.head.tmp").exists());
}

#[test]
fn a_ledger_that_is_overwritten_while_a_run_is_active_is_noticed_before_the_run_claims_success() {
    let site = Site::new();
    // It answers once the ledger was overwritten.
    let slow = site.takes_calls();
    let backup = fs::read(site.at("ledger.log")).unwrap();
    let head = fs::read(site.at("ledger.head")).unwrap();
    for overwritten in [
        backup[..backup.len() - 100].to_vec(),
        vec![0; backup.len()],
        Vec::new(),
    ] {
        fs::write(site.at("ledger.log"), &backup).unwrap();
        fs::write(site.at("ledger.head"), &head).unwrap();
        let mut child = courier()
            .arg("-c")
            .arg(site.config())
            .arg("run")
            .spawn()
            .unwrap();
        let (call, _) = slow.accept().unwrap();
        fs::write(site.at("ledger.log"), overwritten).unwrap();
        drop(call);
        assert_eq!(child.wait().unwrap().code(), Some(7));
        // No head vouches for what was put there.
        assert_eq!(fs::read(site.at("ledger.head")).unwrap(), head);
    }
}
