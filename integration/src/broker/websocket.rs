//! The broker's websocket: who connects hears what happens to requests.
//!
//! What always holds here: messages and refusals are the real broker's (`tests/broker_contract.rs`); nothing is told
//! of deletions and of changed definitions. Deliberately absent: what hospitals are told, messages of resources.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::key::Owner;
use super::reply::Reply;
use super::server::Shared;

/// So many messages wait for a listener that is slow.
const WAITING: usize = 4096;

/// Where things are told.
#[derive(Debug)]
pub(crate) struct Bulletin(Sender<String>);

impl Default for Bulletin {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Bulletin {
    /// Tells everybody who listens.
    pub(crate) fn tell(&self, message: String) {
        // Nobody need listen.
        let _heard = self.0.send(message);
    }

    fn listen(&self) -> Receiver<String> {
        self.0.subscribe()
    }
}

/// Whether a call wants to become a websocket.
pub(crate) fn is_wanted(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE);
    let upgrade = upgrade.and_then(|value| value.to_str().ok());
    request.uri().path() == "/broker/websocket"
        && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake; an administrator is told what happens from then on.
pub(crate) fn accept(shared: &Arc<Shared>, mut request: Request) -> Result<Response, Reply> {
    let text = |name: header::HeaderName| request.headers().get(name)?.to_str().ok();
    let owner = text(header::AUTHORIZATION).and_then(|it| shared.keys().owner(it));
    let Some(owner) = owner else {
        // The broker's own handling of it fails.
        let page = "<html><head><title>Error 500 java.lang.UnsupportedOperationException</title></head></html>";
        return Err(Reply::new(500, "text/html;charset=iso-8859-1", page));
    };
    let is_admin = owner == Owner::Admin;
    let key = text(header::SEC_WEBSOCKET_KEY).unwrap_or_default();
    let proof = derive_accept_key(key.as_bytes());
    // Heard from before the answer on, so that nothing falls in between.
    let told = is_admin.then(|| shared.database().bulletin().listen());
    if let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() {
        tokio::spawn(async move {
            if let Ok(stream) = upgrade.await {
                talk(stream, told).await;
            }
        });
    }
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "WebSocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, proof)
        .body(Body::empty());
    answer.map_err(|error| Reply::new(500, "text/plain", error.to_string()))
}

async fn talk(stream: Upgraded, told: Option<Receiver<String>>) {
    let stream = TokioIo::new(stream);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let Some(mut told) = told else {
        // Whoever is no administrator is let in, and out again.
        let _gone = socket.close(None).await;
        return;
    };
    let mut message = "welcome Admin".to_owned();
    loop {
        if socket.send(Message::text(message)).await.is_err() {
            return;
        }
        message = tokio::select! {
            // What was told before somebody asked comes before the answer.
            biased;
            told = told.recv() => match told {
                Ok(told) => told,
                // Whoever is too slow is told something that it does not know.
                Err(RecvError::Lagged(_)) => "missed".to_owned(),
                Err(RecvError::Closed) => {
                    let _gone = socket.close(None).await;
                    return;
                }
            },
            pong = asked(&mut socket) => match pong {
                Some(pong) => pong,
                None => return,
            },
        };
    }
}

/// The answer to the next ping; none at the end. Anything else has none.
async fn asked(socket: &mut WebSocketStream<TokioIo<Upgraded>>) -> Option<String> {
    loop {
        if let Message::Text(text) = socket.next().await?.ok()?
            && let Some(rest) = text.strip_prefix("ping ")
        {
            return Some(format!("pong {rest}"));
        }
    }
}
