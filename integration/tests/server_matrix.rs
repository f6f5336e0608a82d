//! The same deliveries on every kind of SFTP server: new, replaced and withdrawn results, empty ones
//! and one of 512 MiB, while a reader looks at the final names all the time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use site::{Courier, Place};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings, Login};
use testbed::library_sftp::Library;
use testbed::openssh::{KeyKind, OpenSshSettings};
use testbed::server::SftpServer;
use testbed::watcher::{Sights, Watcher};

const LARGE_BYTES: u64 = 512 << 20;
/// More than one window of requests, where the size is not the point.
const SMALLER_BYTES: u64 = 12 << 20;
const NAMES: [&str; 3] = ["export_0.zip", "export_1.zip", "export_2.zip"];

/// How a new version takes the place of an old one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replacing {
    /// In one step.
    InOneStep,
    /// The old one goes first; the log says so.
    WithAGap,
}

struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    courier: Courier,
}

impl Scene {
    /// Three requests: a small result, an empty one, and one of this size.
    fn new(server: &dyn SftpServer, large_bytes: u64) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        for _ in NAMES {
            broker.publish("rki");
        }
        broker.submit_result(1, 0, "text/plain", b"a result");
        broker.submit_result(1, 1, "text/plain", b"");
        broker.submit_synthetic_result(1, 2, large_bytes);
        let place = Place::new(&broker.url(), server);
        Self {
            broker,
            place,
            courier: Courier::build(),
        }
    }

    /// One run that says this, watched by a reader; the log is whole after it.
    fn run(&self, says: &str) -> Sights {
        let watcher = Watcher::begin(self.place.drop_box(), &NAMES);
        let (stdout, _) = self.courier.run(&self.place, &["run"], 0);
        let sights = watcher.end();
        assert!(site::sum(&stdout).starts_with(says), "{says}?\n{stdout}");
        self.courier.run(&self.place, &["verify"], 0);
        sights
    }

    /// A run that leaves exactly these files, each as recorded; nobody ever saw another size than those
    /// of whole files.
    fn delivers(&self, says: &str, names: &[&str], replacing: Replacing) {
        let before = self.recorded_sizes();
        let sights = self.run(says);
        let after = self.recorded_sizes();
        for name in NAMES {
            let whole: Vec<u64> = [&before, &after]
                .into_iter()
                .flatten()
                .filter_map(of(name))
                .collect();
            let seen = sights.sizes(name);
            assert!(
                seen.iter().all(|size| whole.contains(size)),
                "{name}: {seen:?} was seen, {whole:?} are whole"
            );
            if replacing == Replacing::InOneStep {
                assert_eq!(sights.gaps(name), 0, "{name} was gone for a moment");
            }
        }
        self.is_as_recorded(names);
    }

    /// These files are there, each with the bytes that the ledger recorded.
    fn is_as_recorded(&self, names: &[&str]) {
        assert_eq!(self.place.zips(), names);
        for name in names {
            let recorded = self.recorded(name, "token_sha256");
            assert_eq!(self.sum(name), recorded, "{name}");
            self.courier.decrypts(&self.place, name);
        }
        self.courier.run(&self.place, &["verify"], 0);
    }

    fn status(&self) -> Value {
        let (status, _) = self.courier.run(&self.place, &["status", "--json"], 0);
        serde_json::from_str(&status).unwrap()
    }

    fn recorded(&self, name: &str, what: &str) -> Value {
        let status = self.status();
        let requests = status["requests"].as_array().unwrap();
        let request = requests.iter().find(|request| name_of(request) == name);
        request.unwrap()[what].clone()
    }

    fn recorded_sizes(&self) -> Vec<(String, u64)> {
        if !self.place.working_dir().join("ledger.log").exists() {
            return Vec::new();
        }
        let status = self.status();
        let requests = status["requests"].as_array().unwrap().iter();
        requests
            .filter_map(|request| Some((name_of(request), request["size_bytes"].as_u64()?)))
            .collect()
    }

    /// The SHA-256 of a delivered file, by a program that is not ours.
    fn sum(&self, name: &str) -> String {
        let path = self.place.drop_box().join(name);
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    }
}

