//! The predicate of the filtered list: the part of XPath 1.0 that compares tags.
//!
//! What always holds here: `//tag = VALUE`, where a value is a literal in either kind of quotes or a
//! `concat` of two or more of them, with white space between the parts. Everything else is malformed,
//! which is more than the real broker says: it evaluates all of XPath.

/// A predicate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predicate {
    value: String,
}

impl Predicate {
    /// Reads the text of a predicate; none when it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        for part in ["//", "tag", "="] {
            rest.take(part)?;
        }
        let value = match rest.take("concat") {
            Some(()) => rest.concat()?,
            None => rest.literal()?,
        };
        rest.0
            .trim_matches(is_space)
            .is_empty()
            .then_some(Self { value })
    }

    /// Whether any of the tags equals the value: a comparison of XPath's node sets (section 3.4).
    pub(crate) fn holds(&self, tags: &[String]) -> bool {
        tags.contains(&self.value)
    }
}

/// What has not been read yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn take(&mut self, part: &str) -> Option<()> {
        self.0 = self.0.trim_start_matches(is_space).strip_prefix(part)?;
        Some(())
    }

    fn literal(&mut self) -> Option<String> {
        let text: &'t str = self.0.trim_start_matches(is_space);
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (value, rest) = text.get(1..)?.split_once(quote)?;
        self.0 = rest;
        Some(value.to_owned())
    }

    fn concat(&mut self) -> Option<String> {
        self.take("(")?;
        let mut value = self.literal()?;
        self.take(",")?;
        value += &self.literal()?;
        while self.take(",").is_some() {
            value += &self.literal()?;
        }
        self.take(")")?;
        Some(value)
    }
}

/// White space as XML and XPath mean it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        Predicate::parse(text).map(|predicate| predicate.value)
    }

    #[test]
    fn a_value_is_a_literal_or_a_concat() {
        assert_eq!(value("//tag='rki'").as_deref(), Some("rki"));
        assert_eq!(value("//tag=\"o'brien\"").as_deref(), Some("o'brien"));
        assert_eq!(value(" //tag = '' ").as_deref(), Some(""));
        let text = "//tag=concat('a\"', \"'\" ,'b')";
        assert_eq!(value(text).as_deref(), Some("a\"'b"));
    }

    #[test]
    fn everything_else_is_malformed() {
        for text in [
            "",
            "//tag='",
            "//tag=",
            "//tag",
            "//tag=rki",
            "//tag='a'b'",
            "//tag=concat('a')",
            "//tag=concat('a','b'",
            "//tag=concat('a' 'b')",
            "//tags='a'",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn any_equal_tag_is_enough_and_only_an_equal_one() {
        let predicate = Predicate::parse("//tag='rki'").unwrap();
        let tags = |list: &[&str]| list.iter().map(|&t| t.to_owned()).collect::<Vec<_>>();
        assert!(predicate.holds(&tags(&["default", "rki"])));
        assert!(!predicate.holds(&tags(&["RKI", "rki "])));
        assert!(!predicate.holds(&[]));
    }
}
