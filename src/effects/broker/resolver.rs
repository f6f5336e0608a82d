//! Names looked up, each on a thread of its own, as the system's look-up has no deadline. A thread that
//! cannot be had is an error: the HTTP library's own look-up panics then.
//!
//! Deliberately absent: remembering names, and a deadline; the call that asked has one.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// Nothing to look a name up on.
#[derive(Debug, thiserror::Error)]
#[error("no thread to look the name up on")]
pub(crate) struct NoThread(#[source] io::Error);

/// Looks names up as the system does.
#[derive(Debug)]
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, answered) = oneshot::channel();
        let begun = std::thread::Builder::new()
            .name("broker-resolve".to_owned())
            .spawn(move || {
                // The port is the address's own: it is put in afterwards.
                let found = (name.as_str(), 0).to_socket_addrs();
                // Nobody may be waiting any more.
                let _unheard = answer.send(found.map(Iterator::collect::<Vec<SocketAddr>>));
            });
        Box::pin(async move {
            drop(begun.map_err(NoThread)?);
            let found = answered.await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
