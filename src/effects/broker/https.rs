//! The HTTP client that all calls are made with, to the broker and to whoever hears of runs: who is trusted,
//! which way it takes.
//!
//! What always holds here: no redirect is followed, TLS is 1.2 or later, certificates are verified.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use reqwest::tls::Version;

use super::authorities::{self, Authorities};
use super::error::BrokerError;
use super::resolver::Resolver;
use super::settings::Settings;

/// Shorter than the 30 s after which the broker's Jetty closes an idle connection: a call must not
/// meet one that is being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// A client, and what a person should know of the authorities that it trusts.
pub(crate) struct HttpsClient {
    pub(crate) client: Client,
    pub(crate) remarks: Vec<String>,
}

/// Makes a client that trusts the system's authorities and those of the settings; nothing is sent yet.
pub(crate) fn client(settings: &Settings) -> Result<HttpsClient, BrokerError> {
    let bundle = settings.ca_bundle.as_deref().map(authorities::read);
    let (trusted, remarks) = match bundle.transpose()? {
        Some(Authorities { trusted, remarks }) => (trusted, remarks),
        None => (Vec::new(), Vec::new()),
    };
    let client = Client::builder()
        .user_agent(concat!("broker-courier/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Resolver)
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .tls_version_min(Version::TLS_1_2)
        .tls_certs_merge(trusted)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(settings.concurrency.get());
    let client = settings.proxy.used_by(client).and_then(|it| it.build());
    let client = client.map_err(|error| BrokerError::Client(error.without_url()))?;
    Ok(HttpsClient { client, remarks })
}