fn name_of(request: &Value) -> String {
    format!("export_{}.zip", request["id"])
}

fn of(name: &str) -> impl Fn(&(String, u64)) -> Option<u64> {
    move |(of, size)| (of == name).then_some(*size)
}

/// New, unchanged, replaced, and withdrawn in both ways.
fn deliveries(server: &dyn SftpServer, large_bytes: u64, replacing: Replacing) {
    let scene = Scene::new(server, large_bytes);
    deliveries_in(&scene, replacing);
}

fn deliveries_in(scene: &Scene, replacing: Replacing) {
    scene.delivers("3 uploaded, 0 deleted, 0 failed", &NAMES, replacing);
    scene.run("0 uploaded, 0 deleted, 0 failed");
    scene
        .broker
        .submit_result(2, 0, "text/plain", b"another hospital's");
    scene.broker.submit_result(2, 1, "text/plain", b"");
    scene.delivers("2 uploaded, 0 deleted, 0 failed", &NAMES, replacing);
    scene.broker.delete(1);
    scene.broker.set_tag(2, "other");
    scene.delivers("0 uploaded, 2 deleted, 0 failed", &NAMES[..1], replacing);
}

fn embedded(settings: EmbeddedSftpSettings) -> EmbeddedSftp {
    EmbeddedSftp::start(settings).unwrap()
}

fn openssh(settings: OpenSshSettings, replacing: Replacing) {
    if let Some(server) = site::openssh_with(settings) {
        deliveries(&server, LARGE_BYTES, replacing);
    }
}

fn without(extensions: &str) -> OpenSshSettings {
    OpenSshSettings {
        sftp_arguments: vec!["-P".to_owned(), extensions.to_owned()],
        ..OpenSshSettings::default()
    }
}

fn with_line(line: &str) -> OpenSshSettings {
    OpenSshSettings {
        extra_lines: vec![line.to_owned()],
        ..OpenSshSettings::default()
    }
}

/// OpenSSH and ProFTPD, with a line more in the configuration.
fn with_sftp(line: &str, act: impl Fn(&Scene)) {
    let servers = [
        site::openssh().map(|server| Box::new(server) as Box<dyn SftpServer>),
        site::proftpd().map(|server| Box::new(server) as Box<dyn SftpServer>),
    ];
    for server in servers.into_iter().flatten() {
        let scene = Scene::new(server.as_ref(), SMALLER_BYTES);
        let from = "TIMEOUT";
        scene.place.change_config(from, &format!("{line}\n{from}"));
        act(&scene);
    }
}

#[test]
fn what_is_read_back_is_what_was_sent() {
    with_sftp("VERIFY = \"readback\"", |scene| {
        deliveries_in(scene, Replacing::InOneStep);
    });
}

#[test]
fn nothing_is_verified_where_that_is_asked_for() {
    with_sftp("VERIFY = \"none\"", |scene| {
        deliveries_in(scene, Replacing::InOneStep);
    });
}

#[test]
fn files_are_written_under_their_final_names_where_that_is_asked_for() {
    with_sftp("UPLOAD = \"direct\"", |scene| {
        // Whoever looks meanwhile sees what has come so far: nothing is said of that here.
        scene.courier.run(&scene.place, &["run"], 0);
        scene.is_as_recorded(&NAMES);
        scene.broker.submit_result(2, 0, "text/plain", b"another");
        scene.broker.delete(1);
        scene.courier.run(&scene.place, &["run"], 0);
        scene.is_as_recorded(&["export_0.zip", "export_2.zip"]);
        let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
        assert_eq!(log.matches("\"placement\":\"direct\"").count(), 4);
    });
}

#[test]
fn temporary_names_follow_the_pattern_and_a_pattern_without_a_name_is_refused() {
    let server = embedded(EmbeddedSftpSettings::default());
    let scene = Scene::new(&server, 1 << 10);
    let line = "TEMPORARY = \"{name}.part\"";
    scene
        .place
        .change_config("TIMEOUT", &format!("{line}\nTIMEOUT"));
    deliveries_in(&scene, Replacing::InOneStep);
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    assert!(log.contains("\"temporary\":\"export_0.zip."), "{log}");
    assert!(!log.contains("\"temporary\":\"."), "{log}");
    scene.place.change_config(line, "TEMPORARY = \"part\"");
    let (_, stderr) = scene.courier.run(&scene.place, &["run"], 3);
    assert!(stderr.contains("must contain `{name}` once"), "{stderr}");
}

