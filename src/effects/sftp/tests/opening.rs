//! The opening against a server that has, hides, refuses, cuts and garbles `status.xml`: what is found,
//! and how many questions in a row that takes.

use courier_ledger::{
    Digest, FailureClass, LogId, Sequence, State, StatusDocument, StatusFound, Tip,
};

use crate::effects::sftp::protocol::opening::{Opened, Opening, OpeningError};
use crate::effects::sftp::wire::attributes::Attributes;
use crate::effects::sftp::wire::packet::FrameBuffer;
use crate::effects::sftp::wire::reply::encoded;
use crate::effects::sftp::wire::request::decoded::{Decoded, decode};
use crate::effects::sftp::wire::status::StatusCode;

const TIP: Tip = Tip {
    log: LogId([7; 16]),
    sequence: Sequence(429),
    hash: Digest([3; 32]),
};

const FILE: u32 = 0o100_644;
const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;

/// How a server stands to `status.xml`.
#[derive(Clone)]
struct Server {
    /// What it answers to LSTAT: permissions, or a status.
    look: Result<Option<u32>, u32>,
    /// What it answers to OPEN: the content, or a status.
    open: Result<Vec<u8>, u32>,
    /// What it answers to READ instead of the content.
    read: Option<u32>,
    /// The most that it gives at once.
    most: usize,
    /// Whether the last question is answered first.
    last_first: bool,
}

impl Server {
    fn with(content: &[u8]) -> Self {
        Self {
            look: Ok(Some(FILE)),
            open: Ok(content.to_vec()),
            read: None,
            most: usize::MAX,
            last_first: false,
        }
    }

    fn without(look: u32, open: u32) -> Self {
        Self {
            look: Err(look),
            open: Err(open),
            ..Self::with(b"")
        }
    }

