//! Answers before they become HTTP, error pages included.
//!
//! What always holds here: an answer's length is known before its first byte is sent.

use std::sync::Arc;

use bytes::Bytes;
use quick_xml::escape::escape;

use super::synthetic::Archive;

const SERVLET: &str = "org.glassfish.jersey.servlet.ServletContainer-33aa93c";
const JETTY: &str = "9.4.55.v20240627";

/// What an answer carries.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Bytes in memory.
    Whole(Bytes),
    /// An archive made while it is sent.
    Synthetic(Arc<Archive>),
}

impl Payload {
    /// The number of bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Synthetic(archive) => archive.size_bytes(),
        }
    }

    /// Some bytes from that offset on; none from the end on.
    pub(crate) fn chunk(&self, offset: u64) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.slice(bytes.len().min(offset as usize)..),
            Self::Synthetic(archive) => archive.chunk(offset),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) payload: Payload,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Whole(Bytes::new()),
        }
    }

    /// An answer with a body of that media type.
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            payload: Payload::Whole(body.into()),
            ..Self::empty(status)
        }
        .with("content-type", media_type)
    }

    /// A document, with 200.
    pub(crate) fn xml(document: String) -> Self {
        Self::new(200, "application/xml", document)
    }

    /// The same answer with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Jetty's page for an error. The path has no query.
    pub(crate) fn error_page(status: u16, path: &str) -> Self {
        let reason = reason(status);
        let path = escape(path);
        let page = format!(
            "<html>\n<head>\n\
             <meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n\
             <title>Error {status} {reason}</title>\n</head>\n\
             <body><h2>HTTP ERROR {status} {reason}</h2>\n<table>\n\
             <tr><th>URI:</th><td>{path}</td></tr>\n\
             <tr><th>STATUS:</th><td>{status}</td></tr>\n\
             <tr><th>MESSAGE:</th><td>{reason}</td></tr>\n\
             <tr><th>SERVLET:</th><td>{SERVLET}</td></tr>\n</table>\n\
             <hr/><a href=\"https://jetty.org/\">Powered by Jetty:// {JETTY}</a><hr/>\n\n\
             </body>\n</html>\n"
        );
        Self::new(status, "text/html;charset=iso-8859-1", page)
    }

    /// Jetty's text for an export that failed: the caller accepts text only.
    pub(crate) fn failed_text(path: &str) -> Self {
        let text = format!(
            "HTTP ERROR 500 Request failed.\nURI: {path}\nSTATUS: 500\nMESSAGE: Request failed.\n\
             SERVLET: {SERVLET}\n"
        );
        Self::new(500, "text/plain;charset=iso-8859-1", text)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Request failed.",
    }
}
