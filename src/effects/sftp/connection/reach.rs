//! From a name to a connected socket: look-up, addresses in their turn, and the way that is configured.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::carrier_command;
use super::link::words;
use super::socket::Socket;
use super::tunnel::{self, TunnelError};
use crate::effects::sftp::error::ConnectError;
use crate::effects::sftp::route::{Destination, Route};

/// Connects to a server on the way to it.
pub(super) fn reach(to: Destination<'_>, timeout: Duration) -> Result<Socket, ConnectError> {
    let deadline = Instant::now() + timeout;
    let unreachable = |reason: String| ConnectError::Unreachable {
        address: to.to_string(),
        reason,
    };
    match to.route {
        Route::Direct => {
            let stream = connect(to.host, to.port, deadline);
            Ok(stream
                .map_err(|error| unreachable(error.to_string()))?
                .into())
        }
        Route::Command(command) => {
            let command = command.of(to.host, to.port);
            let started = carrier_command::start(&command);
            let (stream, command) = started.map_err(|error| ConnectError::Local {
                address: to.to_string(),
                reason: format!("SFTP.PROXY_COMMAND cannot be started: {}", words(&error)),
            })?;
            Ok(Socket::over(stream, command))
        }
        Route::Proxy { proxy, login } => {
            let stream = connect(&proxy.host, proxy.port, deadline)
                .map_err(|error| unreachable(format!("the proxy {proxy} (SFTP.PROXY): {error}")))?;
            match tunnel::open(&stream, proxy.kind, login.as_ref(), to, deadline) {
                Ok(()) => {
                    let unlimited = stream.set_read_timeout(None);
                    unlimited.map_err(|error| unreachable(words(&error)))?;
                    Ok(stream.into())
                }
                Err(TunnelError::Refused(reason)) => Err(ConnectError::ProxyRefused {
                    address: to.to_string(),
                    proxy: proxy.to_string(),
                    reason,
                }),
                Err(error) => Err(unreachable(format!(
                    "the proxy {proxy} (SFTP.PROXY): {error}"
                ))),
            }
        }
    }
}

/// Why a name gives no connection.
#[derive(Debug, Error)]
enum NoConnection {
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    #[error(transparent)]
    NoneTakes(#[from] NoneTakes),
}

fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, NoConnection> {
    let addresses = resolve(host, port, deadline)?;
    Ok(connect_to_any(&addresses, deadline)?)
}

/// Why none of a name's addresses has taken a connection.
#[derive(Debug, Error)]
enum NoneTakes {
    #[error("the name has no address")]
    NoAddress,
    #[error("no answer in time")]
    TimedOut,
    #[error("{}", words(.0))]
    Failed(io::Error),
}

/// Connects to the first of the addresses that takes a connection; the last one's error, if none does.
fn connect_to_any(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, NoneTakes> {
    let mut last = NoneTakes::NoAddress;
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for resolved in addresses {
        // One that swallows what is sent to it must not take the time of the others.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / untried.max(1);
        untried = untried.saturating_sub(1);
        if share.is_zero() {
            return Err(NoneTakes::TimedOut);
        }
        match TcpStream::connect_timeout(resolved, share) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = NoneTakes::TimedOut,
            Err(error) => last = NoneTakes::Failed(error),
        }
    }
    Err(last)
}

/// Why a name has no address.
#[derive(Debug, Error)]
enum LookUpError {
    #[error("{}", words(.0))]
    NotBegun(io::Error),
    #[error("the name cannot be looked up: {}", words(.0))]
    Failed(io::Error),
    #[error("the name was not looked up in time")]
    TimedOut,
}

/// Looks a name up. The system's look-up has no time-out, so another thread waits for it.
fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, LookUpError> {
    let name = (host.to_owned(), port);
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("sftp-resolve".to_owned())
        .spawn(move || {
            // Nobody may be waiting any more.
            let _unheard = sender.send(name.to_socket_addrs().map(Iterator::collect));
        })
        .map_err(LookUpError::NotBegun)?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(result) => result.map_err(LookUpError::Failed),
        Err(_) => Err(LookUpError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// An address that swallows what is sent to it: a listener whose queue is full.
    fn swallowing() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        rustix::net::listen(&listener, 0).expect("a shorter queue");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
            waiting.push(stream);
        }
        (listener, waiting, address)
    }

    #[test]
    fn an_address_that_swallows_everything_leaves_the_next_its_time() {
        let (_listener, _waiting, silent) = swallowing();
        let good = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = good.local_addr().expect("an address");
        let soon = || Instant::now() + Duration::from_millis(400);
        let stream = connect_to_any(&[silent, address], soon()).expect("the second one answers");
        assert_eq!(stream.peer_addr().expect("connected"), address);
        let error = connect_to_any(&[silent], soon()).expect_err("nobody answers");
        assert_eq!(error.to_string(), "no answer in time");
        let error = connect_to_any(&[], soon()).expect_err("nobody is there");
        assert_eq!(error.to_string(), "the name has no address");
    }
}
