//! The tag, and the XPath predicate that finds it. XPath 1.0 knows no escapes in its literals
//! (<https://www.w3.org/TR/1999/REC-xpath-19991116/#NT-Literal>), so a tag with both kinds of quotes
//! is put together with `concat`.
//!
//! What always holds here: no tag can end its literal, whatever it contains.

use std::fmt;
use std::str::FromStr;

/// Why a tag cannot be asked for; follows the key's name in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TagError {
    /// An empty tag would match every empty element.
    #[error("must not be empty")]
    Empty,
    /// XML attributes and elements cannot hold it, or would change it.
    #[error("must not contain control characters")]
    Control,
    /// The address of the call has to hold it.
    #[error("takes at most {} characters", Tag::MAX_CHARACTERS)]
    TooLong,
}

/// A tag that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// The longest tag: its address, quoted and encoded, is far below any server's limit.
    const MAX_CHARACTERS: usize = 200;

    /// Takes a tag that can be asked for.
    pub(crate) fn new(text: &str) -> Result<Self, TagError> {
        let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
        if text.is_empty() {
            Err(TagError::Empty)
        } else if text.chars().count() > Self::MAX_CHARACTERS {
            Err(TagError::TooLong)
        } else if !text.chars().all(allowed) {
            Err(TagError::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The tag as it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// True for a definition in which any `tag` element equals the tag.
    pub(crate) fn predicate(&self) -> String {
        format!("//tag={}", literal(&self.0))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        Self::new(text)
    }
}

fn literal(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    let parts: Vec<_> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(",\"'\","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::FileFailurePersistence;

    use super::*;

    fn predicate(tag: &str) -> String {
        Tag::new(tag).expect("a valid tag").predicate()
    }

    #[test]
    fn the_tag_is_quoted() {
        assert_eq!(predicate("rki"), "//tag='rki'");
        assert_eq!(predicate("o'brien"), "//tag=\"o'brien\"");
        assert_eq!(predicate("5\" disk"), "//tag='5\" disk'");
        assert_eq!(predicate("a'b\"c"), "//tag=concat('a',\"'\",'b\"c')");
        assert_eq!(predicate("' or '1'='1"), "//tag=\"' or '1'='1\"");
    }

    #[test]
    fn tags_that_cannot_be_asked_for_are_refused() {
        assert_eq!(Tag::new(""), Err(TagError::Empty));
        assert_eq!(Tag::new("a\nb"), Err(TagError::Control));
        assert_eq!(Tag::new("a\0"), Err(TagError::Control));
        assert_eq!(Tag::new(&"ö".repeat(201)), Err(TagError::TooLong));
        assert!(Tag::new(&"ö".repeat(200)).is_ok());
        assert_eq!(Tag::new("a\u{ffff}"), Err(TagError::Control));
    }

    /// What an XPath processor reads: literals, and `concat` of literals.
    fn evaluate(expression: &str) -> Option<String> {
        let inner = expression
            .strip_prefix("concat(")
            .and_then(|rest| rest.strip_suffix(')'));
        let mut rest = inner.unwrap_or(expression);
        let mut value = String::new();
        loop {
            let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (part, after) = rest[1..].split_once(quote)?;
            value.push_str(part);
            match (after, inner) {
                ("", _) => return Some(value),
                (_, Some(_)) => rest = after.strip_prefix(',')?,
                _ => return None,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                "proptest-regressions/broker-predicate.txt",
            ))),
            ..ProptestConfig::default()
        })]

        #[test]
        fn every_tag_is_read_back_from_its_literal(tag in "[a-z'\", ()]{1,12}") {
            let predicate = predicate(&tag);
            prop_assert_eq!(evaluate(&predicate["//tag=".len()..]), Some(tag));
        }
    }
}
