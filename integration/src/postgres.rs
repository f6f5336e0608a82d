//! Debian's PostgreSQL, started for tests in a folder of its own: its own socket, port, certificate and
//! users, as a user without rights also when the tests run as root.
//!
//! What always holds here: it ends, and its folder goes, when it is dropped or the tests' process is gone,
//! however that ended. Deliberately absent: tables; who needs them has the program make them.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::openssh::{StartError, is_root_user, output, show};

/// Who owns the database, over its socket without a password.
const OWNER: &str = "postgres";
/// Where Debian has the servers of all versions.
const VERSIONS: &str = "/usr/lib/postgresql";
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nssl = on\nssl_cert_file = 'server.pem'\n\
    ssl_key_file = 'server.key'\nssl_ca_file = 'ca.pem'\nmax_connections = 200\n";
/// What it does not do for tests, for what it costs: it need not outlive the machine.
const FLEETING: &str = "fsync = off\nshared_buffers = '16MB'\n";
const LOGINS: &str = "local all postgres trust\nlocal all all trust\n\
    hostssl all certified 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A running server.
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// The user and group that it runs as, if not as the current one.
    ids: Option<(u32, u32)>,
    process: Mutex<Child>,
    /// Ends the server and removes the folder when nobody holds its standard input any more.
    janitor: Child,
}

const JANITOR: &str = "cat >/dev/null; pid=$(head -n 1 \"$0/data/postmaster.pid\" 2>/dev/null); \
    [ -n \"$pid\" ] && { kill -QUIT \"$pid\"; while kill -0 \"$pid\"; do sleep 0.02; done; }; \
    rm -rf \"$0\"";

