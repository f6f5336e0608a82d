//! Where calls run: the HTTP client with its connections, and a runtime without a thread of its own.
//! Whoever waits for a call drives every call that is under way, so that a poll of many requests
//! switches between no threads. Making one reads the authorities that are trusted, which takes as long as
//! some thousand calls: whoever runs again and again keeps it.
//!
//! What always holds here: a wait ends when the run is to end; and nothing that is left behind, such
//! as a name look-up without a deadline, holds up the end of a run.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use reqwest::Client;
use tokio::runtime::{Builder, Runtime};

use super::error::BrokerError;
use super::https::{self, HttpsClient};
use super::problem::Problem;
use super::settings::Settings;
use crate::effects::stop::Stop;

/// The client, and what it runs on.
pub(crate) struct Network {
    client: Client,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Network {
    /// Makes the client; nothing is sent yet. What is to be said of the authorities that it trusts goes to the log.
    pub(crate) fn new(settings: &Settings) -> Result<Self, BrokerError> {
        let HttpsClient { client, remarks } = https::client(settings)?;
        for remark in remarks {
            tracing::warn!("{remark}");
        }
        Self::of(client)
    }

    /// The same for another thread, with connections of its own.
    pub(crate) fn another(settings: &Settings) -> Result<Self, BrokerError> {
        // What there is to remark was remarked.
        let HttpsClient { client, remarks: _ } = https::client(settings)?;
        Self::of(client)
    }

    fn of(client: Client) -> Result<Self, BrokerError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            client,
            runtime: Some(runtime.map_err(BrokerError::Runtime)?),
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for a call, or for the end of the run. Must not be used in a task.
    pub(crate) fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, Problem>>,
        stop: &Stop,
    ) -> Result<T, Problem> {
        let either = async {
            match select(pin!(call), pin!(stop.raised())).await {
                Either::Left((done, _)) => done,
                Either::Right((reason, _)) => Err(Problem::Stopped(reason)),
            }
        };
        self.drive(either).ok_or(Problem::Transport)?
    }

    /// Drives calls that mind the end of the run themselves. Must not be used in a task.
    pub(crate) fn drive<T>(&self, calls: impl Future<Output = T>) -> Option<T> {
        let runtime = self.runtime.as_ref()?;
        Some(runtime.block_on(calls))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
