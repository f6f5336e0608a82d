//! A recipient who has a pair of keys of age, and decrypts by somebody else's hand: age's own program, and
//! Python's `pyrage`.

use std::path::Path;
use std::process::{Command, Stdio};

/// The public key, as it stands in `SECURITY.RECIPIENTS`.
pub const RECIPIENT: &str = "age1l2nwu8udj5ygzsh6kx5yp9a03m37e5daqtpyt6kwgurjcu3tsems5qr6pe";

/// The private key. It opens nothing but what tests made.
pub const IDENTITY: &str =
    "AGE-SECRET-KEY-103XKSHZU4Y6K64908C65V02JTEWY5J9QM37A7N2JAZ4X7FLXH63QQ44AKJ\n";

const SCRIPT: &str = "\
import sys, pyrage
identity = pyrage.x25519.Identity.from_str(open(sys.argv[1]).read().strip())
sys.stdout.buffer.write(pyrage.decrypt(open(sys.argv[2], 'rb').read(), [identity]))
";

/// Who decrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Debian's `age`.
    Age,
    /// Python's `pyrage`.
    Pyrage,
}

impl Reader {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Age, Self::Pyrage];

    /// Whether it is installed.
    #[must_use]
    pub fn is_available(self) -> bool {
        let mut probe = match self {
            Self::Age => {
                let mut probe = Command::new("age");
                probe.arg("--version");
                probe
            }
            Self::Pyrage => {
                let mut probe = Command::new("python3");
                probe.args(["-c", "import pyrage"]);
                probe
            }
        };
        let status = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Decrypts a file with the private key in another.
    pub fn decrypt(self, identity: &Path, file: &Path) -> Result<Vec<u8>, String> {
        let mut command = match self {
            Self::Age => {
                let mut command = Command::new("age");
                command.args(["--decrypt", "--identity"]);
                command
            }
            Self::Pyrage => {
                let mut command = Command::new("python3");
                command.args(["-c", SCRIPT]);
                command
            }
        };
        let output = command.arg(identity).arg(file).output();
        let output = output.map_err(|error| format!("{self:?}: {error}"))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}
