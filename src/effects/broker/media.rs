//! Media types (RFC 9110, section 8.3), as far as an answer is judged by them.
//!
//! Deliberately absent: quoted parameters other than the charset, and wildcards.

/// The media type of the definitions that tags are looked for in.
pub(crate) const DEFINITION_TYPE: &str = "application/vnd.aktin.query.request+xml";

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// XML of any kind.
    Xml,
    /// A request's definition, and no other XML: a proxy's page must not read as one.
    Definition,
    /// Plain text.
    Text,
    /// A zip archive.
    Zip,
}

impl Media {
    /// The value of the `Accept` header.
    pub(crate) fn accept(self) -> &'static str {
        match self {
            Self::Xml => "application/xml",
            Self::Definition => DEFINITION_TYPE,
            Self::Text => "text/plain",
            Self::Zip => "application/zip",
        }
    }

    pub(crate) fn covers(self, essence: &str) -> bool {
        match self {
            Self::Xml => {
                matches!(essence, "application/xml" | "text/xml")
                    || (essence.ends_with("+xml") && essence != "application/xhtml+xml")
            }
            Self::Definition | Self::Text | Self::Zip => essence == self.accept(),
        }
    }
}

/// A `Content-Type`, taken apart: lower case, without white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// Type and subtype.
    pub(crate) essence: String,
    /// The charset, if one is named.
    pub(crate) charset: Option<String>,
}

impl ContentType {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("charset").then_some(value)
        });
        Self { essence, charset }
    }

    pub(crate) fn is_html(&self) -> bool {
        matches!(self.essence.as_str(), "text/html" | "application/xhtml+xml")
    }

    /// UTF-8, or a part of it.
    pub(crate) fn is_utf8(&self) -> bool {
        matches!(
            self.charset.as_deref(),
            None | Some("utf-8" | "utf8" | "us-ascii")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_case_and_white_space_do_not_matter() {
        let parsed = ContentType::parse("Application/XML ; x=y; CharSet=\"UTF-8\"");
        assert_eq!(parsed.essence, "application/xml");
        assert_eq!(parsed.charset.as_deref(), Some("utf-8"));
        assert!(Media::Xml.covers(&parsed.essence) && parsed.is_utf8());
    }

    #[test]
    fn xml_is_told_from_other_types() {
        for yes in [
            "application/xml",
            "text/xml",
            "application/vnd.aktin.query.request+xml",
        ] {
            assert!(Media::Xml.covers(yes), "{yes}");
        }
        for no in [
            "text/html",
            "application/xhtml+xml",
            "text/plain",
            "xml",
            "",
            "application/json",
        ] {
            assert!(!Media::Xml.covers(no), "{no}");
        }
        assert!(!Media::Definition.covers("application/xml"));
        assert!(!ContentType::parse("text/xml;charset=iso-8859-1").is_utf8());
    }
}
