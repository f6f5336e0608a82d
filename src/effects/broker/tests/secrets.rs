//! No key, link or body reaches what can be printed, whoever sends it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Answer, Server, head};
use super::{KEY, UUID, broker, download, export, poll, read};

const SENTINEL: &str = "PatientName4711";

fn assert_clean(printed: &str) {
    for secret in [KEY, UUID, SENTINEL] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// Answers that hold every secret wherever one can be put.
fn answers() -> Vec<Answer> {
    let all = format!("{KEY} {UUID} {SENTINEL}");
    let echo = format!("{KEY}{UUID}");
    let mut answers = Vec::new();
    for status in [200, 301, 302, 400, 401, 403, 404, 410, 429, 500, 503] {
        for content_type in [
            "text/html",
            "application/xml",
            "text/plain",
            "application/zip",
            &echo,
        ] {
            let location = format!("http://{KEY}.{UUID}/{all}");
            let headers = [
                ("content-type", content_type),
                ("location", &location),
                ("x", &all),
            ];
            for body in [
                format!("<html><title>{KEY} for {UUID}</title>{all}</html>"),
                format!("<html xmlns='{all}'><{SENTINEL}/></html>"),
                format!("<{SENTINEL} xmlns='{all}' a='{all}'>{all}</{SENTINEL}>"),
                all.clone(),
            ] {
                answers.push(Answer::with(status, &headers, body.as_bytes()));
            }
        }
    }
    answers.push(Answer::Last(all.clone().into_bytes()));
    answers.push(Answer::Last(
        [head(200, &[("content-length", "9999")]), all.into_bytes()].concat(),
    ));
    answers
}

#[test]
fn no_failure_repeats_a_secret() {
    let answers = answers();
    let (count, current) = (answers.len(), Arc::new(AtomicUsize::new(0)));
    let served = Arc::clone(&current);
    let server = Server::start(move |request| match request.target.as_str() {
        "/broker/export/request-bundle/1" => Answer::of(200, "text/plain", UUID.as_bytes()),
        _ => answers[served.load(Ordering::SeqCst)].clone(),
    });
    let broker = broker(&server);
    for index in 0..count {
        current.store(index, Ordering::SeqCst);
        if let Err(failure) = poll(&broker) {
            assert_clean(&format!("{failure} {failure:?}"));
        }
        if let Err(failure) = export(&broker, 2) {
            assert_clean(&format!("{failure} {failure:?}"));
        }
        let bundle = export(&broker, 1).expect("a bundle");
        assert_clean(&format!("{bundle:?} {broker:?}"));
        match download(&broker, &bundle) {
            Ok(mut download) => {
                assert_clean(&format!("{download:?}"));
                let failure = read(&broker, &mut download).1.expect_err("no zip");
                assert_clean(&format!("{failure} {failure:?}"));
            }
            Err(failure) => assert_clean(&format!("{failure} {failure:?}")),
        }
    }
}

#[test]
fn a_broken_download_does_not_name_its_link() {
    let server = Server::start(|request| match request.method.as_str() {
        "POST" => Answer::of(200, "text/plain", UUID.as_bytes()),
        _ => Answer::Last(Vec::new()),
    });
    let broker = broker(&server);
    let bundle = export(&broker, 1).expect("a bundle");
    let failure = download(&broker, &bundle).expect_err("it breaks off");
    assert_clean(&format!("{failure} {failure:?}"));
    let port = server.port();
    drop(server);
    let failure = download(&broker, &bundle).expect_err("nobody there");
    assert_clean(&format!("{failure} {failure:?}"));
    assert!(failure.text.contains(&port.to_string()));
}
