//! One status that cannot be read makes one request unreadable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use courier_ledger::{FailureClass, NodeId, NodeStatus, Phase, Timestamp};

use super::server::{Answer, Server};
use super::{
    EMPTY_STATUS, LIST_PATH, SHORT, STATUS, assert_says, broker, client, ids, poll, settings,
};
use crate::effects::broker::document::DocumentError;
use crate::effects::broker::request_status::parse;

fn list_of(count: u64) -> String {
    let requests: String = (0..count)
        .map(|id| format!("<request id='{id}'/>"))
        .collect();
    format!("<request-list xmlns='http://aktin.org/ns/exchange'>{requests}</request-list>")
}

/// So many requests; the status of request 1 is answered so.
fn server(count: u64, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.target.as_str() {
        LIST_PATH => Answer::xml(&list_of(count)),
        "/broker/request/1/status" => answer(),
        _ => Answer::xml(STATUS),
    })
}

#[test]
fn a_status_as_the_broker_prints_it_is_read() {
    let completed = Timestamp::parse_rfc3339("2026-11-23T18:12:19.711Z");
    let nodes = vec![
        NodeStatus(NodeId(0), completed),
        NodeStatus(NodeId(1), None),
    ];
    assert_eq!(parse(STATUS.as_bytes()), Ok(nodes));
    assert_eq!(parse(EMPTY_STATUS.as_bytes()), Ok(Vec::new()));
}

#[test]
fn a_status_that_cannot_be_read_concerns_one_request() {
    let page = "<html><head><title>Error</title></head></html>";
    let table: [(Answer, FailureClass, &str); 10] = [
        (
            Answer::of(500, "text/html", page.as_bytes()),
            FailureClass::Transient,
            "500",
        ),
        (
            Answer::of(401, "text/html", page.as_bytes()),
            FailureClass::NeedsPerson,
            "API_KEY",
        ),
        (
            Answer::of(403, "text/html", page.as_bytes()),
            FailureClass::NeedsPerson,
            "API_KEY",
        ),
        (
            Answer::of(404, "text/html", page.as_bytes()),
            FailureClass::Permanent,
            "404",
        ),
        (
            Answer::of(200, "text/html", page.as_bytes()),
            FailureClass::NeedsPerson,
            "text/html",
        ),
        (
            Answer::xml(&list_of(0)),
            FailureClass::Permanent,
            "request-status-list",
        ),
        (Answer::xml(""), FailureClass::Transient, "empty"),
        (
            Answer::xml(STATUS).cut(1),
            FailureClass::Transient,
            "broke off",
        ),
        (
            Answer::Last(Vec::new()),
            FailureClass::Transient,
            "broke off",
        ),
        (
            Answer::xml(&STATUS.replace("<node>1", "<node>0")),
            FailureClass::Transient,
            "twice",
        ),
    ];
    for (answer, class, word) in table {
        let server = server(3, move || answer.clone());
        let delta = poll(&broker(&server)).expect("a snapshot");
        let read: Vec<_> = delta
            .changed
            .iter()
            .map(|observation| observation.id)
            .collect();
        assert_eq!(read, ids([0, 2]), "{word}");
        assert_eq!(delta.unreadable.len(), 1, "{word}");
        assert_eq!(delta.unreadable[0].id, ids([1])[0]);
        assert_eq!(delta.unreadable[0].failure.phase, Phase::Status);
        assert_says(&delta.unreadable[0].failure, class, &[word]);
    }
}

#[test]
fn a_status_that_never_ends_concerns_one_request() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: text/xml\r\ncontent-length: 9999\r\n\r\n".to_vec();
    let table = [
        (Answer::Then(Vec::new()), "no answer within 0.7 s"),
        (Answer::Then(head.clone()), "not complete within 0.7 s"),
        (Answer::Drip(head, b' '), "not complete within 0.7 s"),
        (
            Answer::Drip(b"HTTP/1.1 200 X\r\nx: ".to_vec(), b'x'),
            "no answer within 0.7 s",
        ),
    ];
    for (answer, words) in table {
        let server = server(3, move || answer.clone());
        let mut settings = settings(&server.url());
        settings.status_timeout = SHORT;
        let delta = poll(&client(settings).expect("a client")).expect("a snapshot");
        assert_eq!(delta.unreadable.len(), 1, "{words}");
        assert_says(
            &delta.unreadable[0].failure,
            FailureClass::Transient,
            &[words],
        );
    }
}

