//! The `status.xml` of the replaced program, read once and strictly: what it says becomes the first
//! events, so that a migration uploads nothing again.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event as Xml;
use serde::{Deserialize, Serialize};

use crate::completion::Hundredths;
use crate::digest::Digest;
use crate::id::RequestId;
use crate::quoted::Quoted;
use crate::time::Timestamp;

/// One `request-status` of the imported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacyEntry {
    /// The request's number.
    pub id: RequestId,
    /// The completion at the last upload.
    pub completion: Hundredths,
    /// When it was uploaded first.
    pub uploaded: Timestamp,
    /// When it was uploaded last, if more than once.
    pub last_update: Option<Timestamp>,
    /// When it was deleted, if it was.
    pub deleted: Option<Timestamp>,
}

/// A whole `status.xml` of the replaced program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyStatus {
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Its entries, in its order.
    pub entries: Vec<LegacyEntry>,
}

/// Why a file is not a `status.xml` that can be taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not well-formed XML.
    #[error("byte {offset}: not well-formed XML: {what}")]
    Malformed {
        /// Where, in bytes.
        offset: u64,
        /// What the parser says.
        what: String,
    },
    /// It is XML of another shape.
    #[error("byte {offset}: {what}")]
    Unexpected {
        /// Where, in bytes.
        offset: u64,
        /// What was found, and what was expected.
        what: String,
    },
}

impl LegacyStatus {
    /// Reads the file's bytes. Attributes are ignored; unknown elements, values that the replaced
    /// program would not have written, and numbers that stand twice are errors.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImportError> {
        let text = std::str::from_utf8(bytes).map_err(|error| ImportError::Malformed {
            offset: error.valid_up_to() as u64,
            what: "not UTF-8".to_owned(),
        })?;
        let mut parser = Parser {
            reader: Reader::from_str(text),
        };
        let entries = parser.document()?;
        Ok(Self {
            sha256: Digest::of(&[bytes]),
            entries,
        })
    }
}

/// A token that matters for this format.
enum Token {
    Open(String),
    Close,
    Text(String),
    End,
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Vec<LegacyEntry>, ImportError> {
        match self.next_element()? {
            Token::Open(name) if name == "status" => {}
            Token::Open(name) => {
                return Err(self.unexpected(&format!("<{name}> instead of <status>")));
            }
            Token::Close | Token::Text(_) | Token::End => {
                return Err(self.unexpected("no <status> element"));
            }
        }
        let mut entries: Vec<LegacyEntry> = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            match self.next_element()? {
                Token::Open(name) if name == "request-status" => {
                    let entry = self.entry()?;
                    if !seen.insert(entry.id) {
                        return Err(self.unexpected(&format!("request {} stands twice", entry.id)));
                    }
                    entries.push(entry);
                }
                Token::Open(name) => {
                    return Err(self.unexpected(&format!("<{name}> instead of <request-status>")));
                }
                Token::Text(text) => {
                    return Err(self.unexpected(&format!("text {}", Quoted(&text))));
                }
                Token::End => return Err(self.unexpected("the file ends before </status>")),
                Token::Close => break,
            }
        }
        match self.next_element()? {
            Token::End => Ok(entries),
            Token::Open(_) | Token::Close | Token::Text(_) => {
                Err(self.unexpected("something follows </status>"))
            }
        }
    }

    fn entry(&mut self) -> Result<LegacyEntry, ImportError> {
        let (mut id, mut completion) = (None, None);
        let (mut uploaded, mut last_update, mut deleted) = (None, None, None);
        loop {
            let name = match self.next_element()? {
                Token::Open(name) => name,
                Token::Close => break,
                Token::Text(text) => {
                    return Err(self.unexpected(&format!("text {}", Quoted(&text))));
                }
                Token::End => return Err(self.unexpected("the file ends inside <request-status>")),
            };
            let text = self.text_of(&name)?;
            let new = match name.as_str() {
                "id" => set(&mut id, canonical_id(&text)),
                "completion" => set(&mut completion, Hundredths::parse(&text)),
                "uploaded" => set(&mut uploaded, Timestamp::parse_legacy(&text)),
                "last-update" => set(&mut last_update, Timestamp::parse_legacy(&text)),
                "deleted" => set(&mut deleted, Timestamp::parse_legacy(&text)),
                _ => return Err(self.unexpected(&format!("unknown element <{name}>"))),
            };
            if !new {
                return Err(self.unexpected(&format!("<{name}> with {}", Quoted(&text))));
            }
        }
        let missing = |what| self.unexpected(&format!("a <request-status> without <{what}>"));
        Ok(LegacyEntry {
            id: id.ok_or_else(|| missing("id"))?,
            completion: completion.ok_or_else(|| missing("completion"))?,
            uploaded: uploaded.ok_or_else(|| missing("uploaded"))?,
            last_update,
            deleted,
        })
    }

    fn text_of(&mut self, element: &str) -> Result<String, ImportError> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Token::Text(part) => text.push_str(&part),
                Token::Close => return Ok(text),
                Token::Open(inner) => {
                    return Err(self.unexpected(&format!("<{inner}> inside <{element}>")));
                }
                Token::End => return Err(self.unexpected(&format!("the file ends in <{element}>"))),
            }
        }
    }

    /// The next token that is not white space between elements.
    fn next_element(&mut self) -> Result<Token, ImportError> {
        loop {
            match self.next()? {
                Token::Text(text) if text.chars().all(char::is_whitespace) => {}
                token @ (Token::Open(_) | Token::Close | Token::Text(_) | Token::End) => {
                    return Ok(token);
                }
            }
        }
    }

    fn next(&mut self) -> Result<Token, ImportError> {
        self.reader.config_mut().expand_empty_elements = true;
        loop {
            let event = self.reader.read_event();
            let offset = self.reader.buffer_position();
            let malformed = |what: String| ImportError::Malformed { offset, what };
            return Ok(match event.map_err(|error| malformed(error.to_string()))? {
                Xml::Start(start) => Token::Open(AsRef::<str>::as_ref(&start.name()).to_owned()),
                Xml::End(_) => Token::Close,
                Xml::Text(text) => Token::Text(text.to_string()),
                Xml::Eof => Token::End,
                Xml::Decl(_) | Xml::Comment(_) => continue,
                Xml::CData(_)
                | Xml::PI(_)
                | Xml::DocType(_)
                | Xml::GeneralRef(_)
                | Xml::Empty(_) => {
                    return Err(self.unexpected("CDATA, entity, DOCTYPE or instruction"));
                }
            });
        }
    }

    fn unexpected(&self, what: &str) -> ImportError {
        ImportError::Unexpected {
            offset: self.reader.buffer_position(),
            what: what.to_owned(),
        }
    }
}

/// Sets a slot that is still empty to a value that could be read.
fn set<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let free = slot.is_none() && value.is_some();
    if free {
        *slot = value;
    }
    free
}

fn canonical_id(text: &str) -> Option<RequestId> {
    text.parse()
        .ok()
        .filter(|id: &RequestId| id.to_string() == text)
}
