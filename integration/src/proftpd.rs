//! ProFTPD with `mod_sftp`, started for one test: an SFTP server that shares no code with OpenSSH. Its
//! user stands in a password file of its own, so that nothing on the machine changes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::openssh::{StartError, answers, is_root_user, output, show};
use crate::server::SftpServer;

const PROGRAM: &str = "/usr/sbin/proftpd";
const MODULES: &str = "/usr/lib/proftpd";
const USER: &str = "sftpuser";
const PASSWORD: &str = "sftppassword";
const FOLDER: &str = "rki";
/// The account without rights anywhere, `nobody`, that a root server acts as.
const NOBODY: u32 = 65534;

/// A running server.
pub struct ProFtpd {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
    fingerprint: String,
    drop_box: PathBuf,
}

impl ProFtpd {
    /// Starts a server and waits until it answers.
    pub fn start() -> Result<Self, StartError> {
        if !Path::new(PROGRAM).exists() {
            return Err(StartError::Missing("proftpd-basic"));
        }
        if !Path::new(MODULES).join("mod_sftp.so").exists() {
            return Err(StartError::Missing("proftpd-mod-crypto"));
        }
        let folder = tempfile::Builder::new()
            .prefix("courier-proftpd")
            .tempdir()?;
        let place = folder.path();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755))?;
        let root = place.join("root");
        let drop_box = root.join(FOLDER);
        fs::create_dir_all(&drop_box)?;
        let (user, group) = if is_root_user() {
            chown(&drop_box, Some(NOBODY), Some(NOBODY))?;
            (NOBODY.to_string(), NOBODY.to_string())
        } else {
            (output("id", &["-u"])?, output("id", &["-g"])?)
        };
        let hash = output("openssl", &["passwd", "-6", PASSWORD])?;
        let passwords = place.join("passwords");
        let account = format!("{USER}:{hash}:{user}:{group}::{}:/bin/sh\n", show(&root));
        fs::write(&passwords, account)?;
        // A password file that others may read is refused.
        fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600))?;
        let key = show(&place.join("host_key"));
        output("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key])?;
        let fingerprint = output("ssh-keygen", &["-lf", &format!("{key}.pub")])?;
        let fingerprint = fingerprint.split_whitespace().nth(1);
        let fingerprint = fingerprint.unwrap_or_default().to_owned();
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = place.join("proftpd.conf");
        fs::write(&config, configuration(place, port)?)?;
        let errors = fs::File::create(place.join("errors"))?;
        let mut process = Command::new(PROGRAM)
            .args(["--nodaemon", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()?;
        if !answers(port, &mut process)? {
            let _already_gone = process.kill();
            let log = |name| fs::read_to_string(place.join(name)).unwrap_or_default();
            let log = [log("errors"), log("log"), log("sftp_log")].concat();
            return Err(StartError::Refused(format!(
                "ProFTPD does not answer:\n{log}"
            )));
        }
        Ok(Self {
            folder,
            process,
            port,
            fingerprint,
            drop_box,
        })
    }

    /// What the server wrote about its sessions.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("sftp_log")).unwrap_or_default()
    }
}

fn configuration(place: &Path, port: u16) -> Result<String, StartError> {
    let account = if is_root_user() {
        // Only root can confine a user.
        format!(
            "User nobody\nGroup nogroup\nDefaultRoot {}\n",
            show(&place.join("root"))
        )
    } else {
        let (user, group) = (output("id", &["-un"])?, output("id", &["-gn"])?);
        format!("User {user}\nGroup {group}\n")
    };
    let place = show(place);
    Ok(format!(
        "ServerName test\n\
         ServerType standalone\n\
         ModulePath {MODULES}\n\
         LoadModule mod_sftp.c\n\
         UseIPv6 off\n\
         DefaultAddress 127.0.0.1\n\
         SocketBindTight on\n\
         Port {port}\n\
         UseReverseDNS off\n\
         WtmpLog off\n\
         UseFtpUsers off\n\
         RequireValidShell off\n\
         AllowOverwrite on\n\
         Umask 022\n\
         PidFile {place}/pid\n\
         ScoreboardFile {place}/scoreboard\n\
         SystemLog {place}/log\n\
         TransferLog none\n\
         AuthOrder mod_auth_file.c\n\
         AuthUserFile {place}/passwords\n\
         <IfModule mod_delay.c>\nDelayEngine off\n</IfModule>\n\
         <IfModule mod_ctrls.c>\nControlsEngine off\n</IfModule>\n\
         SFTPEngine on\n\
         SFTPLog {place}/sftp_log\n\
         SFTPHostKey {place}/host_key\n\
         SFTPAuthMethods password\n\
         {account}"
    ))
}

impl SftpServer for ProFtpd {
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

impl Drop for ProFtpd {
    fn drop(&mut self) {
        // Its children end when their connections do; nothing is left to be done about errors.
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
