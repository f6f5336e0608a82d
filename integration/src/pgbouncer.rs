//! Debian's PgBouncer before a database, in transaction mode: connections are shared, and nothing of a session
//! stays from one transaction to the next.
//!
//! What always holds here: it has at most two connections to the database, so that those who ask meet on them; it
//! ends with whoever started it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::openssh::{StartError, is_root_user, show};
use crate::postgres::{Postgres, ids, janitor};

const PROGRAM: &str = "/usr/sbin/pgbouncer";
const USERS: [&str; 4] = ["postgres", "courier", "courier_owner", "courier_auditor"];
const JANITOR: &str = "cat >/dev/null; kill -KILL \"$(cat \"$0/pgbouncer.pid\")\"; rm -rf \"$0\"";

/// A running pool.
pub struct PgBouncer {
    port: u16,
    process: Child,
    janitor: Child,
}

impl PgBouncer {
    /// Starts one before this database.
    pub fn start(database: &Postgres) -> Result<Self, StartError> {
        if !Path::new(PROGRAM).exists() {
            return Err(StartError::Missing("pgbouncer"));
        }
        let folder = tempfile::Builder::new()
            .prefix("courier-pool")
            .tempdir()?
            .keep();
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let users = USERS.map(|user| format!("\"{user}\" \"\"\n")).concat();
        let settings = format!(
            "[databases]\npostgres = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\n\
             max_client_conn = 200\n",
            database.folder().display(),
            database.port(),
            show(&folder.join("users")),
        );
        fs::write(folder.join("users"), users)?;
        fs::write(folder.join("pgbouncer.ini"), settings)?;
        let mut command = Command::new(PROGRAM);
        command.arg(folder.join("pgbouncer.ini"));
        // It refuses to be started by root, and everybody is believed here: there is no secret in its files.
        if is_root_user() {
            let (user, group) = ids("postgres").or_else(|_| ids("nobody"))?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
            chown(&folder, Some(user), Some(group))?;
            std::os::unix::process::CommandExt::uid(&mut command, user).arg("-q");
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        fs::write(folder.join("pgbouncer.pid"), process.id().to_string())?;
        let pool = Self {
            port,
            process,
            janitor: janitor(JANITOR, &folder)?,
        };
        for _ in 0..250 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(pool);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(StartError::Refused("PgBouncer does not answer".to_owned()))
    }

    /// An address through it, where everybody is believed.
    #[must_use]
    pub fn address(&self, user: &str, schema: &str) -> String {
        let port = self.port;
        format!("postgres://{user}@127.0.0.1:{port}/postgres?sslmode=disable&schema={schema}")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        let _reaped = self.process.wait();
        let _cleaned = self.janitor.wait();
    }
}
