//! When an answer counts before its document is looked at, and what is said when it does not.

use FailureClass::{NeedsPerson, Permanent, Transient};
use courier_ledger::FailureClass;

use super::server::Answer;
use super::{LIST, UNAUTHORIZED, assert_says, list_failure, poll_list};

#[test]
fn an_html_page_with_200_is_not_a_list() {
    let page = || Answer::of(200, "text/html", b"<html><title>Welcome</title></html>");
    assert_says(
        &list_failure(page),
        NeedsPerson,
        &[
            "/broker/request/filtered",
            "text/html",
            "\"Welcome\"",
            "BROKER.URL",
            "proxy",
        ],
    );
    let page =
        list_failure(|| Answer::xml("<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>"));
    assert_says(&page, Permanent, &["html", "request-list", "proxy"]);
    let page = || {
        Answer::of(
            200,
            "application/xhtml+xml",
            b"<html><title>A</title></html>",
        )
    };
    assert_says(&list_failure(page), NeedsPerson, &["\"A\""]);
}

#[test]
fn other_content_types_do_not_count() {
    for content_type in [
        "application/json",
        "text/plain",
        "application/octet-stream",
        "",
    ] {
        let answer = Answer::of(200, content_type, LIST.as_bytes());
        let failure = list_failure(move || answer.clone());
        assert_says(&failure, NeedsPerson, &["instead of application/xml"]);
    }
    let without = list_failure(|| Answer::with(200, &[], LIST.as_bytes()));
    assert_says(&without, NeedsPerson, &["without a media type"]);
    let two = [
        ("content-type", "application/xml"),
        ("content-type", "text/html"),
    ];
    assert_says(
        &list_failure(move || Answer::with(200, &two, LIST.as_bytes())),
        NeedsPerson,
        &[],
    );
    let packed = [
        ("content-type", "application/xml"),
        ("content-encoding", "gzip"),
    ];
    let packed = list_failure(move || Answer::with(200, &packed, LIST.as_bytes()));
    assert_says(&packed, Permanent, &["compressed"]);
}

#[test]
fn a_list_that_is_too_large_is_not_read_to_its_end() {
    let announced = list_failure(|| {
        let head = "HTTP/1.1 200 X\r\ncontent-type: text/xml\r\ncontent-length: 60000000\r\n\r\n";
        Answer::Then(head.as_bytes().to_vec())
    });
    assert_says(&announced, NeedsPerson, &["larger than 65536 bytes"]);
    let endless = list_failure(|| {
        let head = "HTTP/1.1 200 X\r\ncontent-type: text/xml\r\n\r\n<request-list>";
        Answer::Then([head.as_bytes(), &[b' '; 70_000]].concat())
    });
    assert_says(&endless, NeedsPerson, &["larger than 65536 bytes"]);
}

#[test]
fn each_status_says_what_to_do() {
    let table: [(u16, FailureClass, &[&str]); 14] = [
        (
            401,
            NeedsPerson,
            &["answered 401", "BROKER.API_KEY", "administrator"],
        ),
        (403, NeedsPerson, &["BROKER.API_KEY", "administrator"]),
        (404, NeedsPerson, &["1.3.3", "BROKER.URL"]),
        (400, NeedsPerson, &["REQUESTS.TAG"]),
        (407, NeedsPerson, &["proxy"]),
        (406, Permanent, &["answered 406"]),
        (408, Transient, &["answered 408"]),
        (429, Transient, &["answered 429", "later"]),
        (500, Transient, &["answered 500"]),
        (502, Transient, &["answered 502"]),
        (503, Transient, &["answered 503", "later"]),
        (504, Transient, &["answered 504"]),
        (201, Permanent, &["answered 201"]),
        (206, Permanent, &["answered 206"]),
    ];
    for (status, class, words) in table {
        // Whatever the body: only 200 counts.
        let failure = list_failure(move || Answer::of(status, "application/xml", LIST.as_bytes()));
        assert_says(&failure, class, words);
    }
    let page = || Answer::of(401, "text/html;charset=iso-8859-1", UNAUTHORIZED.as_bytes());
    assert_says(
        &list_failure(page),
        NeedsPerson,
        &["text/html", "\"Error 401 Unauthorized\""],
    );
}

#[test]
fn every_xml_content_type_counts() {
    for content_type in [
        "text/xml",
        "application/xml; charset=utf-8",
        "application/x+xml",
    ] {
        let answer = Answer::of(200, content_type, LIST.as_bytes());
        assert_eq!(
            poll_list(move || answer.clone()).map(|delta| delta.total),
            Ok(3)
        );
    }
}

#[test]
fn a_chunked_list_is_read() {
    let mut raw =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for chunk in LIST.as_bytes().chunks(50) {
        raw.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        raw.extend(chunk);
        raw.extend(b"\r\n");
    }
    let whole = [&raw[..], b"0\r\n\r\n"].concat();
    assert_eq!(
        poll_list(move || Answer::Raw(whole.clone())).map(|delta| delta.total),
        Ok(3)
    );
    let failure = list_failure(move || Answer::Last(raw.clone()));
    assert_says(&failure, Transient, &["broke off"]);
}
