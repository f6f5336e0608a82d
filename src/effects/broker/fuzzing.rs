//! The door for fuzzing: the broker's documents as bytes.

use courier_ledger::{NodeStatus, RequestId, Timestamp};

use super::{definition, predicate, request_list as list, request_status as status};

/// Reads a list of requests.
pub fn request_list(bytes: &[u8]) -> Result<Vec<(RequestId, Option<Timestamp>)>, String> {
    let list = list::parse(bytes).map_err(|error| error.to_string())?;
    Ok(list.into_iter().collect())
}

/// Reads one request's status.
pub fn request_status(bytes: &[u8]) -> Result<Vec<NodeStatus>, String> {
    status::parse(bytes).map_err(|error| error.to_string())
}

/// Looks for a tag in a request's definition.
pub fn definition(bytes: &[u8], tag: &str) -> Result<bool, String> {
    let tag = predicate::Tag::new(tag).map_err(|error| error.to_string())?;
    definition::has_tag(bytes, &tag).map_err(|error| error.to_string())
}
