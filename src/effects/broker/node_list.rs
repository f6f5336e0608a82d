//! The broker's list of nodes: `<node-list>` of `<node><id>N</id><clientDN>…</clientDN>…</node>`.
//!
//! What always holds here: names are for people to read; a list that cannot be read, or that names a node twice,
//! gives none, and holds nothing up.

use courier_ledger::{NodeId, NodeNames};

use super::document::{Document, DocumentError};
use super::request_list::number;

const NODE: &str = "node";
/// Far above any distinguished name: the ledger keeps it for ever.
const MOST_CHARS: usize = 256;

/// Reads a whole answer.
pub(crate) fn parse(bytes: &[u8]) -> Result<NodeNames, DocumentError> {
    let mut document = Document::new(bytes)?;
    let mut names = NodeNames::new();
    document.root("node-list")?;
    while let Some(element) = document.child()? {
        if !element.is(NODE)? {
            document.skip()?;
            continue;
        }
        let (mut id, mut name) = (None, None);
        while let Some(element) = document.child()? {
            if element.is("id")? {
                id = number(&document.text("id")?);
            } else if element.is("clientDN")? {
                let text = document.text("clientDN")?;
                name = Some(text.chars().take(MOST_CHARS).collect());
            } else {
                document.skip()?;
            }
        }
        let id = id.ok_or(DocumentError::Missing {
            parent: NODE,
            child: "id",
        })?;
        if let Some(name) = name {
            names.insert(NodeId(id), name);
        }
    }
    document.end()?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn nodes_are_named_under_whatever_prefix() {
        let list = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><ns2:node-list
            xmlns:ns2="http://aktin.org/ns/exchange"><ns2:node><ns2:id>0</ns2:id><ns2:clientDN>CN=Hospital
            One,O=One,L=A</ns2:clientDN><ns2:websocket>false</ns2:websocket></ns2:node><ns2:node><ns2:id>7</ns2:id>
            </ns2:node></ns2:node-list>"#;
        let names = parse(list.as_bytes()).unwrap();
        let named: Vec<_> = names.keys().collect();
        assert_eq!(named, [&NodeId(0)]);
        assert!(names[&NodeId(0)].starts_with("CN=Hospital"));
        let without_id = list.replace("<ns2:id>7</ns2:id>", "");
        assert!(parse(without_id.as_bytes()).is_err());
        assert!(parse(b"<html/>").is_err());
    }
}
