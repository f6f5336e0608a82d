//! When a list counts, and what is said when it does not.

use FailureClass::{Permanent, Transient};
use courier_ledger::{FailureClass, Observation, RequestId, Timestamp};

use super::server::Answer;
use super::{EMPTY_LIST, LIST, XML, assert_says, ids, list_failure, poll_list};
use crate::effects::broker::document::DocumentError;
use crate::effects::broker::request_list::{RequestList, parse};

fn listed(delta: &courier_ledger::SnapshotDelta) -> Vec<RequestId> {
    delta
        .changed
        .iter()
        .map(|observation| observation.id)
        .collect()
}

fn xml_failure(body: &'static str) -> courier_ledger::Failure {
    list_failure(move || Answer::xml(body))
}

#[test]
fn a_list_as_the_broker_prints_it_is_read() {
    let delta = poll_list(|| Answer::xml(LIST)).expect("a snapshot");
    assert_eq!(listed(&delta), ids([0, 2, 4]));
    let published: Vec<_> = delta.changed.iter().map(|seen| seen.published).collect();
    let time = |text| Timestamp::parse_rfc3339(text);
    assert_eq!(
        published,
        [
            time("2026-11-23T18:12:19.504672Z"),
            time("2026-11-23T18:12:19.554950Z"),
            None
        ]
    );
    assert!(delta.changed.iter().all(Observation::is_canonical));
    assert!(delta.unreadable.is_empty());
}

#[test]
fn an_empty_list_is_an_empty_list() {
    let delta = poll_list(|| Answer::xml(EMPTY_LIST)).expect("a snapshot");
    assert_eq!((delta.total, delta.changed.len()), (0, 0));
}

#[test]
fn namespaces_count_and_prefixes_do_not() {
    let body = r#"<ns2:request-list xmlns:ns2="http://aktin.org/ns/exchange"><ns2:request id="7"/></ns2:request-list>"#;
    let delta = poll_list(move || Answer::xml(body)).expect("a snapshot");
    assert_eq!(listed(&delta), ids([7]));
}

#[test]
fn another_root_is_not_a_list() {
    let failure = xml_failure("<request-status-list xmlns='http://aktin.org/ns/exchange'/>");
    assert_says(&failure, Permanent, &["root element request-list"]);
}

#[test]
fn the_root_in_another_namespace_is_not_a_list() {
    for body in [
        "<request-list/>",
        "<request-list xmlns='http://aktin.org/ns/other'/>",
        "<x:request-list xmlns:x='http://aktin.org/ns/exchange/'/>",
    ] {
        assert_says(
            &xml_failure(body),
            Permanent,
            &["request-list", "namespace"],
        );
    }
}

#[test]
fn requests_in_another_namespace_do_not_make_an_empty_list() {
    let failure = xml_failure(
        "<x:request-list xmlns:x='http://aktin.org/ns/exchange'><request id='1'/></x:request-list>",
    );
    assert_says(&failure, Permanent, &["request", "namespace"]);
    let failure = xml_failure(
        "<request-list xmlns='http://aktin.org/ns/exchange'><error>busy</error></request-list>",
    );
    assert_says(&failure, Permanent, &["none of them is a request"]);
}

#[test]
fn unknown_elements_are_ignored() {
    let body = "<request-list xmlns='http://aktin.org/ns/exchange'><!-- c --><page n='1'/>\
        <request id='3' new='x'><future><published>never</published></future></request>\
        </request-list><!-- end --> \n<?pi?>";
    let delta = poll_list(move || Answer::xml(body)).expect("a snapshot");
    assert_eq!(listed(&delta), ids([3]));
    assert_eq!(delta.changed[0].published, None);
}

