//! What the broker's calls take when nothing is done with their answers: as bare as HTTP allows, so
//! that a program can be held against it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use testbed::broker::EmbeddedBroker;

use crate::scene::words;

/// Reads the status of every request, so many at a time, over connections that are kept; in seconds.
pub(crate) fn statuses(address: &str, count: u64, in_flight: u32) -> Result<f64, String> {
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let work = || -> Result<(), String> {
        let mut connection = Connection::new(address)?;
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= count {
                return Ok(());
            }
            connection.get(&format!("/broker/request/{id}/status"))?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..in_flight).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
    })?;
    Ok(began.elapsed().as_secs_f64())
}

struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn new(address: &str) -> Result<Self, String> {
        let host = address.trim_start_matches("http://").trim_end_matches('/');
        let stream = TcpStream::connect(host).map_err(words)?;
        stream.set_nodelay(true).map_err(words)?;
        Ok(Self {
            host: host.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    fn get(&mut self, path: &str) -> Result<(), String> {
        let (host, key) = (&self.host, EmbeddedBroker::ADMIN_KEY);
        let call =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n");
        self.stream
            .get_mut()
            .write_all(call.as_bytes())
            .map_err(words)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).map_err(words)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.starts_with("http/1.1") && line != "http/1.1 200 ok" {
                return Err(line);
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().map_err(words)?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(words)
    }
}
