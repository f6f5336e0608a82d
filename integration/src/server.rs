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

/// A server that somebody else holds, too.
impl<S: SftpServer + ?Sized> SftpServer for std::sync::Arc<S> {
    fn port(&self) -> u16 {
        (**self).port()
    }

    fn host_key_fingerprint(&self) -> String {
        (**self).host_key_fingerprint()
    }

    fn username(&self) -> String {
        (**self).username()
    }

    fn password(&self) -> Option<String> {
        (**self).password()
    }

    fn key_file(&self) -> Option<PathBuf> {
        (**self).key_file()
    }

    fn drop_box(&self) -> &Path {
        (**self).drop_box()
    }

    fn folder_name(&self) -> String {
        (**self).folder_name()
    }
}
