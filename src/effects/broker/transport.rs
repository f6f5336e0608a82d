//! What the HTTP library's errors mean.
//!
//! What always holds here: of their texts nothing is passed on, as they may contain addresses; they
//! are only compared with known words where there is no type to go by.

use std::error::Error;
use std::io;

use super::problem::{Problem, TlsProblem};
use super::resolver::NoThread;

/// Where a call stood when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the answer's head was there.
    Head,
    /// While its body came.
    Body,
}

/// How long each part of a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: std::time::Duration,
    pub(crate) whole: std::time::Duration,
}

/// Reads an error of the library.
pub(crate) fn problem(error: &reqwest::Error, stage: Stage, limits: Limits) -> Problem {
    match (error.is_timeout(), error.is_connect(), stage) {
        (true, true, _) => return Problem::ConnectTimedOut(limits.connect),
        (true, _, Stage::Head) => return Problem::AnswerTimedOut(limits.whole),
        (true, _, Stage::Body) => return Problem::BodyTimedOut(limits.whole),
        _ => (),
    }
    if Chain(Some(error)).any(|cause| cause.is::<NoThread>()) {
        return Problem::NoThread;
    }
    if error.is_dns() {
        return Problem::NameUnknown;
    }
    let chain = Chain(Some(error));
    // The library's own words hold the address, which could be taken for any of the words below.
    let texts: Vec<String> = Chain(Some(error))
        .filter(|cause| !cause.is::<reqwest::Error>())
        .map(ToString::to_string)
        .collect();
    let says = |words: &[&str]| {
        texts
            .iter()
            .any(|text| words.iter().any(|word| text.contains(word)))
    };
    if error.is_connect()
        && let Some(problem) = tls(&says)
    {
        return Problem::Tls(problem);
    }
    for cause in chain.filter_map(|cause| cause.downcast_ref::<io::Error>()) {
        match cause.kind() {
            io::ErrorKind::ConnectionRefused => return Problem::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                return Problem::Unreachable;
            }
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => return Problem::Closed,
            _ => (),
        }
    }
    if says(&[
        "connection closed before message completed",
        "end of file before message length",
        "unexpected EOF",
    ]) || stage == Stage::Body
    {
        Problem::Closed
    } else if says(&[
        "invalid HTTP",
        "invalid content-length",
        "invalid URI",
        "message head is too large",
    ]) {
        Problem::NotHttp
    } else {
        Problem::Transport
    }
}

fn tls(says: &impl Fn(&[&str]) -> bool) -> Option<TlsProblem> {
    let table: [(TlsProblem, &[&str]); 7] = [
        (
            TlsProblem::Expired,
            &["certificate has expired", "certificate is not yet valid"],
        ),
        (
            TlsProblem::WrongHost,
            &["ostname mismatch", "IP address mismatch"],
        ),
        (
            TlsProblem::UnknownAuthority,
            &[
                "self-signed certificate",
                "self signed certificate",
                "issuer certificate",
            ],
        ),
        (TlsProblem::Certificate, &["certificate verify failed"]),
        (
            TlsProblem::Version,
            &[
                "unsupported protocol",
                "alert protocol version",
                "no protocols available",
            ],
        ),
        (
            TlsProblem::NotTls,
            &[
                "wrong version number",
                "http request",
                "packet length too long",
            ],
        ),
        (TlsProblem::Other, &["SSL routines", "handshake"]),
    ];
    table
        .into_iter()
        .find(|(_, words)| says(words))
        .map(|(problem, _)| problem)
}

/// An error and its causes, through `io::Error` as well, whose `source` leaves out what it holds.
struct Chain<'e>(Option<&'e (dyn Error + 'static)>);

impl<'e> Iterator for Chain<'e> {
    type Item = &'e (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        let error = self.0?;
        self.0 = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    }
}
