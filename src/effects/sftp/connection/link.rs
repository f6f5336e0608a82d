//! One SSH channel that carries SFTP, over a socket that never blocks. Reading, writing and waiting
//! are here and nowhere else.
//!
//! Deliberately absent: libssh2's own SFTP, its blocking calls and its time-outs, which begin anew
//! with every call and so never end a peer that drips.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel, ExtendedData, Session};
use thiserror::Error;

use super::socket::Socket;
use crate::effects::sftp::wire::status::printable;

/// What an attempt to read or write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// This many bytes.
    Bytes(usize),
    /// Not now.
    Nothing,
}

/// Why nothing can be read or written any more.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// The other side ended it.
    #[error("the server ended the SFTP session")]
    Ended,
    /// Reading or writing failed.
    #[error("it broke ({})", words(.0))]
    Broken(io::Error),
    /// Waiting failed.
    #[error("{}", words(.0))]
    Wait(io::Error),
}

/// The channel and what carries it. The socket is shared so that it can be cut from anywhere.
pub(crate) struct Link {
    channel: Channel,
    session: Session,
    stream: Arc<Socket>,
    /// The beginning of what was printed beside SFTP, while that is listened to.
    beside: Option<Vec<u8>>,
}

/// What is kept of that, in bytes.
const BESIDE_BYTES: usize = 1024;

/// How often a word is sent on a connection on which nothing else is, for whatever stands in between and forgets
/// such ones.
const KEEP_ALIVE_SECONDS: u32 = 30;

impl Link {
    pub(crate) fn new(channel: Channel, session: Session, stream: Arc<Socket>) -> Self {
        session.set_keepalive(false, KEEP_ALIVE_SECONDS);
        Self {
            channel,
            session,
            stream,
            beside: Some(Vec::new()),
        }
    }

    /// What the server printed beside SFTP before SFTP began, cleaned: what stands in SFTP's place says
    /// there why.
    pub(crate) fn said_beside(&self) -> String {
        printable(self.beside.as_deref().unwrap_or_default())
    }

    /// From now on, what the server prints beside SFTP is dropped: it would fill the window that answers
    /// need. Says whether that is done, or to be asked again.
    pub(crate) fn listen_to_sftp_only(&mut self) -> Result<bool, LinkError> {
        let ignored = self.channel.handle_extended_data(ExtendedData::Ignore);
        match ignored.map_err(io::Error::from) {
            Ok(()) => {
                self.beside = None;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(LinkError::Broken(error)),
        }
    }

    /// Reads what has arrived.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Moved, LinkError> {
        self.hear_beside();
        match self.channel.read(buffer) {
            Ok(0) if self.channel.eof() => Err(LinkError::Ended),
            Ok(0) => Ok(Moved::Nothing),
            Ok(count) => Ok(Moved::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::Nothing),
            Err(error) => Err(LinkError::Broken(error)),
        }
    }

    /// What stands beside hides the end of the channel until it is read.
    fn hear_beside(&mut self) {
        let Some(beside) = &mut self.beside else {
            return;
        };
        let mut heard = [0; BESIDE_BYTES];
        // Where reading fails, the channel itself says so.
        while let Ok(count @ 1..) = self.channel.stderr().read(&mut heard) {
            let room = BESIDE_BYTES.saturating_sub(beside.len());
            beside.extend_from_slice(&heard[..count.min(room)]);
        }
    }

    /// Offers bytes. What is not taken must be offered again, from the same byte on.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<Moved, LinkError> {
        match self.channel.write(bytes) {
            Ok(0) => Ok(Moved::Nothing),
            Ok(count) => Ok(Moved::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::Nothing),
            Err(error) => Err(LinkError::Broken(error)),
        }
    }

    /// Sends a word that asks for nothing, when it is time; to be called while nothing else waits to be sent.
    pub(crate) fn keep_alive(&self) -> Result<(), LinkError> {
        let sent = self.session.keepalive_send().map_err(io::Error::from);
        match sent {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                Err(LinkError::Broken(error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Waits until the socket or `waker` has something, at most `timeout`.
    pub(crate) fn wait(
        &self,
        waker: Option<BorrowedFd<'_>>,
        timeout: Duration,
    ) -> Result<(), LinkError> {
        wait(&self.stream, &self.session, waker, timeout).map_err(LinkError::Wait)
    }

    /// Cuts the connection: whatever is waited for on it ends at once.
    pub(crate) fn cut(&self) {
        self.stream.cut();
    }

    /// Says good-bye, without waiting for an answer, and cuts the connection.
    pub(crate) fn close(mut self) {
        // All three are a courtesy to the server's log; the cut that follows needs none of them.
        let _closed = self.channel.close();
        let _said = self.session.disconnect(None, "done", None);
        self.cut();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // libssh2 sends while it frees its memory; on a dead socket it does so without waiting.
        self.cut();
    }
}

/// Waits for what `session` last lacked, or for `waker`.
pub(crate) fn wait(
    stream: &Socket,
    session: &Session,
    waker: Option<BorrowedFd<'_>>,
    timeout: Duration,
) -> io::Result<()> {
    let mut wanted = PollFlags::IN;
    if matches!(
        session.block_directions(),
        BlockDirections::Outbound | BlockDirections::Both
    ) {
        wanted |= PollFlags::OUT;
    }
    let socket = stream.as_fd();
    let mut waited = [
        PollFd::from_borrowed_fd(socket, wanted),
        PollFd::from_borrowed_fd(waker.unwrap_or(socket), PollFlags::IN),
    ];
    let waited = if waker.is_some() {
        &mut waited[..]
    } else {
        &mut waited[..1]
    };
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(waited, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An I/O error in words that can be shown: libssh2 may pass on what the server said.
pub(crate) fn words(error: &io::Error) -> String {
    printable(error.to_string().as_bytes())
}
