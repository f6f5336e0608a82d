//! The HTTP client: connections are direct (no proxy is read from the environment), reused, and
//! trusted from TLS 1.2 on by the system's authorities and those of `REQUESTS_CA_BUNDLE`.
//!
//! What always holds here: no redirect is followed, so the key goes to the configured host only;
//! downloads, which need no key, have a client of their own that does not know it. A call's
//! deadline covers it from connecting to its last byte, so that a slow drip cannot outlast it.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use courier_ledger::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::tls::{Certificate, Version};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::answer;
use super::call::{Call, DEFINITION_TYPE};
use super::document::DocumentError;
use super::error::BrokerError;
use super::predicate::Tag;
use super::problem::Problem;
use super::settings::Settings;
use super::transport::{Limits, Stage, problem};
use crate::effects::persistence::Persistence;

/// Shorter than the 30 s after which the broker's Jetty closes an idle connection: a call must not
/// meet one that is being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// RFC 3986, section 2.3: everything but unreserved characters is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The broker's admin interface. Can be shared between threads; connections are reused.
pub struct Broker {
    pub(crate) settings: Settings,
    pub(crate) tag: Tag,
    authorization: HeaderValue,
    address: String,
    clients: Option<Clients>,
}

struct Clients {
    calls: Client,
    authorities: Vec<Certificate>,
    /// Made when it is first needed: reading the system's authorities takes 10 ms or more, and
    /// most runs download nothing.
    downloads: OnceLock<Client>,
}

impl Clients {
    fn downloads(&self, settings: &Settings) -> Result<&Client, Problem> {
        if let Some(client) = self.downloads.get() {
            return Ok(client);
        }
        // The asynchronous builder's limit is for the whole download, the blocking one's for each
        // single wait in it.
        let builder = builder(settings, &self.authorities).timeout(settings.silence_timeout);
        let client = builder.build().map_err(|_| Problem::Transport)?;
        Ok(self.downloads.get_or_init(|| client))
    }
}

impl Broker {
    /// Checks the settings and makes a client; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, BrokerError> {
        check_url(&settings.url)?;
        let tag = Tag::new(&settings.tag)?;
        let authorization = authorization(&settings.api_key)?;
        let authorities = match &settings.ca_bundle {
            Some(path) => read_authorities(path)?,
            None => Vec::new(),
        };
        let calls = builder(&settings, &authorities)
            .build()
            .map_err(|error| BrokerError::Client(error.without_url()))?;
        let clients = Clients {
            calls,
            authorities,
            downloads: OnceLock::new(),
        };
        let address = settings.url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            settings,
            tag,
            authorization,
            address,
            clients: Some(clients),
        })
    }

    /// Makes a call, reads its answer and gives it to `parse`; again, when that may help.
    pub(crate) fn ask<T>(
        &self,
        call: Call,
        parse: impl Fn(&[u8]) -> Result<T, DocumentError>,
    ) -> Result<T, Problem> {
        self.repeat(call, || {
            let bytes = self.fetch(call)?;
            parse(&bytes).map_err(Problem::Document)
        })
    }

    /// Makes `attempt` until it succeeds, or until another would not help, or until the run is to end.
    pub(crate) fn repeat<T>(
        &self,
        call: Call,
        attempt: impl Fn() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let persistence = &self.settings.persistence;
        let mut repetition = 0;
        loop {
            let problem = match attempt() {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            if let Some(reason) = persistence.stop().reason() {
                return Err(Problem::Stopped(reason));
            }
            repetition += 1;
            let asked = problem.retry_after();
            if !problem.is_worth_repeating(call)
                || !persistence.waits_before(call.salt(), repetition, asked)
            {
                return Err(problem);
            }
            tracing::info!(?call, %problem, "asked once more");
        }
    }

    /// Makes a call once and reads its answer.
    pub(crate) fn fetch(&self, call: Call) -> Result<Vec<u8>, Problem> {
        let response = self.send(call, None)?;
        answer::body(response, call.max_bytes(&self.settings), self.limits(call))
    }

    /// Makes a call and judges the head of its answer. `last` is the link of a download.
    pub(crate) fn send(&self, call: Call, last: Option<&str>) -> Result<Response, Problem> {
        if let Some(reason) = self.settings.persistence.stop().reason() {
            return Err(Problem::Stopped(reason));
        }
        let clients = self.clients.as_ref().ok_or(Problem::Transport)?;
        let url = self.url(call, last).ok_or(Problem::Transport)?;
        let mut request = match call {
            Call::Download(_) => clients.downloads(&self.settings)?.get(url),
            _ => {
                let timeout = self.limits(call).whole;
                let request = clients.calls.request(call.method(), url).timeout(timeout);
                request.header(AUTHORIZATION, self.authorization.clone())
            }
        };
        if let Call::Export(_) = call {
            request = request.header(CONTENT_LENGTH, 0);
        }
        let sent = request.header(ACCEPT, call.media().accept()).send();
        let response = sent.map_err(|error| problem(&error, Stage::Head, self.limits(call)));
        let checked = response.and_then(|response| {
            answer::check(call, response, self.settings.api_key.expose_secret())
        });
        if let Err(problem) = &checked {
            tracing::debug!(?call, %problem, "the broker's answer does not count");
        }
        checked
    }

    /// The failure that a problem in a call is recorded as.
    pub(crate) fn failure(&self, call: Call, problem: &Problem) -> Failure {
        problem.failure(call, &self.address)
    }

    /// How it goes on trying, and until when.
    pub(crate) fn persistence(&self) -> &Persistence {
        &self.settings.persistence
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
                .min(self.settings.persistence.stop().left()),
        }
    }

    fn url(&self, call: Call, last: Option<&str>) -> Option<Url> {
        let mut url = self.settings.url.clone();
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(call.path())
            .extend(last);
        if call == Call::List {
            let predicate = self.tag.predicate();
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

impl Drop for Broker {
    fn drop(&mut self) {
        // Dropping a client waits for its name look-ups, which have no deadline of their own: that
        // must not hold up the end of a run. Where no thread can be had, it is dropped here.
        if let Some(clients) = self.clients.take() {
            let dropper = std::thread::Builder::new().name("broker-client-drop".to_owned());
            drop(dropper.spawn(move || drop(clients)));
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn builder(settings: &Settings, authorities: &[Certificate]) -> reqwest::blocking::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("broker-courier/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .tls_version_min(Version::TLS_1_2)
        .tls_certs_merge(authorities.iter().cloned())
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.download_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(settings.concurrency.get());
    reqwest::blocking::ClientBuilder::from(builder)
}

fn check_url(url: &Url) -> Result<(), BrokerError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        Err(BrokerError::Scheme)
    } else if !url.username().is_empty() || url.password().is_some() {
        Err(BrokerError::Credentials)
    } else if url.query().is_some() || url.fragment().is_some() {
        Err(BrokerError::Query)
    } else {
        Ok(())
    }
}

fn authorization(key: &SecretString) -> Result<HeaderValue, BrokerError> {
    let key = key.expose_secret();
    let is_sendable = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::try_from(format!("Bearer {key}"));
    let mut value = value
        .ok()
        .filter(|_| is_sendable)
        .ok_or(BrokerError::ApiKey)?;
    value.set_sensitive(true);
    Ok(value)
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, BrokerError> {
    let pem = std::fs::read(path).map_err(|source| BrokerError::ReadCaBundle {
        path: path.to_owned(),
        source,
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(BrokerError::MalformedCaBundle {
            path: path.to_owned(),
        }),
    }
}
