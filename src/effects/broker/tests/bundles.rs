//! Export and download.

use std::time::Duration;

use FailureClass::{NeedsPerson, Permanent, Transient};
use courier_ledger::{Failure, FailureClass, Phase};

use super::server::{Answer, Server, head};
use super::{SHORT, UUID, assert_says, client, export, settings};

const LONG: Duration = Duration::from_secs(60);

/// An archive with one entry of that many stored bytes, as far as its ends are concerned.
fn zip(size: usize) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend((0..size).map(|index| (index % 251) as u8));
    bytes.extend(b"PK\x05\x06");
    bytes.resize(bytes.len() + 18, 0);
    bytes
}

fn zip_answer(bytes: &[u8]) -> Answer {
    Answer::of(200, "application/zip", bytes)
}

fn server(download: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.method.as_str() {
        "POST" => Answer::of(200, "text/plain", UUID.as_bytes()),
        _ => download(),
    })
}

fn export_failure(answer: Answer) -> Failure {
    export_failure_within(LONG, answer)
}

fn export_failure_within(timeout: Duration, answer: Answer) -> Failure {
    let server = Server::start(move |_| answer.clone());
    let mut settings = settings(&server.url());
    settings.export_timeout = timeout;
    let broker = client(settings).expect("a client");
    let failure = export(&broker, 5).expect_err("no bundle");
    assert_eq!(failure.phase, Phase::Export);
    assert!(!failure.text.contains(UUID), "{failure}");
    failure
}

/// The bytes that came before the end, or before the failure.
fn download(answer: Answer) -> (Vec<u8>, Result<Option<u64>, Failure>) {
    download_within(LONG, LONG, answer)
}

fn download_within(
    whole: Duration,
    silence: Duration,
    answer: Answer,
) -> (Vec<u8>, Result<Option<u64>, Failure>) {
    let server = server(move || answer.clone());
    let mut settings = settings(&server.url());
    settings.silence_timeout = silence;
    settings.download_timeout = whole;
    let broker = client(settings).expect("a client");
    let bundle = export(&broker, 5).expect("a bundle");
    let mut bytes = Vec::new();
    let result = super::download(&broker, &bundle).and_then(|mut download| {
        let announced = download.content_length();
        let read;
        (bytes, read) = super::read(&broker, &mut download);
        read?;
        assert!(announced.is_none_or(|announced| announced == bytes.len() as u64));
        Ok(announced)
    });
    if let Err(failure) = &result {
        assert_eq!(failure.phase, Phase::Download);
        assert!(
            failure.text.contains("/broker/download/… of request 5"),
            "{failure}"
        );
        assert!(!failure.text.contains(UUID), "{failure}");
    }
    (bytes, result)
}

fn download_failure(answer: Answer) -> Failure {
    download(answer).1.expect_err("the download does not count")
}

#[test]
fn a_bundle_is_exported_and_downloaded() {
    let whole = zip(300_000);
    let (bytes, announced) = download(zip_answer(&whole));
    assert!(bytes == whole);
    assert_eq!(announced, Ok(Some(whole.len() as u64)));
}

#[test]
fn the_key_goes_to_the_export_and_not_to_the_download() {
    let server = server(|| zip_answer(&zip(1)));
    let broker = client(settings(&server.url())).expect("a client");
    let bundle = export(&broker, 5).expect("a bundle");
    drop(super::download(&broker, &bundle).expect("a download"));
    let requests = server.requests();
    assert_eq!(requests[0].target, "/broker/export/request-bundle/5");
    assert_eq!(requests[0].header("accept"), ["text/plain"]);
    assert_eq!(requests[0].header("content-length"), ["0"]);
    assert_eq!(requests[0].header("authorization"), ["Bearer xxxAdmin1234"]);
    assert_eq!(requests[1].target, format!("/broker/download/{UUID}"));
    assert!(requests[1].header("authorization").is_empty());
}

