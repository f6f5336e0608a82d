//! The broker's XML answers, byte for byte in the shape that it writes them.
//!
//! What always holds here: one line, the exchange namespace as the default one, except for nodes,
//! which carry the prefix `ns2`.

use std::fmt::Write as _;

use jiff::Timestamp;
use quick_xml::escape::escape;

use super::clock::instant;
use super::state::{Node, Request, Statuses};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
const EXCHANGE: &str = "http://aktin.org/ns/exchange";

/// Whether a list of requests says the media type of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As in the whole list.
    WithType,
    /// As in the filtered list.
    WithoutType,
}

/// `broker/status`.
pub(crate) fn broker_status(now: Timestamp) -> String {
    let version = super::VERSION;
    let timestamp = instant(now);
    format!(
        "{DECLARATION}<broker-status xmlns=\"{EXCHANGE}\"><timestamp>{timestamp}</timestamp>\
         <node-software><module id=\"broker-api\"><version>{version}</version></module>\
         <module id=\"broker-server\"><version>{version}</version></module></node-software>\
         </broker-status>"
    )
}

/// A list of requests.
pub(crate) fn request_list<'r>(
    requests: impl IntoIterator<Item = (u64, &'r Request)>,
    detail: Detail,
) -> String {
    let mut items = String::new();
    for (id, request) in requests {
        push(
            &mut items,
            format_args!("<request id=\"{id}\">{}</request>", fields(request, detail)),
        );
    }
    list("request-list", &items)
}

/// One request, as the answer to `OPTIONS`.
pub(crate) fn request(id: u64, request: &Request) -> String {
    let fields = fields(request, Detail::WithType);
    format!("{DECLARATION}<request xmlns=\"{EXCHANGE}\" id=\"{id}\">{fields}</request>")
}

fn fields(request: &Request, detail: Detail) -> String {
    let mut text = String::new();
    element(&mut text, "published", request.published.map(instant));
    element(&mut text, "closed", request.closed.map(instant));
    element(&mut text, "targeted", Some("false"));
    if detail == Detail::WithType {
        element(&mut text, "type", Some(&request.media_type));
    }
    text
}

/// The statuses of one request, by node.
pub(crate) fn status_list<'s>(rows: impl IntoIterator<Item = (u64, &'s Statuses)>) -> String {
    let mut items = String::new();
    for (node, statuses) in rows {
        items.push_str("<request-status-info>");
        element(&mut items, "node", Some(node.to_string()));
        for (status, time) in &statuses.times {
            element(&mut items, status.name(), Some(instant(*time)));
        }
        element(&mut items, "type", statuses.media_type.as_deref());
        items.push_str("</request-status-info>");
    }
    list("request-status-list", &items)
}

/// The results of one request, as node and media type.
pub(crate) fn result_list<'r>(rows: impl IntoIterator<Item = (u64, &'r str)>) -> String {
    let mut items = String::new();
    for (node, media_type) in rows {
        items.push_str("<result>");
        element(&mut items, "node", Some(node.to_string()));
        element(&mut items, "type", Some(media_type));
        items.push_str("</result>");
    }
    list("result-list", &items)
}

/// The nodes, without their modules.
pub(crate) fn node_list<'n>(nodes: impl IntoIterator<Item = (u64, &'n Node)>) -> String {
    let mut items = String::new();
    for (id, node) in nodes {
        let fields = node_fields(id, node);
        push(&mut items, format_args!("<ns2:node>{fields}</ns2:node>"));
    }
    if items.is_empty() {
        return format!("{DECLARATION}<ns2:node-list xmlns:ns2=\"{EXCHANGE}\"/>");
    }
    format!("{DECLARATION}<ns2:node-list xmlns:ns2=\"{EXCHANGE}\">{items}</ns2:node-list>")
}

/// One node, with its modules.
pub(crate) fn node(id: u64, node: &Node) -> String {
    let fields = node_fields(id, node);
    format!("{DECLARATION}<ns2:node xmlns:ns2=\"{EXCHANGE}\">{fields}<ns2:modules/></ns2:node>")
}

fn node_fields(id: u64, node: &Node) -> String {
    let name = escape(node.name);
    let contact = instant(node.last_contact);
    format!(
        "<ns2:id>{id}</ns2:id><ns2:clientDN>{name}</ns2:clientDN>\
         <ns2:last-contact>{contact}</ns2:last-contact><ns2:websocket>false</ns2:websocket>"
    )
}

fn list(name: &str, items: &str) -> String {
    if items.is_empty() {
        return format!("{DECLARATION}<{name} xmlns=\"{EXCHANGE}\"/>");
    }
    format!("{DECLARATION}<{name} xmlns=\"{EXCHANGE}\">{items}</{name}>")
}

fn element(text: &mut String, name: &str, value: Option<impl AsRef<str>>) {
    if let Some(value) = value {
        let value = escape(value.as_ref());
        push(text, format_args!("<{name}>{value}</{name}>"));
    }
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = text.write_fmt(part);
}
