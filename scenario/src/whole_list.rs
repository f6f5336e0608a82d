//! What the broker has besides what it lists under the tag.
//!
//! What always holds: what is listed is in the whole list, too. Deliberately absent: lists that
//! contradict each other; those are not taken in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use courier_ledger::RequestId;

use crate::words::{Unclear, Words, range};

/// The requests without the tag, with their time of publication; none while the whole list is not
/// read.
pub type Others = Option<BTreeMap<u64, Option<i64>>>;

/// `others 5@30 6 7-9@5`: all of them, a draft without its time; `others none`; `others unread`.
pub(crate) fn read(words: &mut Words) -> Result<Others, Unclear> {
    if words.next_is("unread") {
        return Ok(None);
    }
    let mut others = BTreeMap::new();
    if words.next_is("none") {
        return Ok(Some(others));
    }
    while words.peek().is_some() {
        let word = words.word()?;
        let unclear = || Unclear::new(format!("{word:?} is no request, as in 5@30 or 6"));
        let (ids, time) = match word.split_once('@') {
            Some((ids, time)) => (ids, Some(time.parse().map_err(|_| unclear())?)),
            None => (word.as_str(), None),
        };
        others.extend(range(ids).ok_or_else(unclear)?.map(|id| (id, time)));
    }
    Ok(Some(others))
}

/// The line that says so.
pub(crate) fn line(others: &Others) -> String {
    let mut line = "others".to_owned();
    match others {
        None => line.push_str(" unread"),
        Some(others) if others.is_empty() => line.push_str(" none"),
        Some(others) => {
            for (id, published) in others {
                let _ = match published {
                    Some(time) => write!(line, " {id}@{time}"),
                    None => write!(line, " {}", RequestId(*id)),
                };
            }
        }
    }
    line
}
