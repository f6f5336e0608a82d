//! Definitions: what an analyst puts into a request.
//!
//! What always holds here: a definition is any bytes; only one that is well-formed XML has elements.

use std::collections::BTreeMap;

use quick_xml::XmlVersion;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// The media type of definitions.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.aktin.query.request+xml";

/// A definition with one tag.
pub(crate) fn tagged(tag: &str) -> Vec<u8> {
    let tag = escape(tag);
    format!(
        "<queryRequest xmlns=\"http://aktin.org/ns/exchange\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><id>1337</id>\
         <reference>2020-01-01T00:00:00.000Z</reference>\
         <scheduled>2020-01-01T12:00:00.000Z</scheduled><query><title>T</title>\
         <description>D</description><principal><name>N</name><organisation>O</organisation>\
         <email>E</email><phone/><tags><tag>{tag}</tag></tags></principal>\
         <schedule xsi:type=\"singleExecution\"><duration>-P6M</duration></schedule>\
         <sql xmlns=\"http://aktin.org/ns/i2b2/sql\">\
         <source type=\"application/sql\">SELECT 1</source></sql></query></queryRequest>"
    )
    .into_bytes()
}

/// An element as a predicate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name with its prefix: the broker's parser knows no namespaces, so `x:tag` is not a `tag`.
    pub(crate) name: String,
    /// All text inside it, that of elements in it included.
    pub(crate) text: String,
}

/// All elements, in the order of their ends. None unless the bytes are a well-formed document.
///
/// Of a document type, only entities that stand for plain text are read.
pub(crate) fn elements(definition: &[u8]) -> Option<Vec<Element>> {
    let text = std::str::from_utf8(definition).ok()?;
    // Before the declaration, not even white space is allowed.
    if text.trim_start().starts_with("<?xml") && !text.starts_with("<?xml") {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.enable_all_checks(true);
    config.expand_empty_elements = true;
    let mut elements = Vec::new();
    let mut open: Vec<Element> = Vec::new();
    let mut entities: BTreeMap<String, String> = BTreeMap::new();
    let mut is_root_seen = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if open.is_empty() && is_root_seen {
                    return None;
                }
                is_root_seen = true;
                for attribute in start.attributes() {
                    let attribute = attribute.ok()?;
                    if attribute.value.contains('<') {
                        return None;
                    }
                    attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
                }
                open.push(Element {
                    name: start.name().as_ref().to_owned(),
                    text: String::new(),
                });
            }
            Event::End(_) => {
                let element = open.pop()?;
                append(&mut open, &element.text).or_else(|| open.is_empty().then_some(()))?;
                elements.push(element);
            }
            Event::Text(text) if open.is_empty() => {
                if !text.xml10_content().trim().is_empty() {
                    return None;
                }
            }
            Event::Text(text) if text.contains("]]>") => return None,
            Event::Text(text) => append(&mut open, &text.xml10_content())?,
            Event::CData(text) => append(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(c) => append(&mut open, c.encode_utf8(&mut [0; 4]))?,
                None => match resolve_predefined_entity(&reference) {
                    Some(text) => append(&mut open, text)?,
                    None => append(&mut open, entities.get(&*reference)?)?,
                },
            },
            Event::DocType(text) => entities = declared_entities(&text),
            Event::Eof => return (open.is_empty() && is_root_seen).then_some(elements),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => (),
            // Never given, as `expand_empty_elements` is set.
            Event::Empty(_) => return None,
        }
    }
}

/// Text belongs to the innermost element; outside the root there is none.
fn append(open: &mut [Element], text: &str) -> Option<()> {
    open.last_mut()?.text.push_str(text);
    Some(())
}

/// The entities that a document type declares as plain text.
fn declared_entities(document_type: &str) -> BTreeMap<String, String> {
    let mut entities = BTreeMap::new();
    for declaration in document_type.split("<!ENTITY").skip(1) {
        let mut words = declaration.trim_start().splitn(2, char::is_whitespace);
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            continue;
        };
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            continue;
        };
        if let Some((text, _)) = value[1..].split_once(quote)
            && !text.contains(['<', '&', '%'])
        {
            entities.insert(name.to_owned(), text.to_owned());
        }
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(definition: &[u8]) -> Option<Vec<String>> {
        let tags = elements(definition)?.into_iter();
        Some(tags.filter(|e| e.name == "tag").map(|e| e.text).collect())
    }

    #[test]
    fn a_tag_is_read_back_whatever_its_characters() {
        for tag in ["rki", "o'brien", "a\"b", "a<b&c>", "ä ö", " x "] {
            assert_eq!(tags(&tagged(tag)), Some(vec![tag.to_owned()]), "{tag}");
        }
    }

    #[test]
    fn a_tag_is_all_text_inside_it() {
        let text = b"<r><tag>a<!-- -->b<x>c</x><![CDATA[d]]>&#101;</tag><tag/><x:tag>n</x:tag></r>";
        let expected = vec!["abcde".to_owned(), String::new()];
        assert_eq!(tags(text), Some(expected));
        let text = b"<!DOCTYPE r [<!ENTITY e 'rki'>]><r><tag>&e;</tag></r>";
        assert_eq!(tags(text), Some(vec!["rki".to_owned()]));
    }

    #[test]
    fn what_is_not_well_formed_has_no_elements() {
        for text in [
            "",
            "not xml",
            "<r><tag>rki</tag>",
            "<r><tag>rki</r></tag>",
            "<r/><r/>",
            "<r>&unknown;</r>",
            "<r>a & b</r>",
            "<r>]]></r>",
            "<r a='1' a='2'/>",
            "<r a=1/>",
            "<r a='<'/>",
            "<r/>text",
            "<r/>&amp;",
            " <?xml version='1.0'?><r/>",
        ] {
            assert_eq!(elements(text.as_bytes()), None, "{text}");
        }
        assert_eq!(elements(b"<r>\xff</r>"), None);
    }
}
