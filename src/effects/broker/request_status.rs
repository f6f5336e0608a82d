//! One request's status: `<request-status-list>` of `<request-status-info>`, one for each node that
//! has touched the request.
//!
//! What always holds here: an entry without a node, or with a time that cannot be read, makes the
//! whole status unreadable. A node that is listed twice is left to
//! [`Poll::read`](courier_ledger::Poll::read). Deliberately absent: every state but *completed*.

use courier_ledger::{NodeId, NodeStatus, Timestamp};

use super::document::{Document, DocumentError};
use super::plain_status::{self, COMPLETED, INFO, NODE};
use super::request_list::{number, time};

/// Reads a whole answer.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<NodeStatus>, DocumentError> {
    match plain_status::read(bytes) {
        Some(nodes) => Ok(nodes),
        None => parse_any(bytes),
    }
}

/// The same, of whatever form.
pub(crate) fn parse_any(bytes: &[u8]) -> Result<Vec<NodeStatus>, DocumentError> {
    let mut document = Document::new(bytes)?;
    let mut nodes = Vec::new();
    let mut has_others = false;
    document.root("request-status-list")?;
    while let Some(element) = document.child()? {
        if element.is(INFO)? {
            nodes.push(info(&mut document)?);
        } else {
            has_others = true;
            document.skip()?;
        }
    }
    document.end()?;
    if nodes.is_empty() && has_others {
        return Err(DocumentError::NotOne(INFO));
    }
    Ok(nodes)
}

fn info(document: &mut Document<'_>) -> Result<NodeStatus, DocumentError> {
    let mut node: Option<NodeId> = None;
    let mut completed: Option<Timestamp> = None;
    while let Some(element) = document.child()? {
        if element.is(NODE)? {
            let id = number(&document.text(NODE)?).ok_or(DocumentError::NotNumber {
                parent: INFO,
                child: NODE,
            })?;
            if node.replace(NodeId(id)).is_some() {
                return Err(DocumentError::Twice {
                    parent: INFO,
                    child: NODE,
                });
            }
        } else if element.is(COMPLETED)? {
            time(document, &mut completed, INFO, COMPLETED)?;
        } else {
            document.skip()?;
        }
    }
    let node = node.ok_or(DocumentError::Missing {
        parent: INFO,
        child: NODE,
    })?;
    Ok(NodeStatus(node, completed))
}
