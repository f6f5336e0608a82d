//! What the embedded broker does beyond the recorded exchanges: bundles, synthetic downloads,
//! faults on order, latency, counts and its end.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{self, Cursor, Read as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use zip::ZipArchive;

const FILTERED: &str = "broker/request/filtered?type=application%2Fvnd.aktin.query.request%2Bxml\
                        &predicate=%2F%2Ftag%3D%27rki%27";

fn start() -> EmbeddedBroker {
    EmbeddedBroker::start(Settings::default()).unwrap()
}

fn call(broker: &EmbeddedBroker, method: Method, path: &str) -> reqwest::Result<Response> {
    let client = Client::builder().no_proxy().build()?;
    let request = client.request(method, format!("{}/{path}", broker.url()));
    request.bearer_auth(EmbeddedBroker::ADMIN_KEY).send()
}

fn get(broker: &EmbeddedBroker, path: &str) -> Response {
    call(broker, Method::GET, path).unwrap()
}

fn text(broker: &EmbeddedBroker, path: &str) -> String {
    get(broker, path).text().unwrap()
}

fn export(broker: &EmbeddedBroker, id: u64) -> String {
    let path = format!("broker/export/request-bundle/{id}");
    let answer = call(broker, Method::POST, &path).unwrap();
    assert_eq!(answer.status(), 200);
    format!("broker/download/{}", answer.text().unwrap())
}

#[test]
fn a_bundle_holds_status_first_and_every_result() {
    let broker = start();
    let id = broker.publish("rki");
    broker.submit_result(2, id, "text/csv", b"a;b\n");
    broker.set_status(1, id, "retrieved");
    let bytes = get(&broker, &export(&broker, id)).bytes().unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(archive.comment(), b"Bundle for request 0");
    let names: Vec<_> = (0..archive.len())
        .map(|at| archive.by_index(at).unwrap().name().to_owned())
        .collect();
    // The second hospital was the first to be in contact.
    let expected = "status.xml 0_info 1_info request.xml definition.xml 0_result.csv";
    assert_eq!(names.join(" "), expected);
    let mut result = String::new();
    let mut entry = archive.by_name("0_result.csv").unwrap();
    entry.read_to_string(&mut result).unwrap();
    assert_eq!(result, "a;b\n");
}

#[test]
fn a_synthetic_download_is_a_zip_of_the_announced_length() {
    let broker = start();
    let id = broker.publish("rki");
    broker.set_synthetic_result(id, 5_000_001);
    let answer = get(&broker, &export(&broker, id));
    let announced = answer.content_length().unwrap();
    let bytes = answer.bytes().unwrap();
    assert_eq!(bytes.len() as u64, announced);
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(archive.by_index(0).unwrap().name(), "status.xml");
    let mut entry = archive.by_index(1).unwrap();
    let count = io::copy(&mut entry, &mut io::sink()).unwrap();
    assert_eq!(count, 5_000_001);
    // The same sizes give the same bytes.
    assert_eq!(get(&broker, &export(&broker, id)).bytes().unwrap(), bytes);
}

#[test]
fn a_synthetic_download_larger_than_32_bits_is_streamed() {
    let broker = start();
    let id = broker.publish("rki");
    broker.set_synthetic_result(id, 5 << 30);
    let mut answer = get(&broker, &export(&broker, id));
    assert!(answer.content_length().unwrap() > 5 << 30);
    let mut head = vec![0; 4 << 20];
    answer.read_exact(&mut head).unwrap();
    assert!(head.starts_with(b"PK\x03\x04"));
}

#[test]
fn faults_are_used_up_in_order_and_only_on_their_route() {
    let broker = start();
    let id = broker.publish("rki");
    let gateway = Answer::Instead {
        status: 502,
        content_type: "text/html".to_owned(),
        body: b"<html/>".to_vec(),
    };
    broker.fail_next(Route::List, gateway, 2);
    broker.fail_next(Route::List, Answer::Cut(20), 1);
    let status = format!("broker/request/{id}/status");
    assert_eq!(get(&broker, &status).status(), 200);
    for _ in 0..2 {
        let answer = get(&broker, FILTERED);
        assert_eq!(answer.status(), 502);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert_eq!(answer.text().unwrap(), "<html/>");
    }
    let mut cut = get(&broker, FILTERED);
    assert_eq!(cut.status(), 200);
    let mut received = Vec::new();
    assert!(cut.read_to_end(&mut received).is_err());
    assert_eq!(received, b"<?xml version=\"1.0\" ");
    assert!(text(&broker, FILTERED).contains("<request id=\"0\">"));
}

