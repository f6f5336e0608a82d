//! Listens to the broker's websocket on a thread of its own, connects anew when it is lost, and says what may matter.
//!
//! What always holds here: a connection counts once the broker has answered a ping of ours, and as lost when it does
//! not answer another in time, for nobody else notices; handshakes are never two at once, and rarer the longer they
//! fail. Deliberately absent: deletions and changed tags, of which the broker tells nobody; whoever listens polls, too.

use std::pin::pin;
use std::time::{Duration, Instant};

use courier_ledger::RequestId;
use futures_util::future::select;
use reqwest::Client;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::error::BrokerError;
use super::https::{self, HttpsClient};
use super::settings::Settings;
use super::websocket::{Unheard, Websocket};

/// How often the broker is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The wait before the first attempt to connect anew, before which each is doubled …
const FIRST: Duration = Duration::from_secs(1);
/// … up to this, …
const LONGEST: Duration = Duration::from_secs(60);
/// … or, where there seems to be nothing to connect to, this.
const LONGEST_UNOFFERED: Duration = Duration::from_secs(600);

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// There is a connection: whatever happened before it was heard by nobody.
    Connected,
    /// Something happened to a request.
    Request(RequestId),
    /// There is no connection, or no longer one.
    Without(Unheard),
}

/// Listens until it is dropped.
pub(crate) struct Listener {
    _stop: oneshot::Sender<()>,
}

impl Listener {
    /// Begins to listen; `hear` is called on the thread that listens, and must not block. That there is no
    /// connection is said once until there is one.
    pub(crate) fn begin(
        settings: Settings,
        hear: impl Fn(Heard) + Send + 'static,
    ) -> Result<Self, BrokerError> {
        // What there is to remark is remarked by the client of the runs.
        let HttpsClient { client, remarks: _ } = https::client(&settings)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(BrokerError::Runtime)?;
        let (stop, stopped) = oneshot::channel();
        let begun = std::thread::Builder::new()
            .name("websocket".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let _stopped = select(pin!(listen(&client, &settings, &hear)), stopped).await;
                });
                // A name look-up has no deadline of its own.
                runtime.shutdown_background();
            });
        begun.map_err(BrokerError::Runtime)?;
        Ok(Self { _stop: stop })
    }
}

async fn listen(client: &Client, settings: &Settings, hear: &impl Fn(Heard)) {
    let mut attempt = 0;
    let mut is_said = false;
    loop {
        let mut connected = false;
        let lost = hear_out(client, settings, |heard| {
            connected |= heard == Heard::Connected;
            hear(heard);
        })
        .await;
        if connected {
            (attempt, is_said) = (0, false);
        }
        let longest = match &lost {
            Unheard::NotOffered(_) | Unheard::Refused | Unheard::NoWebsocket => LONGEST_UNOFFERED,
            _ => LONGEST,
        };
        if !std::mem::replace(&mut is_said, true) {
            hear(Heard::Without(lost));
        }
        attempt += 1;
        tokio::time::sleep(wait_before(attempt, longest)).await;
    }
}

/// One connection, from its beginning to its end.
async fn hear_out(client: &Client, settings: &Settings, mut hear: impl FnMut(Heard)) -> Unheard {
    let mut socket = match Websocket::connect(client, settings).await {
        Ok(socket) => socket,
        Err(unheard) => return unheard,
    };
    let mut is_counted = false;
    let mut pings = 0_u64;
    loop {
        pings += 1;
        if let Err(unheard) = socket.send(format!("ping {pings}"), PATIENCE).await {
            return unheard;
        }
        let (asked, pong) = (Instant::now(), format!("pong {pings}"));
        let mut is_answered = false;
        loop {
            let until = match is_answered {
                true => PING,
                false => PATIENCE,
            };
            let left = until.saturating_sub(asked.elapsed());
            match timeout(left, socket.line()).await {
                Ok(Ok(line)) if line == pong => {
                    is_answered = true;
                    if !std::mem::replace(&mut is_counted, true) {
                        hear(Heard::Connected);
                    }
                }
                Ok(Ok(line)) => {
                    if let Some(request) = request_of(&line) {
                        hear(Heard::Request(request));
                    }
                }
                Ok(Err(unheard)) => return unheard,
                Err(_) if is_answered => break,
                Err(_) => return Unheard::Silent(PATIENCE),
            }
        }
    }
}

/// The request that a message is about, if it may matter.
fn request_of(line: &str) -> Option<RequestId> {
    let (word, rest) = line.split_once(' ')?;
    let matters = matches!(
        word,
        "created" | "published" | "closed" | "status" | "result"
    );
    let number = rest.split(' ').next()?.parse().ok()?;
    matters.then_some(RequestId(number))
}

/// Half of it is left to chance, so that many that lost the same broker do not come back at once.
fn wait_before(attempt: u32, longest: Duration) -> Duration {
    let most = FIRST
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(longest);
    let mut drawn = [0; 1];
    // Without random numbers all that is lost is chance.
    let _half = openssl::rand::rand_bytes(&mut drawn);
    most / 2 + most / 2 * u32::from(drawn[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_matter_is_told_by_its_request() {
        for (line, request) in [
            ("created 7", Some(7)),
            ("published 7", Some(7)),
            ("closed 0", Some(0)),
            ("status 12 3 completed", Some(12)),
            ("result 12 3 application/zip", Some(12)),
            ("resource 1 x", None),
            ("welcome CN=Admin,O=AKTIN,OU=admin", None),
            ("status", None),
            ("status x 3 completed", None),
            ("status -1 3 completed", None),
            ("", None),
        ] {
            assert_eq!(request_of(line), request.map(RequestId), "{line}");
        }
    }

    #[test]
    fn waits_grow_and_end_somewhere() {
        for attempt in 1..100 {
            let most = FIRST * 2_u32.saturating_pow(attempt - 1).min(1000);
            let wait = wait_before(attempt, LONGEST);
            assert!(wait <= most.min(LONGEST) && wait >= most.min(LONGEST) / 2);
        }
    }
}
