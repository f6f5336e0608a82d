//! The HTTP client: connections are direct unless a proxy is configured, reused, and
//! trusted from TLS 1.2 on by the system's authorities and those of `REQUESTS_CA_BUNDLE`.
//!
//! What always holds here: no redirect is followed, so the key goes to the configured host only;
//! downloads, which need no key, are sent none. A call's deadline covers it from connecting to its
//! last byte, so that a slow drip cannot outlast it.

use std::fmt;
use std::sync::Arc;

use courier_ledger::{BrokerTime, Failure, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH};
use url::Url;

use super::answer;
use super::call::Call;
use super::document::DocumentError;
use super::error::BrokerError;
use super::media::DEFINITION_TYPE;
use super::network::Network;
use super::problem::Problem;
use super::settings::Settings;
use super::transport::{Limits, Stage, problem};
use crate::effects::headway::Headway;
use crate::effects::persistence::Persistence;

/// RFC 3986, section 2.3: everything but unreserved characters is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The broker's admin interface. Can be shared between threads; connections are reused.
pub(crate) struct Broker {
    pub(crate) settings: Settings,
    persistence: Persistence,
    network: Arc<Network>,
    address: String,
    headway: Headway,
}

impl Broker {
    /// Makes a client that goes on trying as `persistence` says; nothing is sent yet.
    pub(crate) fn new(settings: Settings, persistence: Persistence) -> Result<Self, BrokerError> {
        let network = Arc::new(Network::new(&settings)?);
        Ok(Self::over(network, settings, persistence))
    }

    /// The same over what an earlier one used, with its connections; the settings must be of the same broker.
    pub(crate) fn over(
        network: Arc<Network>,
        settings: Settings,
        persistence: Persistence,
    ) -> Self {
        let address = settings.address.to_string();
        Self {
            settings,
            persistence,
            network,
            address,
            headway: Headway::default(),
        }
    }

    /// The same client for another thread: it drives calls of its own, over connections of its own.
    pub(crate) fn with_connections_of_its_own(&self) -> Result<Self, BrokerError> {
        Ok(Self {
            settings: self.settings.clone(),
            persistence: self.persistence.clone(),
            network: Arc::new(Network::another(&self.settings)?),
            address: self.address.clone(),
            headway: self.headway.clone(),
        })
    }

    /// How far what is under way has come.
    pub(crate) fn headway(&self) -> &Headway {
        &self.headway
    }

    /// Waits for a call, or for the end of the run.
    pub(crate) fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        self.network.wait(call, self.persistence.stop())
    }

    /// Drives calls to their end; they mind the end of the run themselves. None when there is nothing
    /// left to drive them with.
    pub(crate) fn drive<T>(&self, calls: impl Future<Output = T>) -> Option<T> {
        self.network.drive(calls)
    }

    /// Makes a call, reads its answer and gives it to `parse`; again, when that may help.
    pub(crate) async fn ask<T>(
        &self,
        call: Call,
        parse: impl Fn(&[u8]) -> Result<T, DocumentError>,
    ) -> Result<T, Problem> {
        let attempt = async || parse(&self.fetch(call).await?).map_err(Problem::Document);
        self.repeat(call, attempt).await
    }

    /// Makes `attempt` until it succeeds, or until another would not help, or until the run is to end.
    pub(crate) async fn repeat<T>(
        &self,
        call: Call,
        attempt: impl AsyncFn() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let persistence = &self.persistence;
        let mut repetition = 0;
        loop {
            let problem = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            if let Some(reason) = persistence.stop().reason() {
                return Err(Problem::Stopped(reason));
            }
            repetition += 1;
            let asked = problem.retry_after();
            let wait = persistence.wait_before(call.repeated(), repetition, asked);
            let Some(wait) = wait.filter(|_| problem.is_worth_repeating(call)) else {
                return Err(problem);
            };
            persistence
                .stop()
                .pause(wait)
                .await
                .map_err(Problem::Stopped)?;
            tracing::info!("{}; asking once more", self.failure(call, &problem));
        }
    }

    /// Makes a call once and reads its answer.
    pub(crate) async fn fetch(&self, call: Call) -> Result<Vec<u8>, Problem> {
        Ok(self.fetch_with_time(call).await?.0)
    }

    /// The same; gives what the broker's clock said, too, and ours around it.
    pub(crate) async fn fetch_with_time(
        &self,
        call: Call,
    ) -> Result<(Vec<u8>, Option<BrokerTime>), Problem> {
        let sent = now();
        let response = self.send(call, None).await?;
        let answered = now();
        let broker_time = answer::date(response.headers()).map(|date| BrokerTime {
            sent,
            answered,
            date,
        });
        let body = answer::body(response, call.max_bytes(&self.settings), self.limits(call));
        Ok((body.await?, broker_time))
    }

    /// Makes a call and judges the head of its answer. `last` is the link of a download, which needs
    /// no key and is not given it.
    pub(crate) async fn send(&self, call: Call, last: Option<&str>) -> Result<Response, Problem> {
        if let Some(reason) = self.persistence.stop().reason() {
            return Err(Problem::Stopped(reason));
        }
        let url = self.url(call, last).ok_or(Problem::Transport)?;
        let limits = self.limits(call);
        let mut request = self.network.client().request(call.method(), url);
        request = request.timeout(limits.whole);
        request = match call {
            Call::Download(_) => request,
            Call::Export(_) => request
                .header(AUTHORIZATION, self.settings.api_key.authorization())
                .header(CONTENT_LENGTH, 0),
            _ => request.header(AUTHORIZATION, self.settings.api_key.authorization()),
        };
        let sent = request.header(ACCEPT, call.media().accept()).send().await;
        let checked = match sent {
            Ok(response) => answer::check(call, response, self.settings.api_key.expose()).await,
            Err(error) => Err(problem(&error, Stage::Head, limits)),
        };
        if let Err(problem) = &checked {
            tracing::debug!("not counted: {}", self.failure(call, problem));
        }
        checked
    }

    /// The failure that a problem in a call is recorded as.
    pub(crate) fn failure(&self, call: Call, problem: &Problem) -> Failure {
        let mut failure = problem.failure(call, &self.address);
        if problem.is_of_the_way()
            && let Some(words) = self.settings.proxy.passed_over()
        {
            failure.text = format!("{}; {words}", failure.text);
        }
        failure
    }

    /// How it goes on trying, and until when.
    pub(crate) fn persistence(&self) -> &Persistence {
        &self.persistence
    }

    /// What calls are shown below: it holds neither user nor password.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn limits(&self, call: Call) -> Limits {
        let connect = self.settings.connect_timeout;
        Limits {
            connect,
            whole: call
                .timeout(&self.settings)
                .min(self.persistence.stop().left()),
        }
    }

    fn url(&self, call: Call, last: Option<&str>) -> Option<Url> {
        let mut url = self.settings.address.url().clone();
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(call.path())
            .extend(last);
        if call == Call::List {
            let predicate = self.settings.tag.predicate();
            let query = format!(
                "type={}&predicate={}",
                utf8_percent_encode(DEFINITION_TYPE, RESERVED),
                utf8_percent_encode(&predicate, RESERVED)
            );
            url.set_query(Some(&query));
        }
        Some(url)
    }
}

/// Our wall clock.
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
