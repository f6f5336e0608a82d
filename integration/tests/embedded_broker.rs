//! What the embedded broker does beyond the recorded exchanges: bundles, synthetic downloads,
//! faults on order, latency, counts and its end.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use testbed::broker::{Answer, ApiKeys, EmbeddedBroker, Route, Settings};
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
    let expected = "status.xml 0_info 1_info request.xml definition.xml 0_result.txt";
    assert_eq!(names.join(" "), expected);
    let mut result = String::new();
    let mut entry = archive.by_name("0_result.txt").unwrap();
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
    let mut result = Vec::new();
    archive
        .by_name("0_result")
        .unwrap()
        .read_to_end(&mut result)
        .unwrap();
    assert_eq!(result.len(), 5_000_001);
    // The same size gives the same bytes.
    broker.submit_synthetic_result(1, id, 5_000_001);
    let whole = get(&broker, &format!("aggregator/request/{id}/result/0"));
    assert_eq!(whole.bytes().unwrap(), result);
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

/// A call that was sent and whose answer nobody reads yet.
fn send(broker: &EmbeddedBroker, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(broker.url().replace("http://", "")).unwrap();
    let key = EmbeddedBroker::ADMIN_KEY;
    let head = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn wait_for_calls_in_flight(broker: &EmbeddedBroker, count: u64) {
    while broker.counters().in_flight != count {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn calls_are_delayed_and_counted() {
    // Nobody waits for it: the calls stay in flight.
    let latency = Duration::from_secs(3_600);
    let broker = EmbeddedBroker::start(Settings { latency }).unwrap();
    let calls = [(); 3].map(|()| send(&broker, "broker/request"));
    wait_for_calls_in_flight(&broker, 3);
    // A call that waits holds up no other.
    broker.set_route_latency(Route::List, Duration::ZERO);
    text(&broker, FILTERED);
    let counters = broker.counters();
    assert_eq!(counters.total, 4);
    assert_eq!(counters.route(Route::WholeList), 3);
    assert_eq!(counters.route(Route::List), 1);
    assert_eq!(counters.route(Route::Export), 0);
    assert_eq!(counters.max_in_flight, 4);
    drop(calls);
    wait_for_calls_in_flight(&broker, 0);
    broker.reset_counters();
    broker.set_latency(Duration::ZERO);
    text(&broker, "broker/request");
    assert_eq!(broker.counters().total, 1);
    assert_eq!(broker.counters().max_in_flight, 1);
}

#[test]
fn a_redirect_leads_to_another_host() {
    let broker = start();
    broker.fail_next(
        Route::List,
        Answer::redirect("http://elsewhere.invalid/"),
        1,
    );
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = client
        .get(format!("{}/{FILTERED}", broker.url()))
        .send()
        .unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "http://elsewhere.invalid/");
}

#[test]
fn a_list_can_be_empty_although_there_are_requests() {
    let broker = start();
    let true_and_empty = text(&broker, FILTERED);
    broker.publish("rki");
    broker.fail_next(Route::List, Answer::empty_list(), 1);
    assert_eq!(text(&broker, FILTERED), true_and_empty);
    assert_ne!(text(&broker, FILTERED), true_and_empty);
}

#[test]
fn a_body_that_drips_arrives_whole() {
    let broker = start();
    broker.publish("rki");
    let whole = text(&broker, FILTERED);
    let drip = Answer::Drip {
        piece_bytes: 10,
        pause: Duration::from_millis(1),
    };
    broker.fail_next(Route::List, drip, 1);
    assert_eq!(text(&broker, FILTERED), whole);
}

#[test]
fn a_body_shorter_than_announced_is_an_error() {
    let broker = start();
    let short = Answer::Custom {
        status: 200,
        headers: vec![("content-length".to_owned(), "10".to_owned())],
        body: b"short".to_vec(),
    };
    broker.fail_next(Route::List, short, 1);
    let answer = call(&broker, Method::GET, FILTERED);
    assert!(answer.and_then(Response::bytes).is_err());
}

#[test]
fn a_silent_call_is_in_flight_until_its_caller_leaves() {
    let broker = start();
    broker.fail_next(Route::List, Answer::Silence, 1);
    let call = send(&broker, FILTERED);
    wait_for_calls_in_flight(&broker, 1);
    // Others are answered.
    text(&broker, FILTERED);
    drop(call);
    wait_for_calls_in_flight(&broker, 0);
    assert_eq!(broker.counters().total, 2);
}

#[test]
fn keys_can_be_others() {
    let keys = ApiKeys::new("admin-key").with_hospital("three", "CN=Three");
    assert!(!format!("{keys:?}").contains("admin-key"));
    let broker = EmbeddedBroker::start_with_keys(Settings::default(), keys).unwrap();
    assert_eq!(get(&broker, "broker/node").status(), 401);
    let client = Client::builder().no_proxy().build().unwrap();
    let nodes = client.get(format!("{}/broker/node", broker.url()));
    let nodes = nodes.bearer_auth("admin-key").send().unwrap();
    assert_eq!(nodes.status(), 200);
    let id = broker.publish("rki");
    broker.set_status(1, id, "completed");
    let path = format!("{}/broker/my/request", broker.url());
    let own = client.get(path).bearer_auth("three").send().unwrap();
    assert!(own.text().unwrap().contains("<completed>"));
}

#[test]
fn five_thousand_requests_are_listed() {
    let broker = start();
    for number in 0..5_000 {
        broker.publish(if number % 2 == 0 { "rki" } else { "other" });
    }
    assert_eq!(
        text(&broker, FILTERED).matches("<request id=").count(),
        2_500
    );
    let all = text(&broker, "broker/request");
    assert_eq!(all.matches("<request id=").count(), 5_000);
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
