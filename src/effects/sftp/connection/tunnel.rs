//! A connection through a proxy: HTTP's CONNECT (RFC 9110, section 9.3.6; RFC 7617 for the password) or SOCKS
//! version 5 (RFC 1928; RFC 1929 for the password).
//!
//! What always holds here: the proxy looks the server's name up; not a byte behind its answer is taken, for an SSH
//! server speaks first, and its greeting may arrive with that answer; a deadline ends it. Deliberately absent: proxies
//! that speak TLS, SOCKS version 4, and other ways to prove who asks.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use secrecy::ExposeSecret as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::limited::Limited;
use super::link::words;
use crate::effects::sftp::route::{Destination, ProxyKind, ProxyLogin};
use crate::effects::sftp::wire::status::printable;

/// The longest answer of a proxy that is read.
const MOST_BYTES: usize = 16 * 1024;

const SOCKS: u8 = 5;
const WITHOUT_LOGIN: u8 = 0;
const WITH_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const OF_IPV4: u8 = 1;
const OF_NAME: u8 = 3;
const OF_IPV6: u8 = 4;

/// Why a proxy gives no connection.
#[derive(Debug, Error)]
pub(super) enum TunnelError {
    /// It must not, or wants to know who asks: a person has to see to it.
    #[error("{0}")]
    Refused(String),
    /// It could not.
    #[error("{0}")]
    Failed(String),
    /// It does not answer.
    #[error("no answer in time")]
    Silent,
    /// It breaks off.
    #[error("{}", words(.0))]
    Broken(io::Error),
}

impl From<io::Error> for TunnelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Broken(error),
        }
    }
}

/// Asks a proxy for a connection to a server.
pub(super) fn open(
    stream: &TcpStream,
    kind: ProxyKind,
    login: Option<&ProxyLogin>,
    to: Destination<'_>,
    deadline: Instant,
) -> Result<(), TunnelError> {
    let mut answer = Limited {
        stream,
        deadline,
        left: MOST_BYTES,
    };
    match kind {
        ProxyKind::Http => connect(stream, &mut answer, login, to),
        ProxyKind::Socks5 => {
            greet(stream, &mut answer, login)?;
            request(stream, &mut answer, to)
        }
    }
}

fn connect(
    mut stream: &TcpStream,
    answer: &mut Limited<'_>,
    login: Option<&ProxyLogin>,
    to: Destination<'_>,
) -> Result<(), TunnelError> {
    let mut head = Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n"));
    if let Some(ProxyLogin { username, password }) = login {
        let both = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
        let encoded = Zeroizing::new(base64_simd::STANDARD.encode_to_string(both.as_bytes()));
        head.push_str("Proxy-Authorization: Basic ");
        head.push_str(&encoded);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    let first = answer.line()?;
    while !answer.line()?.trim_ascii().is_empty() {}
    let said = printable(first.trim_ascii());
    let mut parts = said.split_whitespace();
    let version = parts.next().unwrap_or_default();
    let status = parts.next().and_then(|status| status.parse::<u16>().ok());
    match status.filter(|_| version.starts_with("HTTP/1.")) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(TunnelError::Refused(format!(
            "it wants to know who asks ({said}): SFTP.PROXY_USERNAME and SFTP.PROXY_PASSWORD_FILE"
        ))),
        Some(400..=499) => Err(TunnelError::Refused(format!(
            "it does not allow this connection ({said})"
        ))),
        Some(_) => Err(TunnelError::Failed(format!("it answers {said}"))),
        None => Err(TunnelError::Refused(
            "it does not speak HTTP; is it a SOCKS proxy?".to_owned(),
        )),
    }
}