#[test]
fn a_server_that_allows_one_open_file_and_does_not_say_so() {
    let server = embedded(EmbeddedSftpSettings {
        open_files: 1,
        ..EmbeddedSftpSettings::default()
    });
    let scene = Scene::new(&server, SMALLER_BYTES);
    for _ in 0..40 {
        let id = scene.broker.publish("rki");
        scene.broker.submit_synthetic_result(1, id, 100_000);
    }
    let (stdout, stderr) = scene.courier.run(&scene.place, &["run"], 0);
    assert!(site::sum(&stdout).starts_with("43 uploaded"), "{stdout}");
    assert!(stderr.contains("SFTP.CONCURRENCY"), "{stderr}");
    scene.courier.run(&scene.place, &["verify"], 0);
}

#[test]
fn a_server_that_says_how_little_it_allows() {
    let server = embedded(EmbeddedSftpSettings {
        extensions: false,
        open_files: 1,
        packet_bytes: Some(4 << 10),
        ..EmbeddedSftpSettings::default()
    });
    deliveries(&server, SMALLER_BYTES, Replacing::WithAGap);
}

#[test]
fn a_server_that_asks_for_the_password() {
    let server = embedded(EmbeddedSftpSettings {
        login: Login::Questions,
        ..EmbeddedSftpSettings::default()
    });
    deliveries(&server, 1 << 10, Replacing::InOneStep);
    let scene = Scene::new(&server, 1 << 10);
    scene.place.change_config("sftppassword", "wrong");
    let (_, stderr) = scene.courier.run(&scene.place, &["run"], 5);
    assert!(stderr.contains("keyboard-interactive"), "{stderr}");
}

#[test]
fn openssh_that_asks_for_the_password() {
    let lines = [
        "KbdInteractiveAuthentication yes",
        "PasswordAuthentication no",
        "UsePAM yes",
    ];
    let settings = OpenSshSettings {
        first_lines: lines.map(str::to_owned).to_vec(),
        ..OpenSshSettings::default()
    };
    let Some(server) = site::openssh_with(settings) else {
        return;
    };
    if server.password().is_none() {
        return site::skipped("only root can have OpenSSH ask for a password");
    }
    deliveries(&server, 1 << 10, Replacing::InOneStep);
}

#[test]
fn keys_of_an_agent_log_in() {
    let Some(server) = site::openssh() else {
        return;
    };
    let scene = Scene::new(&server, 1 << 10);
    let password = server.password().map_or_else(
        || {
            format!(
                "KEY_FILE = \"{}\"",
                server.private_key(KeyKind::Ed25519).display()
            )
        },
        |password| format!("PASSWORD = \"{password}\""),
    );
    scene.place.change_config(&password, "AGENT = true");
    let agent = Agent::start(&scene.place);
    let run = |socket: &Path| {
        let mut command = scene.courier.program().command();
        let config = scene.place.config();
        command.arg("-c").arg(config).arg("run");
        command.env("SSH_AUTH_SOCK", socket).output().unwrap()
    };
    let without_keys = run(&agent.socket);
    assert_eq!(without_keys.status.code(), Some(5));
    agent.add(&server.private_key(KeyKind::Ecdsa));
    agent.add(&server.private_key(KeyKind::Ed25519));
    assert_eq!(run(&agent.socket).status.code(), Some(0));
    scene.is_as_recorded(&NAMES);
    let nobody = run(Path::new("/nonexistent"));
    assert_eq!(nobody.status.code(), Some(5));
    let stderr = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(stderr.contains("agent"), "{stderr}");
}

/// OpenSSH's own agent, without keys at first.
struct Agent {
    socket: PathBuf,
    process: Child,
}

impl Agent {
    fn start(place: &Place) -> Self {
        let socket = place.working_dir().with_file_name("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while !socket.exists() {
            std::thread::yield_now();
        }
        Self { socket, process }
    }

