//! Who holds the lock on a ledger's folder, as far as the kernel tells (proc(5): `/proc/locks`, `/proc/PID/stat`).
//!
//! What always holds here: what cannot be found out is left out; nothing depends on it. Deliberately
//! absent: locks that a process of another machine holds.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its number.
    pub(crate) pid: u32,
    /// How long it has been running.
    pub(crate) running: Option<Duration>,
    /// How long ago the log was written to.
    pub(crate) written: Option<Duration>,
}

impl Holder {
    /// Who writes to the ledger in this folder.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let inode = fs::metadata(folder).ok()?.ino();
        let pid = holder(&fs::read_to_string("/proc/locks").ok()?, inode)?;
        let log = fs::metadata(folder.join("ledger.log"));
        let written = log.and_then(|log| log.modified()).ok();
        Some(Self {
            pid,
            running: running(pid),
            written: written.and_then(|time| time.elapsed().ok()),
        })
    }
}

/// The process that holds a lock on the folder of this number; two file systems may have the number, and
/// then it is not known which is meant.
fn holder(locks: &str, inode: u64) -> Option<u32> {
    let mut holders = locks.lines().filter_map(|line| {
        // `1: FLOCK  ADVISORY  WRITE 4711 fd:01:262402 0 EOF`; a process that waits has `->` in front.
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = fields.as_slice() else {
            return None;
        };
        let (_, number) = file.rsplit_once(':')?;
        (number.parse() == Ok(inode)).then(|| pid.parse().ok())?
    });
    let first = holders.next()?;
    holders.all(|other| other == first).then_some(first)
}

fn running(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, closing brackets too; of what is behind it, the 20th field.
    let (_, fields) = stat.rsplit_once(')')?;
    let started: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let started = Duration::from_millis(
        started.checked_mul(1_000)? / rustix::param::clock_ticks_per_second(),
    );
    Duration::try_from_secs_f64(uptime)
        .ok()?
        .checked_sub(started)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_holder_is_who_the_kernel_says() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Holder::of(folder.path()), None);
        let lock = fs::File::open(folder.path()).unwrap();
        lock.lock_shared().unwrap();
        assert_eq!(Holder::of(folder.path()), None, "a reader");
        lock.unlock().unwrap();
        lock.lock().unwrap();
        fs::write(folder.path().join("ledger.log"), b"").unwrap();
        let holder = Holder::of(folder.path()).unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert!(holder.running.unwrap() < Duration::from_secs(3600));
        assert!(holder.written.is_some());
    }

    #[test]
    fn nobody_is_named_who_may_be_another() {
        let locks = "1: FLOCK  ADVISORY  WRITE 4711 fd:01:77 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 4712 fd:01:77 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 4713 fd:01:77 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4714 fd:01:78 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 4715 fe:01:78 0 EOF\n";
        assert_eq!(holder(locks, 77), Some(4711));
        assert_eq!(holder(locks, 78), None);
        assert_eq!(holder(locks, 79), None);
    }
}