#[test]
fn a_list_that_is_cut_at_any_byte_does_not_count() {
    for cut in 0..LIST.len() {
        assert!(parse(&LIST.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    for cut in [0, 1, 60, 110, LIST.len() - 15, LIST.len() - 1] {
        let failure = list_failure(move || Answer::xml(&LIST[..cut]));
        assert_says(&failure, Transient, &[]);
    }
}

#[test]
fn what_follows_the_root_makes_a_list_unusable() {
    for trailing in [
        "x",
        "<request-list/>",
        "</request-list>",
        "&amp;",
        "<![CDATA[]]>",
        "<",
    ] {
        assert!(
            parse(format!("{LIST}{trailing}").as_bytes()).is_err(),
            "{trailing:?}"
        );
    }
    assert_eq!(
        parse(format!("{LIST} \r\n<!-- -->\t").as_bytes()),
        parse(LIST.as_bytes())
    );
    let failure = list_failure(|| Answer::xml(&format!("{LIST}<html/>")));
    assert_says(&failure, Permanent, &["follows the end"]);
}

#[test]
fn an_empty_body_is_not_a_list() {
    for body in ["", " \n", "\u{feff}", XML] {
        assert!(parse(body.as_bytes()).is_err(), "{body:?}");
    }
    assert_says(&xml_failure(""), Transient, &["empty"]);
    let failure = list_failure(|| Answer::Raw(b"HTTP/1.1 204 X\r\n\r\n".to_vec()));
    assert_says(&failure, Permanent, &["answered 204"]);
}

#[test]
fn a_request_that_is_listed_twice_makes_a_list_unusable() {
    let failure = xml_failure(
        "<request-list xmlns='http://aktin.org/ns/exchange'><request id='1'/><request id='1'/></request-list>",
    );
    assert_says(&failure, Permanent, &["request 1 is listed twice"]);
}

fn with_request(request: &str) -> Result<RequestList, DocumentError> {
    let body =
        format!("<request-list xmlns='http://aktin.org/ns/exchange'>{request}</request-list>");
    parse(body.as_bytes())
}

#[test]
fn only_numbers_are_ids() {
    assert!(with_request("<request id='18446744073709551615'/>").is_ok());
    for id in [
        "",
        "-1",
        "+1",
        " 1",
        "01",
        "1.0",
        "0x1",
        "abc",
        "18446744073709551616",
        "١",
    ] {
        let parsed = with_request(&format!("<request id='{id}'/>"));
        let expected = DocumentError::NotNumber {
            parent: "request",
            child: "id",
        };
        assert_eq!(parsed, Err(expected), "{id:?}");
    }
    for request in ["<request/>", "<request xmlns:a='a' a:id='1'/>"] {
        let expected = DocumentError::Missing {
            parent: "request",
            child: "id",
        };
        assert_eq!(with_request(request), Err(expected), "{request}");
    }
}

#[test]
fn a_time_of_publication_that_cannot_be_read_makes_a_list_unusable() {
    for time in [
        "",
        "yesterday",
        "2026-11-23",
        "2026-11-23T18:12:19",
        "2026-13-01T00:00:00Z",
    ] {
        let parsed = with_request(&format!(
            "<request id='1'><published>{time}</published></request>"
        ));
        let expected = DocumentError::NotTime {
            parent: "request",
            child: "published",
        };
        assert_eq!(parsed, Err(expected), "{time:?}");
    }
    let twice = "<published>2026-11-23T18:12:19Z</published>";
    let parsed = with_request(&format!("<request id='1'>{twice}{twice}</request>"));
    assert_eq!(
        parsed,
        Err(DocumentError::Twice {
            parent: "request",
            child: "published"
        })
    );
    let foreign = "<request id='1'><published xmlns='x'>2026-11-23T18:12:19Z</published></request>";
    assert_eq!(
        with_request(foreign),
        Err(DocumentError::Namespace("published"))
    );
}

#[test]
fn nanoseconds_and_offsets_are_times() {
    let texts = [
        "2026-11-23T19:12:19.504672999+01:00",
        " 2026-11-23T18:12:19.504672Z\n",
    ];
    for text in texts {
        let list = with_request(&format!(
            "<request id='1'><published>{text}</published></request>"
        ));
        let time = Timestamp::parse_rfc3339("2026-11-23T18:12:19.504672Z");
        assert_eq!(
            list.expect("a list").into_iter().collect::<Vec<_>>(),
            [(RequestId(1), time)]
        );
    }
}

#[test]
fn what_is_not_well_formed_does_not_count() {
    for inner in [
        "text",
        "<request id='1'>text</request>",
        "<request id='1' id='2'/>",
        "<request id='1'></reqest>",
        "<request id=1/>",
        "<request id='1' x='<'/>",
        "<request id='1' x='&other;'/>",
        "<request id='1'><x>&other;</x></request>",
        "<request id='1'><x>&#0;</x></request>",
        "<request id='1'><x>]]></x></request>",
        "<request id='1'><1x/></request>",
        "<request id='1'><p:x/></request>",
        "<request id='1' p:x=''/>",
        "<request id='1'><!-- a -- b --></request>",
        "<request id='1'><?xml version='1.0'?></request>",
        "<request id='1'>\u{1}</request>",
        "<request id='1'><published><x/></published></request>",
    ] {
        assert!(with_request(inner).is_err(), "{inner}");
    }
    for whole in [
        "not xml",
        "{}",
        "<",
        "<a",
        "</request-list>",
        "<a></b>",
        "PK\x03\x04",
    ] {
        assert!(parse(whole.as_bytes()).is_err(), "{whole:?}");
    }
}

#[test]
fn a_doctype_is_refused() {
    let body = "<!DOCTYPE request-list [<!ENTITY a 'b'>]>\
        <request-list xmlns='http://aktin.org/ns/exchange'/>";
    assert_eq!(parse(body.as_bytes()), Err(DocumentError::Doctype));
    assert_eq!(
        parse(b"<!DOCTYPE html><html/>"),
        Err(DocumentError::Doctype)
    );
}

#[test]
fn other_charsets_are_refused() {
    let latin = || Answer::of(200, "application/xml;charset=ISO-8859-1", LIST.as_bytes());
    assert_says(&list_failure(latin), Permanent, &["UTF-8"]);
    let declared = EMPTY_LIST.replace("UTF-8", "ISO-8859-1");
    assert_eq!(parse(declared.as_bytes()), Err(DocumentError::Encoding));
    let utf16: Vec<u8> = EMPTY_LIST
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(parse(&utf16).is_err());
    assert!(matches!(
        parse(b"\xff\xfe<"),
        Err(DocumentError::NotUtf8(0))
    ));
    assert!(parse(format!("\u{feff}{EMPTY_LIST}").as_bytes()).is_ok());
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [62, 63, 1_000, 100_000] {
        let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
        let parsed = with_request(&format!("<request id='1'/>{open}{close}"));
        let expected = if depth > 63 {
            Err(DocumentError::TooDeep)
        } else {
            Ok(())
        };
        assert_eq!(parsed.map(drop), expected, "{depth}");
        assert!(with_request(&open).is_err());
    }
    let bomb: String = (0..2_000)
        .map(|n| format!("<a xmlns:p{n}='u{n}'>"))
        .collect();
    assert!(with_request(&bomb).is_err());
}
