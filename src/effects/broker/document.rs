//! XML as the broker's answers are read: element by element, with everything checked that
//! quick-xml leaves to its user (<https://www.w3.org/TR/xml/>, <https://www.w3.org/TR/xml-names/>).
//!
//! What always holds here: one root, nothing but white space, comments and processing instructions
//! around it, depth limited, no DOCTYPE, no entity beyond the predefined five, every prefix bound,
//! UTF-8 only. Namespaces are compared, prefixes are not. Deliberately absent: building a tree, and
//! any word of the document in an error.

use courier_ledger::RequestId;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;

/// The namespace of the broker's answers.
pub(crate) const EXCHANGE: &str = "http://aktin.org/ns/exchange";

const MAX_DEPTH: usize = 64;

/// Why a document does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is not UTF-8 text (byte {0})")]
    NotUtf8(usize),
    #[error("the answer says that it is not UTF-8")]
    Encoding,
    #[error("the answer is not well-formed XML (near byte {0})")]
    Malformed(u64),
    #[error("the answer ends in the middle of the document")]
    Truncated,
    #[error("something follows the end of the document (near byte {0})")]
    Trailing(u64),
    #[error("the document has a DOCTYPE, which the broker never sends")]
    Doctype,
    #[error("the document is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("expected the root element {0}, and it is html")]
    Html(&'static str),
    #[error("expected the root element {0}, and it is another")]
    Root(&'static str),
    #[error("the element {0} is not in the namespace {EXCHANGE}")]
    Namespace(&'static str),
    #[error("there is text where only elements belong (near byte {0})")]
    StrayText(u64),
    #[error("there are elements, and none of them is a {0}")]
    NotOne(&'static str),
    #[error("the element {0} contains further elements")]
    NotText(&'static str),
    #[error("a {parent} has more than one {child}")]
    Twice {
        parent: &'static str,
        child: &'static str,
    },
    #[error("a {parent} has no {child}")]
    Missing {
        parent: &'static str,
        child: &'static str,
    },
    #[error("the {child} of a {parent} is not a number")]
    NotNumber {
        parent: &'static str,
        child: &'static str,
    },
    #[error("the {child} of a {parent} is not a time")]
    NotTime {
        parent: &'static str,
        child: &'static str,
    },
    #[error("request {0} is listed twice")]
    ListedTwice(RequestId),
}

/// An element's start.
pub(crate) struct Element<'i> {
    start: BytesStart<'i>,
    is_exchange: bool,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(crate) fn local_name(&self) -> &str {
        self.start.name().local_name().into_inner()
    }

    /// Whether this is the broker's element of that name. The name in another namespace is an
    /// error: read as unknown, it would turn a list into an empty one.
    pub(crate) fn is(&self, name: &'static str) -> Result<bool, DocumentError> {
        match (self.local_name() == name, self.is_exchange) {
            (false, _) => Ok(false),
            (true, true) => Ok(true),
            (true, false) => Err(DocumentError::Namespace(name)),
        }
    }

    /// The value of an attribute without a prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let attribute = self.start.try_get_attribute(name).ok().flatten()?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
        Some(value.into_owned())
    }
}

/// What comes next.
pub(crate) enum Part<'i> {
    Start(Element<'i>),
    End,
    Text(String),
}

/// A document being read.
pub(crate) struct Document<'i> {
    reader: NsReader<&'i [u8]>,
    depth: usize,
    started: bool,
    root_seen: bool,
}

impl<'i> Document<'i> {
    /// Begins with the bytes of a whole answer.
    pub(crate) fn new(bytes: &'i [u8]) -> Result<Self, DocumentError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::NotUtf8(error.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(DocumentError::Empty);
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
            return Err(DocumentError::Malformed(at as u64));
        }
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.enable_all_checks(true);
        config.expand_empty_elements = true;
        Ok(Self {
            reader,
            depth: 0,
            started: false,
            root_seen: false,
        })
    }

    /// The next start, end or text; none at the end of a complete document.
    pub(crate) fn next(&mut self) -> Result<Option<Part<'i>>, DocumentError> {
        loop {
            let at = self.reader.buffer_position();
            let malformed = DocumentError::Malformed(at);
            let is_first = !std::mem::replace(&mut self.started, true);
            let (resolved, event) = match self.reader.read_resolved_event() {
                Ok((resolved, event)) => (Resolved::from(resolved), event),
                // An error at the very end is an answer that was cut off.
                Err(quick_xml::Error::Syntax(_)) => return Err(DocumentError::Truncated),
                Err(_) => return Err(malformed),
            };
            let part = match event {
                Event::Start(start) => self.start(start, resolved, at)?,
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or(malformed)?;
                    Part::End
                }
                Event::Text(text) => {
                    let text = text.xml10_content();
                    match self.depth {
                        0 if text.chars().all(is_xml_space) => continue,
                        0 => return Err(self.outside(at)),
                        _ if text.contains("]]>") => return Err(malformed),
                        _ => Part::Text(text.into_owned()),
                    }
                }
                Event::CData(text) if self.depth > 0 => {
                    Part::Text(text.xml10_content().into_owned())
                }
                Event::GeneralRef(reference) if self.depth > 0 => {
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(c)) if is_xml_char(c) => c.to_string(),
                        Ok(None) => resolve_predefined_entity(&reference)
                            .ok_or(malformed)?
                            .to_owned(),
                        _ => return Err(malformed),
                    };
                    Part::Text(text)
                }
                Event::CData(_) | Event::GeneralRef(_) => return Err(self.outside(at)),
                Event::Comment(_) => continue,
                Event::PI(pi)
                    if is_name(pi.target()) && !pi.target().eq_ignore_ascii_case("xml") =>
                {
                    continue;
                }
                Event::PI(_) => return Err(malformed),
                Event::Decl(declaration) if is_first => {
                    check_declaration(&declaration, malformed)?;
                    continue;
                }
                Event::Decl(_) => return Err(malformed),
                Event::DocType(_) => return Err(DocumentError::Doctype),
                Event::Eof if self.depth == 0 && self.root_seen => return Ok(None),
                Event::Eof => return Err(DocumentError::Truncated),
                // Never given, as `expand_empty_elements` is set.
                Event::Empty(_) => return Err(malformed),
            };
            return Ok(Some(part));
        }
    }

    fn start(
        &mut self,
        start: BytesStart<'i>,
        resolved: Resolved,
        at: u64,
    ) -> Result<Part<'i>, DocumentError> {
        let malformed = DocumentError::Malformed(at);
        if self.depth == 0 && self.root_seen {
            return Err(DocumentError::Trailing(at));
        }
        self.root_seen = true;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DocumentError::TooDeep);
        }
        if resolved == Resolved::Unbound || !is_qualified_name(start.name()) {
            return Err(malformed);
        }
        for attribute in start.attributes() {
            let Ok(attribute) = attribute else {
                return Err(malformed);
            };
            let is_bound = attribute.key.prefix().is_none()
                || attribute.key.as_namespace_binding().is_some()
                || !matches!(
                    self.reader.resolver().resolve_attribute(attribute.key).0,
                    ResolveResult::Unknown(_)
                );
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let is_value = value.is_ok_and(|value| value.chars().all(is_xml_char));
            if !is_bound
                || !is_value
                || attribute.value.contains('<')
                || !is_qualified_name(attribute.key)
            {
                return Err(malformed);
            }
        }
        let is_exchange = resolved == Resolved::Exchange;
        Ok(Part::Start(Element { start, is_exchange }))
    }

    /// What stands outside the root: behind it, or in its place.
    fn outside(&self, at: u64) -> DocumentError {
        if self.root_seen {
            DocumentError::Trailing(at)
        } else {
            DocumentError::Malformed(at)
        }
    }

    /// Enters the root, which must be the broker's element of that name.
    pub(crate) fn root(&mut self, name: &'static str) -> Result<(), DocumentError> {
        match self.next()? {
            Some(Part::Start(element)) if element.is(name)? => Ok(()),
            Some(Part::Start(element)) if element.local_name().eq_ignore_ascii_case("html") => {
                Err(DocumentError::Html(name))
            }
            Some(Part::Start(_)) => Err(DocumentError::Root(name)),
            // Before the root there is neither text nor end, and no document ends without a root.
            _ => Err(DocumentError::Truncated),
        }
    }

    /// Enters the next child of the current element; none at its end. Text but white space is an
    /// error.
    pub(crate) fn child(&mut self) -> Result<Option<Element<'i>>, DocumentError> {
        loop {
            match self.next()? {
                Some(Part::Start(element)) => return Ok(Some(element)),
                Some(Part::Text(text)) if text.chars().all(is_xml_space) => (),
                Some(Part::Text(_)) => {
                    return Err(DocumentError::StrayText(self.reader.buffer_position()));
                }
                Some(Part::End) | None => return Ok(None),
            }
        }
    }

    /// Leaves the current element, whatever it contains.
    pub(crate) fn skip(&mut self) -> Result<(), DocumentError> {
        let outer = self.depth.saturating_sub(1);
        while self.depth > outer && self.next()?.is_some() {}
        Ok(())
    }

    /// Leaves the current element with its text, white space around it removed.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, DocumentError> {
        let mut whole = String::new();
        loop {
            match self.next()? {
                Some(Part::Text(text)) => whole.push_str(&text),
                Some(Part::Start(_)) => return Err(DocumentError::NotText(name)),
                Some(Part::End) | None => return Ok(whole.trim_matches(is_xml_space).to_owned()),
            }
        }
    }

    /// Makes sure that nothing follows the root.
    pub(crate) fn end(mut self) -> Result<(), DocumentError> {
        match self.next()? {
            None => Ok(()),
            Some(_) => Err(DocumentError::Trailing(self.reader.buffer_position())),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Resolved {
    Exchange,
    Other,
    Unbound,
}

impl From<ResolveResult<'_>> for Resolved {
    fn from(result: ResolveResult<'_>) -> Self {
        match result {
            ResolveResult::Bound(Namespace(EXCHANGE)) => Self::Exchange,
            ResolveResult::Bound(_) | ResolveResult::Unbound => Self::Other,
            ResolveResult::Unknown(_) => Self::Unbound,
        }
    }
}

fn check_declaration(
    declaration: &BytesDecl<'_>,
    malformed: DocumentError,
) -> Result<(), DocumentError> {
    if declaration.version().ok().as_deref() != Some("1.0") {
        return Err(malformed);
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(DocumentError::Encoding),
        Some(Err(_)) => Err(malformed),
    }
}

/// Section 2.2, `Char`.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Section 2.3, `S`.
fn is_xml_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_qualified_name(name: QName<'_>) -> bool {
    let (local, prefix) = name.decompose();
    is_name(local.into_inner()) && prefix.is_none_or(|prefix| is_name(prefix.into_inner()))
}

/// Namespaces section 3, `NCName`.
fn is_name(text: &str) -> bool {
    let starts = |c: char| {
        c.is_ascii_alphabetic()
            || c == '_'
            || matches!(c,
                '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
                | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
                | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
                | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
    };
    let continues = |c: char| {
        starts(c)
            || c.is_ascii_digit()
            || matches!(c, '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    text.chars().next().is_some_and(starts) && text.chars().all(continues)
}
