//! Problems: what the broker, or the server it stands in, answers to a call that fails.
//!
//! What always holds here: only `GET`, `HEAD` and `POST` get a page; its form is the one that the
//! caller accepts most, of HTML, plain text and JSON; a caller that accepts none of them gets no body.

use bytes::Bytes;
use quick_xml::escape::escape;

use super::media_type::ranges;
use super::reply::Reply;

const SERVLET: &str = "org.glassfish.jersey.servlet.ServletContainer-33aa93c";
const JETTY: &str = "9.4.55.v20240627";
const NO_CACHE: &str = "must-revalidate,no-cache,no-store";

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: u16,
    message: &'static str,
    /// The methods that the resource knows, where the problem is that this is none of them.
    allow: Option<&'static str>,
    closes: bool,
}

impl Problem {
    /// 400.
    pub(crate) const BAD_REQUEST: Self = Self::new(400, "Bad Request");
    /// 401, for no key, an unknown one and that of a hospital alike.
    pub(crate) const UNAUTHORIZED: Self = Self::new(401, "Unauthorized");
    /// 404.
    pub(crate) const NOT_FOUND: Self = Self::new(404, "Not Found");
    /// 406.
    pub(crate) const NOT_ACCEPTABLE: Self = Self::new(406, "Not Acceptable");
    /// 500 of a failure that the broker noticed.
    pub(crate) const NOTICED: Self = Self::new(500, "Internal Server Error");
    /// 500 of a failure that the broker did not notice: the server ends the connection.
    pub(crate) const UNNOTICED: Self = Self {
        closes: true,
        ..Self::new(500, "Request failed.")
    };

    const fn new(status: u16, message: &'static str) -> Self {
        Self {
            status,
            message,
            allow: None,
            closes: false,
        }
    }

    /// 405, with the methods that the resource knows.
    pub(crate) const fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(405, "Method Not Allowed")
        }
    }

    /// The answer to a call with that method, path (without its query) and `Accept` header.
    pub(crate) fn reply(self, method: &str, path: &str, accept: Option<&str>) -> Reply {
        let mut reply = if matches!(method, "GET" | "HEAD" | "POST") {
            let forms = ranges(accept).into_iter();
            let page = forms.into_iter().find_map(|range| self.page(range, path));
            let page = page.unwrap_or_else(|| Reply::empty(self.status));
            page.with("cache-control", NO_CACHE)
        } else {
            Reply::empty(self.status)
        };
        if let Some(allow) = self.allow {
            reply = reply.with("allow", allow);
        }
        if self.closes {
            reply = reply.with("connection", "close");
        }
        reply
    }

    fn page(self, range: &str, path: &str) -> Option<Reply> {
        let (media_type, page) = match range {
            "*/*" | "text/*" | "text/html" => ("text/html;charset=iso-8859-1", self.html(path)),
            "text/plain" => ("text/plain;charset=iso-8859-1", self.text(path)),
            "application/json" | "text/json" => (range, self.json(path)),
            _ => return None,
        };
        Some(Reply::new(self.status, media_type, Bytes::from(page)))
    }

    fn html(self, path: &str) -> String {
        let Self {
            status, message, ..
        } = self;
        let path = escape(path);
        format!(
            "<html>\n<head>\n\
             <meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n\
             <title>Error {status} {message}</title>\n</head>\n\
             <body><h2>HTTP ERROR {status} {message}</h2>\n<table>\n\
             <tr><th>URI:</th><td>{path}</td></tr>\n\
             <tr><th>STATUS:</th><td>{status}</td></tr>\n\
             <tr><th>MESSAGE:</th><td>{message}</td></tr>\n\
             <tr><th>SERVLET:</th><td>{SERVLET}</td></tr>\n</table>\n\
             <hr/><a href=\"https://jetty.org/\">Powered by Jetty:// {JETTY}</a><hr/>\n\n\
             </body>\n</html>\n"
        )
    }

    fn text(self, path: &str) -> String {
        let Self {
            status, message, ..
        } = self;
        format!(
            "HTTP ERROR {status} {message}\nURI: {path}\nSTATUS: {status}\nMESSAGE: {message}\n\
             SERVLET: {SERVLET}\n"
        )
    }

    fn json(self, path: &str) -> String {
        let Self {
            status, message, ..
        } = self;
        format!(
            "{{\n\"servlet\":\"{SERVLET}\",\n\"message\":\"{message}\",\n\"url\":\"{path}\",\n\
             \"status\":\"{status}\"\n}}"
        )
    }
}
