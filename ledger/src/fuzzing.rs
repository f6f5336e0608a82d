//! The door to the codec for the fuzz targets in `fuzz/`. Not part of what the library offers.

use std::error::Error;

use crate::event::Event;
use crate::log::codec;
use crate::time::Timestamp;

/// Reads a payload of the log.
pub fn decode(payload: &[u8]) -> Result<(Timestamp, Event), impl Error> {
    codec::decode(payload)
}

/// Writes a payload of the log.
pub fn encode(time: Timestamp, event: &Event) -> Result<Vec<u8>, impl Error> {
    let mut payload = Vec::new();
    codec::encode(time, event, &mut payload).map(|()| payload)
}
