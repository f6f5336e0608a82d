//! What the operating system may do with this process.
//!
//! What always holds here: what cannot be set changes nothing about what the program does; it is a
//! protection more, never a condition. Deliberately absent: `unsafe`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Keeps what is in memory (API key, passwords, results) out of core files, and away from other processes
/// of the same user (prctl(2), `PR_SET_DUMPABLE`). The limit alone would not do: a handler of core files
/// that the kernel pipes them to is not held by it (core(5)).
pub(crate) fn keep_secrets_in() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!("other processes of this user may look into this one: {error}");
    }
    let maximum = getrlimit(Resource::Core).maximum;
    let limit = Rlimit {
        current: Some(0),
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::debug!("core files cannot be switched off: {error}");
    }
}

/// Whether a signal of this number does nothing to this process, as its caller wanted (proc(5): `SigIgn`).
pub(crate) fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}

/// Has a write beyond the largest size that a file may have (`ulimit -f`) fail as a full disk does, in
/// place of ending the process: whoever writes knows what to do then (setrlimit(2), `SIGXFSZ`).
pub(crate) fn outlive_file_limits() {
    let unread = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(Signal::XFSZ.as_raw(), unread) {
        tracing::debug!("a file that grows too large would end the process: {error}");
    }
}
