//! Wakes the thread that serves the drop-box, from any other. One serves the whole run, whichever
//! connection stands.
//!
//! What always holds here: a wake-up is seen, now or at the next look, and never lost; waking never
//! blocks. Deliberately absent: what there is to be seen.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes whoever waits for its descriptor to become readable. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<Pipe>);

#[derive(Debug)]
struct Pipe {
    near: UnixStream,
    far: UnixStream,
    raised: AtomicBool,
}

impl Waker {
    /// Fails when there are no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let raised = AtomicBool::new(false);
        Ok(Self(Arc::new(Pipe { near, far, raised })))
    }

    /// Wakes whoever waits. Cheap, from any thread.
    pub(crate) fn wake(&self) {
        if !self.0.raised.swap(true, Ordering::AcqRel) {
            // A full pipe wakes as well.
            let _woken = (&self.0.near).write(&[1]);
        }
    }

    /// Whether somebody woke the one who waits since it was last asked.
    #[must_use]
    pub(crate) fn take(&self) -> bool {
        // Bytes first, then the flag: a wake-up in between is seen now or next time, never lost.
        let mut bytes = [0; 64];
        while matches!((&self.0.far).read(&mut bytes), Ok(count) if count == bytes.len()) {}
        self.0.raised.swap(false, Ordering::AcqRel)
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.far.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_readable(waker: &Waker) -> bool {
        let mut waited = [PollFd::new(waker, PollFlags::IN)];
        poll(&mut waited, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn a_wake_up_stays_until_it_is_seen_and_is_seen_once() {
        let waker = Waker::new().unwrap();
        assert!(!is_readable(&waker) && !waker.take());
        for _ in 0..1000 {
            waker.clone().wake();
        }
        assert!(is_readable(&waker) && waker.take());
        assert!(!is_readable(&waker) && !waker.take());
    }
}
