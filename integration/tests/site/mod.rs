//! A place for the program to work in, and what a test looks at afterwards.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by several test binaries"
)]

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use testbed::broker::EmbeddedBroker;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::openssh::{OpenSsh, OpenSshSettings, StartError};
use testbed::server::SftpServer;

/// The key of the legacy scenario.
pub const KEY: &str = "BJ6vEt7BuRpPb-SEEXUKvA-IJyfSscOkRH3NBS4iN_A=";

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

pub fn embedded() -> EmbeddedSftp {
    EmbeddedSftp::start(EmbeddedSftpSettings::default()).unwrap()
}

/// A folder with configuration, key and working directory.
pub struct Place {
    folder: tempfile::TempDir,
    drop_box: PathBuf,
}

impl Place {
    pub fn new(broker_url: &str, server: &dyn SftpServer) -> Self {
        let proof = match (server.password(), server.key_file()) {
            (Some(password), _) => format!("PASSWORD = \"{password}\""),
            (None, Some(key)) => format!("KEY_FILE = \"{}\"", key.display()),
            (None, None) => panic!("no way to log in"),
        };
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        let place = Self {
            folder,
            drop_box: server.drop_box().to_owned(),
        };
        place.write_key(KEY);
        place.write_config(&format!(
            "[BROKER]\nURL = \"{broker_url}\"\nAPI_KEY = \"{}\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"{}\"\nPORT = \"{}\"\nUSERNAME = \"{}\"\n{proof}\nTIMEOUT = \"25\"\n\
             FOLDERNAME = \"{}\"\nHOST_KEY = \"{}\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"work\"\n",
            EmbeddedBroker::ADMIN_KEY,
            server.host(),
            server.port(),
            server.username(),
            server.folder_name(),
            server.host_key_fingerprint(),
        ));
        place
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("courier.toml")
    }

    pub fn key_path(&self) -> PathBuf {
        self.folder.path().join("rki.key")
    }

    pub fn working_dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub fn drop_box(&self) -> &Path {
        &self.drop_box
    }

    pub fn write_config(&self, text: &str) {
        private(&self.config(), text);
    }

    pub fn write_key(&self, text: &str) {
        private(&self.key_path(), text);
    }

    /// Replaces a piece of the configuration, which must be there.
    pub fn change_config(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        self.write_config(&text.replace(from, to));
    }

    /// The names at the drop-box, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.drop_box)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The final names of results, in order; nothing else but the ledger may be there.
    pub fn zips(&self) -> Vec<String> {
        let (zips, others): (Vec<_>, Vec<_>) = self
            .names()
            .into_iter()
            .partition(|name| name.ends_with(".zip"));
        assert!(
            others.iter().all(|name| name == "status.xml"),
            "left over: {others:?}"
        );
        zips
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
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

    /// Runs a command; gives standard output and standard error.
    pub fn run(&self, place: &Place, arguments: &[&str], code: i32) -> (String, String) {
        let config = place.config().display().to_string();
        let outcome = self.0.run(&[&["-c", &config], arguments].concat());
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
