//! The program under test, built once and run as a process of its own, never for longer than a
//! limit.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No run of a test takes longer.
const LIMIT: Duration = Duration::from_secs(600);

/// The program.
#[derive(Clone)]
pub struct Courier {
    path: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; none when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The largest resident memory that was seen, in KiB.
    pub peak_resident_kib: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Courier {
    /// Builds the program, in the profile of whoever asks.
    pub fn build() -> Result<Self, String> {
        static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
            let mut build = escargot::CargoBuild::new()
                .manifest_path(manifest)
                .package("broker-courier")
                .bin("broker-courier");
            if !cfg!(debug_assertions) {
                build = build.release();
            }
            build
                .run()
                .map(|run| run.path().to_owned())
                .map_err(|error| error.to_string())
        });
        built.clone().map(|path| Self { path })
    }

    /// The program that was built together with this one.
    pub fn beside_this_program() -> Result<Self, String> {
        let path = std::env::current_exe()
            .map_err(|error| error.to_string())?
            .with_file_name("broker-courier");
        if path.is_file() {
            Ok(Self { path })
        } else {
            Err(format!("{} was not built", path.display()))
        }
    }

    /// Where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The program's path, as short as it can be shown from here.
    #[must_use]
    pub fn shown_path(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        self.path
            .strip_prefix(&here)
            .unwrap_or(&self.path)
            .display()
            .to_string()
    }

    /// The program as a command, with nothing of the caller's settings.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG");
        command
    }

    /// Runs it to its end; one that does not end is killed.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_telling(arguments, |_| ())
    }

    /// The same; tells the number of its process once that has begun.
    #[must_use]
    pub fn run_telling(&self, arguments: &[&str], tell: impl FnOnce(u32)) -> Outcome {
        let began = Instant::now();
        let spawned = self
            .command()
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                return Outcome {
                    code: None,
                    stdout: String::new(),
                    stderr: error.to_string(),
                    peak_resident_kib: 0,
                    elapsed: began.elapsed(),
                };
            }
        };
        tell(child.id());
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        let mut peak_resident_kib = 0;
        let status = loop {
            peak_resident_kib = peak_resident_kib.max(peak_of(&child));
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if began.elapsed() < LIMIT => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(None) | Err(_) => {
                    let _already_gone = child.kill();
                    break child.wait().ok();
                }
            }
        };
        let text = |thread: Option<std::thread::JoinHandle<String>>| {
            thread
                .and_then(|thread| thread.join().ok())
                .unwrap_or_default()
        };
        Outcome {
            code: status.and_then(|status| status.code()),
            stdout: text(stdout),
            stderr: text(stderr),
            peak_resident_kib,
            elapsed: began.elapsed(),
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read is shown, whatever came after it.
        let _cut = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `VmHWM` of a process in KiB; 0 where there is no such thing.
fn peak_of(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    status
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse().ok()
        })
        .unwrap_or(0)
}

/// A text without the ends of its lines, which depend on how long its words are.
#[must_use]
pub fn unwrapped(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
