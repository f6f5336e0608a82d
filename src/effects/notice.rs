//! `NOTIFY.COMMAND`: a program of the operator's, told in a few lines what happened.
//!
//! What always holds here: it is given so much time and no more, it and what it started; whatever it does,
//! the run has ended as it has. Deliberately absent: what is worth telling.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);
/// What a pipe takes before anybody reads (pipe(7): a page, at least).
const PIPE_BYTES: usize = 4096;
/// How often it is looked at meanwhile.
const BEAT: Duration = Duration::from_millis(20);

/// Why nobody was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    /// It could not be started, or not be waited for.
    #[error("it cannot be run: {0}")]
    Run(#[from] std::io::Error),
    /// It did not end in time.
    #[error("it had not ended after {} s, and was ended", LIMIT.as_secs())]
    TooLong,
    /// It failed.
    #[error("it ended with {0}")]
    Failed(std::process::ExitStatus),
}

/// Has the shell run `command` with `text` on standard input and these variables; what it prints goes where
/// our own messages go.
pub(crate) fn give(
    command: &str,
    text: &str,
    variables: &[(&str, String)],
) -> Result<(), NoticeError> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // So much fits into the pipe, whether anybody reads it or not.
        let text = text.as_bytes();
        let _unread = input.write_all(&text[..text.len().min(PIPE_BYTES)]);
    }
    let until = Instant::now() + LIMIT;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(NoticeError::Failed(status)),
            None if Instant::now() >= until => {
                end(&mut child);
                return Err(NoticeError::TooLong);
            }
            None => std::thread::sleep(BEAT),
        }
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Whoever has ended by now need not be.
        let _gone = kill_process_group(group, Signal::KILL);
    }
    let _reaped = child.wait();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_program_gets_the_words_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let command = format!("cat > '{}'; printf %s \"$CODE\" >> '{0}'", file.display());
        give(&command, "a line\n", &[("CODE", "5".to_owned())]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a line\n5");
        let error = give("exit 3", "x", &[]).unwrap_err();
        assert_eq!(error.to_string(), "it ended with exit status: 3");
        // Who does not read does not hold up, nor does what is longer than a pipe.
        give("true", &"x".repeat(200_000), &[]).unwrap();
    }
}