#[test]
fn an_export_without_a_link_is_no_bundle() {
    let text = |body: &[u8]| Answer::of(200, "text/plain", body);
    for body in [
        &b""[..],
        b"no",
        b"../../../../../../../../../../etc/pa",
        &[b'a'; 2_000],
    ] {
        let class = export_failure(text(body)).class;
        assert_eq!(
            class,
            if body.len() > 1_024 {
                NeedsPerson
            } else {
                Permanent
            }
        );
    }
    let spaced = format!(" {UUID}\n");
    assert_says(
        &export_failure(text(spaced.as_bytes())),
        Permanent,
        &["identifier"],
    );
    let page = Answer::of(200, "text/html", UUID.as_bytes());
    assert_says(&export_failure(page), NeedsPerson, &["text/plain", "proxy"]);
    let gone = Answer::of(500, "text/plain;charset=iso-8859-1", b"HTTP ERROR 500");
    assert_says(
        &export_failure(gone),
        Transient,
        &["answered 500", "deleted?"],
    );
    let denied = Answer::of(401, "text/html", b"");
    assert_says(&export_failure(denied), NeedsPerson, &["API_KEY"]);
    assert_says(
        &export_failure(Answer::of(404, "text/html", b"")),
        Permanent,
        &["BROKER.URL"],
    );
    assert_says(
        &export_failure(text(UUID.as_bytes()).cut(1)),
        Transient,
        &["broke off"],
    );
}

#[test]
fn an_export_has_its_own_deadline() {
    let failure = export_failure_within(SHORT, Answer::Then(Vec::new()));
    assert_says(&failure, Transient, &["no answer within 0.7 s", "longer"]);
}

#[test]
fn a_download_that_is_cut_at_any_byte_never_ends_well() {
    let whole = zip(20);
    for cut in 1..=whole.len() {
        assert_says(
            &download_failure(zip_answer(&whole).cut(cut)),
            Transient,
            &["broke off"],
        );
    }
}

#[test]
fn a_download_without_a_length_is_judged_by_its_end() {
    let whole = zip(20);
    let head = head(200, &[("content-type", "application/zip")]);
    let answer = Answer::Last([head.as_slice(), &whole].concat());
    let (bytes, announced) = download(answer.clone());
    assert_eq!((bytes, announced), (whole.clone(), Ok(None)));
    for cut in 1..=whole.len() {
        assert_says(
            &download_failure(answer.clone().cut(cut)),
            Transient,
            &["not complete"],
        );
    }
}

#[test]
fn a_download_of_another_length_than_announced_never_ends_well() {
    let whole = zip(100);
    for (announced, words) in [
        (127, "broke off"),
        (125, "not complete"),
        (0, "not complete"),
    ] {
        let length = announced.to_string();
        let headers = [
            ("content-type", "application/zip"),
            ("content-length", length.as_str()),
        ];
        let answer = Answer::Last([head(200, &headers).as_slice(), &whole].concat());
        assert_says(&download_failure(answer), Transient, &[words]);
    }
}

#[test]
fn a_page_is_not_a_download() {
    let page = Answer::of(200, "text/html", b"<html><title>x</title></html>");
    assert_says(
        &download_failure(page),
        NeedsPerson,
        &["application/zip", "proxy"],
    );
    let (bytes, result) = download(zip_answer(b"<html><title>x</title></html>"));
    assert!(bytes.is_empty());
    assert_says(&result.expect_err("no archive"), Permanent, &["not a zip"]);
}

#[test]
fn a_link_that_has_expired_is_transient() {
    let failure = download_failure(Answer::of(404, "text/html", b""));
    assert_says(&failure, Transient, &["answered 404", "expired"]);
}

#[test]
fn a_download_that_falls_silent_ends() {
    let whole = zip(1_000);
    let raw = [
        head(
            200,
            &[
                ("content-type", "application/zip"),
                ("content-length", "1026"),
            ],
        ),
        whole[..500].to_vec(),
    ];
    for silent in [Answer::Then(raw.concat()), Answer::Then(Vec::new())] {
        let failure = download_within(LONG, SHORT, silent).1.expect_err("silence");
        assert_says(&failure, Transient, &["not a byte came for 0.7 s"]);
    }
}

#[test]
fn a_drip_does_not_outlast_the_deadline_of_a_download() {
    let headers = [
        ("content-type", "application/zip"),
        ("content-length", "999999"),
    ];
    let drip = Answer::Drip(
        [head(200, &headers).as_slice(), b"PK\x03\x04"].concat(),
        b'x',
    );
    let failure = download_within(SHORT, LONG, drip).1.expect_err("no end");
    assert_says(&failure, Transient, &["not complete within 0.7 s"]);
}
