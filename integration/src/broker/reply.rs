//! Answers before they become HTTP.
//!
//! What always holds here: an answer's length is known before its first byte is sent.

use std::sync::Arc;

use bytes::Bytes;

use super::archive::{Archive, Content};
use super::xml::Xml;

/// What an answer carries.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Bytes, or a result.
    Content(Content),
    /// An archive made while it is sent.
    Archive(Arc<Archive>),
}

impl Payload {
    /// The number of bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::Content(content) => content.size_bytes(),
            Self::Archive(archive) => archive.size_bytes(),
        }
    }

    /// Some bytes from that offset on; none from the end on.
    pub(crate) fn chunk(&self, offset: u64) -> Bytes {
        match self {
            Self::Content(content) => content.chunk(offset),
            Self::Archive(archive) => archive.chunk(offset),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Content(Content::Whole(Bytes::new())),
        }
    }

    /// An answer with a body of that media type.
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        let body = Payload::Content(Content::Whole(body.into()));
        Self::carrying(status, media_type, body)
    }

    /// An answer that carries something of that media type.
    pub(crate) fn carrying(status: u16, media_type: &str, payload: Payload) -> Self {
        let reply = Self {
            payload,
            ..Self::empty(status)
        };
        reply.with("content-type", media_type)
    }

    /// A document, with 200.
    pub(crate) fn xml(document: &Xml) -> Self {
        Self::new(200, "application/xml", document.in_one_line())
    }

    /// The same answer with one more header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
