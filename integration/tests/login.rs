//! The way in: servers that refuse, lock out, ask, drip or never stop talking. What a person on call
//! reads then, and that every phase ends.

#![allow(clippy::unwrap_used, reason = "tests")]

mod check;
mod site;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use site::{Courier, Place};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings, Login, Subsystem};
use testbed::openssh::KeyKind;
use testbed::server::SftpServer as _;

struct Scene {
    _broker: EmbeddedBroker,
    server: EmbeddedSftp,
    place: Place,
    courier: Courier,
}

impl Scene {
    fn at(login: Login, subsystem: Subsystem) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let id = broker.publish("rki");
        broker.submit_result(1, id, "text/plain", b"a result");
        let settings = EmbeddedSftpSettings {
            login,
            subsystem,
            ..EmbeddedSftpSettings::default()
        };
        let server = EmbeddedSftp::start(settings).unwrap();
        Self {
            place: Place::new(&broker.url(), &server),
            _broker: broker,
            server,
            courier: Courier::build(),
        }
    }

    fn run(&self, code: i32) -> String {
        let (stdout, stderr) = self.courier.run(&self.place, &["run"], code);
        format!("{stdout}{stderr}")
    }
}

#[test]
fn who_is_hung_up_on_after_a_password_does_not_try_again() {
    let scene = Scene::at(Login::HangsUp, Subsystem::Sftp);
    let said = scene.run(5);
    assert!(
        said.contains("counts as refused and is not tried again"),
        "{said}"
    );
    assert_eq!(scene.server.passwords(), 1);
}

#[test]
fn a_refused_password_is_tried_once_more_as_an_answer() {
    let scene = Scene::at(Login::QuestionsAfterAll, Subsystem::Sftp);
    scene.run(0);
    assert_eq!(scene.place.zips(), ["export_0.zip"]);
    // A wrong one is shown in both ways, once each.
    let before = scene.server.passwords();
    scene.place.change_config("sftppassword", "wrong");
    let said = scene.run(5);
    assert!(said.contains("refused as an answer"), "{said}");
    assert_eq!(scene.server.passwords(), before + 2);
}

/// Directories and name servers take their time, and the replaced program had no time-out for that.
#[test]
fn a_login_may_take_longer_than_one_wait() {
    let scene = Scene::at(Login::Slow(Duration::from_millis(1_300)), Subsystem::Sftp);
    scene
        .place
        .change_config("TIMEOUT = \"25\"", "TIMEOUT = \"1\"");
    let said = scene.run(0);
    assert_eq!(scene.place.zips(), ["export_0.zip"], "{said}");
    assert_eq!(scene.server.passwords(), 1, "it was tried once: {said}");
    // Its own limit holds.
    scene
        .place
        .change_config("TIMEOUT = \"1\"", "TIMEOUT = \"1\"\nLOGIN_TIMEOUT = 1");
    let said = scene.run(5);
    assert!(said.contains("SFTP.LOGIN_TIMEOUT"), "{said}");
}

#[test]
fn an_expired_password_needs_a_person_and_is_shown_once() {
    let scene = Scene::at(Login::Expired, Subsystem::Sftp);
    let said = scene.run(5);
    assert!(
        said.contains("has expired; the server says") && said.contains("New password"),
        "{said}"
    );
    assert_eq!(scene.server.passwords(), 1);
}

#[test]
fn what_answers_in_place_of_sftp_is_quoted_and_not_asked_again() {
    for (subsystem, words) in [
        (
            Subsystem::Complains(
                "WARNING: Your password has expired.\r\n\u{1b}[31mPassword change required\n",
            ),
            "WARNING: Your password has expired.",
        ),
        (
            Subsystem::Prints("This account is currently not available.\n"),
            "This account is currently not available.",
        ),
        (Subsystem::Prints("no\n"), "\"no\""),
        (Subsystem::Prints(""), "without a word"),
    ] {
        let scene = Scene::at(Login::Password, subsystem);
        let said = scene.run(5);
        assert!(said.contains(words), "{words}: {said}");
        assert!(!said.contains('\u{1b}'), "{said}");
        assert_eq!(scene.server.passwords(), 1, "{words}");
    }
}

