//! A process that goes on until it is asked to end, and what it says meanwhile.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes longer.
const LIMIT: Duration = Duration::from_secs(60);
const BEAT: Duration = Duration::from_millis(10);

/// A process under way; killed when it is dropped.
#[derive(Debug)]
pub struct Watched {
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Watched {
    /// Begins it; both its outputs are read.
    pub fn begin(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::<Mutex<String>>::default();
        let mut readers = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            readers.push(keep(Arc::clone(&said), pipe));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.push(keep(Arc::clone(&said), pipe));
        }
        Ok(Self {
            child,
            said,
            readers,
        })
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    #[must_use]
    pub fn said(&self) -> String {
        let said = self.said.lock();
        said.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has said this so many times.
    pub fn says(&self, words: &str, times: usize) {
        until(&format!("{words}, {times} times"), || {
            self.said().matches(words).count() >= times
        });
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(sent.is_ok_and(|it| it.success()), "no {name}");
    }

    /// Waits for its end; gives the exit code and all that it said.
    #[must_use]
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut code = None;
        until("the end", || {
            let status = self.child.try_wait().ok().flatten();
            code = status.map(|it| it.code());
            status.is_some()
        });
        for reader in self.readers.drain(..) {
            // What it was told to keep is kept.
            let _ended = reader.join();
        }
        (code.flatten(), self.said())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn keep(said: Arc<Mutex<String>>, pipe: impl io::Read + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    })
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "it never came to this: {what}");
        std::thread::sleep(BEAT);
    }
}