    fn answer(&self, id: u32, request: &Decoded, out: &mut Vec<u8>) {
        let refused = |code, out: &mut Vec<u8>| {
            encoded::status(id, StatusCode(code), "\u{1b}[31mno\nway", out);
        };
        let attributes = |permissions, out: &mut Vec<u8>| {
            let attributes = Attributes {
                size_bytes: None,
                permissions,
                modified: None,
            };
            encoded::attributes(id, attributes, out);
        };
        match request {
            Decoded::Stat { .. } => attributes(Some(FOLDER), out),
            Decoded::Lstat { path } => {
                assert_eq!(path, "box/status.xml");
                match self.look {
                    Ok(permissions) => attributes(permissions, out),
                    Err(code) => refused(code, out),
                }
            }
            Decoded::OpenRead { path } => {
                assert_eq!(path, "box/status.xml");
                match &self.open {
                    Ok(_) => encoded::handle(id, b"handle", out),
                    Err(code) => refused(*code, out),
                }
            }
            Decoded::Read { offset, length, .. } => {
                let content = self.open.as_ref().unwrap();
                let from = usize::try_from(*offset).unwrap().min(content.len());
                let size = usize::try_from(*length).unwrap().min(self.most);
                let bytes = &content[from..];
                match (self.read, &bytes[..bytes.len().min(size)]) {
                    (Some(code), _) => refused(code, out),
                    (None, []) => refused(StatusCode::EOF.0, out),
                    (None, bytes) => encoded::data(id, bytes, out),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// What is found, how often it was asked and waited, and whether the file is closed at the end.
    fn opened(&self) -> (StatusFound, usize, bool) {
        let (opened, waits, closed) = self.played(&[]);
        (opened.unwrap().status, waits, closed)
    }

    fn played(&self, extensions: &[String]) -> (Result<Opened, OpeningError>, usize, bool) {
        let mut sent = Vec::new();
        let path = "box/status.xml".to_owned();
        let mut opening = Opening::begin(extensions, "box", path, &mut sent);
        let mut waits = 0;
        loop {
            waits += 1;
            let mut answers: Vec<Vec<u8>> = Vec::new();
            for (id, request) in all(&std::mem::take(&mut sent)) {
                let mut out = Vec::new();
                self.answer(id, &request, &mut out);
                answers.push(out);
            }
            if self.last_first {
                answers.reverse();
            }
            let mut frames = FrameBuffer::default();
            frames.extend(&answers.concat());
            while let Some(packet) = frames.next_packet().unwrap() {
                match opening.answer(packet, &mut sent) {
                    Ok(None) => {}
                    Ok(Some(opened)) => {
                        let closes = all(&sent);
                        let closed = matches!(&closes[..], [(_, Decoded::Close { .. })]);
                        assert_eq!(closed, !closes.is_empty());
                        let unawaited = closes.first().map(|(id, _)| *id);
                        assert_eq!(opened.unawaited, unawaited);
                        return (Ok(opened), waits, closed);
                    }
                    Err(error) => return (Err(error), waits, false),
                }
            }
        }
    }
}

/// The requests in these bytes, with their ids.
fn all(bytes: &[u8]) -> Vec<(u32, Decoded)> {
    let mut frames = FrameBuffer::default();
    frames.extend(bytes);
    let mut requests = Vec::new();
    while let Some(packet) = frames.next_packet().unwrap() {
        requests.push(decode(packet).unwrap());
    }
    requests
}

fn own() -> Vec<u8> {
    let document = StatusDocument::project(&State::default(), TIP);
    // Longer than what is read of it.
    [document.as_bytes(), &[b'x'; 5000]].concat()
}

#[test]
fn what_stands_there_is_told_after_one_more_question_whatever_the_order_of_answers() {
    let cases: [(&[u8], StatusFound); 6] = [
        (&own(), StatusFound::Projection(TIP)),
        (b"<status><request-status><id>1", StatusFound::Legacy),
        (b"<?xml version='1.0'?><status/>", StatusFound::Legacy),
        (b"PK\x03\x04", StatusFound::Damaged),
        (&[b' '; 9999], StatusFound::Damaged),
        (b"<html>", StatusFound::Damaged),
    ];
    for (content, found) in cases {
        for last_first in [false, true] {
            let server = Server {
                last_first,
                ..Server::with(content)
            };
            assert_eq!(server.opened(), (found.clone(), 2, true));
        }
    }
    // A part of a publication that was cut off, and an empty file, take a look at their end.
    for content in [&b""[..], b"<status log=\"07"] {
        let (found, waits, closed) = Server::with(content).opened();
        assert_eq!((found, closed), (StatusFound::Damaged, true));
        assert!(waits <= 3);
    }
}

#[test]
fn a_server_that_gives_little_at_once_is_asked_again_and_not_for_ever() {
    let server = Server {
        most: 50,
        ..Server::with(&own())
    };
    assert_eq!(server.opened().0, StatusFound::Projection(TIP));
    let endless = Server {
        most: 1,
        ..Server::with(&[b' '; 9999])
    };
    let (found, waits, closed) = endless.opened();
    assert_eq!((found, closed), (StatusFound::Damaged, true));
    assert_eq!(waits, 1 + 512);
}

#[test]
fn what_is_not_there_is_told_without_another_question_also_where_that_is_a_failure() {
    for (look, open) in [(2, 2), (2, 4), (2, 3), (4, 2), (10, 10), (3, 2)] {
        let server = Server::without(look, open);
        assert_eq!(server.opened(), (StatusFound::Nothing, 1, false));
    }
}

#[test]
fn what_may_not_be_read_is_told_with_the_servers_words_cleaned() {
    let cases = [
        (Server::without(3, 3), FailureClass::NeedsPerson),
        (Server::without(4, 4), FailureClass::Transient),
        (
            Server {
                open: Err(3),
                ..Server::with(b"")
            },
            FailureClass::NeedsPerson,
        ),
        (
            Server {
                read: Some(3),
                ..Server::with(b"")
            },
            FailureClass::NeedsPerson,
        ),
    ];
    for (server, class) in cases {
        let (found, waits, closed) = server.opened();
        assert_eq!(
            (waits, closed),
            match server.open.is_ok() {
                true => (2, true),
                false => (1, false),
            }
        );
        let StatusFound::Unreadable(failure) = found else {
            panic!("{found:?}")
        };
        assert_eq!(failure.class, class);
        let text = failure.text;
        assert!(text.starts_with("box/status.xml: "), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text}");
    }
}

#[test]
fn what_is_no_file_is_told_whatever_can_be_read_of_it() {
    for kind in [FOLDER, LINK] {
        for open in [Ok(own()), Err(4), Err(2)] {
            let server = Server {
                look: Ok(Some(kind)),
                open,
                ..Server::with(b"")
            };
            assert_eq!(server.opened().0, StatusFound::NoFile);
        }
    }
    // A server that tells no kind is believed.
    let silent = Server {
        look: Ok(None),
        ..Server::with(&own())
    };
    assert_eq!(silent.opened().0, StatusFound::Projection(TIP));
}

#[test]
fn an_answer_of_another_kind_or_to_no_question_ends_it() {
    let mut sent = Vec::new();
    let path = "box/status.xml".to_owned();
    let mut opening = Opening::begin(&[], "box", path, &mut sent);
    let asked = all(&sent);
    for (id, request) in asked {
        let mut out = Vec::new();
        encoded::data(id, b"bytes", &mut out);
        let answer = opening.answer(&out[4..], &mut sent);
        assert!(
            matches!(answer, Err(OpeningError::Protocol(_))),
            "{request:?}"
        );
    }
    let mut out = Vec::new();
    encoded::data(99, b"bytes", &mut out);
    let answer = opening.answer(&out[4..], &mut sent);
    assert!(matches!(answer, Err(OpeningError::Protocol(_))));
}
