//! A source that tells how far it was read.

use std::io;
use std::sync::Arc;

use crate::effects::headway::Flow;
use crate::effects::source::{Available, Source};

/// A source, and where it is told how far it was read.
pub(super) struct Metered<S> {
    source: S,
    flow: Arc<Flow>,
    read_bytes: u64,
}

impl<S> Metered<S> {
    pub(super) fn new(source: S, flow: Arc<Flow>) -> Self {
        flow.sent(0);
        Self {
            source,
            flow,
            read_bytes: 0,
        }
    }
}

impl<S: Source> Source for Metered<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Available> {
        let available = self.source.read(buffer)?;
        if let Available::Bytes(count) = available {
            self.read_bytes += count as u64;
            self.flow.sent(self.read_bytes);
        }
        Ok(available)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.read_bytes = 0;
        self.flow.sent(0);
        self.source.restart()
    }
}
