//! The shell that a person sits at: one process for all that is pasted, so that what one block defines the next
//! one knows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Outcome;

/// Ends what a block says.
const END: &str = "--- the block ended with ";

pub(crate) struct Shell {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// In the tree, with nothing but what this process has.
    pub(crate) fn start(tree: &Path) -> Outcome<Self> {
        let mut process = Command::new("sh")
            .current_dir(tree)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = process.stdin.take().ok_or("the shell has no input")?;
        let output = process.stdout.take().ok_or("the shell has no output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    /// Runs a block, each command of which must succeed; gives what it said.
    pub(crate) fn runs(&mut self, block: &str) -> Outcome<String> {
        // The shell ends where a command fails.
        let script = format!("set -e\n{{\n{block}}} </dev/null 2>&1\necho '{END}'0\n");
        self.input.write_all(script.as_bytes())?;
        self.input.flush()?;
        let mut said = String::new();
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if line.starts_with(END) {
                return Ok(said);
            }
            said.push_str(&line);
            line.clear();
        }
        Err(format!("{block}{said}").into())
    }

    /// Runs a command as cron does; gives the mail.
    pub(crate) fn as_cron(&self, user: &str, path: &str, command: &str) -> Outcome<String> {
        let output = Command::new("/usr/sbin/runuser")
            .args(["-u", user, "--", "/bin/sh", "-c", command])
            .env_clear()
            .env("PATH", path)
            .env("SHELL", "/bin/sh")
            .env("LOGNAME", user)
            .stdin(Stdio::null())
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("{command} ended with {}: {said}", output.status).into())
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}
