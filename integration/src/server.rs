//! What every SFTP server of the testbed offers to a test.

use std::path::{Path, PathBuf};

/// A running SFTP server with one drop-box folder; it stops when it is dropped.
pub trait SftpServer {
    /// Where it listens: always this machine.
    fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port.
    fn port(&self) -> u16;

    /// Its host key, as `SHA256:…`.
    fn host_key_fingerprint(&self) -> String;

    /// Who logs in.
    fn username(&self) -> String;

    /// The password, where the server can check one.
    fn password(&self) -> Option<String>;

    /// A private key that is accepted, where there is one.
    fn key_file(&self) -> Option<PathBuf>;

    /// The drop-box as the test sees it.
    fn drop_box(&self) -> &Path;

    /// The drop-box as the client names it.
    fn folder_name(&self) -> String;
}
