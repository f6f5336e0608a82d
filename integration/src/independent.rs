//! Decryption by somebody else's hand: Python's `cryptography`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SCRIPT: &str = "\
import sys
from cryptography.fernet import Fernet
key = sys.stdin.readline().strip()
with open(sys.argv[1], 'rb') as token:
    sys.stdout.buffer.write(Fernet(key).decrypt(token.read()))
";

/// Whether it is installed.
#[must_use]
pub fn available() -> bool {
    let probe = ["-c", "import cryptography.fernet"];
    let status = Command::new("python3")
        .args(probe)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Decrypts a token in a file. The key goes over standard input: arguments can be seen by others.
pub fn decrypt(key: &str, token: &Path) -> Result<Vec<u8>, String> {
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{key}").map_err(|error| format!("python3: {error}"))?;
    }
    let output = child
        .wait_with_output()
        .map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let error = String::from_utf8_lossy(&output.stderr);
        Err(error.lines().last().unwrap_or("python3 failed").to_owned())
    }
}
