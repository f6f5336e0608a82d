//! A way to a server that is as long and as bad as a test wants it: every byte arrives a fixed time
//! after it was sent, in order, however many are on the way, so that latency costs no throughput; and
//! a connection can be cut or go dead after so many bytes.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::SftpServer;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is cut after so many bytes from the client.
    CutAfter(u64),
    /// After so many bytes from the client nothing more arrives, in either direction.
    StallAfter(u64),
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    fates: Mutex<VecDeque<Fate>>,
    accepted: AtomicU64,
    stalled: AtomicBool,
}

/// Forwards connections to one server until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a free port of this machine and forwards to `upstream`; each direction takes
    /// `delay`, so a round trip takes twice that.
    pub fn start(upstream: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let shared = Arc::clone(&proxy.shared);
        thread::spawn(move || {
            for near in listener.incoming() {
                if shared.ended.load(Ordering::Acquire) {
                    return;
                }
                // A connection that cannot be made looks like one that was cut.
                let _cut = near.and_then(|near| forward(near, upstream, delay, &shared));
            }
        });
        Ok(proxy)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection meets this; orders queue up.
    pub fn order(&self, fate: Fate) {
        held(&self.shared.fates).push_back(fate);
    }

    /// Forgets what was ordered and not met.
    pub fn forget(&self) {
        held(&self.shared.fates).clear();
    }

    /// How many connections there were.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// Whether a connection has gone dead as ordered.
    #[must_use]
    pub fn has_stalled(&self) -> bool {
        self.shared.stalled.load(Ordering::Acquire)
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for connection in held(&self.shared.connections).drain(..) {
            cut(&connection);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.cut();
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cut(connection: &TcpStream) {
    let _already_cut = connection.shutdown(Shutdown::Both);
}

/// One connection, as both of its directions see it.
struct Course {
    near: TcpStream,
    far: TcpStream,
    delay: Duration,
    fate: Option<Fate>,
    is_dead: AtomicBool,
    shared: Arc<Shared>,
}

impl Course {
    /// What the client has sent so far decides; says whether the connection goes on.
    fn goes_on_after(&self, clients_bytes: u64) -> bool {
        match self.fate {
            Some(Fate::CutAfter(limit)) if clients_bytes >= limit => {
                cut(&self.near);
                cut(&self.far);
                false
            }
            Some(Fate::StallAfter(limit)) if clients_bytes >= limit => {
                self.is_dead.store(true, Ordering::Release);
                self.shared.stalled.store(true, Ordering::Release);
                true
            }
            Some(Fate::CutAfter(_) | Fate::StallAfter(_)) | None => true,
        }
    }
}

fn forward(
    near: TcpStream,
    upstream: SocketAddr,
    delay: Duration,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    shared.accepted.fetch_add(1, Ordering::AcqRel);
    let far = TcpStream::connect(upstream)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    held(&shared.connections).extend([near.try_clone()?, far.try_clone()?]);
    let course = Arc::new(Course {
        near: near.try_clone()?,
        far: far.try_clone()?,
        delay,
        fate: held(&shared.fates).pop_front(),
        is_dead: AtomicBool::new(false),
        shared: Arc::clone(shared),
    });
    let there = (near.try_clone()?, far.try_clone()?, true);
    let back = (far, near, false);
    for (from, to, is_clients) in [there, back] {
        let (line, arrivals) = channel();
        let course = Arc::clone(&course);
        thread::spawn(move || send_off(from, &line, &course, is_clients));
        thread::spawn(move || arrive(&arrivals, to));
    }
    Ok(())
}

/// Bytes, and when they arrive.
type Underway = (Instant, Vec<u8>);

fn send_off(mut from: TcpStream, line: &Sender<Underway>, course: &Course, is_clients: bool) {
    let mut clients_bytes = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if is_clients {
            clients_bytes += count as u64;
        }
        if !course.goes_on_after(clients_bytes) {
            return;
        }
        // A dead line still takes bytes, and passes none on.
        if course.is_dead.load(Ordering::Acquire) {
            continue;
        }
        let sent = chunk.get(..count).unwrap_or_default().to_vec();
        if line.send((Instant::now() + course.delay, sent)).is_err() {
            return;
        }
    }
}

fn arrive(arrivals: &Receiver<Underway>, mut to: TcpStream) {
    for (due, bytes) in arrivals {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    // The sender's end arrives, too.
    let _already_cut = to.shutdown(Shutdown::Write);
}

/// An SFTP server at the end of a long or bad way.
pub struct Distant {
    server: Box<dyn SftpServer>,
    proxy: Proxy,
}

impl Distant {
    /// The server behind a round trip of this time.
    pub fn new(server: Box<dyn SftpServer>, round_trip: Duration) -> io::Result<Self> {
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        Ok(Self {
            server,
            proxy: Proxy::start(upstream, round_trip / 2)?,
        })
    }

    /// The way to it.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

impl SftpServer for Distant {
    fn port(&self) -> u16 {
        self.proxy.address().port()
    }

    fn host_key_fingerprint(&self) -> String {
        self.server.host_key_fingerprint()
    }

    fn username(&self) -> String {
        self.server.username()
    }

    fn password(&self) -> Option<String> {
        self.server.password()
    }

    fn key_file(&self) -> Option<PathBuf> {
        self.server.key_file()
    }

    fn drop_box(&self) -> &Path {
        self.server.drop_box()
    }

    fn folder_name(&self) -> String {
        self.server.folder_name()
    }
}