impl Postgres {
    /// Starts a server and waits until it answers.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(FLEETING)
    }

    /// The same, as it is installed: what it acknowledges would outlive the machine.
    pub fn start_durable() -> Result<Self, StartError> {
        Self::start_with("")
    }

    fn start_with(more: &str) -> Result<Self, StartError> {
        let programs = programs().ok_or(StartError::Missing("postgresql"))?;
        let ids = is_root_user().then(|| ids("postgres").or_else(|_| ids("nobody")));
        let ids = ids.transpose()?;
        let builder = tempfile::Builder::new().prefix("courier-pg").tempdir()?;
        let folder = builder.keep();
        if let Some((user, group)) = ids {
            chown(&folder, Some(user), Some(group))?;
        }
        let janitor = janitor(JANITOR, &folder)?;
        let data = folder.join("data");
        let mut init = as_user(&programs.join("initdb"), ids);
        init.args(["-D", &show(&data), "-U", OWNER, "-E", "UTF8", "--locale=C"])
            .args(["--no-sync", "--auth=trust"]);
        said(init)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        certificates(&data)?;
        let settings = format!(
            "{SETTINGS}{more}port = {port}\nunix_socket_directories = '{}'\n",
            folder.display()
        );
        fs::write(data.join("postgresql.auto.conf"), settings)?;
        fs::write(data.join("pg_hba.conf"), LOGINS)?;
        for entry in fs::read_dir(&data)? {
            if let Some((user, group)) = ids {
                chown(entry?.path(), Some(user), Some(group))?;
            }
        }
        let process = Mutex::new(spawn(&programs, &folder, ids)?);
        let server = Self {
            folder,
            programs,
            port,
            ids,
            process,
            janitor,
        };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// An address over its socket, where everybody is believed.
    #[must_use]
    pub fn socket(&self, user: &str, schema: &str) -> String {
        let folder = self.folder.display();
        let port = self.port;
        format!("postgres://{user}@/postgres?host={folder}&port={port}&schema={schema}")
    }

    /// An address over the network of this machine, by a name that its certificate has.
    #[must_use]
    pub fn network(&self, user: &str, schema: &str) -> String {
        let port = self.port;
        format!("postgres://{user}@localhost:{port}/postgres?schema={schema}")
    }

    /// Where its socket is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who issued its certificate.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("data").join("ca.pem")
    }

    /// A certificate and key that the user `certified` logs in with.
    #[must_use]
    pub fn client_certificate(&self) -> (PathBuf, PathBuf) {
        let data = self.folder.join("data");
        (data.join("client.pem"), data.join("client.key"))
    }

    /// Has its owner say SQL; gives what it answers, unaligned.
    pub fn sql(&self, text: &str) -> Result<String, StartError> {
        self.sql_as(OWNER, text)
    }

    /// The same as another user.
    pub fn sql_as(&self, user: &str, text: &str) -> Result<String, StartError> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user])
            .args(["-h", &show(&self.folder), "-p", &self.port.to_string()])
            .args(["-d", "postgres", "-c", text]);
        said(psql)
    }

    /// The number of the process that the others are children of.
    pub fn pid(&self) -> io::Result<String> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        Ok(file.lines().next().unwrap_or_default().to_owned())
    }

    /// Ends it as a loss of power would, and starts it again.
    pub fn crash(&self) -> Result<(), StartError> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill()?;
        process.wait()?;
        for _ in 0..500 {
            // What is left of the one before holds its memory until it has noticed: then this one ends at once.
            *process = spawn(&self.programs, &self.folder, self.ids)?;
            while process.try_wait()?.is_none() {
                if self.sql("select 1").is_ok() {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Err(self.does_not_answer())
    }

    /// What it wrote about itself.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn wait_until_it_answers(&self) -> Result<(), StartError> {
        for _ in 0..500 {
            if self.sql("select 1").is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(self.does_not_answer())
    }

    fn does_not_answer(&self) -> StartError {
        let log = self.log();
        StartError::Refused(format!("PostgreSQL does not answer:\n{log}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its end is the janitor's sign.
        drop(self.janitor.stdin.take());
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // The janitor waits until the process is gone, which it is once it was waited for.
        let _reaped = process.wait();
        let _cleaned = self.janitor.wait();
    }
}

/// A shell that does this, with the folder as `$0`, when nobody holds its standard input any more.
pub(crate) fn janitor(script: &str, folder: &Path) -> io::Result<Child> {
    let mut janitor = Command::new("sh");
    janitor.args(["-c", script]).arg(folder);
    janitor
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Where the programs of the newest version are.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            let is_whole = programs.join("initdb").exists() && programs.join("postgres").exists();
            is_whole.then_some((number, programs))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, programs)| programs)
}

pub(crate) fn ids(user: &str) -> Result<(u32, u32), StartError> {
    let number = |option| {
        output("id", &[option, user])?
            .parse()
            .map_err(|_| StartError::Refused(format!("{user} has no numeric id")))
    };
    Ok((number("-u")?, number("-g")?))
}

fn as_user(program: &Path, ids: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = ids {
        command.uid(user).gid(group);
    }
    command.env("LC_ALL", "C").current_dir("/");
    command
}

fn spawn(programs: &Path, folder: &Path, ids: Option<(u32, u32)>) -> io::Result<Child> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    as_user(&programs.join("postgres"), ids)
        .arg("-D")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
}

/// An authority; a server's certificate for `localhost` alone; one of the user `certified`.
fn certificates(data: &Path) -> Result<(), StartError> {
    let file = |name: &str| show(&data.join(name));
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let (ca, ca_key) = (file("ca.pem"), file("ca.key"));
    let authority = ["-subj", "/CN=a test's authority", "-days", "2"];
    let outputs = ["-keyout", &ca_key, "-out", &ca];
    let arguments = [&["req", "-x509"], &key[..], &authority, &outputs].concat();
    output("openssl", &arguments)?;
    for (name, subject, more) in [
        ("server", "/CN=localhost", "subjectAltName=DNS:localhost"),
        ("client", "/CN=certified", "subjectAltName=DNS:certified"),
    ] {
        let (certificate, its_key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
        let signed = ["-CA", &ca, "-CAkey", &ca_key, "-days", "2", "-addext", more];
        let outputs = ["-subj", subject, "-keyout", &its_key, "-out", &certificate];
        let arguments = [&["req", "-x509"], &key[..], &signed, &outputs].concat();
        output("openssl", &arguments)?;
    }
    Ok(())
}

fn said(mut command: Command) -> Result<String, StartError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(StartError::Refused(error))
}
