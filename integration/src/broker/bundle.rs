//! Bundles: what an export packs up of a request.
//!
//! What always holds here: `status.xml` comes first; entries of metadata carry the time of the
//! export, results the time at which they came; the archive's comment names the request.

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::archive::{Archive, Content, Entry};
use super::media_type::ending;
use super::state::Database;
use super::xml;

/// What Java's `URLEncoder` leaves as it is, besides letters and digits.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'*')
    .remove(b'_');

/// A request's bundle. None for a request that does not exist or has no definition.
pub(crate) fn build(database: &Database, id: u64, now: Timestamp) -> Option<Archive> {
    let request = database.request(id)?;
    let definitions: Vec<_> = database.definitions(id).collect();
    if definitions.is_empty() {
        return None;
    }
    let mut entries = Vec::new();
    let mut add = |name: String, time: Timestamp, content: Content| {
        entries.push(Entry {
            name,
            time,
            content,
        });
    };
    let whole = |text: String| Content::Whole(Bytes::from(text));
    let status = xml::status_list(database.statuses(id)).indented();
    add("status.xml".to_owned(), now, whole(status));
    for (node, statuses) in database.statuses(id) {
        if let Some((media_type, message)) = &statuses.message {
            let name = format!("{node}_info{}", ending(media_type));
            add(name, now, Content::Whole(message.clone()));
        }
    }
    let types = definitions.iter().map(|(media_type, _)| *media_type);
    let description = xml::request(id, request, types).indented();
    add("request.xml".to_owned(), now, whole(description));
    let is_single = definitions.len() == 1;
    for (number, (media_type, definition)) in definitions.iter().enumerate() {
        let number = if is_single {
            String::new()
        } else {
            format!("_{number}")
        };
        let name = format!("definition{number}{}", ending(media_type));
        add(name, now, Content::Whole(definition.bytes.clone()));
    }
    let mut types: Vec<_> = database
        .deliveries(id)
        .map(|(_, d)| &d.media_type)
        .collect();
    types.sort();
    types.dedup();
    for (node, delivery) in database.deliveries(id) {
        let media_type = delivery.media_type.as_str();
        let kind = if types.len() == 1 {
            "result".to_owned()
        } else {
            utf8_percent_encode(media_type, KEPT)
                .to_string()
                .replace("%20", "+")
        };
        let name = format!("{node}_{kind}{}", ending(media_type));
        add(name, delivery.received, delivery.content.clone());
    }
    Some(Archive::new(entries, &format!("Bundle for request {id}")))
}
