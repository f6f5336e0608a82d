//! The broker's XML answers, byte for byte in the shape that it writes them.
//!
//! What always holds here: the exchange namespace is the default one, except for nodes, which carry
//! the prefix `ns2`. An answer is one line; a bundle's entry is indented.

use std::fmt::Write as _;

use jiff::Timestamp;
use quick_xml::escape::partial_escape;

use super::clock::instant;
use super::state::{Node, Request, Statuses};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
const EXCHANGE: &str = " xmlns=\"http://aktin.org/ns/exchange\"";
const EXCHANGE_AS_NS2: &str = " xmlns:ns2=\"http://aktin.org/ns/exchange\"";

/// An element with its content.
#[derive(Clone, Debug)]
pub(crate) struct Xml {
    name: &'static str,
    /// As written, each with a space before it.
    attributes: String,
    children: Vec<Self>,
    text: String,
}

impl Xml {
    fn new(name: &'static str, attributes: impl Into<String>) -> Self {
        Self {
            name,
            attributes: attributes.into(),
            children: Vec::new(),
            text: String::new(),
        }
    }

    fn with(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    fn leaf(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        self.children.push(Self {
            text,
            ..Self::new(name, "")
        });
        self
    }

    fn time(self, name: &'static str, time: Option<Timestamp>) -> Self {
        match time {
            Some(time) => self.leaf(name, instant(time)),
            None => self,
        }
    }

    /// The document in one line, as in an answer.
    pub(crate) fn in_one_line(&self) -> String {
        let mut text = DECLARATION.to_owned();
        self.write(&mut text, None);
        text
    }

    /// The document indented, as in a bundle.
    pub(crate) fn indented(&self) -> String {
        let mut text = format!("{DECLARATION}\n");
        self.write(&mut text, Some(0));
        text
    }

    fn write(&self, out: &mut String, depth: Option<usize>) {
        let Self {
            name, attributes, ..
        } = self;
        let indent = |out: &mut String, depth: Option<usize>| {
            out.extend(std::iter::repeat_n("    ", depth.unwrap_or_default()));
        };
        indent(out, depth);
        // Writing to a string cannot fail.
        let _infallible = if self.children.is_empty() && self.text.is_empty() {
            write!(out, "<{name}{attributes}/>")
        } else {
            let _infallible = write!(out, "<{name}{attributes}>");
            out.push_str(&partial_escape(&self.text));
            if !self.children.is_empty() {
                out.push_str(if depth.is_some() { "\n" } else { "" });
                for child in &self.children {
                    child.write(out, depth.map(|depth| depth + 1));
                }
                indent(out, depth);
            }
            write!(out, "</{name}>")
        };
        out.push_str(if depth.is_some() { "\n" } else { "" });
    }
}

/// `broker/status`.
pub(crate) fn broker_status(now: Timestamp) -> Xml {
    let module =
        |id: &str| Xml::new("module", format!(" id=\"{id}\"")).leaf("version", super::VERSION);
    let modules = [module("broker-api"), module("broker-server")];
    Xml::new("broker-status", EXCHANGE)
        .leaf("timestamp", instant(now))
        .with([Xml::new("node-software", "").with(modules)])
}

/// A list of requests, each with the media types of its definitions, as far as the list says them.
pub(crate) fn request_list(requests: impl IntoIterator<Item = Xml>) -> Xml {
    Xml::new("request-list", EXCHANGE).with(requests)
}

/// A request in a list.
pub(crate) fn listed<'t>(
    id: u64,
    request: &Request,
    types: impl IntoIterator<Item = &'t str>,
) -> Xml {
    fields(Xml::new("request", format!(" id=\"{id}\"")), request, types)
}

/// A request as a document of its own.
pub(crate) fn request<'t>(
    id: u64,
    request: &Request,
    types: impl IntoIterator<Item = &'t str>,
) -> Xml {
    let attributes = format!("{EXCHANGE} id=\"{id}\"");
    fields(Xml::new("request", attributes), request, types)
}

fn fields<'t>(xml: Xml, request: &Request, types: impl IntoIterator<Item = &'t str>) -> Xml {
    let xml = xml
        .time("published", request.published)
        .time("closed", request.closed)
        .leaf("targeted", "false");
    types
        .into_iter()
        .fold(xml, |xml, name| xml.leaf("type", name))
}

/// A node's own statuses of a request in its list; without any, the request alone.
pub(crate) fn with_own_status(xml: Xml, statuses: Option<&Statuses>) -> Xml {
    match statuses.filter(|statuses| !statuses.times.is_empty()) {
        // The broker leaves the node's id at 0 here, whoever asks.
        Some(statuses) => xml.with([times(Xml::new("node-status", ""), 0, statuses)]),
        None => xml,
    }
}

/// The statuses of one request, by node.
pub(crate) fn status_list<'s>(rows: impl IntoIterator<Item = (u64, &'s Statuses)>) -> Xml {
    let rows = rows.into_iter().map(|(node, statuses)| {
        let xml = times(Xml::new("request-status-info", ""), node, statuses);
        match &statuses.message {
            Some((media_type, _)) => xml.leaf("type", media_type.as_str()),
            None => xml,
        }
    });
    Xml::new("request-status-list", EXCHANGE).with(rows)
}

fn times(xml: Xml, node: u64, statuses: &Statuses) -> Xml {
    let xml = xml.leaf("node", node.to_string());
    let times = statuses.times.iter();
    times.fold(xml, |xml, (status, time)| {
        xml.time(status.name(), Some(*time))
    })
}

/// The results of one request, as node and media type.
pub(crate) fn result_list<'r>(rows: impl IntoIterator<Item = (u64, &'r str)>) -> Xml {
    let rows = rows.into_iter().map(|(node, media_type)| {
        let xml = Xml::new("result", "").leaf("node", node.to_string());
        xml.leaf("type", media_type)
    });
    Xml::new("result-list", EXCHANGE).with(rows)
}

/// The nodes, without their modules.
pub(crate) fn node_list<'n>(nodes: impl IntoIterator<Item = (u64, &'n Node)>) -> Xml {
    let nodes = nodes.into_iter();
    let nodes = nodes.map(|(id, node)| node_fields(Xml::new("ns2:node", ""), id, node));
    Xml::new("ns2:node-list", EXCHANGE_AS_NS2).with(nodes)
}

/// One node, with its modules.
pub(crate) fn node(id: u64, node: &Node) -> Xml {
    let xml = node_fields(Xml::new("ns2:node", EXCHANGE_AS_NS2), id, node);
    xml.with([Xml::new("ns2:modules", "")])
}

fn node_fields(xml: Xml, id: u64, node: &Node) -> Xml {
    xml.leaf("ns2:id", id.to_string())
        .leaf("ns2:clientDN", node.name.as_str())
        .time("ns2:last-contact", Some(node.last_contact))
        .leaf("ns2:websocket", "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_document_is_one_line_or_indented() {
        let xml = Xml::new("a", " b=\"c\"")
            .leaf("d", "<'\">&")
            .with([Xml::new("e", "").leaf("f", "g"), Xml::new("h", "")]);
        let line = "<a b=\"c\"><d>&lt;'\"&gt;&amp;</d><e><f>g</f></e><h/></a>";
        assert_eq!(xml.in_one_line(), format!("{DECLARATION}{line}"));
        let lines = "<a b=\"c\">\n    <d>&lt;'\"&gt;&amp;</d>\n    <e>\n        <f>g</f>\n    \
                     </e>\n    <h/>\n</a>\n";
        assert_eq!(xml.indented(), format!("{DECLARATION}\n{lines}"));
    }
}
