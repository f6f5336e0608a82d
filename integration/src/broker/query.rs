//! Query strings, as forms encode them (the URL standard's `application/x-www-form-urlencoded`).
//!
//! What always holds here: the first value of a name counts; what is not UTF-8 has no value.

use percent_encoding::percent_decode_str;

/// The decoded value of a name.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(other, _)| *other == name);
    let (_, value) = values.next()?;
    let value = value.replace('+', " ");
    let decoded = percent_decode_str(&value).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
