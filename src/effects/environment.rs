//! Variables of the environment. What always holds here: one that is set and empty counts as not set, for
//! that is how service managers and shells pass on what they do not have.

use std::ffi::OsString;

/// Names the configuration file.
pub(crate) const CONFIG: &str = "BROKER_COURIER_CONFIG";
/// Repeats the waits of another run.
pub(crate) const SEED: &str = "BROKER_COURIER_SEED";

/// A variable's value, if there is one.
pub(crate) fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The same as text; what is no text is read as far as it goes.
pub(crate) fn text(name: &str) -> Option<String> {
    value(name).map(|value| value.to_string_lossy().into_owned())
}
