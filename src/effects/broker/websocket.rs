//! One connection to the broker's websocket (RFC 6455), opened by the HTTP client that all calls are made with, so
//! that whom it trusts and which way it takes are the same.
//!
//! What always holds here: every wait has a deadline, a message a limit; the key goes to the configured host alone,
//! and reaches no error. Deliberately absent: when to connect, and what messages mean (`listening`).

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use openssl::sha::Sha1;
use reqwest::header::{AUTHORIZATION, CONNECTION, HeaderMap, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::settings::Settings;
use super::transport::{Limits, Stage, problem};

/// The broker's messages are a line each.
const LIMIT_BYTES: usize = 64 << 10;
/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why there is no connection, or no longer one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unheard {
    /// The call failed, for this reason.
    #[error("{0}")]
    Call(String),
    /// Whoever answers speaks HTTP alone: a broker without a websocket, or a proxy before it.
    #[error("there is none: it is answered with {0}, by the broker or by a proxy before it")]
    NotOffered(StatusCode),
    /// The broker refuses the login; some of its versions do so by a handshake without a proof.
    #[error("the broker refuses the login; is BROKER.API_KEY that of an administrator?")]
    Refused,
    /// What answers is no websocket.
    #[error("what answers is no websocket")]
    NoWebsocket,
    /// The other side ended it.
    #[error("the broker, or a proxy before it, has closed it")]
    Closed,
    /// It broke, or what came is none of the protocol's.
    #[error("it broke off")]
    Broken,
    /// Nothing came for so long.
    #[error("nothing came for {} s, though it was asked", .0.as_secs())]
    Silent(Duration),
    /// There are no random numbers, or nothing to run on.
    #[error("nothing can be sent from here: {0}")]
    Local(String),
}

/// A connection that stands.
pub(super) struct Websocket(WebSocketStream<Upgraded>);

impl Websocket {
    /// Connects, and logs in.
    pub(super) async fn connect(client: &Client, settings: &Settings) -> Result<Self, Unheard> {
        let limits = Limits {
            connect: settings.connect_timeout,
            whole: settings.status_timeout,
        };
        let opened = timeout(limits.whole, open(client, settings, limits)).await;
        opened.unwrap_or(Err(Unheard::Silent(limits.whole)))
    }

    /// Sends a line.
    pub(super) async fn send(&mut self, line: String, limit: Duration) -> Result<(), Unheard> {
        match timeout(limit, self.0.send(Message::text(line))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unheard::Broken),
            Err(_) => Err(Unheard::Silent(limit)),
        }
    }

    /// The next line. What is dropped while it waits has lost nothing.
    pub(super) async fn line(&mut self) -> Result<String, Unheard> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                // Pings of the protocol are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_) | Message::Frame(_))) | None => {
                    return Err(Unheard::Closed);
                }
                Some(Err(_)) => return Err(Unheard::Broken),
            }
        }
    }
}

async fn open(client: &Client, settings: &Settings, limits: Limits) -> Result<Websocket, Unheard> {
    let mut nonce = [0; 16];
    openssl::rand::rand_bytes(&mut nonce).map_err(|error| Unheard::Local(error.to_string()))?;
    let key = openssl::base64::encode_block(&nonce);
    let mut url = settings.address.url().clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["broker", "websocket"]);
    }
    let asked = client
        .get(url)
        .header(AUTHORIZATION, settings.api_key.authorization())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", &key);
    let answer = asked
        .send()
        .await
        .map_err(|error| Unheard::Call(problem(&error, Stage::Head, limits).to_string()))?;
    match answer.status() {
        StatusCode::SWITCHING_PROTOCOLS => {}
        // AKTIN's own says the last of these to a key that it does not know.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::INTERNAL_SERVER_ERROR => {
            return Err(Unheard::Refused);
        }
        status => return Err(Unheard::NotOffered(status)),
    }
    match proof(answer.headers()) {
        "" => return Err(Unheard::Refused),
        proof if proof != proof_of(&key) => return Err(Unheard::NoWebsocket),
        _ => {}
    }
    let stream = answer.upgrade().await.map_err(|_| Unheard::NoWebsocket)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT_BYTES))
        .max_frame_size(Some(LIMIT_BYTES))
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    Ok(Websocket(stream))
}

fn proof(headers: &HeaderMap) -> &str {
    let proof = headers.get("Sec-WebSocket-Accept");
    proof.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// What proves that the other side has understood.
fn proof_of(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    openssl::base64::encode_block(&hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_specification() {
        let proof = proof_of("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
