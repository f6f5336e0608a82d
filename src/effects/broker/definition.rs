//! A request's definition, as far as a tag is looked for in it.
//!
//! The broker evaluates `//tag='…'` on a document that it parsed without namespaces (`BrokerImpl`,
//! `searchAllRequests`): an element counts when its whole name is `tag`, whatever its default
//! namespace, and `x:tag` does not count. Here any element with the local name `tag` counts: that
//! can only turn *untagged* into *unconfirmed*. The text of an element is all text inside it, as in
//! XPath, and is compared exactly.
//!
//! Deliberately absent: judging the definition in any other way; its root may be anything.

use super::document::{Document, DocumentError, Part};
use super::predicate::Tag;

/// Whether a complete definition has the tag.
pub(crate) fn has_tag(bytes: &[u8], tag: &Tag) -> Result<bool, DocumentError> {
    let mut document = Document::new(bytes)?;
    // For each open element: what of the tag is still to come, none where the text cannot equal it.
    let mut open: Vec<Option<&str>> = Vec::new();
    let mut found = false;
    while let Some(part) = document.next()? {
        match part {
            Part::Start(element) => {
                open.push((element.local_name() == "tag").then_some(tag.as_str()));
            }
            Part::Text(text) => {
                for rest in &mut open {
                    *rest = rest.and_then(|rest| rest.strip_prefix(text.as_str()));
                }
            }
            Part::End => found |= open.pop() == Some(Some("")),
        }
    }
    Ok(found)
}
