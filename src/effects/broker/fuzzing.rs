//! The door for fuzzing: the broker's documents as bytes.

use std::error::Error;

use courier_ledger::{NodeStatus, RequestId, Timestamp};

use super::{definition, predicate, request_list as list, request_status as status};

/// Reads a list of requests.
pub fn request_list(bytes: &[u8]) -> Result<Vec<(RequestId, Option<Timestamp>)>, impl Error> {
    list::parse(bytes).map(|list| list.into_iter().collect())
}

/// Reads one request's status; the short way and the long one must agree.
pub fn request_status(bytes: &[u8]) -> Result<Vec<NodeStatus>, impl Error> {
    let read = status::parse(bytes);
    assert_eq!(read, status::parse_any(bytes));
    read
}

/// Looks for a tag in a request's definition.
pub fn definition(bytes: &[u8], tag: &str) -> Result<bool, Box<dyn Error>> {
    let tag = predicate::Tag::new(tag)?;
    Ok(definition::has_tag(bytes, &tag)?)
}
