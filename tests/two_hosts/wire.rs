//! PostgreSQL's protocol, as the server speaks it: unnamed statements with their parameters in, rows out.
//!
//! What always holds: whatever a client sends that the ledger's does not is a defect of the model, and panics.
//! Deliberately absent: what the statements mean.

use std::{fmt, io};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// A statement and what it is asked with.
pub(crate) struct Asked {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Option<Vec<u8>>>,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
}

/// What the server says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Rows, each of as many columns as the first, which are there without rows, too.
    Rows {
        columns: Vec<Value>,
        rows: Vec<Vec<Value>>,
    },
    /// So many rows were changed.
    Changed(u64),
    /// It was not done, and why: an SQLSTATE.
    Refused(&'static str),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { rows, .. } => write!(f, "{} rows", rows.len()),
            Self::Changed(count) => write!(f, "{count} changed"),
            Self::Refused(code) => f.write_str(code),
        }
    }
}

/// Greets who has connected, without a password.
pub(crate) async fn greet(stream: &mut DuplexStream) -> io::Result<()> {
    let length = stream.read_u32().await?;
    let mut startup = vec![0; usize::try_from(length).unwrap() - 4];
    let _startup = stream.read_exact(&mut startup).await?;
    let mut out = Vec::new();
    message(&mut out, b'R', |body| body.extend(0_u32.to_be_bytes()));
    ready(&mut out);
    stream.write_all(&out).await
}

/// The next statement; none when the client has gone.
pub(crate) async fn asked(stream: &mut DuplexStream) -> io::Result<Option<Asked>> {
    let mut asked = Asked {
        sql: String::new(),
        parameters: Vec::new(),
    };
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        let _body = stream.read_exact(&mut body).await?;
        let mut reader = Reader(&body);
        match kind {
            b'P' => {
                assert_eq!(reader.text(), "", "a statement with a name");
                asked.sql = reader.text();
            }
            b'B' => {
                assert_eq!(
                    (reader.text(), reader.text()),
                    (String::new(), String::new())
                );
                for _ in 0..reader.short() {
                    assert_eq!(reader.short(), 1, "a parameter as text");
                }
                asked.parameters = (0..reader.short()).map(|_| reader.bytes()).collect();
            }
            b'D' | b'E' => {}
            b'S' => return Ok(Some(asked)),
            b'X' => return Ok(None),
            other => panic!("a message of the kind {:?}", char::from(other)),
        }
    }
}

/// The bytes of an answer.
pub(crate) fn encoded(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    if let Answer::Refused(code) = answer {
        message(&mut out, b'E', |body| {
            for (field, text) in [
                (b'S', "ERROR"),
                (b'C', code),
                (b'M', "as the history wants it"),
            ] {
                body.push(field);
                body.extend(text.bytes());
                body.push(0);
            }
            body.push(0);
        });
        ready(&mut out);
        return out;
    }
    message(&mut out, b'1', |_| ());
    message(&mut out, b'2', |_| ());
    message(&mut out, b't', |body| body.extend(0_u16.to_be_bytes()));
    let tag = match answer {
        Answer::Rows { columns, rows } => {
            message(&mut out, b'T', |body| {
                body.extend(u16::try_from(columns.len()).unwrap().to_be_bytes());
                for column in columns {
                    body.extend(b"column\0");
                    body.extend([0; 6]);
                    body.extend(column.kind().to_be_bytes());
                    body.extend((-1_i16).to_be_bytes());
                    body.extend((-1_i32).to_be_bytes());
                    body.extend(1_u16.to_be_bytes());
                }
            });
            for row in rows {
                message(&mut out, b'D', |body| {
                    body.extend(u16::try_from(row.len()).unwrap().to_be_bytes());
                    for value in row {
                        value.write(body);
                    }
                });
            }
            format!("SELECT {}\0", rows.len())
        }
        Answer::Changed(count) => {
            message(&mut out, b'n', |_| ());
            format!("UPDATE {count}\0")
        }
        Answer::Refused(_) => unreachable!("said above"),
    };
    message(&mut out, b'C', |body| body.extend(tag.bytes()));
    ready(&mut out);
    out
}

fn ready(out: &mut Vec<u8>) {
    message(out, b'Z', |body| body.push(b'I'));
}

fn message(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.push(kind);
    out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
}

impl Value {
    fn kind(&self) -> u32 {
        match self {
            Self::Number(_) => 20,
            Self::Bytes(_) => 17,
            Self::Text(_) => 25,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let bytes = match self {
            Self::Number(number) => number.map(|it| it.to_be_bytes().to_vec()),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Text(text) => text.clone().map(String::into_bytes),
        };
        match bytes {
            None => out.extend((-1_i32).to_be_bytes()),
            Some(bytes) => {
                out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
                out.extend(bytes);
            }
        }
    }
}

/// Reads what a message holds.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().expect("a whole message");
        self.0 = rest;
        *taken
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|it| *it == 0).expect("an end");
        let text = String::from_utf8(self.0[..end].to_vec()).unwrap();
        self.0 = &self.0[end + 1..];
        text
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    pub(crate) fn word(&mut self) -> i32 {
        i32::from_be_bytes(self.take())
    }

    pub(crate) fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.word()).ok()?;
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(taken.to_vec())
    }
}
