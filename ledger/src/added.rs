//! Fields that came later: older entries lack them, and are read and written without them.
//!
//! What always holds here: such a field stands last in its kind, and is an `Option` with
//! `#[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]`.

use serde::{Deserialize, Deserializer};

/// Reads a field that is there. One that is absent has no bytes at all: nil is no second form of it.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
