//! The client against a scripted HTTP server: each rule of `docs/broker.md` by name.
//!
//! Deliberately absent: any network but the loopback, and any look at a clock.

mod server;

mod answers;
mod arbitrary;
mod bundles;
mod connections;
mod disappearances;
mod encrypted;
mod lists;
mod plain_statuses;
mod secrets;
mod statuses;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use courier_ledger::{Failure, FailureClass, Phase, RequestId, SnapshotDelta, State};

use super::bundle::Bundle;
use super::call::Call;
use super::download::Download;
use super::{ApiKey, Broker, BrokerError, Settings};
use crate::effects::persistence::Persistence;
use crate::effects::stop::Stop;
use server::{Answer, Server};

const KEY: &str = "xxxAdmin1234";
const UUID: &str = "24ad5297-fb90-45e4-b963-325a066c48ec";

const LIST_PATH: &str = "/broker/request/filtered?type=application%2Fvnd.aktin.query.request%2Bxml&predicate=%2F%2Ftag%3D%27rki%27";
const XML: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;

/// As AKTIN's broker prints it: one published request, one closed, one draft.
const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><request-list xmlns="http://aktin.org/ns/exchange"><request id="0"><published>2026-11-23T18:12:19.504672Z</published><targeted>false</targeted></request><request id="2"><published>2026-11-23T18:12:19.554950Z</published><closed>2026-11-23T18:12:20.021050Z</closed><targeted>false</targeted></request><request id="4"><targeted>false</targeted></request></request-list>"#;
const EMPTY_LIST: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><request-list xmlns="http://aktin.org/ns/exchange"/>"#;
const STATUS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><request-status-list xmlns="http://aktin.org/ns/exchange"><request-status-info><node>0</node><completed>2026-11-23T18:12:19.711Z</completed><type>application/x-www-form-urlencoded</type></request-status-info><request-status-info><node>1</node><retrieved>2026-11-23T18:12:19.725Z</retrieved><type>application/x-www-form-urlencoded</type></request-status-info></request-status-list>"#;
const EMPTY_STATUS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><request-status-list xmlns="http://aktin.org/ns/exchange"/>"#;
const UNAUTHORIZED: &str = "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n<title>Error 401 Unauthorized</title>\n</head>\n<body><h2>HTTP ERROR 401 Unauthorized</h2></body></html>";

fn settings(url: &str) -> Settings {
    Settings {
        proxy: super::Proxy::default(),
        address: url.parse().expect("an address"),
        api_key: ApiKey::new(KEY.into()).expect("a key"),
        tag: "rki".parse().expect("a tag"),
        ca_bundle: None,
        concurrency: NonZeroUsize::MIN.saturating_add(3),
        connect_timeout: LONG,
        list_timeout: LONG,
        status_timeout: LONG,
        export_timeout: LONG,
        download_timeout: LONG,
        silence_timeout: LONG,
        max_answer_bytes: 64 << 10,
    }
}

/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(600);

/// A client that repeats nothing.
fn client(settings: Settings) -> Result<Broker, BrokerError> {
    let stop = Stop::at(Instant::now() + 2 * LONG);
    Broker::new(settings, Persistence::new(0, 0, stop))
}

/// A deadline that a test can wait for, and that a busy machine does not miss.
const SHORT: Duration = Duration::from_millis(700);

fn broker(server: &Server) -> Broker {
    client(settings(&server.url())).expect("a client")
}

/// The link of a bundle alone.
fn export(broker: &Broker, request: u64) -> Result<Bundle, Failure> {
    waited(broker, broker.export(RequestId(request)))
}

/// Drives a call.
fn waited<T>(broker: &Broker, call: impl Future<Output = T>) -> T {
    broker.drive(call).expect("it can be driven")
}

/// The bytes that came before the end, or before the failure, which stays.
fn read(broker: &Broker, download: &mut Download) -> (Vec<u8>, Result<(), Failure>) {
    let mut bytes = Vec::new();
    loop {
        match waited(broker, download.next_piece()) {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, Ok(())),
            Err(failure) => {
                let again = waited(broker, download.next_piece());
                assert_eq!(again, Err(failure.clone()), "it stays one");
                return (bytes, Err(failure));
            }
        }
    }
}

/// The download alone, once.
fn download(broker: &Broker, bundle: &Bundle) -> Result<Download, Failure> {
    let begun = broker.wait(broker.begin_download(bundle));
    begun.map_err(|problem| broker.failure(Call::Download(bundle.request()), &problem))
}

/// One poll of a server that answers the list so, and every status with [`STATUS`].
fn poll_list(list: impl Fn() -> Answer + Send + Sync + 'static) -> Result<SnapshotDelta, Failure> {
    let server = Server::start(move |request| match request.target.as_str() {
        LIST_PATH => list(),
        _ => Answer::xml(STATUS),
    });
    poll(&broker(&server))
}

fn poll(broker: &Broker) -> Result<SnapshotDelta, Failure> {
    let state: State = Default::default();
    broker
        .poll(&state.expected(), &state)
        .map(|polled| polled.snapshot.delta(&state))
}

/// The failure of a poll whose list is answered so.
fn list_failure(list: impl Fn() -> Answer + Send + Sync + 'static) -> Failure {
    let failure = poll_list(list).expect_err("the list does not count");
    assert_eq!(failure.phase, Phase::List);
    assert!(!failure.text.contains(KEY));
    failure
}

fn assert_says(failure: &Failure, class: FailureClass, words: &[&str]) {
    assert_eq!(failure.class, class, "{failure}");
    for word in words {
        assert!(
            failure.text.contains(word),
            "{word:?} is missing: {failure}"
        );
    }
}

fn ids(ids: impl IntoIterator<Item = u64>) -> Vec<RequestId> {
    ids.into_iter().map(RequestId).collect()
}
