//! Cuts a connection whose time is over. libssh2 looks at no clock while a peer gives it something to
//! read, so a peer that never stops would hold a call for ever; only its socket can end that.
//!
//! What always holds: the cut comes within half a second after the time that was set last. Deliberately
//! absent: what the time is for.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::socket::Socket;

/// How late a cut may be.
const SLACK: Duration = Duration::from_millis(500);

/// Ends with its owner; the connection stays.
pub(crate) struct Watchdog(Arc<Watched>);

struct Watched {
    stream: Arc<Socket>,
    begun: Instant,
    /// Milliseconds from the beginning.
    due: AtomicU64,
    has_cut: AtomicBool,
}

impl Watchdog {
    /// Watches a connection until `deadline`.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn over(stream: Arc<Socket>, deadline: Instant) -> io::Result<Self> {
        let watched = Arc::new(Watched {
            stream,
            begun: Instant::now(),
            due: AtomicU64::new(u64::MAX),
            has_cut: AtomicBool::new(false),
        });
        watched.set(deadline);
        let watcher = Arc::downgrade(&watched);
        std::thread::Builder::new()
            .name("sftp-watchdog".to_owned())
            .spawn(move || watch(&watcher))?;
        Ok(Self(watched))
    }

    /// The connection has until then.
    pub(crate) fn allow_until(&self, deadline: Instant) {
        self.0.set(deadline);
    }

    /// The connection has so much time from now on.
    pub(crate) fn allow(&self, time: Duration) {
        self.0.set(Instant::now() + time);
    }

    /// Whether time ran out.
    pub(crate) fn has_cut(&self) -> bool {
        self.0.has_cut.load(Ordering::Acquire)
    }
}

impl Watched {
    fn set(&self, deadline: Instant) {
        let due = deadline.saturating_duration_since(self.begun).as_millis();
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        self.due.store(due, Ordering::Release);
    }

    /// What is left of the time.
    fn left(&self) -> Duration {
        Duration::from_millis(self.due.load(Ordering::Acquire)).saturating_sub(self.begun.elapsed())
    }
}

fn watch(watcher: &Weak<Watched>) {
    // Not held while it sleeps: the owner's end is this thread's end.
    while let Some(left) = watcher.upgrade().map(|watched| watched.left()) {
        if left.is_zero() {
            if let Some(watched) = watcher.upgrade() {
                watched.has_cut.store(true, Ordering::Release);
                watched.stream.cut();
            }
            return;
        }
        std::thread::sleep(left.min(SLACK));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn connection() -> (Arc<Socket>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(stream.into()), listener.accept().unwrap().0)
    }

    #[test]
    fn a_connection_ends_when_its_time_is_over() {
        let (stream, _peer) = connection();
        let watchdog = Watchdog::over(Arc::clone(&stream), Instant::now()).unwrap();
        // Waits for ever unless it is cut.
        assert_eq!((&**stream).read(&mut [0]).unwrap(), 0);
        assert!(watchdog.has_cut());
    }

    #[test]
    fn more_time_is_more_time_and_the_end_of_the_watch_cuts_nothing() {
        let (stream, mut peer) = connection();
        let watchdog = Watchdog::over(Arc::clone(&stream), Instant::now() + SLACK).unwrap();
        watchdog.allow_until(Instant::now() + Duration::from_secs(3600));
        std::thread::sleep(SLACK * 3);
        assert!(!watchdog.has_cut());
        drop(watchdog);
        io::Write::write_all(&mut peer, b"1").unwrap();
        assert_eq!((&**stream).read(&mut [0]).unwrap(), 1);
    }
}
