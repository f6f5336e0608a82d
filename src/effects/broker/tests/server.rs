//! A scripted HTTP/1.1 server on the loopback: one thread for each connection, raw answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).collect()
    }
}

/// What the server does next.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// These bytes, and the next request on the same connection.
    Raw(Vec<u8>),
    /// These bytes, and then the connection is closed.
    Last(Vec<u8>),
    /// These bytes, and then nothing, for ever.
    Then(Vec<u8>),
    /// These bytes, and then one more every few milliseconds, for ever.
    Drip(Vec<u8>, u8),
}

impl Answer {
    pub(super) fn of(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self::with(status, &[("content-type", content_type)], body)
    }

    pub(super) fn with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let length = body.len().to_string();
        let headers = [headers, &[("content-length", length.as_str())]].concat();
        Self::Raw([head(status, &headers).as_slice(), body].concat())
    }

    pub(super) fn xml(body: &str) -> Self {
        Self::of(200, "application/xml", body.as_bytes())
    }

    /// Cut off so many bytes before its end.
    pub(super) fn cut(self, missing: usize) -> Self {
        let (Self::Raw(mut bytes) | Self::Last(mut bytes) | Self::Then(mut bytes)) = self else {
            return self;
        };
        bytes.truncate(bytes.len() - missing);
        Self::Last(bytes)
    }
}

pub(super) fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} X\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// Runs until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(super) fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::wrapped(script, Some)
    }

    /// With a layer between the connection and HTTP; none where it cannot be had.
    pub(super) fn wrapped<S: Read + Write + Send + 'static>(
        script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let wrap = Arc::new(wrap);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, wrap) = (Arc::clone(&accepting), Arc::clone(&wrap));
                thread::spawn(move || wrap(stream).map(|stream| serve(stream, &shared)));
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    pub(super) fn targets(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.target)
            .collect()
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Ends when the client does, or the server.
fn serve(stream: impl Read + Write, shared: &Shared) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read_request(&mut stream)?;
        let answer = (shared.script)(&request);
        shared.requests.lock().ok()?.push(request);
        let mut send = |bytes: &[u8]| {
            let stream = stream.get_mut();
            stream.write_all(bytes).and_then(|()| stream.flush()).ok()
        };
        match answer {
            Answer::Raw(bytes) => send(&bytes)?,
            Answer::Last(bytes) => return send(&bytes),
            Answer::Then(bytes) => {
                send(&bytes)?;
                while !shared.stopped.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                return None;
            }
            Answer::Drip(bytes, byte) => {
                send(&bytes)?;
                while !shared.stopped.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(20));
                    send(&[byte])?;
                }
                return None;
            }
        }
    }
}

fn read_request(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let start = line()?;
    let mut words = start.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Request {
        method,
        target,
        headers,
    })
}
