//! The real OpenSSH server, started for one test: its own folder, host key and port. As root, users
//! log in with password or key into a chroot; otherwise the current user logs in with a key.

use std::fs;
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::server::SftpServer;

/// The system user that tests log in as when they run as root.
const USER: &str = "courier-test";
const PASSWORD: &str = "sftppassword";
const FOLDER: &str = "rki";
/// The passphrase of the encrypted private key.
pub const PASSPHRASE: &str = "a long passphrase";

/// How the server is to be.
#[derive(Clone, Debug)]
pub struct OpenSshSettings {
    /// Arguments of `internal-sftp`: `-P posix-rename`.
    pub sftp_arguments: Vec<String>,
    /// Lines in front of all others, which win over them: `UsePAM yes`.
    pub first_lines: Vec<String>,
    /// Further lines of its configuration: `MaxSessions 1`.
    pub extra_lines: Vec<String>,
    /// The mode of the drop-box.
    pub folder_mode: u32,
}

impl Default for OpenSshSettings {
    fn default() -> Self {
        Self {
            sftp_arguments: Vec::new(),
            first_lines: Vec::new(),
            extra_lines: Vec::new(),
            folder_mode: 0o755,
        }
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is not installed.
    #[error("{0} is not installed")]
    Missing(&'static str),
    /// A file or process operation failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A helper program or the server itself refused.
    #[error("{0}")]
    Refused(String),
}

/// A running server.
pub struct OpenSsh {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
    fingerprint: String,
    drop_box: PathBuf,
    user: User,
}

enum User {
    Chrooted,
    Current { name: String },
}

/// Which private key logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ed25519, without a passphrase.
    Ed25519,
    /// ECDSA P-256, without a passphrase.
    Ecdsa,
    /// RSA, without a passphrase.
    Rsa,
    /// ed25519, encrypted with [`PASSPHRASE`].
    Encrypted,
}

impl KeyKind {
    const ALL: [Self; 4] = [Self::Ed25519, Self::Ecdsa, Self::Rsa, Self::Encrypted];

    fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
            Self::Encrypted => "encrypted",
        }
    }

    fn algorithm(self) -> &'static str {
        match self {
            Self::Ed25519 | Self::Encrypted => "ed25519",
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
        }
    }
}

impl OpenSsh {
    /// Starts a server and waits until it answers.
    pub fn start(settings: OpenSshSettings) -> Result<Self, StartError> {
        let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .ok_or(StartError::Missing("openssh-server"))?;
        let is_root = is_root_user();
        // sshd walks down to the chroot and the keys as another user, and refuses a chroot below a
        // folder that anybody may write to, as temporary folders are.
        let mut builder = tempfile::Builder::new();
        builder.prefix("courier-sshd");
        let folder = if is_root {
            builder.tempdir_in("/var/lib")
        } else {
            builder.tempdir()
        }?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let user = if is_root {
            ensure_user()?;
            fs::create_dir_all("/run/sshd")?;
            User::Chrooted
        } else {
            User::Current {
                name: output("id", &["-un"])?,
            }
        };
        generate_key(&folder.path().join("host"), "ed25519", "")?;
        let mut authorized = String::new();
        for kind in KeyKind::ALL {
            let path = folder.path().join(kind.name());
            let passphrase = if kind == KeyKind::Encrypted {
                PASSPHRASE
            } else {
                ""
            };
            generate_key(&path, kind.algorithm(), passphrase)?;
            authorized.push_str(&fs::read_to_string(path.with_extension("pub"))?);
        }
        fs::write(folder.path().join("authorized"), authorized)?;
        let root = folder.path().join("chroot");
        let drop_box = root.join(FOLDER);
        fs::create_dir_all(&drop_box)?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
        fs::set_permissions(&drop_box, fs::Permissions::from_mode(settings.folder_mode))?;
        if is_root {
            let (uid, gid) = user_ids()?;
            chown(&drop_box, Some(uid), Some(gid))?;
        }
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = folder.path().join("config");
        fs::write(
            &config,
            configuration(&settings, folder.path(), &root, port, is_root),
        )?;
        let log = fs::File::create(folder.path().join("log"))?;
        let process = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let fingerprint = output(
            "ssh-keygen",
            &["-lf", &show(&folder.path().join("host.pub"))],
        )?;
        let fingerprint = fingerprint
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let mut server = Self {
            folder,
            process,
            port,
            fingerprint,
            drop_box,
            user,
        };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// A private key that is accepted.
    #[must_use]
    pub fn private_key(&self, kind: KeyKind) -> PathBuf {
        self.folder.path().join(kind.name())
    }

    /// What the server wrote about itself.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn wait_until_it_answers(&mut self) -> Result<(), StartError> {
        if answers(self.port, &mut self.process)? {
            return Ok(());
        }
        Err(StartError::Refused(format!(
            "sshd does not answer:\n{}",
            self.log()
        )))
    }
}

