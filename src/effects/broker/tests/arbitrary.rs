//! Whatever comes, nothing panics, and no list is empty that was not sent as an empty one.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::{LIST, STATUS};
use crate::effects::broker::definition::has_tag;
use crate::effects::broker::predicate::Tag;
use crate::effects::broker::{request_list, request_status};

fn config() -> ProptestConfig {
    let file = FileFailurePersistence::Direct("proptest-regressions/broker.txt");
    ProptestConfig {
        cases: 512,
        failure_persistence: Some(Box::new(file)),
        ..Default::default()
    }
}

fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let tag = Tag::new("rki").map_err(|error| TestCaseError::fail(error.to_string()))?;
    drop(has_tag(bytes, &tag));
    drop(request_status::parse(bytes));
    if let Ok(list) = request_list::parse(bytes)
        && list.is_empty()
    {
        let text = String::from_utf8_lossy(bytes);
        prop_assert!(
            text.contains("request-list") && text.contains("http://aktin.org/ns/exchange")
        );
        prop_assert!(!text.contains("<request "), "{}", text);
    }
    Ok(())
}

/// Pieces that fit together often enough to get past the first checks.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<request-list xmlns=\"http://aktin.org/ns/exchange\">",
        "<request-list xmlns=\"http://aktin.org/ns/exchange\"/>",
        "<x:request-list xmlns:x=\"http://aktin.org/ns/exchange\">",
        "</x:request-list>",
        "</request-list>",
        "<request id=\"1\">",
        "<request id=\"2\"/>",
        "</request>",
        "<published>2026-11-23T18:12:19Z</published>",
        "<tag>rki</tag>",
        "<a>",
        "</a>",
        "<!-- c -->",
        "<![CDATA[x]]>",
        "&amp;",
        "&#1;",
        " ",
        "x",
        "<!DOCTYPE a>",
        "<?pi?>",
        "<",
        "\"",
    ]);
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes)?;
    }

    #[test]
    fn arbitrary_text_is_judged(text in "(<|/|>|[ a-z]|\\PC){0,100}") {
        read(text.as_bytes())?;
    }

    #[test]
    fn arbitrary_pieces_are_judged(text in pieces()) {
        read(text.as_bytes())?;
    }

    #[test]
    fn answers_with_one_byte_changed_are_judged(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for answer in [LIST, STATUS] {
            let mut bytes = answer.as_bytes().to_vec();
            *at.get_mut(&mut bytes) = byte;
            read(&bytes)?;
            if let Ok(list) = request_list::parse(&bytes) {
                prop_assert_eq!(list.len(), 3);
            }
        }
    }
}
