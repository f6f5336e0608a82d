//! Settings, redirects, deadlines, and hosts that are not there.

use std::net::TcpListener;
use std::path::PathBuf;

use FailureClass::{NeedsPerson, Permanent, Transient};
use courier_ledger::FailureClass;

use super::server::{Answer, Server};
use super::{LIST, LIST_PATH, SHORT, assert_says, client, list_failure, poll, settings};
use crate::effects::broker::{Broker, BrokerError};

#[test]
fn paths_are_put_below_the_base_address() {
    let server = Server::start(|_| Answer::xml(super::EMPTY_LIST));
    for base in ["", "/", "/aktin", "/aktin/"] {
        let broker = client(settings(&format!("{}{base}", server.url()))).expect("a client");
        poll(&broker).expect("a snapshot");
    }
    let below = format!("/aktin{LIST_PATH}");
    let mut lists = server.targets();
    lists.retain(|target| target.contains('?'));
    assert_eq!(
        lists,
        [LIST_PATH, LIST_PATH, below.as_str(), below.as_str()]
    );
}

#[test]
fn the_tag_is_quoted_and_encoded() {
    let server = Server::start(|_| Answer::xml(super::EMPTY_LIST));
    let mut settings = settings(&server.url());
    settings.tag = "o'brien & söhne".parse().expect("a tag");
    poll(&client(settings).expect("a client")).expect("a snapshot");
    let target = server.targets().remove(0);
    assert!(
        target.ends_with("predicate=%2F%2Ftag%3D%22o%27brien%20%26%20s%C3%B6hne%22"),
        "{target}"
    );
}

#[test]
fn settings_that_make_no_client_are_refused() {
    let refused = |change: &dyn Fn(&mut crate::effects::broker::Settings)| {
        let mut settings = settings("http://localhost:8080");
        change(&mut settings);
        client(settings).expect_err("refused")
    };
    let error = refused(&|s| s.ca_bundle = Some(PathBuf::from("no/such.pem")));
    assert!(error.to_string().contains("no/such.pem"));
    assert!(matches!(error, BrokerError::ReadCaBundle { .. }));
    for content in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("written");
        let error = refused(&|s| s.ca_bundle = Some(file.path().to_owned()));
        let is_known = matches!(
            error,
            BrokerError::MalformedCaBundle { .. } | BrokerError::Client(_)
        );
        assert!(is_known, "{content:?}: {error:?}");
    }
}

#[test]
fn nothing_that_listens_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let failure = poll(&client(settings(&url)).expect("a client")).expect_err("refused");
    assert_says(
        &failure,
        Transient,
        &["connection refused", &url, "BROKER.URL"],
    );
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| Answer::xml(LIST));
    let other_host = format!("{}/secret-path?key=1", elsewhere.url());
    for location in [
        other_host.as_str(),
        "https://localhost/x",
        "/broker/request",
        "//other/",
    ] {
        for status in [301, 302, 303, 307, 308] {
            let headers = [("location", location.to_owned())];
            let failure = list_failure(move || {
                let headers = headers
                    .each_ref()
                    .map(|(name, value)| (*name, value.as_str()));
                Answer::with(status, &headers, b"")
            });
            assert_says(&failure, NeedsPerson, &["not followed", "BROKER.URL"]);
            assert!(!failure.text.contains("secret-path"));
        }
    }
    assert!(elsewhere.requests().is_empty());
    let headers = [("location", elsewhere.url())];
    let failure = list_failure(move || {
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        Answer::with(302, &headers, b"")
    });
    assert_says(&failure, NeedsPerson, &[elsewhere.url().as_str()]);
}

#[test]
fn a_silent_broker_and_a_drip_end_with_the_deadline() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: text/xml\r\n\r\n".to_vec();
    let page = b"HTTP/1.1 500 X\r\ncontent-type: text/html\r\n\r\n<title>".to_vec();
    let table = [
        (Answer::Then(Vec::new()), "no answer within 0.7 s"),
        (
            Answer::Then(b"HTTP/1.1 200".to_vec()),
            "no answer within 0.7 s",
        ),
        (
            Answer::Drip(b"HTTP/1.1 200 X\r\nx: ".to_vec(), b'x'),
            "no answer within 0.7 s",
        ),
        (Answer::Then(head.clone()), "not complete within 0.7 s"),
        (Answer::Drip(head, b' '), "not complete within 0.7 s"),
        (Answer::Drip(page, b'x'), "answered 500"),
    ];
    for (answer, words) in table {
        let server = Server::start(move |_| answer.clone());
        let mut settings = settings(&server.url());
        settings.list_timeout = SHORT;
        let failure = poll(&client(settings).expect("a client")).expect_err("no end");
        assert_says(&failure, Transient, &[words]);
    }
}

#[test]
fn an_answer_that_is_cut_or_not_http_does_not_count() {
    for (answer, class) in [
        (Answer::xml(LIST).cut(1), Transient),
        (Answer::Last(Vec::new()), Transient),
        (Answer::Last(b"HTTP/1.1 200".to_vec()), Transient),
        (
            Answer::Last(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
            NeedsPerson,
        ),
    ] {
        assert_says(&list_failure(move || answer.clone()), class, &[]);
    }
    let longer = list_failure(|| {
        let head = format!(
            "HTTP/1.1 200 X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{LIST}",
            LIST.len() - 1
        );
        Answer::Last(head.into_bytes())
    });
    assert_says(&longer, Transient, &["ends in the middle"]);
}

#[test]
fn a_broker_that_comes_back_is_asked_again() {
    let broken = std::sync::atomic::AtomicBool::new(true);
    let server = Server::start(move |request| match request.target.as_str() {
        LIST_PATH if broken.swap(false, std::sync::atomic::Ordering::SeqCst) => {
            Answer::Last(Vec::new())
        }
        LIST_PATH => Answer::xml(LIST),
        _ => Answer::xml(super::STATUS),
    });
    let broker = super::broker(&server);
    assert!(poll(&broker).is_err());
    assert_eq!(poll(&broker).map(|delta| delta.total), Ok(3));
}

#[test]
fn a_permanent_failure_is_not_tried_again() {
    let failure = list_failure(|| Answer::of(410, "text/html", b""));
    assert_says(&failure, Permanent, &["answered 410"]);
}

#[test]
fn a_broker_and_what_it_gives_can_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Broker>();
    crosses::<crate::effects::broker::bundle::Bundle>();
    fn moves<T: Send>() {}
    moves::<crate::effects::broker::download::Download>();
}