/// Waits until a server greets as SSH servers do; no when it ends before, or keeps silent.
pub(crate) fn answers(port: u16, process: &mut Child) -> io::Result<bool> {
    for _ in 0..500 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let mut banner = [0; 4];
            if stream.read_exact(&mut banner).is_ok() && banner == *b"SSH-" {
                return Ok(true);
            }
        }
        if process.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}

impl SftpServer for OpenSsh {
    fn port(&self) -> u16 {
        self.port
    }

    fn host_key_fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn username(&self) -> String {
        match &self.user {
            User::Chrooted => USER.to_owned(),
            User::Current { name } => name.clone(),
        }
    }

    fn password(&self) -> Option<String> {
        match self.user {
            User::Chrooted => Some(PASSWORD.to_owned()),
            User::Current { .. } => None,
        }
    }

    fn key_file(&self) -> Option<PathBuf> {
        Some(self.private_key(KeyKind::Ed25519))
    }

    fn drop_box(&self) -> &Path {
        &self.drop_box
    }

    fn folder_name(&self) -> String {
        FOLDER.to_owned()
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        // Its children end when their connections do; nothing is left to be done about errors.
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn configuration(
    settings: &OpenSshSettings,
    folder: &Path,
    root: &Path,
    port: u16,
    is_root: bool,
) -> String {
    let arguments = settings.sftp_arguments.join(" ");
    let mut lines = settings.first_lines.clone();
    lines.extend([
        format!("Port {port}"),
        "ListenAddress 127.0.0.1".to_owned(),
        format!("HostKey {}", show(&folder.join("host"))),
        format!("AuthorizedKeysFile {}", show(&folder.join("authorized"))),
        "StrictModes no".to_owned(),
        "UsePAM no".to_owned(),
        "PidFile none".to_owned(),
        "MaxStartups 100".to_owned(),
        format!(
            "PasswordAuthentication {}",
            if is_root { "yes" } else { "no" }
        ),
    ]);
    lines.extend(settings.extra_lines.iter().cloned());
    if is_root {
        lines.push(format!("Subsystem sftp internal-sftp {arguments}"));
        lines.push(format!("ChrootDirectory {}", show(root)));
    } else {
        lines.push(format!(
            "Subsystem sftp internal-sftp -d {} {arguments}",
            show(root)
        ));
    }
    lines.join("\n") + "\n"
}

/// Creates the test user, once for the machine; several tests at once may try.
fn ensure_user() -> Result<(), StartError> {
    if user_ids().is_err() {
        let arguments = ["--system", "--no-create-home", "--shell", "/bin/sh", USER];
        // Another test may have been first.
        if let Err(error) = output("useradd", &arguments)
            && user_ids().is_err()
        {
            return Err(error);
        }
    }
    let script = format!("echo {USER}:{PASSWORD} | chpasswd");
    for _ in 0..50 {
        // The password file is locked while another test sets the same password.
        if output("sh", &["-c", &script]).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(StartError::Refused(format!(
        "the password of {USER} cannot be set"
    )))
}

fn user_ids() -> Result<(u32, u32), StartError> {
    let number = |text: String| {
        text.parse()
            .map_err(|_| StartError::Refused(format!("{USER} has no numeric id")))
    };
    Ok((
        number(output("id", &["-u", USER])?)?,
        number(output("id", &["-g", USER])?)?,
    ))
}

pub(crate) fn is_root_user() -> bool {
    output("id", &["-u"]).is_ok_and(|id| id == "0")
}

fn generate_key(path: &Path, algorithm: &str, passphrase: &str) -> Result<(), StartError> {
    let path = show(path);
    let arguments = ["-q", "-t", algorithm, "-N", passphrase, "-f", &path];
    output("ssh-keygen", &arguments).map(drop)
}

pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String, StartError> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(StartError::Refused(format!("{program}: {error}")))
    }
}

pub(crate) fn show(path: &Path) -> String {
    path.display().to_string()
}
