//! `NOTIFY.URL`: a monitor that waits to hear of each run, as healthchecks.io and its kin do: `/start` when a run
//! begins, `/0` when it ended well, `/` and another exit code when it did not, with the run's identifier as `rid`
//! (<https://healthchecks.io/docs/http_api/>).
//!
//! What always holds here: a ping is given so much time and so many tries, and whatever becomes of it, the run
//! ends as it has; the address, which is all that it takes to ping, is shown nowhere. Deliberately absent: what
//! happened in words; whoever runs the monitor may be a stranger.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::broker::{BrokerError, Settings};
use super::post::{Poster, Unheard};

/// What happened, in a few words.
const WORDS: &str = "text/plain; charset=utf-8";

/// The address of one check at a monitor.
#[derive(Clone)]
pub(crate) struct PingUrl(SecretString);

impl fmt::Debug for PingUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PingUrl")
    }
}

/// A text is no address that could be pinged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https address, as the monitor shows it for one check")]
pub(crate) struct NoPingUrl;

impl PingUrl {
    /// Takes an address as the monitor shows it.
    pub(crate) fn new(text: &SecretString) -> Result<Self, NoPingUrl> {
        let url = Url::parse(text.expose_secret().trim()).map_err(|_| NoPingUrl)?;
        let may_be_extended = !url.cannot_be_a_base() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !may_be_extended {
            return Err(NoPingUrl);
        }
        Ok(Self(SecretString::from(String::from(url))))
    }

    /// The address that tells `what` of this run.
    fn of(&self, what: Ping, run: &str) -> Option<Url> {
        let mut url = Url::parse(self.0.expose_secret()).ok()?;
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .push(&what.to_string());
        url.query_pairs_mut().append_pair("rid", &uuid(run));
        Some(url)
    }
}

/// What a monitor hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ping {
    /// A run has begun.
    Start,
    /// It ended with this exit code.
    End(u8),
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::End(code) => write!(f, "{code}"),
        }
    }
}

/// A run's 16 hexadecimal digits in a UUID of version 8 (RFC 9562, section 5.8), which is what a monitor takes.
fn uuid(run: &str) -> String {
    let digit = |from: usize, to: usize| run.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-8{}00-000000000000",
        digit(0, 8),
        digit(8, 12),
        digit(12, 15),
        digit(15, 16)
    )
}

/// One check at a monitor, and the way to it.
pub(crate) struct Monitor {
    url: PingUrl,
    poster: Poster,
}

impl Monitor {
    /// A monitor that is reached and trusted as the broker is.
    pub(crate) fn at(url: PingUrl, settings: &Settings) -> Result<Self, BrokerError> {
        let poster = Poster::new(settings)?;
        Ok(Self { url, poster })
    }

    /// Tells it of a run, with a few words on what it came to.
    pub(crate) fn ping(&self, what: Ping, run: &str, words: &str) -> Result<(), Unheard> {
        let Some(url) = self.url.of(what, run) else {
            return Ok(());
        };
        let answer = self.poster.post(&url, WORDS, words.as_bytes())?;
        answer.successful().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::{JoinHandle, spawn};

    use super::*;

    /// A monitor that answers so, call after call, and gives what it heard.
    fn monitor(answers: &'static [&'static str]) -> (Monitor, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ping/a-secret/", listener.local_addr().unwrap());
        let heard = spawn(move || {
            let hear = |answer: &&str| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = vec![0; 4096];
                let count = stream.read(&mut request).unwrap();
                write!(
                    stream,
                    "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
                .unwrap();
                let text = String::from_utf8_lossy(&request[..count]);
                text.lines().next().unwrap_or_default().to_owned()
            };
            answers.iter().map(hear).collect()
        });
        let url = PingUrl::new(&SecretString::from(url)).unwrap();
        let poster = Poster::direct();
        (Monitor { url, poster }, heard)
    }

    const RUN: &str = "0123456789abcdef";

    #[test]
    fn a_run_is_told_of_under_its_identifier_and_tried_twice() {
        let (monitor, heard) = monitor(&["200 OK", "503 Later", "200 OK"]);
        monitor.ping(Ping::Start, RUN, "").unwrap();
        monitor.ping(Ping::End(6), RUN, "blocked").unwrap();
        let rid = "rid=01234567-89ab-8cde-8f00-000000000000";
        let end = format!("POST /ping/a-secret/6?{rid} HTTP/1.1");
        let start = format!("POST /ping/a-secret/start?{rid} HTTP/1.1");
        assert_eq!(heard.join().unwrap(), [start, end.clone(), end]);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_address() {
        let (monitor, heard) = monitor(&["404 Not Found"]);
        let unheard = monitor.ping(Ping::Start, RUN, "").unwrap_err();
        assert_eq!(unheard.to_string(), "it answered 404 Not Found");
        heard.join().unwrap();
        // Nobody listens any more.
        let unheard = monitor.ping(Ping::Start, RUN, "").unwrap_err();
        assert_eq!(unheard.to_string(), "connection refused");
        assert_eq!(format!("{:?}", monitor.url), "PingUrl");
    }

    #[test]
    fn an_address_is_one_that_takes_a_path() {
        for text in [
            "",
            "monitor",
            "ftp://monitor/x",
            "mailto:x@y",
            "https://monitor/x#y",
        ] {
            let refused = PingUrl::new(&SecretString::from(text)).err();
            assert_eq!(refused, Some(NoPingUrl), "{text}");
        }
    }
}