/// Agrees on how it is proven who asks, and proves it.
fn greet(
    mut stream: &TcpStream,
    answer: &mut Limited<'_>,
    login: Option<&ProxyLogin>,
) -> Result<(), TunnelError> {
    match login {
        Some(_) => stream.write_all(&[SOCKS, 2, WITHOUT_LOGIN, WITH_PASSWORD])?,
        None => stream.write_all(&[SOCKS, 1, WITHOUT_LOGIN])?,
    }
    let [version, method] = answer.array()?;
    if version != SOCKS {
        let text = "it does not speak SOCKS version 5; is it an HTTP proxy?";
        return Err(TunnelError::Refused(text.to_owned()));
    }
    match (method, login) {
        (WITHOUT_LOGIN, _) => return Ok(()),
        (WITH_PASSWORD, Some(ProxyLogin { username, password })) => {
            let mut proof = Zeroizing::new(vec![1]);
            for part in [username.as_str(), password.expose_secret()] {
                let length = u8::try_from(part.len()).map_err(|_| {
                    TunnelError::Refused("user or password is longer than SOCKS can say".to_owned())
                })?;
                proof.push(length);
                proof.extend_from_slice(part.as_bytes());
            }
            stream.write_all(&proof)?;
        }
        (NONE_ACCEPTABLE, None) => {
            let text =
                "it wants to know who asks: SFTP.PROXY_USERNAME and SFTP.PROXY_PASSWORD_FILE";
            return Err(TunnelError::Refused(text.to_owned()));
        }
        _ => {
            let text = "it takes no password, and what it wants instead is not known here";
            return Err(TunnelError::Refused(text.to_owned()));
        }
    }
    match answer.array()? {
        [_, 0] => Ok(()),
        [..] => Err(TunnelError::Refused(
            "it refuses user or password: SFTP.PROXY_USERNAME, SFTP.PROXY_PASSWORD_FILE".to_owned(),
        )),
    }
}

