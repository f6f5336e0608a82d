//! A place for the program to work in: a configuration as the replaced program's users have it, a
//! key, and a working directory, all in one temporary folder.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::broker::EmbeddedBroker;
use crate::server::SftpServer;

/// The key of the legacy scenario.
pub const KEY: &str = "BJ6vEt7BuRpPb-SEEXUKvA-IJyfSscOkRH3NBS4iN_A=";

/// The folder; it goes when this is dropped.
pub struct Place {
    folder: tempfile::TempDir,
    drop_box: PathBuf,
}

impl Place {
    /// Sets everything up for this broker and server.
    pub fn new(broker_url: &str, server: &dyn SftpServer) -> io::Result<Self> {
        let proof = match (server.password(), server.key_file()) {
            (Some(password), _) => format!("PASSWORD = \"{password}\""),
            (None, Some(key)) => format!("KEY_FILE = \"{}\"", key.display()),
            (None, None) => return Err(io::Error::other("the server lets nobody in")),
        };
        let folder = tempfile::Builder::new().prefix("courier-place").tempdir()?;
        fs::create_dir(folder.path().join("work"))?;
        let place = Self {
            folder,
            drop_box: server.drop_box().to_owned(),
        };
        private(&place.key_path(), KEY)?;
        place.write_config(&format!(
            "[BROKER]\nURL = \"{broker_url}\"\nAPI_KEY = \"{}\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"{}\"\nPORT = \"{}\"\nUSERNAME = \"{}\"\n{proof}\nTIMEOUT = \"25\"\n\
             FOLDERNAME = \"{}\"\nHOST_KEY = \"{}\"\n[SECURITY]\nPATH_ENCRYPTION_KEY = \"rki.key\"\n\
             [MISC]\nWORKING_DIR = \"work\"\n",
            EmbeddedBroker::ADMIN_KEY,
            server.host(),
            server.port(),
            server.username(),
            server.folder_name(),
            server.host_key_fingerprint(),
        ))?;
        Ok(place)
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("courier.toml")
    }

    /// The key file.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.folder.path().join("rki.key")
    }

    /// The working directory.
    #[must_use]
    pub fn working_dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The drop-box as the test sees it.
    #[must_use]
    pub fn drop_box(&self) -> &Path {
        &self.drop_box
    }

    /// Replaces a piece of the configuration; an error when it is not there.
    pub fn change_config(&self, from: &str, to: &str) -> io::Result<()> {
        let text = fs::read_to_string(self.config())?;
        if text.contains(from) {
            self.write_config(&text.replace(from, to))
        } else {
            Err(io::Error::other(format!("{from} is not in\n{text}")))
        }
    }

    fn write_config(&self, text: &str) -> io::Result<()> {
        private(&self.config(), text)
    }

    /// The names at the drop-box, in order.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.drop_box)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
