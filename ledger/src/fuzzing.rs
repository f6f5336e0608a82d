//! The door to the codec for the fuzz targets in `fuzz/`. Not part of what the library offers.

use crate::event::Event;
use crate::log::codec;
use crate::time::Timestamp;

/// Reads a payload of the log; the error as text.
pub fn decode(payload: &[u8]) -> Result<(Timestamp, Event), String> {
    codec::decode(payload).map_err(|error| error.to_string())
}

/// Writes a payload of the log.
pub fn encode(time: Timestamp, event: &Event) -> Result<Vec<u8>, String> {
    let mut payload = Vec::new();
    codec::encode(time, event, &mut payload).map_err(|error| error.to_string())?;
    Ok(payload)
}
