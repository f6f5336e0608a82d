//! The socket that carries SSH, and whatever keeps its other end alive.

use std::net::{Shutdown, TcpStream};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::carrier_command::CarrierCommand;

/// A connected stream socket. The command at its other end, if one carries it, ends with it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    command: Option<CarrierCommand>,
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            command: None,
        }
    }
}

impl Socket {
    /// A socket whose other end this command has as its standard input and output.
    pub(super) fn over(stream: TcpStream, command: CarrierCommand) -> Self {
        Self {
            stream,
            command: Some(command),
        }
    }

    /// Cuts the connection, which may be cut already: whatever is waited for on it ends at once.
    pub(crate) fn cut(&self) {
        let _already_cut = self.stream.shutdown(Shutdown::Both);
    }

    /// What the command that carries it has said last, cleaned; empty where none does.
    pub(super) fn said(&self) -> String {
        let command = self.command.as_ref();
        command.map(CarrierCommand::said).unwrap_or_default()
    }
}

impl Deref for Socket {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
