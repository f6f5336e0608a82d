//! The real AKTIN broker, from an unpacked official distribution.
//!
//! What always holds here: it runs in a folder of its own with an empty database, listens on
//! 127.0.0.1 only, knows the same keys as the embedded one, and ends when it is dropped.

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::ApiKeys;

/// The variable that names the folder of the distribution, the one with `lib`.
pub const VARIABLE: &str = "AKTIN_BROKER_DIST";

const MAIN_CLASS: &str = "org.aktin.broker.admin.standalone.HttpServer";
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Why the broker did not start.
#[derive(Debug)]
pub enum AktinError {
    /// The folder, the port or the program failed.
    Start(io::Error),
    /// It ended before it answered; with the end of what it wrote.
    Ended(ExitStatus, String),
    /// It did not answer in a minute; with the end of what it wrote.
    Silent(String),
}

impl std::fmt::Display for AktinError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(_) => write!(f, "the broker could not be started"),
            Self::Ended(status, log) => write!(f, "the broker ended ({status}): {log}"),
            Self::Silent(log) => write!(f, "the broker does not answer: {log}"),
        }
    }
}

impl std::error::Error for AktinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Ended(..) | Self::Silent(_) => None,
        }
    }
}

impl From<io::Error> for AktinError {
    fn from(error: io::Error) -> Self {
        Self::Start(error)
    }
}

/// A real broker that runs until it is dropped.
#[derive(Debug)]
pub struct Aktin {
    process: Child,
    distribution: PathBuf,
    port: u16,
    url: String,
    folder: TempDir,
}

impl Aktin {
    /// Starts the broker that the variable names; none when it is not set.
    pub fn start_if_available() -> Option<Result<Self, AktinError>> {
        let distribution = env::var_os(VARIABLE).filter(|value| !value.is_empty())?;
        Some(
            free_port()
                .map_err(AktinError::from)
                .and_then(|port| Self::start(PathBuf::from(distribution), port)),
        )
    }

    fn start(distribution: PathBuf, port: u16) -> Result<Self, AktinError> {
        let folder = TempDir::new()?;
        fs::write(
            folder.path().join("api-keys.properties"),
            ApiKeys::default().properties(),
        )?;
        let log = File::create(log_path(folder.path()))?;
        // A relative folder would be looked for in the broker's own one.
        let classes = distribution.canonicalize()?.join("lib").join("*");
        let process = Command::new("java")
            .arg("-Daktin.broker.password=x")
            .arg("-cp")
            .arg(classes)
            .arg(MAIN_CLASS)
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        let mut broker = Self {
            process,
            distribution,
            port,
            url,
            folder,
        };
        broker.wait()?;
        Ok(broker)
    }

    /// The address below which all paths lie, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It stops, and another one with an empty database takes its place, under the same address.
    pub fn recreate_database(&mut self) -> Result<(), AktinError> {
        self.stop();
        *self = Self::start(self.distribution.clone(), self.port)?;
        Ok(())
    }

    fn stop(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }

    fn wait(&mut self) -> Result<(), AktinError> {
        let deadline = Instant::now() + PATIENCE;
        let client = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let status = format!("{}/broker/status", self.url);
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Err(AktinError::Ended(status, self.log()));
            }
            let answer = client.get(&status).send();
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(AktinError::Silent(self.log()));
            }
            sleep(PAUSE);
        }
    }

    /// The last lines that the broker wrote.
    fn log(&self) -> String {
        let log = fs::read(log_path(self.folder.path())).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Aktin {
    fn drop(&mut self) {
        self.stop();
    }
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("broker.log")
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
