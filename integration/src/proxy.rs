//! A way to a server that is as long as a test wants it: every byte arrives a fixed time after it was
//! sent, in order, however many are on the way. Latency costs no throughput here, as on a real line.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::SftpServer;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Forwards connections to one server until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    connections: Arc<Mutex<VecDeque<TcpStream>>>,
}

impl Proxy {
    /// Listens on a free port of this machine and forwards to `upstream`; each direction takes
    /// `delay`, so a round trip takes twice that.
    pub fn start(upstream: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Self {
            address: listener.local_addr()?,
            ended: Arc::default(),
            connections: Arc::default(),
        };
        let (ended, connections) = (Arc::clone(&proxy.ended), Arc::clone(&proxy.connections));
        thread::spawn(move || {
            for near in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                // A connection that cannot be made looks like one that was cut.
                let _cut = near.and_then(|near| forward(near, upstream, delay, &connections));
            }
        });
        Ok(proxy)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(|held| held.into_inner());
        for connection in connections.drain(..) {
            let _already_cut = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.cut();
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
    }
}

fn forward(
    near: TcpStream,
    upstream: SocketAddr,
    delay: Duration,
    connections: &Mutex<VecDeque<TcpStream>>,
) -> io::Result<()> {
    let far = TcpStream::connect(upstream)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let mut held = connections.lock().unwrap_or_else(|held| held.into_inner());
    held.extend([near.try_clone()?, far.try_clone()?]);
    drop(held);
    for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
        let (line, arrivals) = channel();
        thread::spawn(move || send_off(from, &line, delay));
        thread::spawn(move || arrive(&arrivals, to));
    }
    Ok(())
}

/// Bytes, and when they arrive.
type Underway = (Instant, Vec<u8>);

fn send_off(mut from: TcpStream, line: &Sender<Underway>, delay: Duration) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match from.read(&mut chunk) {
            Ok(count) if count > 0 => {
                let sent = chunk.get(..count).unwrap_or_default().to_vec();
                if line.send((Instant::now() + delay, sent)).is_err() {
                    return;
                }
            }
            Ok(_) | Err(_) => return,
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

/// An SFTP server at the end of a long way.
pub struct Distant<'a> {
    server: &'a dyn SftpServer,
    proxy: Proxy,
}

impl<'a> Distant<'a> {
    /// The server behind a round trip of this time.
    pub fn new(server: &'a dyn SftpServer, round_trip: Duration) -> io::Result<Self> {
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

impl SftpServer for Distant<'_> {
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
