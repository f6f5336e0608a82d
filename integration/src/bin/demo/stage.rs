//! Everything that the demo plays with: broker, SFTP server, configuration, and the program itself.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::courier::Courier;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::people::{Analyst, Hospital};
use testbed::server::SftpServer as _;

use crate::Outcome;

pub(crate) struct Stage {
    folder: PathBuf,
    broker: EmbeddedBroker,
    server: EmbeddedSftp,
    courier: Courier,
}

impl Stage {
    /// Starts everything, in a fresh folder `demo/` of the current directory.
    pub(crate) fn set() -> Outcome<Self> {
        let folder = PathBuf::from("demo");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("work"))?;
        let stage = Self {
            broker: EmbeddedBroker::start(Settings::default())?,
            server: EmbeddedSftp::start(EmbeddedSftpSettings::default())?,
            courier: Courier::beside_this_program()?,
            folder,
        };
        stage.write_configuration()?;
        let key = stage.folder.join("results.key").display().to_string();
        stage.program(&["keygen", &key], 0)?;
        Ok(stage)
    }

    fn write_configuration(&self) -> Outcome<()> {
        let text = format!(
            "[BROKER]\nURL = \"{}\"\nAPI_KEY = \"{}\"\n[REQUESTS]\nTAG = \"rki\"\n\
             [SFTP]\nHOST = \"127.0.0.1\"\nPORT = {}\nUSERNAME = \"{}\"\nPASSWORD = \"{}\"\n\
             TIMEOUT = \"25\"\nFOLDERNAME = \"{}\"\nHOST_KEY = \"{}\"\n\
             [SECURITY]\nPATH_ENCRYPTION_KEY = \"results.key\"\n[MISC]\nWORKING_DIR = \"work\"\n",
            self.broker.url(),
            EmbeddedBroker::ADMIN_KEY,
            self.server.port(),
            self.server.username(),
            self.server.password().unwrap_or_default(),
            self.server.folder_name(),
            self.server.host_key_fingerprint(),
        );
        let path = self.folder.join("courier.toml");
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    pub(crate) fn analyst(&self) -> Analyst {
        Analyst::new(&self.broker.url(), EmbeddedBroker::ADMIN_KEY)
    }

    pub(crate) fn hospital_one(&self) -> Hospital {
        Hospital::new(&self.broker.url(), EmbeddedBroker::NODE_1_KEY)
    }

    pub(crate) fn hospital_two(&self) -> Hospital {
        Hospital::new(&self.broker.url(), EmbeddedBroker::NODE_2_KEY)
    }

    pub(crate) fn broker_url(&self) -> String {
        self.broker.url()
    }

    pub(crate) fn sftp_port(&self) -> u16 {
        self.server.port()
    }

    /// The next lists come back empty, as from a broker that has lost its database.
    pub(crate) fn broker_shows_nothing(&self) {
        let empty = || Answer::Instead {
            status: 200,
            content_type: "application/xml".to_owned(),
            body: b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
                <request-list xmlns=\"http://aktin.org/ns/exchange\"/>"
                .to_vec(),
        };
        self.broker.fail_next(Route::List, empty(), 1);
        self.broker.fail_next(Route::WholeList, empty(), 1);
    }

    /// Runs the courier with the demo's configuration; gives what it said.
    pub(crate) fn courier(&self, arguments: &[&str], code: i32) -> Outcome<String> {
        let config = self.folder.join("courier.toml").display().to_string();
        self.program(&[&["-c", &config], arguments].concat(), code)
    }

    fn program(&self, arguments: &[&str], code: i32) -> Outcome<String> {
        let outcome = self.courier.run(arguments);
        if outcome.code != Some(code) {
            return Err(format!(
                "`broker-courier {}` ended with {:?} instead of {code}:\n{}{}",
                arguments.join(" "),
                outcome.code,
                outcome.stdout,
                outcome.stderr
            )
            .into());
        }
        Ok(outcome.stdout)
    }

    /// The files at the drop-box, with their sizes.
    pub(crate) fn drop_box(&self) -> Outcome<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.server.drop_box())? {
            let entry = entry?;
            names.push((entry.file_name(), entry.metadata()?.len()));
        }
        names.sort();
        let mut text = String::new();
        for (name, size_bytes) in names {
            writeln!(text, "{:<16} {size_bytes:>8} bytes", name.to_string_lossy())?;
        }
        Ok(text)
    }

    /// The number of the event that ended the first run.
    pub(crate) fn end_of_first_run(&self) -> Outcome<String> {
        let log = self.courier(&["log"], 0)?;
        log.lines()
            .find(|line| line.contains("RunFinished"))
            .and_then(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .ok_or_else(|| "the ledger holds no finished run".into())
    }

    /// What one delivered file holds.
    pub(crate) fn decrypted(&self, name: &str) -> Outcome<String> {
        let input = self.server.drop_box().join(name).display().to_string();
        let output = self.folder.join(format!("decrypted-{name}"));
        let said = self.courier(&["decrypt", &input, "-o", &output.display().to_string()], 0)?;
        let mut archive = zip::ZipArchive::new(fs::File::open(&output)?)?;
        let mut text = said;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index)?;
            writeln!(text, "  {} ({} bytes)", entry.name(), entry.size())?;
            if entry.name().contains("_result") {
                let mut content = String::new();
                entry.read_to_string(&mut content)?;
                for line in content.lines() {
                    writeln!(text, "      {line}")?;
                }
            }
        }
        Ok(text)
    }

    pub(crate) fn shown_config(&self) -> String {
        self.folder.join("courier.toml").display().to_string()
    }

    pub(crate) fn shown_command(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.courier.shown_path())
    }
}
