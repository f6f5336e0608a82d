//! The door for fuzzing: what a server sends, as bytes, read packet by packet, and heard by a
//! pipeline with operations under way.

use std::io;
use std::time::{Duration, Instant};

use courier_ledger::{LogId, RemoteName, Replaces, RequestId, Sequence};

use super::protocol::operation::Operation;
use super::protocol::outbox::{Bounds, Capabilities};
use super::protocol::pipeline::Pipeline;
use super::protocol::recipe::{Placing, Recipe, Verification};
use super::wire::packet::FrameBuffer;
use super::wire::reply::{Reply, ServerLimits, ServerVersion};
use crate::effects::source::{Available, Source};

/// Reads every packet in every way, with the stream cut into pieces of `cut` bytes; gives what was
/// understood, which no cut may change.
pub fn packets(bytes: &[u8], cut: usize) -> Vec<String> {
    let mut frames = FrameBuffer::default();
    let mut understood = Vec::new();
    for piece in bytes.chunks(cut.max(1)) {
        frames.extend(piece);
        loop {
            match frames.next_packet() {
                Ok(Some(packet)) => {
                    let reply = Reply::decode(packet);
                    if let Ok((_, Reply::Extended(body))) = &reply {
                        understood.push(format!("{:?}", ServerLimits::decode(body)));
                    }
                    understood.push(format!("{reply:?} {:?}", ServerVersion::decode(packet)));
                }
                Ok(None) => break,
                Err(error) => {
                    understood.push(error.to_string());
                    return understood;
                }
            }
        }
    }
    understood
}

/// Lets a pipeline with two uploads, a removal, a look and a listing hear `bytes` as the server's answers, in
/// pieces of `cut` bytes or packet by packet, then ends the connection. Gives how many operations
/// were submitted, and the tickets of those that ended: each must end once.
pub fn session(bytes: &[u8], cut: Option<usize>, posix_rename: bool) -> (u64, Vec<u64>) {
    const BOUNDS: Bounds = Bounds {
        open_files: 2,
        unacknowledged_bytes: 64,
        write_bytes: 16,
        read_bytes: 20,
        operation: Duration::from_secs(100),
        cleanup: Duration::from_secs(10),
    };
    let capabilities = Capabilities {
        posix_rename,
        fsync: posix_rename,
        statvfs: posix_rename,
        refuses_exclusive: false,
    };
    let recipe = Recipe {
        placing: Placing::Rename,
        verification: Verification::Size,
    };
    let mut pipeline = Pipeline::new("box".to_owned(), recipe, BOUNDS, capabilities);
    let name = |id| RemoteName::export(RequestId(id));
    let upload = |replaces, size| Operation::Upload {
        source: Box::new(Zeros { size, left: size }),
        temporary: name(1).temporary(LogId([1; 16]), Sequence(1)),
        target: name(1),
        replaces,
    };
    let operations = [
        upload(Replaces::Own, 40),
        upload(Replaces::Nothing, 0),
        Operation::Remove { name: name(2) },
        Operation::Look { name: name(2) },
        Operation::List,
    ];
    let submitted = operations.len() as u64;
    for (ticket, operation) in (0..).zip(operations) {
        pipeline.submit(ticket, operation);
    }
    let mut now = Instant::now();
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = cut.unwrap_or_else(|| packet_size(rest)).max(1);
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        rest = behind;
        pipeline.source_ready();
        pipeline.pump(now);
        pipeline.sent(pipeline.pending().len());
        now += Duration::from_secs(1);
        if pipeline.receive(piece, now).is_err() || pipeline.tick(now).is_err() {
            break;
        }
    }
    pipeline.lost("the connection has ended");
    let ended = std::iter::from_fn(|| pipeline.next_completed());
    (submitted, ended.map(|completed| completed.ticket).collect())
}

/// The size that the first packet says it has, with its length.
fn packet_size(bytes: &[u8]) -> usize {
    let length = bytes.first_chunk().map(|it| u32::from_be_bytes(*it));
    length.map_or(bytes.len(), |length| (length as usize).saturating_add(4))
}

/// That many zeros.
struct Zeros {
    size: usize,
    left: usize,
}

impl Source for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        if self.left == 0 {
            return Ok(Available::End);
        }
        let count = self.left.min(buffer.len());
        buffer[..count].fill(0);
        self.left -= count;
        Ok(Available::Bytes(count))
    }

    fn restart(&mut self) -> io::Result<()> {
        self.left = self.size;
        Ok(())
    }
}
