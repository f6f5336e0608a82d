//! A status in the one form in which the broker prints it, read in one pass: most of a run over many
//! requests is reading these.
//!
//! What always holds here: what is read is what `request_status` would read of whatever form,
//! word for word (a test compares). Whatever differs from the form by a byte is none of it and is left to that:
//! attributes, white space, references, comments, prefixes, other names of the root, text that is not
//! ASCII, a node without a number or with two. Deliberately absent: saying what is wrong.

use courier_ledger::{NodeId, NodeStatus, Timestamp};

use super::request_list::number;

/// What a node said of a request.
pub(crate) const INFO: &str = "request-status-info";
/// Its number.
pub(crate) const NODE: &str = "node";
/// When it completed, if it has.
pub(crate) const COMPLETED: &str = "completed";

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const ROOT: &str = r#"<request-status-list xmlns="http://aktin.org/ns/exchange">"#;
const END_OF_ROOT: &str = "</request-status-list>";
/// With two or three times in it.
const TYPICAL_INFO_BYTES: usize = 200;

/// Reads a whole answer; none when it is not of this form.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<NodeStatus>> {
    // In one pass over all of it, so that none is needed where it is cut into its parts.
    let stands_for_itself = |byte: &u8| matches!(byte, b' '..=b'~') & (*byte != b'&');
    if !bytes
        .iter()
        .fold(true, |all, byte| all & stands_for_itself(byte))
    {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut rest = Rest(text.strip_prefix(DECLARATION)?.strip_prefix(ROOT)?);
    let mut nodes = Vec::with_capacity(rest.0.len() / TYPICAL_INFO_BYTES);
    while !rest.is_at_end_tag() {
        if rest.start()? != INFO {
            return None;
        }
        nodes.push(info(&mut rest)?);
    }
    (rest.0 == END_OF_ROOT).then_some(nodes)
}

fn info(rest: &mut Rest<'_>) -> Option<NodeStatus> {
    let (mut node, mut completed) = (None, None);
    while !rest.is_at_end_tag() {
        let name = rest.start()?;
        let text = rest.text()?;
        rest.end(name)?;
        let earlier = match name {
            NODE => node.replace(NodeId(number(text)?)).is_some(),
            COMPLETED => completed.replace(Timestamp::parse_rfc3339(text)?).is_some(),
            _ => false,
        };
        if earlier {
            return None;
        }
    }
    rest.end(INFO)?;
    Some(NodeStatus(node?, completed))
}

/// What has not been read yet.
struct Rest<'b>(&'b str);

impl<'b> Rest<'b> {
    fn is_at_end_tag(&self) -> bool {
        self.0.as_bytes().get(1) == Some(&b'/')
    }

    /// A start tag without attributes, of a name of small letters and hyphens.
    fn start(&mut self) -> Option<&'b str> {
        let rest = self.0.strip_prefix('<')?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        let length = rest.bytes().position(|byte| !is_name(byte))?;
        let (name, rest) = rest.split_at(length);
        self.0 = rest.strip_prefix('>')?;
        name.starts_with(|c: char| c.is_ascii_lowercase())
            .then_some(name)
    }

    /// Text, up to a tag.
    fn text(&mut self) -> Option<&'b str> {
        let length = self
            .0
            .bytes()
            .position(|byte| matches!(byte, b'<' | b'>'))?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(text)
    }

    fn end(&mut self, name: &str) -> Option<()> {
        let rest = self.0.strip_prefix("</")?.strip_prefix(name)?;
        self.0 = rest.strip_prefix('>')?;
        Some(())
    }
}
