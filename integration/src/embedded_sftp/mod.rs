//! An SFTP server inside the test's own process, for machines without one and for the demo.
//! It confines its one user to its own folder; every file operation is a real one.

mod files;
mod session;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::keys::{Algorithm, HashAlg, PrivateKey};
use tokio::net::TcpListener;

use crate::server::SftpServer;
use session::Session;

const USER: &str = "sftpuser";
const PASSWORD: &str = "sftppassword";
const FOLDER: &str = "rki";

/// How the server lets its user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// By the password.
    Password,
    /// By the password, which is looked up for so long.
    Slow(Duration),
    /// By the password as an answer to a question (keyboard-interactive) only.
    Questions,
    /// The same, although it offers both and asks for a name first.
    QuestionsAfterAll,
    /// It hangs up on whoever has a wrong password, and takes none for the right one.
    HangsUp,
    /// The password has expired: it asks for a new one.
    Expired,
}

/// What answers where SFTP is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// SFTP.
    Sftp,
    /// A program that prints this and ends.
    Prints(&'static str),
    /// A program that prints this as an error and ends.
    Complains(&'static str),
}

/// How the server is to be.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedSftpSettings {
    /// Whether it has `posix-rename@openssh.com` and `fsync@openssh.com`.
    pub extensions: bool,
    /// Files that may be open at once; it refuses further ones without telling why.
    pub open_files: usize,
    /// The longest packet that it takes, in bytes, as `limits@openssh.com` tells; a longer WRITE is
    /// refused.
    pub packet_bytes: Option<u32>,
    /// Whether the folder can be listed.
    pub lists_folders: bool,
    /// Who its user is.
    pub user: &'static str,
    /// How its user gets in.
    pub login: Login,
    /// What answers then.
    pub subsystem: Subsystem,
}

impl Default for EmbeddedSftpSettings {
    fn default() -> Self {
        Self {
            extensions: true,
            open_files: usize::MAX,
            packet_bytes: None,
            lists_folders: true,
            user: USER,
            login: Login::Password,
            subsystem: Subsystem::Sftp,
        }
    }
}

/// A running server.
pub struct EmbeddedSftp {
    // Dropped first, which ends every connection.
    _runtime: tokio::runtime::Runtime,
    _root: tempfile::TempDir,
    drop_box: PathBuf,
    port: u16,
    fingerprint: String,
    passwords: Arc<AtomicUsize>,
    settings: Arc<Mutex<EmbeddedSftpSettings>>,
}

fn lock(settings: &Mutex<EmbeddedSftpSettings>) -> MutexGuard<'_, EmbeddedSftpSettings> {
    settings.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EmbeddedSftp {
    /// Starts a server on a free port.
    pub fn start(settings: EmbeddedSftpSettings) -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("courier-sftp").tempdir()?;
        let drop_box = root.path().join(FOLDER);
        std::fs::create_dir(&drop_box)?;
        let key =
            PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(io::Error::other)?;
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let config = Arc::new(russh::server::Config {
            auth_rejection_time: Duration::from_millis(100),
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![key],
            ..Default::default()
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let folder = root.path().to_owned();
        let passwords = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&passwords);
        let settings = Arc::new(Mutex::new(settings));
        let current = Arc::clone(&settings);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let settings = *lock(&current);
                let session = Session::new(folder.clone(), settings, Arc::clone(&counted));
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    // A client that breaks off is its own affair.
                    if let Ok(running) = russh::server::run_stream(config, stream, session).await {
                        let _broken_off = running.await;
                    }
                });
            }
        });
        Ok(Self {
            _runtime: runtime,
            _root: root,
            drop_box,
            port,
            fingerprint,
            passwords,
            settings,
        })
    }

    /// From the next connection on it lets its user in so.
    pub fn set_login(&self, login: Login) {
        lock(&self.settings).login = login;
    }

    /// How many passwords it was shown.
    #[must_use]
    pub fn passwords(&self) -> usize {
        self.passwords.load(Ordering::SeqCst)
    }
}

impl SftpServer for EmbeddedSftp {
    fn port(&self) -> u16 {
        self.port
    }

    fn host_key_fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn username(&self) -> String {
        lock(&self.settings).user.to_owned()
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
