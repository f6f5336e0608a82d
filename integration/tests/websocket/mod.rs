//! What the broker tells by its websocket, and whom: recorded from AKTIN's own, which is asked again where it is
//! there.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use testbed::broker::EmbeddedBroker;
use testbed::either_broker::EitherBroker;
use testbed::people::{Analyst, Hospital};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};

type Opened = Result<(WebSocketStream<TcpStream>, Response), Error>;

struct Listener {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
    pings: u32,
}

fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}

async fn open(url: &str, key: Option<&str>) -> Opened {
    let authority = url.strip_prefix("http://").unwrap();
    let mut request = format!("ws://{authority}/broker/websocket").into_client_request()?;
    if let Some(key) = key {
        let value = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    let stream = TcpStream::connect(authority).await?;
    tokio_tungstenite::client_async(request, stream).await
}

impl Listener {
    fn new(url: &str) -> Self {
        let runtime = runtime();
        let (socket, answer) = runtime
            .block_on(open(url, Some(EmbeddedBroker::ADMIN_KEY)))
            .unwrap();
        let upgrade = answer.headers()["upgrade"].to_str().unwrap();
        assert_eq!(upgrade.to_lowercase(), "websocket");
        Self {
            runtime,
            socket,
            pings: 0,
        }
    }

    /// What was told up to now: all that comes before the answer to a ping.
    fn told(&mut self) -> Vec<String> {
        self.pings += 1;
        let (ping, pong) = (
            format!("ping x {}", self.pings),
            format!("pong x {}", self.pings),
        );
        let socket = &mut self.socket;
        self.runtime.block_on(async {
            socket.send(Message::text(ping)).await.unwrap();
            let mut told = Vec::new();
            loop {
                let next = timeout(Duration::from_secs(30), socket.next()).await;
                match next.unwrap().unwrap().unwrap() {
                    Message::Text(text) if text.as_str() == pong => return told,
                    Message::Text(text) => told.push(text.as_str().to_owned()),
                    other => panic!("{other:?}"),
                }
            }
        })
    }
}

#[test]
fn what_happens_to_requests_is_told_but_for_deletions_and_tags() {
    for broker in EitherBroker::each() {
        let url = broker.url();
        let analyst = Analyst::new(&url, EmbeddedBroker::ADMIN_KEY);
        let hospital = Hospital::new(&url, EmbeddedBroker::NODE_1_KEY);
        let mut listener = Listener::new(&url);
        assert_eq!(listener.told(), ["welcome Admin"]);
        let mut tells = |told: &[&str]| assert_eq!(listener.told(), told, "{broker:?}");
        let id = analyst.draft("rki").unwrap();
        assert_eq!(id, 0);
        tells(&["created 0"]);
        analyst.retag(id, "other").unwrap();
        tells(&[]);
        analyst.publish_draft(id).unwrap();
        tells(&["published 0"]);
        analyst.publish_draft(id).unwrap();
        tells(&[]);
        hospital.report(id, "retrieved").unwrap();
        tells(&["status 0 0 retrieved"]);
        hospital
            .deliver(id, "text/plain; charset=utf-8", "a result")
            .unwrap();
        tells(&[
            "result 0 0 text/plain;charset=UTF-8",
            "status 0 0 completed",
        ]);
        hospital.deliver(id, "application/zip", "another").unwrap();
        tells(&["result 0 0 application/zip", "status 0 0 completed"]);
        analyst.close(id).unwrap();
        tells(&["closed 0"]);
        analyst.delete(id).unwrap();
        tells(&[]);
    }
}

#[test]
fn whoever_is_no_administrator_hears_nothing() {
    for broker in EitherBroker::each() {
        let (url, runtime) = (broker.url(), runtime());
        for key in [None, Some("of-nobody")] {
            match runtime.block_on(open(&url, key)) {
                Err(Error::Http(answer)) => assert_eq!(answer.status(), 500),
                other => panic!("{key:?}: {other:?}"),
            }
        }
        let (mut socket, _) = runtime
            .block_on(open(&url, Some(EmbeddedBroker::NODE_1_KEY)))
            .unwrap();
        let told = runtime.block_on(socket.next()).unwrap().unwrap();
        assert!(matches!(told, Message::Close(_)), "{told:?}");
    }
}
