//! The broker's list of requests, filtered by tag or whole: `<request-list>` of
//! `<request id="N"><published>…</published>…</request>`.
//!
//! What always holds here: an empty list comes from a document that is an empty list, and from
//! nothing else. One request that cannot be read makes the whole list unusable, because a list with
//! a gap reads as a disappearance.

use std::collections::BTreeMap;

use courier_ledger::{RequestId, Timestamp};

use super::document::{Document, DocumentError};

/// The listed requests with their time of publication, none for a draft.
pub(crate) type RequestList = BTreeMap<RequestId, Option<Timestamp>>;

const REQUEST: &str = "request";
const PUBLISHED: &str = "published";

/// Reads a whole answer.
pub(crate) fn parse(bytes: &[u8]) -> Result<RequestList, DocumentError> {
    let mut document = Document::new(bytes)?;
    let mut list = RequestList::new();
    let mut has_others = false;
    document.root("request-list")?;
    while let Some(element) = document.child()? {
        if !element.is(REQUEST)? {
            has_others = true;
            document.skip()?;
            continue;
        }
        let id = element.attribute("id").ok_or(DocumentError::Missing {
            parent: REQUEST,
            child: "id",
        })?;
        let id = RequestId(number(&id).ok_or(DocumentError::NotNumber {
            parent: REQUEST,
            child: "id",
        })?);
        let published = time_among_children(&mut document)?;
        if list.insert(id, published).is_some() {
            return Err(DocumentError::ListedTwice(id));
        }
    }
    document.end()?;
    if list.is_empty() && has_others {
        return Err(DocumentError::NotOne(REQUEST));
    }
    Ok(list)
}

fn time_among_children(document: &mut Document<'_>) -> Result<Option<Timestamp>, DocumentError> {
    let mut published = None;
    while let Some(element) = document.child()? {
        if element.is(PUBLISHED)? {
            time(document, &mut published, REQUEST, PUBLISHED)?;
        } else {
            document.skip()?;
        }
    }
    Ok(published)
}

/// Reads an element that holds a time and may be there once. An empty one is an error: the broker
/// leaves out what it has no time for.
pub(crate) fn time(
    document: &mut Document<'_>,
    place: &mut Option<Timestamp>,
    parent: &'static str,
    child: &'static str,
) -> Result<(), DocumentError> {
    let text = document.text(child)?;
    let time = Timestamp::parse_rfc3339(&text).ok_or(DocumentError::NotTime { parent, child })?;
    match place.replace(time) {
        None => Ok(()),
        Some(_) => Err(DocumentError::Twice { parent, child }),
    }
}

/// Reads a number as the broker prints it: digits only, no leading zero.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_printed = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
    is_printed.then_some(text)?.parse().ok()
}