fn request(
    mut stream: &TcpStream,
    answer: &mut Limited<'_>,
    to: Destination<'_>,
) -> Result<(), TunnelError> {
    let mut asked = vec![SOCKS, CONNECT, 0];
    match to.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            asked.push(OF_IPV4);
            asked.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            asked.push(OF_IPV6);
            asked.extend_from_slice(&address.octets());
        }
        Err(_) => {
            let length = u8::try_from(to.host.len()).map_err(|_| {
                TunnelError::Refused("the server's name is longer than SOCKS can say".to_owned())
            })?;
            asked.extend_from_slice(&[OF_NAME, length]);
            asked.extend_from_slice(to.host.as_bytes());
        }
    }
    asked.extend_from_slice(&to.port.to_be_bytes());
    stream.write_all(&asked)?;
    let [_version, reply, _reserved, kind] = answer.array()?;
    let bound = match kind {
        OF_IPV4 => 4,
        OF_IPV6 => 16,
        OF_NAME => usize::from(answer.array::<1>()?[0]),
        _ => return Err(TunnelError::Failed("its answer is not SOCKS".to_owned())),
    };
    // Where it is bound to, and the port: of no use, and in the way of what follows.
    answer.read_exact(&mut vec![0; bound + 2])?;
    let failed = |text: &str| Err(TunnelError::Failed(text.to_owned()));
    let refused = |text: &str| Err(TunnelError::Refused(text.to_owned()));
    match reply {
        0 => Ok(()),
        2 => refused("it does not allow this connection"),
        3 => failed("it cannot reach the network"),
        4 => failed("it cannot reach the server, or not look its name up"),
        5 => failed("the server refuses the connection"),
        6 => failed("the server does not answer"),
        7 => refused("it makes no connections"),
        8 => refused("it does not know that kind of address"),
        _ => failed("it has failed"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::net::TcpListener;
    use std::thread::{JoinHandle, spawn};
    use std::time::Duration;

    use secrecy::SecretString;

    use super::*;
    use crate::effects::sftp::route::Route;

    const GREETING: &[u8] = b"SSH-2.0-greeting\r\n";

    fn login() -> ProxyLogin {
        ProxyLogin {
            username: "u".to_owned(),
            password: SecretString::from("p"),
        }
    }

    fn to(host: &str) -> Destination<'_> {
        Destination {
            host,
            port: 22,
            route: &Route::Direct,
        }
    }

    /// A proxy that reads so many bytes and answers so, step after step; gives what it read.
    fn proxy(steps: Vec<(usize, Vec<u8>)>) -> (TcpStream, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let heard = spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            for (count, answer) in steps {
                let mut asked = vec![0; count];
                peer.read_exact(&mut asked).unwrap();
                heard.extend(asked);
                peer.write_all(&answer).unwrap();
            }
            heard
        });
        (stream, heard)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn greeting(mut stream: &TcpStream) -> Vec<u8> {
        let mut greeting = vec![0; GREETING.len()];
        stream.read_exact(&mut greeting).unwrap();
        greeting
    }

    #[test]
    fn what_follows_an_answer_of_http_is_the_servers() {
        let asked =
            "CONNECT box:22 HTTP/1.1\r\nHost: box:22\r\nProxy-Authorization: Basic dTpw\r\n\r\n";
        let answer = [b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n", GREETING].concat();
        let (stream, heard) = proxy(vec![(asked.len(), answer)]);
        open(&stream, ProxyKind::Http, Some(&login()), to("box"), soon()).unwrap();
        assert_eq!(greeting(&stream), GREETING);
        assert_eq!(heard.join().unwrap(), asked.as_bytes());
    }

    #[test]
    fn what_follows_an_answer_of_socks_is_the_servers() {
        let answer = [&[5, 0, 0, 1, 10, 0, 0, 1, 4, 56], GREETING].concat();
        let steps = vec![(4, vec![5, 2]), (5, vec![1, 0]), (10, answer)];
        let (stream, heard) = proxy(steps);
        open(
            &stream,
            ProxyKind::Socks5,
            Some(&login()),
            to("box"),
            soon(),
        )
        .unwrap();
        assert_eq!(greeting(&stream), GREETING);
        let asked = [
            &[5, 2, 0, 2][..],
            &[1, 1, b'u', 1, b'p'],
            &[5, 1, 0, 3, 3, b'b', b'o', b'x', 0, 22],
        ];
        assert_eq!(heard.join().unwrap(), asked.concat());
    }

    #[test]
    fn a_refusal_says_what_a_person_can_do() {
        let http = |answer: &str| {
            let asked = "CONNECT box:22 HTTP/1.1\r\nHost: box:22\r\n\r\n".len();
            let (stream, _heard) = proxy(vec![(asked, answer.as_bytes().to_vec())]);
            open(&stream, ProxyKind::Http, None, to("box"), soon()).unwrap_err()
        };
        for (answer, says) in [
            ("HTTP/1.1 407 Who?\r\n\r\n", "SFTP.PROXY_USERNAME"),
            ("HTTP/1.1 403 No\u{1b}[2J\r\n\r\n", "does not allow"),
            ("\u{5}\u{0}\r\n\r\n", "is it a SOCKS proxy?"),
        ] {
            let error = http(answer);
            assert!(matches!(error, TunnelError::Refused(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(says) && !text.contains('\u{1b}'), "{text}");
        }
        let error = http("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        assert!(matches!(&error, TunnelError::Failed(text) if text.contains("502")));
        let error = http("HTTP/1.1 200");
        assert!(matches!(error, TunnelError::Broken(_)), "{error:?}");

        let socks = |steps| {
            let (stream, _heard) = proxy(steps);
            open(&stream, ProxyKind::Socks5, None, to("::1"), soon()).unwrap_err()
        };
        let error = socks(vec![(3, vec![5, NONE_ACCEPTABLE])]);
        assert!(error.to_string().contains("SFTP.PROXY_USERNAME"), "{error}");
        let error = socks(vec![(3, b"HTTP".to_vec())]);
        assert!(
            error.to_string().contains("is it an HTTP proxy?"),
            "{error}"
        );
        let refused = vec![5, 5, 0, 1, 0, 0, 0, 0, 0, 0];
        let error = socks(vec![(3, vec![5, 0]), (22, refused)]);
        assert!(matches!(&error, TunnelError::Failed(_)), "{error:?}");
    }

    #[test]
    fn an_answer_that_does_not_end_is_not_waited_for() {
        let asked = "CONNECT box:22 HTTP/1.1\r\nHost: box:22\r\n\r\n".len();
        let endless = vec![b'x'; 2 * MOST_BYTES];
        let (stream, _heard) = proxy(vec![(asked, endless)]);
        let error = open(&stream, ProxyKind::Http, None, to("box"), soon()).unwrap_err();
        assert!(matches!(error, TunnelError::Broken(_)), "{error:?}");
    }

    #[test]
    fn one_that_does_not_answer_is_called_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let soon = Instant::now() + Duration::from_millis(50);
        let error = open(&stream, ProxyKind::Socks5, None, to("box"), soon).unwrap_err();
        assert_eq!(error.to_string(), "no answer in time");
    }
}
