//! `WATCH.LISTEN`: figures and health for whoever asks by HTTP, `/metrics` and `/healthz`, and nothing else.
//!
//! What always holds here: one who asks slowly, or never, gets so much time, so few at a time, and holds up nobody
//! else's work; nothing that is sent is read as anything but a path. Deliberately absent: what the figures are, TLS,
//! and logins; the address is one that only those who may ask reach.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::mutex::lock;

/// How long one who asks may take.
const LIMIT: Duration = Duration::from_secs(5);
/// More than any question for one of two paths takes.
const LIMIT_BYTES: usize = 8192;
/// So many may ask at once.
const MOST: usize = 8;

/// Where it is listened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address and a port.
    Address(SocketAddr),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A text names no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes an address and a port (127.0.0.1:9618, [::1]:9618), or the absolute path of a socket"
)]
pub(crate) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        match text.trim() {
            path if path.starts_with('/') => Ok(Self::Socket(PathBuf::from(path))),
            address => address.parse().map(Self::Address).map_err(|_| NoPlace),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// What there is to be told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What `/metrics` answers.
    pub(crate) metrics: String,
    /// Until when all is well.
    pub(crate) well_until: Option<Instant>,
}

/// Answers until it is dropped.
pub(crate) struct Exposition {
    place: Place,
    over: Arc<AtomicBool>,
}

impl Exposition {
    /// Listens there, and says there what is told.
    pub(crate) fn begin(place: Place, told: Arc<Mutex<Told>>) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        match &place {
            Place::Address(address) => {
                let listener = TcpListener::bind(address)?;
                let accept = move || listener.accept().map(|(stream, _)| stream);
                serve(accept, told, Arc::clone(&over))?;
            }
            Place::Socket(path) => {
                // One that nobody listens at any more is left from another process.
                if UnixStream::connect(path)
                    .is_err_and(|it| it.kind() == io::ErrorKind::ConnectionRefused)
                {
                    fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                let accept = move || listener.accept().map(|(stream, _)| stream);
                serve(accept, told, Arc::clone(&over))?;
            }
        }
        Ok(Self { place, over })
    }

    /// Where it listens.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Whoever waits for the next one sees then that it is over.
        match &self.place {
            Place::Address(address) => drop(TcpStream::connect_timeout(address, LIMIT)),
            Place::Socket(path) => {
                drop(UnixStream::connect(path));
                drop(fs::remove_file(path));
            }
        }
    }
}

/// A connection with somebody who asks.
trait Connection: Read + Write + Send + 'static {
    fn limit(&self, time: Duration) -> io::Result<()>;
    fn end(&self);
}

macro_rules! connections {
    ($($stream:ty),*) => {$(
        impl Connection for $stream {
            fn limit(&self, time: Duration) -> io::Result<()> {
                self.set_read_timeout(Some(time))?;
                self.set_write_timeout(Some(time))
            }

            fn end(&self) {
                // Who asked may have gone already.
                let _gone = self.shutdown(Shutdown::Write);
            }
        }
    )*};
}

connections!(TcpStream, UnixStream);

fn serve<S: Connection>(
    accept: impl Fn() -> io::Result<S> + Send + 'static,
    told: Arc<Mutex<Told>>,
    over: Arc<AtomicBool>,
) -> io::Result<()> {
    let asking = Arc::new(AtomicUsize::new(0));
    let thread = std::thread::Builder::new().name("listen".to_owned());
    thread.spawn(move || {
        while !over.load(Ordering::Acquire) {
            let Ok(stream) = accept() else {
                // There are no more descriptors, say: that passes.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if asking.fetch_add(1, Ordering::AcqRel) >= MOST {
                asking.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let (told, done) = (Arc::clone(&told), Arc::clone(&asking));
            let answered = std::thread::Builder::new()
                .name("answer".to_owned())
                .spawn(move || {
                    // Who does not ask in time hears nothing.
                    let _unheard = answer(stream, &told);
                    done.fetch_sub(1, Ordering::AcqRel);
                });
            if answered.is_err() {
                asking.fetch_sub(1, Ordering::AcqRel);
            }
        }
    })?;
    Ok(())
}

fn answer(mut stream: impl Connection, told: &Mutex<Told>) -> io::Result<()> {
    let until = Instant::now() + LIMIT;
    let mut asked = Vec::new();
    let mut piece = [0; 1024];
    while !asked.windows(4).any(|it| it == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || asked.len() > LIMIT_BYTES {
            return Ok(());
        }
        stream.limit(left)?;
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => asked.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    let line = asked
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let (status, media, body) = answer_to(line, told);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.end();
    Ok(())
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn answer_to(line: &[u8], told: &Mutex<Told>) -> (&'static str, &'static str, String) {
    let told = lock(told);
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    match (method, path) {
        (b"GET", b"/metrics") => ("200 OK", "text/plain; version=0.0.4", told.metrics.clone()),
        (b"GET", b"/healthz") => {
            let is_well = told.well_until.is_some_and(|until| Instant::now() < until);
            match is_well {
                true => ("200 OK", PLAIN, "well\n".to_owned()),
                false => (
                    "503 Service Unavailable",
                    PLAIN,
                    "no run has ended lately\n".to_owned(),
                ),
            }
        }
        (_, b"/metrics" | b"/healthz") => ("405 Method Not Allowed", PLAIN, String::new()),
        _ => ("404 Not Found", PLAIN, String::new()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ask(stream: &mut (impl Read + Write), question: &str) -> String {
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        // Who is not answered is cut off.
        let _cut = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn two_paths_are_answered_whoever_else_asks_and_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("listen.sock");
        drop(UnixListener::bind(&path).unwrap());
        let told = Arc::new(Mutex::new(Told::default()));
        let place: Place = path.display().to_string().parse().unwrap();
        let exposition = Exposition::begin(place, Arc::clone(&told)).unwrap();
        let connect = || UnixStream::connect(&path).unwrap();
        let get = |path: &str| {
            ask(
                &mut connect(),
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
            )
        };
        let _silent: Vec<UnixStream> = (0..MOST / 2).map(|_| connect()).collect();
        assert!(get("/healthz").starts_with("HTTP/1.1 503 "));
        let mut now = told.lock().unwrap();
        now.metrics = "figure 1\n".to_owned();
        now.well_until = Some(Instant::now() + LIMIT);
        drop(now);
        assert!(get("/healthz?x").starts_with("HTTP/1.1 200 "));
        assert!(get("/metrics").ends_with("\r\n\r\nfigure 1\n"));
        for other in ["/", "/metrics/", "/../metrics", ""] {
            assert!(get(other).starts_with("HTTP/1.1 404 "), "{other}");
        }
        let post = ask(&mut connect(), "POST /metrics HTTP/1.1\r\n\r\n");
        assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
        assert_eq!(ask(&mut connect(), &"x".repeat(3 * LIMIT_BYTES)), "");
        drop(exposition);
        assert!(!path.exists());
    }

    #[test]
    fn a_place_is_an_address_with_a_port_or_a_path() {
        for text in ["127.0.0.1:9618", "[::1]:9618", "/run/x.sock"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in ["", "9618", "localhost", "localhost:9618", "x.sock"] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}