/// A server that does this with each connection.
fn peer(what: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let what = std::sync::Arc::new(what);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let what = std::sync::Arc::clone(&what);
            std::thread::spawn(move || what(stream));
        }
    });
    port
}

/// Sends this again and again, until nobody listens.
fn repeats(mut stream: &TcpStream, bytes: &[u8], pause: Duration) {
    while stream.write_all(bytes).is_ok() {
        std::thread::sleep(pause);
    }
}

/// An unencrypted SSH packet of that type, as they are before the keys.
fn packet(kind: u8) -> Vec<u8> {
    let padding = 16 - (4 + 1 + 1 + 4);
    let mut packet = vec![0, 0, 0, 1 + 1 + 4 + padding, padding, kind, 0, 0, 0, 0];
    packet.extend_from_slice(&vec![0; usize::from(padding)]);
    packet
}

#[test]
fn every_phase_of_a_login_ends() {
    const SSH_MSG_IGNORE: u8 = 2;
    const BANNER: &[u8] = b"SSH-2.0-peer\r\n";
    let nothing = Duration::ZERO;
    let drip = Duration::from_millis(100);
    let courier = Courier::build();
    let phases: Vec<(&str, u16)> = vec![
        (
            "silent",
            peer(|mut stream| drop(stream.read_to_end(&mut Vec::new()))),
        ),
        (
            "lines without end",
            peer(move |stream| repeats(&stream, b"hello\r\n", nothing)),
        ),
        (
            "one line without end",
            peer(move |stream| repeats(&stream, b"hello", nothing)),
        ),
        (
            "a dripping line",
            peer(move |stream| repeats(&stream, b"x", drip)),
        ),
        (
            "banner, then silence",
            peer(|mut stream| {
                let _gone = stream.write_all(BANNER);
                drop(stream.read_to_end(&mut Vec::new()));
            }),
        ),
        (
            "banner, then messages without end",
            peer(move |mut stream| {
                let _gone = stream.write_all(BANNER);
                repeats(&stream, &packet(SSH_MSG_IGNORE), nothing);
            }),
        ),
        (
            "banner, then dripping messages",
            peer(move |mut stream| {
                let _gone = stream.write_all(BANNER);
                repeats(&stream, &packet(SSH_MSG_IGNORE), drip);
            }),
        ),
        (
            "banner, then a dripping message",
            peer(move |mut stream| {
                let _gone = stream.write_all(BANNER);
                let _gone = stream.write_all(&[0, 0, 0x40, 0, 4, SSH_MSG_IGNORE]);
                repeats(&stream, b"x", drip);
            }),
        ),
    ];
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    for (phase, port) in phases {
        let place = Place::new(&broker.url(), &site::embedded());
        let text = fs::read_to_string(place.config()).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("PORT = "))
            .unwrap();
        place.change_config(line, &format!("PORT = \"{port}\""));
        place.change_config("TIMEOUT = \"25\"", "TIMEOUT = \"1\"\nLOGIN_TIMEOUT = \"1\"");
        let begun = Instant::now();
        let (_, said) = courier.run(&place, &["host-key"], 5);
        eprintln!(
            "{phase}: {:.1} s: {}",
            begun.elapsed().as_secs_f64(),
            said.trim()
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn an_address_that_swallows_what_is_sent_does_not_take_the_time_of_the_next() {
    // Needs a name with two addresses, which only the machine's own list of hosts can give.
    let hosts = Path::new("/etc/hosts");
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|it| it.stdout == b"0\n");
    let Ok(before) = fs::read_to_string(hosts) else {
        return;
    };
    if !is_root || !before.contains("two-addresses.test") {
        site::skipped(
            "no name with a silent address (192.0.2.1) and 127.0.0.1: add \
             `192.0.2.1 two-addresses.test` and `127.0.0.1 two-addresses.test` to /etc/hosts",
        );
        return;
    }
    let scene = Scene::at(Login::Password, Subsystem::Sftp);
    scene
        .place
        .change_config("HOST = \"127.0.0.1\"", "HOST = \"two-addresses.test\"");
    scene
        .place
        .change_config("TIMEOUT = \"25\"", "TIMEOUT = \"4\"");
    scene.run(0);
}

#[test]
fn a_key_file_that_is_none_is_called_by_its_name_before_anybody_connects() {
    let scene = Scene::at(Login::Password, Subsystem::Sftp);
    let key = scene.place.working_dir().with_file_name("key");
    scene.place.change_config(
        "PASSWORD = \"sftppassword\"",
        &format!("KEY_FILE = {:?}", key.display().to_string()),
    );
    for (text, words, remedy) in [
        (
            "PuTTY-User-Key-File-3: ssh-ed25519\n",
            "PuTTY's format",
            "puttygen",
        ),
        ("ssh-ed25519 AAAA me\n", "is a public key", "SFTP.KEY_FILE"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            "no passphrase",
            "KEY_PASSPHRASE_FILE",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\n",
            "cut short",
            "SFTP.KEY_FILE",
        ),
        ("a password\n", "holds no private key", "SFTP.KEY_FILE"),
    ] {
        fs::write(&key, text).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let said = scene.run(3);
        assert!(said.contains(words) && said.contains(remedy), "{said}");
        assert!(said.contains(&key.display().to_string()), "{said}");
    }
    assert_eq!(scene.server.passwords(), 0);
    assert_eq!(scene.server.drop_box().read_dir().unwrap().count(), 0);
}

#[test]
fn an_unknown_host_names_the_files_that_were_looked_at() {
    let scene = Scene::at(Login::Password, Subsystem::Sftp);
    let known = scene.place.working_dir().with_file_name("known_hosts");
    fs::write(&known, "\u{feff}# nobody\n").unwrap();
    let text = fs::read_to_string(scene.place.config()).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("HOST_KEY"))
        .unwrap();
    let instead = format!("KNOWN_HOSTS = {:?}", known.display().to_string());
    scene.place.change_config(line, &instead);
    let said = scene.run(5);
    let words = format!("is unknown to {}", known.display());
    assert!(said.contains(&words), "{said}");
    assert_eq!(scene.server.passwords(), 0);
}

