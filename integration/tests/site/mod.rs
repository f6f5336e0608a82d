//! A place for the program to work in, and what a test looks at afterwards.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by several test binaries"
)]

use std::fs;
use std::io::Cursor;

use testbed::broker::EmbeddedBroker;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::library_sftp::{Library, LibrarySftp};
use testbed::openssh::{OpenSsh, OpenSshSettings, StartError};
use testbed::place::KEY;
use testbed::proftpd::ProFtpd;
use testbed::server::SftpServer;

/// Says on standard error that a test could not be made here.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// A real OpenSSH server; none, said plainly, where it is not installed. In continuous integration
/// it must be there.
pub fn openssh() -> Option<OpenSsh> {
    openssh_with(OpenSshSettings::default())
}

pub fn openssh_with(settings: OpenSshSettings) -> Option<OpenSsh> {
    match OpenSsh::start(settings) {
        Ok(server) => Some(server),
        Err(StartError::Missing(what)) if std::env::var_os("CI").is_none() => {
            skipped(&format!("{what} is not installed"));
            None
        }
        Err(error) => panic!("OpenSSH does not start: {error}"),
    }
}

/// A server made of this library; none, said plainly, where its language is not installed.
pub fn library_sftp(library: Library) -> Option<LibrarySftp> {
    match LibrarySftp::start(library) {
        Ok(server) => Some(server),
        Err(StartError::Missing(what)) => {
            skipped(&format!("{what} is not built"));
            None
        }
        Err(error) => panic!("{library:?} does not start: {error}"),
    }
}

/// A real ProFTPD server, under the same conditions as OpenSSH.
pub fn proftpd() -> Option<ProFtpd> {
    match ProFtpd::start() {
        Ok(server) => Some(server),
        Err(StartError::Missing(what)) if std::env::var_os("CI").is_none() => {
            skipped(&format!("{what} is not installed"));
            None
        }
        Err(error) => panic!("ProFTPD does not start: {error}"),
    }
}

pub fn embedded() -> EmbeddedSftp {
    EmbeddedSftp::start(EmbeddedSftpSettings::default()).unwrap()
}

/// A place whose set-up cannot fail in a test.
pub struct Place(testbed::place::Place);

impl std::ops::Deref for Place {
    type Target = testbed::place::Place;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Place {
    pub fn new(broker_url: &str, server: &dyn SftpServer) -> Self {
        Self(testbed::place::Place::new(broker_url, server).unwrap())
    }

    /// Replaces a piece of the configuration, which must be there.
    pub fn change_config(&self, from: &str, to: &str) {
        self.0.change_config(from, to).unwrap();
    }

    /// The final names of results, in order; nothing else but the ledger may be there.
    pub fn zips(&self) -> Vec<String> {
        let (zips, others): (Vec<_>, Vec<_>) = self
            .names()
            .unwrap()
            .into_iter()
            .partition(|name| name.ends_with(".zip"));
        assert!(
            others.iter().all(|name| name == "status.xml"),
            "left over: {others:?}"
        );
        zips
    }
}

/// The program, with the exit code that a test expects.
pub struct Courier(testbed::courier::Courier);

impl Courier {
    pub fn build() -> Self {
        Self(testbed::courier::Courier::build().unwrap())
    }

    pub fn program(&self) -> &testbed::courier::Courier {
        &self.0
    }

    /// Runs the program's own `decrypt`, which writes nothing that is not authentic.
    pub fn decrypts(&self, place: &Place, name: &str) {
        let file = place.drop_box().join(name).display().to_string();
        let target = place.working_dir().with_file_name("decrypted");
        let target = target.display().to_string();
        self.run(place, &["decrypt", &file, "-o", &target], 0);
        fs::remove_file(target).unwrap();
    }

    /// Runs a command; gives standard output and standard error. A run says all that it does.
    pub fn run(&self, place: &Place, arguments: &[&str], code: i32) -> (String, String) {
        let config = place.config().display().to_string();
        let verbose: &[&str] = match arguments {
            ["run", ..] => &["-v"],
            _ => &[],
        };
        let outcome = self.0.run(&[&["-c", &config], arguments, verbose].concat());
        assert_eq!(
            outcome.code,
            Some(code),
            "{arguments:?}\n{}\n{}",
            outcome.stdout,
            outcome.stderr
        );
        for secret in [KEY, EmbeddedBroker::ADMIN_KEY, "sftppassword"] {
            assert!(
                !outcome.stdout.contains(secret),
                "a secret was shown: {}",
                outcome.stdout
            );
            assert!(
                !outcome.stderr.contains(secret),
                "a secret was shown: {}",
                outcome.stderr
            );
        }
        (outcome.stdout, outcome.stderr)
    }
}

/// What a run says of all that it did, behind the names of what it delivered and withdrew.
pub fn sum(said: &str) -> &str {
    let mut at = 0;
    for line in said.split_inclusive('\n') {
        if line.contains(" uploaded, ") {
            return &said[at..];
        }
        at += line.len();
    }
    said
}

/// The `request-status` elements of a `status.xml`.
pub fn status_lines(xml: &str) -> Vec<String> {
    xml.split("<request-status>")
        .skip(1)
        .map(|rest| rest.split("</request-status>").next().unwrap().to_owned())
        .collect()
}

/// Decrypts every result at the drop-box by Python's `cryptography`, and holds it against the
/// SHA-256 that the ledger recorded. Gives the entries of each zip.
pub fn audit(courier: &Courier, place: &Place) -> Vec<(String, Vec<String>)> {
    if !testbed::independent::available() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Python's cryptography is not installed"
        );
        skipped("Python's cryptography is not installed");
        return Vec::new();
    }
    let (status, _) = courier.run(place, &["status", "--json"], 0);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let mut audited = Vec::new();
    for name in place.zips() {
        let id: u64 = name
            .trim_start_matches("export_")
            .trim_end_matches(".zip")
            .parse()
            .unwrap();
        let requests = status["requests"].as_array().unwrap();
        let request = requests.iter().find(|request| request["id"] == id).unwrap();
        let token = fs::read(place.drop_box().join(&name)).unwrap();
        assert_eq!(request["size_bytes"], token.len() as u64, "{name}");
        let sha256 = |bytes: &[u8]| courier_ledger::Digest::of(&[bytes]).to_string();
        assert_eq!(request["token_sha256"], sha256(&token), "{name}");
        let plaintext = testbed::independent::decrypt(KEY, &place.drop_box().join(&name)).unwrap();
        assert_eq!(request["plaintext_sha256"], sha256(&plaintext), "{name}");
        let archive = zip::ZipArchive::new(Cursor::new(plaintext)).unwrap();
        audited.push((name, archive.file_names().map(str::to_owned).collect()));
    }
    audited
}
