//! Whole operations against a scripted server.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod excerpt;
mod hints;
mod lies;
mod listing;
mod look;
mod measurement;
mod opening;
mod pipeline;
mod recipe;
mod scripted;
mod upload;

use courier_ledger::{Placement, RemoteName, Removal, Replaces, Unseen};

use crate::effects::sftp::protocol::operation::{Completed, Done, Operation, OperationError};
use scripted::{BOUNDS, Manner, Pieces, Server, run};

const NEW: &[u8] = b"the new version, in a few pieces of sixteen bytes";
const OLD: &[u8] = b"old";
const TARGET: &str = "box/export_1.zip";
const TEMPORARY: &str = "box/.export_1.zip.part";

/// A name as text says it: tests call files what they like.
fn name(text: &str) -> RemoteName {
    serde_json::from_value(text.into()).unwrap()
}

fn upload(replaces: Replaces) -> Operation {
    Operation::Upload {
        source: Pieces::whole(NEW),
        temporary: name(".export_1.zip.part"),
        target: name("export_1.zip"),
        replaces,
    }
}

fn server(manner: Manner, old: bool) -> Server {
    let mut server = Server::new(manner);
    server.watched = TARGET.to_owned();
    if old {
        server.files.insert(TARGET.to_owned(), OLD.to_vec());
    }
    server
}

fn only(mut completed: Vec<Completed>) -> Result<Done, OperationError> {
    assert_eq!(completed.len(), 1);
    completed.remove(0).result
}

fn upload_to(server: &mut Server, replaces: Replaces) -> Result<Done, OperationError> {
    let mut pipeline = self::scripted::pipeline(server.manner, BOUNDS);
    only(run(
        &mut pipeline,
        server,
        vec![(1, upload(replaces))],
        1000,
    ))
}

fn uploaded(placement: Placement) -> Result<Done, OperationError> {
    Ok(Done::Uploaded {
        size_bytes: NEW.len() as u64,
        placement,
        unseen: None,
    })
}

/// The same where the server forbids to look.
fn uploaded_unseen(placement: Placement) -> Result<Done, OperationError> {
    Ok(Done::Uploaded {
        size_bytes: NEW.len() as u64,
        placement,
        unseen: Some(Unseen::Forbidden),
    })
}

fn removed(removal: Removal) -> Result<Done, OperationError> {
    let unseen = None;
    Ok(Done::Removed { removal, unseen })
}
