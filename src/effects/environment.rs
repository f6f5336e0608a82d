//! Variables of the environment. What always holds here: one that is set and empty counts as not set, for
//! that is how service managers and shells pass on what they do not have.

use std::ffi::OsString;
use std::path::PathBuf;

/// Names the configuration file.
pub(crate) const CONFIG: &str = "BROKER_COURIER_CONFIG";
/// Repeats the waits of another run.
pub(crate) const SEED: &str = "BROKER_COURIER_SEED";

/// Where a service manager has put the secrets of the service that this is (systemd's `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The words that call the program on this configuration, where a service manager or a container does it.
const COMMAND: &str = "BROKER_COURIER_COMMAND";

/// The folder of the secrets of this service, if it is one.
pub(crate) fn credentials() -> Option<PathBuf> {
    value(CREDENTIALS).map(PathBuf::from)
}

/// What somebody types to call the program as it was called, if that is not its name and its options.
pub(crate) fn command() -> Option<String> {
    text(COMMAND)
}

/// A variable's value, if there is one.
pub(crate) fn value(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The same as text; what is no text is read as far as it goes.
pub(crate) fn text(name: &str) -> Option<String> {
    value(name).map(|value| value.to_string_lossy().into_owned())
}