    fn add(&self, key: &Path) {
        let mut command = Command::new("ssh-add");
        command
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket);
        assert!(command.status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn openssh_as_it_comes() {
    openssh(OpenSshSettings::default(), Replacing::InOneStep);
}

#[test]
fn openssh_without_posix_rename() {
    openssh(without("posix-rename"), Replacing::WithAGap);
}

#[test]
fn openssh_without_any_extension() {
    openssh(without("posix-rename,fsync,limits"), Replacing::WithAGap);
}

#[test]
fn openssh_that_allows_one_session() {
    openssh(with_line("MaxSessions 1"), Replacing::InOneStep);
}

#[test]
fn openssh_that_makes_new_keys_every_mebibyte() {
    openssh(with_line("RekeyLimit 1M"), Replacing::InOneStep);
}

#[test]
fn openssh_with_a_drop_box_that_can_only_be_written_to() {
    let settings = OpenSshSettings {
        folder_mode: 0o333,
        ..OpenSshSettings::default()
    };
    openssh(settings, Replacing::InOneStep);
}

#[test]
fn openssh_that_lets_nobody_look_is_taken_at_its_word_and_that_is_said_once() {
    let looks = "lstat,stat,fstat,opendir,readdir";
    let Some(server) = site::openssh_with(without(looks)) else {
        return;
    };
    let scene = Scene::new(&server, SMALLER_BYTES);
    for (uploaded, deleted) in [(3, 0), (0, 1), (0, 0)] {
        let (stdout, stderr) = scene.courier.run(&scene.place, &["run"], 0);
        let counts = format!("{uploaded} uploaded, {deleted} deleted, 0 failed");
        assert!(site::sum(&stdout).starts_with(&counts), "{stdout}{stderr}");
        let said = stderr.matches("lets this user look at nothing").count();
        assert_eq!(said, usize::from(uploaded + deleted > 0), "{stderr}");
        if uploaded > 0 {
            scene.is_as_recorded(&NAMES);
            scene.broker.delete(1);
        }
    }
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    assert_eq!(log.matches("\"unseen\":\"forbidden\"").count(), 4, "{log}");
}

#[test]
fn proftpd() {
    if let Some(server) = site::proftpd() {
        deliveries(&server, LARGE_BYTES, Replacing::InOneStep);
    }
}

#[test]
fn the_ledger_says_which_hospitals_and_what_was_in_a_bundle() {
    let server = embedded(EmbeddedSftpSettings::default());
    let scene = Scene::new(&server, 1 << 10);
    scene.courier.run(&scene.place, &["run"], 0);
    scene.courier.run(&scene.place, &["run"], 0);
    let (log, _) = scene.courier.run(&scene.place, &["log", "--json"], 0);
    let named = log.lines().filter(|line| line.contains("NodesNamed"));
    assert_eq!(named.count(), 1, "{log}");
    assert!(log.contains("\"name\":\"CN="), "{log}");
    let delivered: Vec<_> = log
        .lines()
        .filter(|line| line.contains("\"Uploaded\""))
        .collect();
    assert_eq!(delivered.len(), 3);
    for line in delivered {
        assert!(line.contains("\"name\":\"0_result"), "{line}");
        assert!(line.contains("\"name\":\"status.xml\""), "{line}");
    }
    let (story, _) = scene.courier.run(&scene.place, &["why", "1"], 0);
    assert!(story.contains("\"Hospital "), "{story}");
    let (page, _) = scene.courier.run(&scene.place, &["report"], 0);
    assert!(page.contains("Which hospital is which"), "{page}");
    assert!(page.contains("CN=Hospital "), "{page}");
}

#[test]
fn a_server_in_go() {
    library(Library::Go);
}

#[test]
fn apache_mina() {
    library(Library::Mina);
}

fn library(library: Library) {
    if let Some(server) = site::library_sftp(library) {
        deliveries(&server, LARGE_BYTES, Replacing::InOneStep);
    }
}

#[test]
fn the_embedded_server() {
    deliveries(&site::embedded(), LARGE_BYTES, Replacing::InOneStep);
}
