//! The predicate of the filtered list: the part of XPath 1.0 that compares elements with a text.
//!
//! What always holds here: `//NAME = VALUE` or the other way round, where a value is a literal in
//! either kind of quotes or a `concat` of two or more of them, with white space between the parts.
//! Everything else is malformed, which is more than the real broker says: it evaluates all of XPath.

use super::definition::Element;

/// A predicate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predicate {
    name: String,
    value: String,
}

impl Predicate {
    /// Reads the text of a predicate; none when it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let (name, value) = if rest.begins_with("//") {
            let name = rest.path()?;
            rest.take("=")?;
            (name, rest.value()?)
        } else {
            let value = rest.value()?;
            rest.take("=")?;
            (rest.path()?, value)
        };
        rest.is_empty().then_some(Self { name, value })
    }

    /// Whether any such element equals the value: a comparison of XPath's node sets (section 3.4).
    pub(crate) fn holds(&self, elements: &[Element]) -> bool {
        let mut found = elements.iter().filter(|element| element.name == self.name);
        found.any(|element| element.text == self.value)
    }
}

/// What has not been read yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn begins_with(&mut self, part: &str) -> bool {
        self.0 = self.0.trim_start_matches(is_space);
        self.0.starts_with(part)
    }

    fn is_empty(&self) -> bool {
        self.0.trim_start_matches(is_space).is_empty()
    }

    fn take(&mut self, part: &str) -> Option<()> {
        self.0 = self.0.trim_start_matches(is_space).strip_prefix(part)?;
        Some(())
    }

    fn path(&mut self) -> Option<String> {
        self.take("//")?;
        let text: &'t str = self.0.trim_start_matches(is_space);
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let (name, rest) = text.split_at(text.find(|c| !is_name(c)).unwrap_or(text.len()));
        self.0 = rest;
        let first = name.chars().next()?;
        (first.is_alphabetic() || first == '_').then(|| name.to_owned())
    }

    fn value(&mut self) -> Option<String> {
        match self.take("concat") {
            Some(()) => self.concat(),
            None => self.literal(),
        }
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
        let predicate = Predicate::parse(text)?;
        assert_eq!(predicate.name, "tag");
        Some(predicate.value)
    }

    #[test]
    fn a_value_is_a_literal_or_a_concat() {
        assert_eq!(value("//tag='rki'").as_deref(), Some("rki"));
        assert_eq!(value("//tag=\"o'brien\"").as_deref(), Some("o'brien"));
        assert_eq!(value(" // tag = '' ").as_deref(), Some(""));
        assert_eq!(value("'rki' = //tag").as_deref(), Some("rki"));
        let text = "//tag=concat('a\"', \"'\" ,'b')";
        assert_eq!(value(text).as_deref(), Some("a\"'b"));
    }

    #[test]
    fn everything_else_is_malformed() {
        for text in [
            "",
            "//",
            "//tag='",
            "//tag=",
            "//tag",
            "//tag=rki",
            "//tag='a'b'",
            "//tag=='a'",
            "//tag='a' junk",
            "//tag=concat('a')",
            "//tag=concat('a','b'",
            "//tag=concat('a','b',)",
            "//tag=concat('a' 'b')",
            "//x:tag='a'",
            "//1='a'",
            "'a'='b'",
            "tag='a'",
        ] {
            assert_eq!(Predicate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn any_equal_element_is_enough_and_only_an_equal_one() {
        let predicate = Predicate::parse("//tag='rki'").unwrap();
        let elements = |list: &[(&str, &str)]| {
            let elements = list.iter().map(|(name, text)| Element {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            });
            elements.collect::<Vec<_>>()
        };
        assert!(predicate.holds(&elements(&[("tag", "default"), ("tag", "rki")])));
        let others = [
            ("tag", "RKI"),
            ("tag", "rki "),
            ("x:tag", "rki"),
            ("title", "rki"),
        ];
        assert!(!predicate.holds(&elements(&others)));
        assert!(!predicate.holds(&[]));
    }
}