#[test]
fn a_download_is_cut_where_ordered() {
    let broker = start();
    let id = broker.publish("rki");
    broker.set_synthetic_result(id, 10 << 20);
    let download = export(&broker, id);
    for at in [0, 1, 3_000_000] {
        broker.fail_next(Route::Download, Answer::Cut(at), 1);
        // With nothing to send, the connection may close before the head has arrived.
        let Ok(mut answer) = call(&broker, Method::GET, &download) else {
            assert_eq!(at, 0);
            continue;
        };
        let mut received = Vec::new();
        assert!(answer.read_to_end(&mut received).is_err());
        assert_eq!(received.len() as u64, at);
    }
    assert_eq!(get(&broker, &download).status(), 200);
}

#[test]
fn a_bundle_that_is_cut_beyond_its_end_loses_its_last_byte() {
    let broker = start();
    let id = broker.publish("rki");
    let download = export(&broker, id);
    let length = get(&broker, &download).bytes().unwrap().len();
    broker.fail_next(Route::Download, Answer::Cut(u64::MAX), 1);
    let mut received = Vec::new();
    let mut answer = get(&broker, &download);
    assert!(answer.read_to_end(&mut received).is_err());
    assert_eq!(received.len(), length - 1);
}

#[test]
fn calls_are_delayed_and_counted() {
    let latency = Duration::from_millis(100);
    let broker = EmbeddedBroker::start(Settings { latency }).unwrap();
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| text(&broker, "broker/request"));
        }
    });
    assert!(started.elapsed() >= latency);
    text(&broker, FILTERED);
    let counters = broker.counters();
    assert_eq!(counters.total, 4);
    assert_eq!(counters.route(Route::WholeList), 3);
    assert_eq!(counters.route(Route::List), 1);
    assert_eq!(counters.route(Route::Export), 0);
    assert_eq!(counters.max_in_flight, 3);
}

#[test]
fn calls_one_after_the_other_are_never_in_flight_together() {
    let broker = start();
    let client = Client::builder().no_proxy().build().unwrap();
    for _ in 0..200 {
        let answer = client.get(format!("{}/broker/status", broker.url())).send();
        answer.unwrap().bytes().unwrap();
    }
    assert_eq!(broker.counters().max_in_flight, 1);
}

#[test]
fn requests_come_and_go_as_told() {
    let broker = start();
    let ids = [
        broker.publish("rki"),
        broker.draft("rki"),
        broker.publish("x"),
    ];
    assert_eq!(ids, [0, 1, 2]);
    broker.set_tag(2, "rki");
    broker.break_definition(0);
    broker.close(2);
    let list = text(&broker, FILTERED);
    assert!(!list.contains("id=\"0\""), "{list}");
    assert!(list.contains("<request id=\"1\"><targeted>"), "{list}");
    assert!(list.contains("<closed>"), "{list}");
    broker.delete(1);
    assert!(!text(&broker, FILTERED).contains("id=\"1\""));
    assert_eq!(broker.publish("rki"), 3);
    broker.recreate_database();
    assert!(!text(&broker, "broker/request").contains("id="));
    assert_eq!(broker.publish("rki"), 0);
}

#[test]
fn the_date_of_a_status_is_its_time() {
    let broker = start();
    let id = broker.publish("rki");
    let client = Client::builder().no_proxy().build().unwrap();
    let path = format!("{}/broker/my/request/{id}/status/failed", broker.url());
    let answer = client
        .post(path)
        .bearer_auth(EmbeddedBroker::NODE_1_KEY)
        .header("date", "Tue, 01 Jan 2019 10:00:00 GMT")
        .send()
        .unwrap();
    assert_eq!(answer.status(), 204);
    let list = text(&broker, &format!("broker/request/{id}/status"));
    assert!(
        list.contains("<failed>2019-01-01T10:00:00Z</failed>"),
        "{list}"
    );
}

#[test]
fn a_dropped_broker_is_gone() {
    let broker = start();
    let address = broker.url().replace("http://", "");
    let open = TcpStream::connect(&address).unwrap();
    drop(broker);
    assert_eq!((&open).read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(&address).is_err());
}
