//! Definitions: what an analyst puts into a request.
//!
//! What always holds here: a definition is any bytes; only one that is well-formed XML has tags.

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

/// The string values of all `tag` elements, in the order of their ends. None unless the bytes are
/// a well-formed document.
///
/// Names are compared with their prefix, as the broker's parser knows no namespaces: `x:tag` is not
/// a `tag`.
pub(crate) fn tags(definition: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::from_str(std::str::from_utf8(definition).ok()?);
    let config = reader.config_mut();
    config.enable_all_checks(true);
    config.expand_empty_elements = true;
    let mut tags = Vec::new();
    // The text of every `tag` that is open, and the depth it stands at.
    let mut open: Vec<(usize, String)> = Vec::new();
    let (mut depth, mut is_root_seen) = (0_usize, false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if depth == 0 && is_root_seen {
                    return None;
                }
                is_root_seen = true;
                depth += 1;
                for attribute in start.attributes() {
                    let attribute = attribute.ok()?;
                    attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
                }
                if start.name().as_ref() == "tag" {
                    open.push((depth, String::new()));
                }
            }
            Event::End(_) => {
                if let Some((_, text)) = open.pop_if(|(at, _)| *at == depth) {
                    tags.push(text);
                }
                depth = depth.checked_sub(1)?;
            }
            Event::Text(text) if depth == 0 => {
                if !text.xml10_content().trim().is_empty() {
                    return None;
                }
            }
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::CData(text) if depth > 0 => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) if depth > 0 => match reference.resolve_char_ref().ok()? {
                Some(c) => append(&mut open, c.encode_utf8(&mut [0; 4])),
                None => append(&mut open, resolve_predefined_entity(&reference)?),
            },
            Event::CData(_) | Event::GeneralRef(_) => return None,
            Event::Eof => return (depth == 0 && is_root_seen).then_some(tags),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => (),
            // Never given, as `expand_empty_elements` is set.
            Event::Empty(_) => return None,
        }
    }
}

fn append(open: &mut [(usize, String)], text: &str) {
    for (_, tag) in open {
        tag.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn what_is_not_well_formed_has_no_tags() {
        for text in [
            "",
            "not xml",
            "<r><tag>rki</tag>",
            "<r><tag>rki</r></tag>",
            "<r/><r/>",
            "<r>&unknown;</r>",
            "<r a='1' a='2'/>",
            "<r/>text",
        ] {
            assert_eq!(tags(text.as_bytes()), None, "{text}");
        }
        assert_eq!(tags(b"<r>\xff</r>"), None);
    }
}
