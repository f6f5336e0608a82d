//! What counts as evidence for a disappearance, and what proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use Evidence::{Deleted, Unconfirmed, Untagged};
use courier_ledger::{Evidence, RequestId, Timestamp};

use super::server::{Answer, Server};
use super::{EMPTY_LIST, XML, broker};
use crate::effects::broker::definition::has_tag;
use crate::effects::broker::predicate::Tag;

/// As AKTIN's broker prints it, tagged or not.
const WHOLE: &str = r#"<request-list xmlns="http://aktin.org/ns/exchange"><request id="0"><published>2026-11-23T18:12:19.504672Z</published><targeted>false</targeted><type>application/vnd.aktin.query.request+xml</type></request><request id="1"><published>2026-11-23T18:12:19.529442Z</published><targeted>false</targeted><type>application/vnd.aktin.query.request+xml</type></request></request-list>"#;

const DEFINITION_TYPE: &str = "application/vnd.aktin.query.request+xml;charset=UTF-8";

fn definition(tag: &str) -> String {
    format!(
        r#"<queryRequest xmlns="http://aktin.org/ns/exchange" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id>1337</id><query><title>T</title><principal><name>N</name><phone/><tags><tag>{tag}</tag></tags></principal><schedule xsi:type="singleExecution"><duration>-P6M</duration></schedule></query></queryRequest>"#
    )
}

fn defined(tag: &str) -> Answer {
    Answer::of(200, DEFINITION_TYPE, definition(tag).as_bytes())
}

/// What is known about `missing`, while `listed` is listed under the tag.
fn evidence(
    whole: impl Fn() -> Answer + Send + Sync + 'static,
    definition: impl Fn() -> Answer + Send + Sync + 'static,
    missing: &[u64],
    listed: &[(u64, Option<&str>)],
) -> (Vec<Evidence>, Server) {
    let server = Server::start(move |request| match request.target.as_str() {
        "/broker/request" => whole(),
        _ => definition(),
    });
    let missing: BTreeSet<_> = missing.iter().copied().map(RequestId).collect();
    let listed: BTreeMap<_, _> = listed
        .iter()
        .map(|(id, time)| (RequestId(*id), time.and_then(Timestamp::parse_rfc3339)))
        .collect();
    let broker = broker(&server);
    let found = broker.wait(async {
        let whole = broker.whole_list(&listed).await;
        Ok(broker.evidence(&missing, whole.as_ref()).await)
    });
    let found = found.expect("nothing ends it");
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), missing);
    (found.into_values().collect(), server)
}

fn whole() -> Answer {
    Answer::xml(WHOLE)
}

#[test]
fn no_definition_is_asked_for_when_nothing_is_missing() {
    let (found, server) = evidence(whole, || defined("x"), &[], &[]);
    assert!(found.is_empty());
    assert_eq!(server.targets(), ["/broker/request"]);
}

#[test]
fn a_request_that_is_not_in_the_whole_list_was_deleted() {
    let (found, server) = evidence(whole, || defined("x"), &[5, 9], &[]);
    assert_eq!(found, [Deleted, Deleted]);
    assert_eq!(server.targets(), ["/broker/request"]);
}

#[test]
fn a_request_whose_definition_lacks_the_tag_was_untagged() {
    let (found, server) = evidence(whole, || defined("other"), &[1, 7], &[]);
    assert_eq!(found, [Untagged, Deleted]);
    assert_eq!(server.targets(), ["/broker/request", "/broker/request/1"]);
    let accept = server.requests()[1].header("accept").join(",");
    assert_eq!(accept, "application/vnd.aktin.query.request+xml");
}

#[test]
fn a_definition_that_still_has_the_tag_proves_nothing() {
    assert_eq!(
        evidence(whole, || defined("rki"), &[1, 7], &[]).0,
        [Unconfirmed, Deleted]
    );
}

