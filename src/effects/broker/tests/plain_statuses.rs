//! A status in the form in which the broker prints it is read as in any other form.

use courier_ledger::{NodeId, NodeStatus, Timestamp};
use proptest::prelude::*;

use crate::effects::broker::plain_status::read;
use crate::effects::broker::request_status::parse_any;

const PRINTED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
    <request-status-list xmlns=\"http://aktin.org/ns/exchange\"><request-status-info><node>0</node>\
    <completed>2026-11-23T18:12:19.711Z</completed><type>application/x-www-form-urlencoded</type>\
    </request-status-info><request-status-info><node>17</node><retrieved>2026-11-23T18:12:19.725Z\
    </retrieved></request-status-info></request-status-list>";

#[test]
fn what_the_broker_prints_is_of_this_form() {
    let nodes = read(PRINTED.as_bytes()).expect("it is of this form");
    let completed = Timestamp::parse_rfc3339("2026-11-23T18:12:19.711Z");
    assert_eq!(
        nodes,
        [
            NodeStatus(NodeId(0), completed),
            NodeStatus(NodeId(17), None)
        ]
    );
}

/// Words that documents are made of, right ones and others.
const WORDS: [&str; 38] = [
    "<request-status-info>",
    "</request-status-info>",
    "<node>",
    "</node>",
    "<completed>",
    "</completed>",
    "<retrieved>",
    "</retrieved>",
    "<type>",
    "</type>",
    "<node/>",
    "<queued/>",
    "<ns:node>",
    "<node a='b'>",
    "<-x>",
    "</-x>",
    "<x->",
    "</x->",
    "<node >",
    "</node >",
    "</request-status-list>",
    "<html>",
    "0",
    "7",
    "07",
    "18446744073709551616",
    "2026-11-23T18:12:19.711Z",
    "2026-11-23T18:12:19+01:00",
    "2026-13-23T18:12:19Z",
    " ",
    "\n",
    "&amp;",
    "]]>",
    "<!-- -->",
    "<?pi?>",
    "ä",
    "\u{1}",
    "<![CDATA[7]]>",
];

/// Words between the start and the end of the form, most of them infos.
fn documents() -> impl Strategy<Value = String> {
    let info = prop::collection::vec(0..4usize, 0..4).prop_map(|kinds| {
        let mut text = "<request-status-info>".to_owned();
        for kind in kinds {
            text += [
                "<node>7</node>",
                "<node>3</node><completed>2026-11-23T18:12:19.711Z</completed>",
                "<completed>2026-11-23T18:12:19Z</completed>",
                "<type>a/b</type>",
            ][kind];
        }
        text + "</request-status-info>"
    });
    let word = prop::sample::select(&WORDS[..]).prop_map(str::to_owned);
    let parts = prop::collection::vec(prop_oneof![3 => info, 1 => word], 0..6);
    parts.prop_map(|parts| {
        let (start, end) = (
            PRINTED.find("<request-status-info>"),
            "</request-status-list>",
        );
        PRINTED[..start.unwrap_or(0)].to_owned() + &parts.concat() + end
    })
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(nodes) = read(bytes) {
        prop_assert_eq!(
            parse_any(bytes),
            Ok(nodes),
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::Direct(
                "proptest-regressions/plain_status.txt"
            )
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_read_is_what_any_form_is_read_as(
        document in documents(), cut in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        agrees(document.as_bytes())?;
        let mut changed = document.into_bytes();
        let at = cut.index(changed.len());
        changed[at] = byte;
        agrees(&changed)?;
        agrees(&changed[..at])?;
    }
}
