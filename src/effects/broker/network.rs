//! Where calls run: the HTTP client with its connections, and a runtime without a thread of its own.
//! Whoever waits for a call drives every call that is under way, so that a poll of many requests
//! switches between no threads.
//!
//! What always holds here: a wait ends when the run is to end; and nothing that is left behind, such
//! as a name look-up without a deadline, holds up the end of a run.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use reqwest::Client;
use tokio::runtime::{Builder, Runtime};

use super::error::BrokerError;
use super::problem::Problem;
use crate::effects::stop::Stop;

/// The client, and what it runs on.
pub(crate) struct Network {
    client: Client,
    stop: Stop,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Network {
    /// Runs the calls of this client; nothing is sent yet.
    pub(crate) fn new(client: Client, stop: Stop) -> Result<Self, BrokerError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            client,
            stop,
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
    ) -> Result<T, Problem> {
        let either = async {
            match select(pin!(call), pin!(self.stop.raised())).await {
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
