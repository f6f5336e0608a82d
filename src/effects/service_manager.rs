//! What systemd is told of a service: that it is ready, what it does, that it lives (sd_notify(3), written here: a
//! datagram of lines to the socket that `$NOTIFY_SOCKET` names).
//!
//! What always holds here: nobody who listens, or one who does not take it, changes nothing. Deliberately absent:
//! file descriptors that are kept, and who may tell: the service's main process alone does.

use std::env;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Where it is told.
pub(crate) struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl ServiceManager {
    /// Whoever started this process, if it wants to be told.
    pub(crate) fn of_this_process() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(&name),
            _ => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        // Whoever does not read must not hold us up.
        socket.set_nonblocking(true).ok()?;
        Some(Self {
            socket,
            address: address.ok()?,
        })
    }

    /// How often at least it wants to hear that this process lives, if it does.
    pub(crate) fn wants_a_pulse() -> Option<Duration> {
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let micros = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && is_ours)?;
        Some(Duration::from_micros(micros))
    }

    /// It is ready, and does this.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// It does this.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={}", line(status)));
    }

    /// It reads its configuration again; it will be ready afterwards.
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// It ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// It lives.
    pub(crate) fn pulse(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, lines: &str) {
        let told = self.socket.send_to_addr(lines.as_bytes(), &self.address);
        if let Err(error) = told {
            tracing::debug!("the service manager was not told: {error}");
        }
    }
}

fn line(text: &str) -> String {
    text.replace('\n', " ")
}
