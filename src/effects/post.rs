//! Calls to others than the broker and the drop-box, at the edge of a run: who watches it, who attests what it left.
//! They are reached and trusted as the broker is.
//!
//! What always holds here: a call is given so much time and so many tries, an answer so many bytes; an address,
//! which may be a secret, reaches no error. Deliberately absent: what an answer means.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use url::Url;

use super::broker::{BrokerError, Limits, Settings, Stage, https_client, problem};

/// How long one try may take.
const LIMIT: Duration = Duration::from_secs(5);
const TRIES: usize = 2;
/// More than a time stamp with all its certificates takes.
const LIMIT_BYTES: usize = 64 << 10;

const LIMITS: Limits = Limits {
    connect: LIMIT,
    whole: LIMIT,
};

/// The way to others.
pub(crate) struct Poster {
    client: Client,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it is what was asked for.
    pub(crate) status: StatusCode,
    /// Its type, without parameters; empty where it has none.
    pub(crate) media: String,
    /// The whole of it.
    pub(crate) body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unheard {
    /// The call failed, for this reason.
    #[error("{0}")]
    Call(String),
    /// It answered otherwise than with success.
    #[error("it answered {0}")]
    Answer(StatusCode),
    /// It answered more than anybody needs.
    #[error("its answer is larger than {} KiB", LIMIT_BYTES >> 10)]
    Long,
    /// Nothing can be sent from here.
    #[error("nothing can be sent: {0}")]
    Runtime(std::io::ErrorKind),
}

impl Poster {
    /// Goes the way that the broker's settings say, whomever it is to reach.
    pub(crate) fn new(settings: &Settings) -> Result<Self, BrokerError> {
        let client = https_client(settings)?.client;
        Ok(Self { client })
    }

    /// Sends a body of this type; again, where a server could not be reached or was not well.
    pub(crate) fn post(&self, url: &Url, media: &str, body: &[u8]) -> Result<Answer, Unheard> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Unheard::Runtime(error.kind()))?;
        let answer = runtime.block_on(async {
            let mut tried = 1;
            loop {
                let answer = once(&self.client, url, media, body).await;
                let may_pass = match &answer {
                    Ok(answer) => answer.status.is_server_error(),
                    Err(unheard) => matches!(unheard, Unheard::Call(_)),
                };
                if !may_pass || tried == TRIES {
                    return answer;
                }
                tried += 1;
            }
        });
        // A name look-up has no deadline of its own.
        runtime.shutdown_background();
        answer
    }
}

#[cfg(test)]
impl Poster {
    /// Goes directly.
    pub(crate) fn direct() -> Self {
        Self {
            client: Client::new(),
        }
    }
}

impl Answer {
    /// The answer, if it is one of success.
    pub(crate) fn successful(self) -> Result<Self, Unheard> {
        match self.status {
            status if status.is_success() => Ok(self),
            status => Err(Unheard::Answer(status)),
        }
    }
}

async fn once(client: &Client, url: &Url, media: &str, body: &[u8]) -> Result<Answer, Unheard> {
    let failed = |stage| {
        move |error: reqwest::Error| Unheard::Call(problem(&error, stage, LIMITS).to_string())
    };
    let call = client.post(url.clone()).timeout(LIMIT);
    let call = call.header(CONTENT_TYPE, media).body(body.to_owned());
    let mut response = call.send().await.map_err(failed(Stage::Head))?;
    let mut answer = Answer {
        status: response.status(),
        media: media_of(response.headers().get(CONTENT_TYPE)),
        body: Vec::new(),
    };
    while let Some(piece) = response.chunk().await.map_err(failed(Stage::Body))? {
        answer.body.extend_from_slice(&piece);
        if answer.body.len() > LIMIT_BYTES {
            return Err(Unheard::Long);
        }
    }
    Ok(answer)
}

fn media_of(header: Option<&HeaderValue>) -> String {
    let text = header.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
