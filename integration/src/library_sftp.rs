//! SFTP servers made of the libraries that many products are built on, written for these tests in
//! their own languages: `integration/servers`, built by its `build.sh` where the language is installed.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::openssh::{StartError, output, show};
use crate::server::SftpServer;

const USER: &str = "sftpuser";
const PASSWORD: &str = "sftppassword";
const FOLDER: &str = "rki";

/// The library behind a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `github.com/pkg/sftp` over `golang.org/x/crypto/ssh`, in Go.
    Go,
    /// Apache MINA SSHD, in Java.
    Mina,
}

impl Library {
    fn command(self) -> Result<Command, StartError> {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers");
        match self {
            Self::Go => {
                let program = servers.join("go-sftpd");
                let missing =
                    StartError::Missing("the server in Go (integration/servers/build.sh)");
                let found = program.exists().then(|| Command::new(program));
                found.ok_or(missing)
            }
            Self::Mina => {
                let classes = servers.join("mina");
                if !classes.exists() {
                    let what = "Apache MINA SSHD (integration/servers/build.sh)";
                    return Err(StartError::Missing(what));
                }
                let mut command = Command::new("java");
                let path = format!("{0}:{0}/*", show(&classes));
                command.args(["-cp", &path, "Sftpd"]);
                Ok(command)
            }
        }
    }
}

/// A running server; it ends with its standard input.
pub struct LibrarySftp {
    _folder: tempfile::TempDir,
    process: Child,
    port: u16,
    fingerprint: String,
    drop_box: PathBuf,
}

impl LibrarySftp {
    /// Starts a server of this library and waits until it says where it listens.
    pub fn start(library: Library) -> Result<Self, StartError> {
        let mut command = library.command()?;
        let folder = tempfile::Builder::new()
            .prefix("courier-library-sftp")
            .tempdir()?;
        let root = folder.path().join("root");
        let drop_box = root.join(FOLDER);
        fs::create_dir_all(&drop_box)?;
        let key = show(&folder.path().join("host_key"));
        let kind = ["-q", "-t", "ecdsa", "-N", "", "-f", &key];
        output("ssh-keygen", &kind)?;
        let fingerprint = output("ssh-keygen", &["-lf", &format!("{key}.pub")])?;
        let fingerprint = fingerprint.split_whitespace().nth(1);
        let errors = folder.path().join("errors");
        let mut process = command
            .args([&key, &show(&root), USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors)?)
            .spawn()?;
        let Ok(port) = port(&mut process) else {
            let _already_gone = process.kill();
            let log = fs::read_to_string(errors)?;
            return Err(StartError::Refused(format!(
                "{library:?} does not say where it listens:\n{log}"
            )));
        };
        Ok(Self {
            port,
            fingerprint: fingerprint.unwrap_or_default().to_owned(),
            _folder: folder,
            process,
            drop_box,
        })
    }
}

fn port(process: &mut Child) -> io::Result<u16> {
    let mut line = String::new();
    if let Some(output) = process.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    line.trim().parse().map_err(io::Error::other)
}

impl SftpServer for LibrarySftp {
    fn port(&self) -> u16 {
        self.port
    }

    fn host_key_fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn username(&self) -> String {
        USER.to_owned()
    }

    fn password(&self) -> Option<String> {
        Some(PASSWORD.to_owned())
    }

    fn key_file(&self) -> Option<PathBuf> {
        None
    }

    fn drop_box(&self) -> &Path {
        &self.drop_box
    }

    fn folder_name(&self) -> String {
        FOLDER.to_owned()
    }
}

impl Drop for LibrarySftp {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