#[test]
fn a_refused_key_makes_every_request_unreadable_and_the_poll_stands() {
    let server = Server::start(|request| match request.target.as_str() {
        LIST_PATH => Answer::xml(&list_of(20)),
        _ => Answer::of(401, "text/html", b""),
    });
    let delta = poll(&broker(&server)).expect("a snapshot");
    assert_eq!((delta.total, delta.unreadable.len()), (20, 20));
}

#[test]
fn a_broker_that_falls_silent_is_not_asked_for_every_request() {
    let server = Server::start(|request| match request.target.as_str() {
        LIST_PATH => Answer::xml(&list_of(200)),
        _ => Answer::Then(Vec::new()),
    });
    let mut settings = settings(&server.url());
    settings.status_timeout = SHORT;
    let delta = poll(&client(settings).expect("a client")).expect("a snapshot");
    assert_eq!(delta.unreadable.len(), 200);
    assert!(server.requests().len() < 30, "{}", server.requests().len());
    let last = &delta.unreadable[199].failure;
    assert_says(
        last,
        FailureClass::Transient,
        &["not asked", "no answer within"],
    );
}

#[test]
fn status_calls_overlap_within_the_limit_and_reuse_connections() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let server = Server::start(move |request| match request.target.as_str() {
        LIST_PATH => Answer::xml(&list_of(100)),
        _ => {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(2));
            running.fetch_sub(1, Ordering::SeqCst);
            Answer::xml(STATUS)
        }
    });
    let delta = poll(&broker(&server)).expect("a snapshot");
    assert_eq!(delta.changed.len(), 100);
    assert!((2..=4).contains(&seen.load(Ordering::SeqCst)));
    assert!(server.connections() <= 5, "{}", server.connections());
    for request in server.requests() {
        assert_eq!(request.header("authorization"), ["Bearer xxxAdmin1234"]);
        assert_eq!(
            (request.method.as_str(), request.header("accept")),
            ("GET", vec!["application/xml"])
        );
    }
}

fn with_info(info: &str) -> Result<Vec<NodeStatus>, DocumentError> {
    let inner = format!("<request-status-info>{info}</request-status-info>");
    parse(
        format!("<request-status-list xmlns='http://aktin.org/ns/exchange'>{inner}</request-status-list>")
            .as_bytes(),
    )
}

#[test]
fn an_entry_without_a_node_or_with_a_bad_time_makes_a_status_unreadable() {
    let node = "<node>1</node>";
    let completed = "<completed>2026-11-23T18:12:19.711123456Z</completed>";
    assert!(with_info(&format!("{completed}{node}<type/>")).is_ok());
    for info in [
        "",
        completed,
        "<node/>",
        "<node>x</node>",
        "<node>-1</node>",
        "<node><x/></node>",
        &format!("{node}{node}"),
        &format!("{node}<completed/>"),
        &format!("{node}<completed>soon</completed>"),
        &format!("{node}{completed}{completed}"),
        "<node xmlns='x'>1</node>",
        &format!("{node}<completed xmlns='x'/>"),
        &format!("{node} text"),
    ] {
        assert!(with_info(info).is_err(), "{info}");
    }
    let other =
        "<request-status-list xmlns='http://aktin.org/ns/exchange'><busy/></request-status-list>";
    assert_eq!(
        parse(other.as_bytes()),
        Err(DocumentError::NotOne("request-status-info"))
    );
}

#[test]
fn a_status_that_is_cut_at_any_byte_does_not_count() {
    for cut in 0..STATUS.len() {
        assert!(parse(&STATUS.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}