/// A command that runs beside a test, and ends with it.
struct Background(Child);

impl Background {
    fn start(command: &str) -> Self {
        let mut shell = Command::new("sh");
        Self(shell.args(["-c", command]).spawn().unwrap())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// OpenSSH's own client as a jump host's and as a SOCKS proxy.
#[test]
fn over_a_jump_host_and_through_a_socks_proxy() {
    let Some(jump) = site::openssh() else {
        return;
    };
    let ssh = format!(
        "ssh -F none -i {} -p {} -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR \
         -o UserKnownHostsFile=/dev/null {}@{}",
        jump.private_key(KeyKind::Ed25519).display(),
        jump.port(),
        jump.username(),
        jump.host(),
    );
    let scene = Scene::at(Login::Password, Subsystem::Sftp);
    let command = format!("PROXY_COMMAND = \"{ssh} -W %h:%p\"");
    let timeout = "TIMEOUT = \"25\"";
    let with = |line: &str| format!("{line}\n{timeout}");
    scene.place.change_config(timeout, &with(&command));
    scene.run(0);
    assert_eq!(scene.place.zips(), ["export_0.zip"]);

    // Whoever carries the connection says why it does not.
    let mistaken = command.replace("ssh -F none", "ssh -F none -o PubkeyAuthentication=no");
    scene.place.change_config(&command, &mistaken);
    let said = scene.run(5);
    assert!(said.contains("SFTP.PROXY_COMMAND says"), "{said}");
    assert!(said.contains("Permission denied"), "{said}");

    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let socks = Background::start(&format!("exec {ssh} -N -D 127.0.0.1:{port}"));
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let proxy = format!("PROXY = \"socks5://127.0.0.1:{port}\"");
    scene.place.change_config(&mistaken, &proxy);
    scene.run(0);
    drop(socks);
    let said = scene.run(5);
    assert!(said.contains("(SFTP.PROXY): Connection refused"), "{said}");
}
