//! Media types, as far as the broker looks at them.
//!
//! What always holds here: a range of an `Accept` header with the weight 0 accepts nothing; a header
//! that is absent accepts everything.

/// The type and subtype, without parameters. None unless both are there.
pub(crate) fn essence(text: &str) -> Option<&str> {
    let essence = text.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |part: &str| !part.is_empty() && !part.contains([' ', '/', ',']);
    (is_token(kind) && is_token(subtype)).then_some(essence)
}

/// The ranges of an `Accept` header, the most wanted first.
pub(crate) fn ranges(accept: Option<&str>) -> Vec<&str> {
    let mut ranges: Vec<(&str, f32)> = accept
        .unwrap_or("*/*")
        .split(',')
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            (name, weight.unwrap_or(1.0))
        })
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    ranges.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranges.into_iter().map(|(name, _)| name).collect()
}

/// Whether a range holds a media type, both without parameters.
pub(crate) fn holds(range: &str, essence: &str) -> bool {
    let kind = range.strip_suffix("/*");
    range == "*/*"
        || range == essence
        || kind.is_some_and(|kind| essence.split('/').next() == Some(kind))
}

/// The ending that the broker guesses for a bundle's entry, with its dot.
pub(crate) fn ending(media_type: &str) -> &'static str {
    let media_type = media_type.split(';').next().unwrap_or_default();
    if media_type.ends_with("xml") {
        ".xml"
    } else if media_type.ends_with("json") {
        ".json"
    } else if media_type.starts_with("text") {
        ".txt"
    } else if media_type == "application/zip" {
        ".zip"
    } else {
        ""
    }
}

/// A media type as the broker's websocket tells it: without blanks, a charset in capitals.
pub(crate) fn told(media_type: &str) -> String {
    let parts = media_type.split(';').map(|part| {
        let part = part.trim();
        match part.split_once('=') {
            Some(("charset", name)) => format!("charset={}", name.to_uppercase()),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_by_weight_and_without_the_refused() {
        let text = "text/plain;q=0.5, text/html;q=0, application/xml, */*;q=0.1";
        let expected = ["application/xml", "text/plain", "*/*"];
        assert_eq!(ranges(Some(text)), expected);
        assert_eq!(ranges(None), ["*/*"]);
    }

    #[test]
    fn a_range_holds_itself_its_kind_or_everything() {
        for range in ["*/*", "text/*", "text/csv"] {
            assert!(holds(range, "text/csv"), "{range}");
        }
        for range in ["application/*", "text/html", "tex/*", "*"] {
            assert!(!holds(range, "text/csv"), "{range}");
        }
    }

    #[test]
    fn an_essence_has_two_parts() {
        assert_eq!(essence("text/csv; charset=utf-8"), Some("text/csv"));
        for text in ["", "garbage", "a/", "/b", "a/b/c"] {
            assert_eq!(essence(text), None, "{text}");
        }
    }
}
