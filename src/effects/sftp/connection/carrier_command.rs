//! `SFTP.PROXY_COMMAND`: a program whose standard input and output are the connection, such as
//! `ssh -W %h:%p jump`.
//!
//! What always holds here: it ends when the connection does; what it says on standard error is cleaned, logged and,
//! where connecting failed, told. Deliberately absent: what it does to reach the server.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::effects::mutex::lock;
use crate::effects::sftp::wire::status::printable;

/// How long it may take to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(1);
/// How long its last words are waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often it is looked at meanwhile.
const BEAT: Duration = Duration::from_millis(10);
/// The longest line that is read of what it says.
const MOST_LINE_BYTES: u64 = 1024;

/// A command that runs.
#[derive(Debug)]
pub(super) struct CarrierCommand {
    child: Child,
    said: Arc<Mutex<String>>,
    ended: Mutex<Receiver<()>>,
}

/// Has the shell start `command`; gives our end of what it carries.
pub(super) fn start(command: &str) -> io::Result<(TcpStream, CarrierCommand)> {
    let (ours, its) = UnixStream::pair()?;
    let input = OwnedFd::from(its);
    let output = input.try_clone()?;
    let mut child = Command::new("/bin/sh")
        // As OpenSSH does: the shell itself does not linger.
        .args(["-c", &format!("exec {command}")])
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let said = Arc::new(Mutex::new(String::new()));
    let (ends, ended) = channel();
    if let Some(errors) = child.stderr.take() {
        let said = Arc::clone(&said);
        let listener = std::thread::Builder::new().name("sftp-proxy-command".to_owned());
        listener.spawn(move || {
            listen(errors, &said);
            // Nobody may be waiting.
            let _unheard = ends.send(());
        })?;
    }
    let command = CarrierCommand {
        child,
        said,
        ended: Mutex::new(ended),
    };
    // Whoever uses it needs a socket that can be waited for and cut, of whatever family.
    let stream = TcpStream::from(OwnedFd::from(ours));
    Ok((stream, command))
}

fn listen(errors: ChildStderr, said: &Mutex<String>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match errors
            .by_ref()
            .take(MOST_LINE_BYTES)
            .read_until(b'\n', &mut line)
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = printable(line.trim_ascii());
                if !text.is_empty() {
                    tracing::info!("SFTP.PROXY_COMMAND: {text}");
                    *lock(said) = text;
                }
            }
        }
    }
}

impl CarrierCommand {
    /// What it has said last, cleaned; its last words are waited for.
    pub(super) fn said(&self) -> String {
        let ended = lock(&self.ended);
        let _still_there = ended.recv_timeout(LAST_WORDS);
        lock(&self.said).clone()
    }

    fn tell_to_end(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // Whoever has ended by now need not be told.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for CarrierCommand {
    fn drop(&mut self) {
        // What OpenSSH sends to its own.
        self.tell_to_end(Signal::HUP);
        let until = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= until {
                self.tell_to_end(Signal::KILL);
                let _reaped = self.child.wait();
                return;
            }
            std::thread::sleep(BEAT);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_command_carries_both_ways_and_ends_with_the_connection() {
        let (mut stream, command) = start("cat").unwrap();
        stream.write_all(b"there").unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"there");
        drop(stream);
        assert_eq!(command.said(), "");
    }

    #[test]
    fn the_last_words_of_one_that_fails_are_kept_and_cleaned() {
        let (mut stream, command) =
            start("sh -c 'echo first >&2; printf \"no\\033[31m way\\n\" >&2; exit 1'").unwrap();
        let mut nothing = [0; 1];
        assert_eq!(stream.read(&mut nothing).unwrap(), 0);
        let said = command.said();
        assert!(said.starts_with("no") && said.ends_with("way"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }

    #[test]
    fn one_that_does_not_mind_is_ended() {
        let (mut stream, command) =
            start("sh -c 'trap \"\" HUP; echo ready; while :; do sleep 1; done'").unwrap();
        let mut ready = [0; 5];
        stream.read_exact(&mut ready).unwrap();
        let begun = Instant::now();
        drop(command);
        assert!(begun.elapsed() >= GRACE);
    }
}
