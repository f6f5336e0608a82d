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

/// Reads a whole answer; none when it is not of this form.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<NodeStatus>> {
    let mut rest = Rest(std::str::from_utf8(bytes).ok()?);
    rest.skip(DECLARATION)?;
    rest.skip(ROOT)?;
    let mut nodes = Vec::new();
    while rest.skip(END_OF_ROOT).is_none() {
        if rest.start()? != INFO {
            return None;
        }
        nodes.push(info(&mut rest)?);
    }
    rest.0.is_empty().then_some(nodes)
}

fn info(rest: &mut Rest<'_>) -> Option<NodeStatus> {
    let (mut node, mut completed) = (None, None);
    while rest.end(INFO).is_none() {
        let name = rest.start()?;
        let text = rest.text();
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
    Some(NodeStatus(node?, completed))
}

/// What has not been read yet.
struct Rest<'b>(&'b str);

impl<'b> Rest<'b> {
    fn skip(&mut self, prefix: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(())
    }

    /// Takes what consists of such bytes, which must be ASCII.
    fn take(&mut self, is_such: impl Fn(&u8) -> bool) -> &'b str {
        let length = self.0.bytes().position(|byte| !is_such(&byte));
        let (taken, rest) = self.0.split_at(length.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A start tag without attributes, of a name of small letters and hyphens.
    fn start(&mut self) -> Option<&'b str> {
        self.skip("<")?;
        let name = self.take(|byte| byte.is_ascii_lowercase() || *byte == b'-');
        self.skip(">")?;
        name.starts_with(|c: char| c.is_ascii_lowercase())
            .then_some(name)
    }

    /// Text that stands for itself.
    fn text(&mut self) -> &'b str {
        self.take(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&'))
    }

    fn end(&mut self, name: &str) -> Option<()> {
        let rest = self.0.strip_prefix("</")?.strip_prefix(name)?;
        self.0 = rest.strip_prefix('>')?;
        Some(())
    }
}
