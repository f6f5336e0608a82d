//! The door to the codec for the fuzz targets in `fuzz/`. Not part of what the library offers.

use std::error::Error;

use crate::event::Event;
use crate::log::codec;
use crate::salt::Salt;
use crate::time::Timestamp;

/// Reads a payload of the log.
pub fn decode(payload: &[u8]) -> Result<(Timestamp, Event, Option<Salt>), impl Error> {
    codec::decode(payload).map(|read| (read.time, read.event, read.salt))
}

/// Writes a payload of the log.
pub fn encode(time: Timestamp, event: &Event, salt: Option<Salt>) -> Result<Vec<u8>, impl Error> {
    let mut payload = Vec::new();
    codec::encode(time, event, salt, &mut payload).map(|()| payload)
}