#[test]
fn a_definition_that_cannot_be_read_proves_nothing() {
    let untagged = definition("other");
    for answer in [
        Answer::of(200, DEFINITION_TYPE, b"not xml"),
        Answer::of(200, DEFINITION_TYPE, b""),
        Answer::of(
            200,
            DEFINITION_TYPE,
            &untagged.as_bytes()[..untagged.len() - 1],
        ),
        Answer::of(200, DEFINITION_TYPE, format!("{untagged}x").as_bytes()),
        Answer::of(
            200,
            DEFINITION_TYPE,
            format!("<!DOCTYPE a>{untagged}").as_bytes(),
        ),
        Answer::of(200, "application/xml", untagged.as_bytes()),
        Answer::of(200, "application/xhtml+xml", b"<html/>"),
        Answer::of(200, "text/html", b"<html/>"),
        Answer::of(404, "text/html", b""),
        Answer::of(406, "text/html", b""),
        Answer::of(500, "text/html", b""),
        Answer::Last(Vec::new()),
    ] {
        let (found, _) = evidence(whole, move || answer.clone(), &[1, 7], &[]);
        assert_eq!(found, [Unconfirmed, Deleted]);
    }
}

#[test]
fn a_whole_list_that_cannot_be_read_proves_nothing() {
    for answer in [
        Answer::xml(EMPTY_LIST),
        Answer::xml(""),
        Answer::xml(&WHOLE[..WHOLE.len() - 1]),
        Answer::xml("<request-list><request id='3'/></request-list>"),
        Answer::of(200, "text/html", b"<html/>"),
        Answer::of(401, "text/html", b""),
        Answer::of(404, "text/html", b""),
        Answer::of(500, "text/html", b""),
        Answer::xml(WHOLE).cut(3),
        Answer::Last(Vec::new()),
    ] {
        let (found, server) = evidence(move || answer.clone(), || defined("x"), &[1, 7], &[]);
        assert_eq!(found, [Unconfirmed, Unconfirmed]);
        assert_eq!(
            server
                .targets()
                .iter()
                .filter(|path| *path != "/broker/request")
                .count(),
            0
        );
    }
}

#[test]
fn a_whole_list_that_does_not_fit_the_filtered_one_proves_nothing() {
    let known = Some("2026-11-23T18:12:19.504672Z");
    let other = Some("2020-11-23T18:12:19.504672Z");
    assert_eq!(
        evidence(whole, || defined("x"), &[7], &[(0, known)]).0,
        [Deleted]
    );
    // Published between the two calls.
    assert_eq!(
        evidence(whole, || defined("x"), &[7], &[(0, None)]).0,
        [Deleted]
    );
    for listed in [[(0, known), (8, None)], [(0, other), (1, None)]] {
        assert_eq!(
            evidence(whole, || defined("x"), &[1, 7], &listed).0,
            [Unconfirmed; 2]
        );
    }
}

#[test]
fn a_tag_is_found_as_the_broker_finds_it_or_more() {
    let tag = Tag::new("rki & <b>").expect("a tag");
    let found = |body: &str| has_tag(body.as_bytes(), &tag);
    for body in [
        "<tag>rki &amp; &lt;b></tag>",
        "<a><b/><tag>x</tag><tag xmlns='y'>rki<i> &#38; </i><![CDATA[<b>]]></tag></a>",
        "<x:tag xmlns:x='y'>rki<!-- --> &#x26; &lt;b&gt;</x:tag>",
        "<tag>x<tag>rki &amp; &lt;b></tag></tag>",
    ] {
        assert_eq!(found(body), Ok(true), "{body}");
        assert_eq!(found(&format!("{XML}\n{body}\n")), Ok(true), "{body}");
    }
    for body in [
        "<a/>",
        "<tag/>",
        "<a>rki &amp; &lt;b></a>",
        "<a tag='rki &amp; &lt;b>'/>",
        "<tags>rki &amp; &lt;b></tags>",
        "<tag>rki &amp; &lt;b> </tag>",
        "<tag>rki &amp; </tag>",
        "<tag>rki &amp; &lt;b><x>x</x></tag>",
        "<!-- <tag>rki &amp; &lt;b></tag> --><a/>",
    ] {
        assert_eq!(found(body), Ok(false), "{body}");
    }
}
