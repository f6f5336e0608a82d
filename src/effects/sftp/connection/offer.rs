//! What algorithms a server offers (RFC 4253, sections 4.2 and 7.1), asked for on a connection of its own
//! after a key exchange has failed: libssh2 does not tell.
//!
//! What always holds: nothing secret is sent, nothing is believed, and the deadline ends it. Deliberately
//! absent: the key exchange itself.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use ssh2::{MethodType, Session};

use super::limited::Limited;
use crate::effects::sftp::wire::packet::counted_string;
use crate::effects::sftp::wire::status::printable;

/// The largest packet and the most text before the banner that are read.
const MOST_BYTES: usize = 64 * 1024;
const SSH_MSG_KEXINIT: u8 = 20;
const COOKIE_BYTES: usize = 16;

/// The lists of a KEXINIT of which one algorithm each must be common: where each stands, in words, and as
/// libssh2 calls it. Of those for both ways, the ones from client to server; servers offer the same the
/// other way.
const LISTS: [(usize, &str, MethodType); 3] = [
    (0, "key exchange", MethodType::Kex),
    (1, "host key", MethodType::HostKey),
    (2, "encryption", MethodType::CryptCs),
];
/// The same; needed unless the encryption brings it along.
const INTEGRITY: (usize, &str, MethodType) = (4, "integrity", MethodType::MacCs);

/// What a server offers and this program does not know, in words; none when something is common in every
/// list.
pub(crate) fn unknown_here(stream: &TcpStream, deadline: Instant) -> io::Result<Option<String>> {
    let lists = offered(stream, deadline)?;
    let session = Session::new().map_err(io::Error::from)?;
    let common = |(place, _, method): (usize, &str, MethodType)| {
        let known = session.supported_algs(method).unwrap_or_default();
        let mut offered = lists.get(place)?.split(',');
        offered.find(|name| known.contains(name))
    };
    let encryption = common(LISTS[2]);
    let brings_integrity =
        encryption.is_some_and(|it| it.contains("gcm") || it.contains("poly1305"));
    let needed = LISTS
        .into_iter()
        .chain((!brings_integrity).then_some(INTEGRITY));
    let unknown: Vec<_> = needed
        .filter(|list| common(*list).is_none())
        .map(|(place, name, _)| {
            let offered = lists.get(place).map_or("", String::as_str);
            format!("for {name} {offered}")
        })
        .collect();
    Ok((!unknown.is_empty()).then(|| unknown.join("; ")))
}

/// The ten lists of the server's KEXINIT.
fn offered(stream: &TcpStream, deadline: Instant) -> io::Result<Vec<String>> {
    let mut peer = Limited {
        stream,
        deadline,
        left: MOST_BYTES,
    };
    loop {
        let line = peer.line()?;
        if line.starts_with(b"SSH-") {
            break;
        }
    }
    (&mut &*stream).write_all(b"SSH-2.0-broker_courier\r\n")?;
    let length = usize::try_from(u32::from_be_bytes(peer.array()?)).unwrap_or(usize::MAX);
    if length > MOST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut packet = vec![0; length];
    peer.read_exact(&mut packet)?;
    lists_of(&packet).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The lists of a KEXINIT packet, without its length.
fn lists_of(packet: &[u8]) -> Option<Vec<String>> {
    let (_padding, payload) = packet.split_first()?;
    let mut rest = payload
        .strip_prefix(&[SSH_MSG_KEXINIT])?
        .get(COOKIE_BYTES..)?;
    let mut lists = Vec::new();
    for _ in 0..10 {
        let (list, after) = counted_string(rest)?;
        lists.push(printable(list));
        rest = after;
    }
    Some(lists)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    /// A KEXINIT with these lists, and what follows them left empty.
    fn kexinit(lists: [&str; 10]) -> Vec<u8> {
        let mut packet = vec![4, SSH_MSG_KEXINIT];
        packet.extend_from_slice(&[7; COOKIE_BYTES]);
        for list in lists {
            packet.extend_from_slice(&u32::try_from(list.len()).unwrap().to_be_bytes());
            packet.extend_from_slice(list.as_bytes());
        }
        packet.extend_from_slice(&[0; 9]);
        packet
    }

    fn said_of(lists: [&'static str; 10], before: &'static [u8]) -> io::Result<Option<String>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let packet = kexinit(lists);
            peer.write_all(before).unwrap();
            peer.write_all(b"SSH-2.0-old\r\n").unwrap();
            peer.write_all(&u32::try_from(packet.len()).unwrap().to_be_bytes())
                .unwrap();
            peer.write_all(&packet).unwrap();
            // To its end: what is left unread when this closes would reset the connection.
            let mut byte = [0];
            while byte != *b"\n" {
                peer.read_exact(&mut byte).unwrap();
            }
        });
        let stream = TcpStream::connect(address).unwrap();
        let said = unknown_here(&stream, Instant::now() + Duration::from_secs(10));
        server.join().unwrap();
        said
    }

    const MODERN: [&str; 10] = [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];

    #[test]
    fn what_is_not_common_is_named() {
        assert_eq!(said_of(MODERN, b"").unwrap(), None);
        assert_eq!(
            said_of(MODERN, b"Welcome\r\nto this place\r\n").unwrap(),
            None
        );
        let mut old = MODERN;
        old[0] = "future-sha9,other";
        old[4] = "hmac-none";
        let said = said_of(old, b"").unwrap().unwrap();
        assert_eq!(
            said,
            "for key exchange future-sha9,other; for integrity hmac-none"
        );
        old = MODERN;
        (old[2], old[4]) = ("aes256-gcm@openssh.com", "hmac-none");
        assert_eq!(said_of(old, b"").unwrap(), None);
    }

    #[test]
    fn any_bytes_are_no_panic() {
        let whole = kexinit(MODERN);
        assert_eq!(lists_of(&whole).unwrap().len(), 10);
        for end in 0..whole.len() - 9 {
            assert_eq!(lists_of(&whole[..end]), None, "{end}");
        }
    }
}
