//! Another run is active: which process it is, and whether to wait for it.

use std::path::Path;
use std::time::Duration;

use crate::effects::lock_holder::Holder;
use crate::effects::watching::Standing;

/// A run writes an event at least that often, unless something is very slow.
const QUIET: Duration = Duration::from_secs(15 * 60);

/// What to do about it that another process writes to the log at `place`.
pub(super) fn advice(place: &Path) -> String {
    let holder = place.parent().and_then(Holder::of);
    if let Some(Standing { pid, .. }) = place.parent().and_then(Standing::of)
        && holder.as_ref().is_none_or(|holder| holder.pid == pid)
    {
        return format!(
            "it is process {pid}, which watches (`broker-courier watch`) and does by itself what a run would do: \
             see `broker-courier status`. It lets others write while something waits for a person; for anything \
             else end it first, with `kill {pid}` or by `systemctl stop`, and begin it again afterwards"
        );
    }
    let Some(Holder {
        pid,
        running,
        written,
    }) = holder
    else {
        return "wait until the other run has ended".to_owned();
    };
    let mut words = format!("it is process {pid}");
    if let Some(running) = running {
        words.push_str(&format!(", running for {}", lasting(running)));
    }
    if let Some(written) = written {
        words.push_str(&format!(
            "; its last event was written {} ago",
            lasting(written)
        ));
    }
    match written {
        Some(written) if written > QUIET => words.push_str(&format!(
            ". If it hangs, end it with `kill {pid}`, or with `kill -9 {pid}`: what is recorded stands, \
             and the next run looks into what is in doubt"
        )),
        _ => words.push_str(". Wait until it has ended"),
    }
    words
}

/// A time as people say it, in its largest unit.
pub(super) fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}
