//! One night: a broker, a drop-box and a courier that cron runs, what its mail says, and a person who has
//! nothing but that mail.
//!
//! What always holds here: the program is run as cron runs it, without a terminal and without options; a
//! command that a person pastes stands in the last message. `…` in it stands for words of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::courier::{Courier, unwrapped};
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::openssh::{OpenSsh, OpenSshSettings};
use testbed::place::Place;
use testbed::server::SftpServer;

use crate::Outcome;
use crate::disk::Disk;

/// How many results are delivered before anything is wrong.
const RESULTS: usize = 5;

/// What a line begins with that can be pasted.
const PROGRAMS: [&str; 2] = ["broker-courier ", "su "];

/// What a hospital has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// Its own words.
    Words,
    /// So many bytes.
    Bytes(u64),
}

/// What this machine lacks to prepare a state.
#[derive(Debug, thiserror::Error)]
#[error("this machine lacks {0}")]
pub(crate) struct Missing(pub(crate) &'static str);

/// What is kept of a night.
#[derive(Default)]
pub(crate) struct Seen {
    /// How the run ended whose mail it was.
    pub(crate) code: Option<i32>,
    /// What the mail said.
    pub(crate) message: String,
    /// What a person did.
    pub(crate) did: Vec<String>,
}

/// One night.
pub(crate) struct Call {
    /// A disk of its own below one of the folders; it goes before they do.
    pub(crate) disk: Option<Disk>,
    pub(crate) broker: EmbeddedBroker,
    pub(crate) server: Box<dyn SftpServer>,
    pub(crate) place: Place,
    /// Who runs the courier, where that is not whoever plays this.
    pub(crate) user: Option<&'static str>,
    /// Holds the program under its own name, for whoever pastes a line.
    path: tempfile::TempDir,
    /// The requests whose results the recipient should have.
    wanted: BTreeMap<u64, Answered>,
    /// What was said last.
    said: String,
    seen: Seen,
    ended: String,
}

impl Call {
    /// All is well, and some results are delivered.
    pub(crate) fn begin() -> Outcome<Self> {
        let call = match OpenSsh::start(OpenSshSettings::default()) {
            Ok(server) => Self::at(Box::new(server)),
            // Where OpenSSH is not installed.
            Err(_) => Self::at(Box::new(EmbeddedSftp::start(
                EmbeddedSftpSettings::default(),
            )?)),
        }?;
        Ok(call)
    }

    fn at(server: Box<dyn SftpServer>) -> Outcome<Self> {
        let broker = EmbeddedBroker::start(Settings::default())?;
        let courier = Courier::beside_this_program()?;
        let path = tempfile::tempdir()?;
        fs::set_permissions(path.path(), fs::Permissions::from_mode(0o755))?;
        let program = path.path().join("broker-courier");
        if fs::hard_link(courier.path(), &program).is_err() {
            fs::copy(courier.path(), &program)?;
        }
        let mut call = Self {
            disk: None,
            user: None,
            place: Place::new(&broker.url(), server.as_ref())?,
            broker,
            server,
            path,
            wanted: BTreeMap::new(),
            said: String::new(),
            seen: Seen::default(),
            ended: String::new(),
        };
        // Others are there, so that an absence can be proven.
        call.broker.publish("other");
        for _ in 0..RESULTS {
            call.answer();
        }
        call.well()?;
        Ok(call)
    }

    /// The same night at another server.
    pub(crate) fn moves_to(&mut self, server: Box<dyn SftpServer>) -> Outcome<()> {
        *self = Self::at(server)?;
        Ok(())
    }

    /// A request is published, and a hospital answers.
    pub(crate) fn answer(&mut self) -> u64 {
        let id = self.broker.publish("rki");
        self.broker
            .submit_result(1, id, "text/plain", words_of(id).as_bytes());
        self.wanted.insert(id, Answered::Words);
        id
    }

    /// The same with an answer of so many MiB.
    pub(crate) fn answer_at_length(&mut self, mib: u64) {
        let id = self.answer();
        self.broker.set_synthetic_result(id, mib << 20);
        self.wanted.insert(id, Answered::Bytes(mib << 20));
    }

    /// A request is withdrawn.
    pub(crate) fn withdraw(&mut self, id: u64) {
        self.broker.delete(id);
        self.wanted.remove(&id);
    }

    /// The recipient should have the result of this request, if any, and nothing else.
    pub(crate) fn wants_only(&mut self, id: Option<u64>) {
        self.wanted.retain(|it, _| Some(*it) == id);
    }

    /// The requests whose results were delivered first.
    pub(crate) fn first(&self) -> Vec<u64> {
        self.wanted.keys().copied().take(RESULTS).collect()
    }

    /// A file of the place.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.place.working_dir().with_file_name(name)
    }

    /// Cron runs the courier; it must end so, and its mail must hold these words.
    pub(crate) fn cron(&mut self, code: i32, words: &[&str]) -> Outcome<()> {
        self.courier(&["run"], code, words)?;
        self.keeps(code);
        Ok(())
    }

    /// Runs the program as its user, with the configuration.
    fn courier(&mut self, arguments: &[&str], code: i32, words: &[&str]) -> Outcome<()> {
        let program = self.program();
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("-c").arg(self.place.config()).args(arguments);
        let ended = command
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .current_dir("/")
            .output()?;
        self.hears(&ended, code, words)
    }

    /// One of the folders gets a disk of its own, of so many MiB.
    pub(crate) fn gets_disk(&mut self, folder: &Path, size_mib: u32) -> Outcome<&Disk> {
        let script = format!("cp -a {0} {0}.kept", folder.display());
        self.shell(&script)?;
        let disk = Disk::mounted(folder, size_mib);
        if disk.is_ok() {
            self.shell(&format!("cp -a {0}.kept/. {0}", folder.display()))?;
        }
        self.shell(&format!("rm -r {0}.kept", folder.display()))?;
        Ok(self.disk.insert(disk?))
    }

    /// Somebody makes room on that disk.
    pub(crate) fn makes_room(&mut self) -> Outcome<()> {
        self.did("made room on that disk");
        self.disk.as_ref().map_or(Ok(()), Disk::make_room)
    }

    /// Somebody gives that disk so many MiB.
    pub(crate) fn enlarges_disk(&mut self, size_mib: u32) -> Outcome<()> {
        self.did("enlarged that disk");
        self.disk
            .as_ref()
            .map_or(Ok(()), |disk| disk.enlarge(size_mib))
    }

    /// What was said last is what is kept of the night.
    pub(crate) fn keeps(&mut self, code: i32) {
        self.seen.code = Some(code);
        self.seen.message = self.shown(&self.said);
    }

    fn hears(&mut self, ended: &Output, code: i32, words: &[&str]) -> Outcome<()> {
        self.said = text_of(ended);
        let said = self.shown(&self.said);
        if ended.status.code() != Some(code) {
            let instead = ended.status.code();
            return Err(format!("exit code {instead:?}, not {code}: {said}").into());
        }
        let unwrapped = unwrapped(&self.said);
        let is_said = |words: &str| self.said.contains(words) || unwrapped.contains(words);
        match words.iter().find(|words| !is_said(words)) {
            Some(words) => Err(format!("the message does not say {words:?}: {said}").into()),
            None => Ok(()),
        }
    }

    /// A person pastes the command of the last message that holds this.
    pub(crate) fn pastes(&mut self, holds: &str) -> Outcome<String> {
        let command = self.command(holds)?;
        self.seen
            .did
            .push(format!("pasted `{}`", self.shown(&command)));
        self.types(&command)
    }

    /// A command of the last message: a line of its own, or between backticks.
    fn command(&self, holds: &str) -> Outcome<String> {
        let lines = self.said.lines().map(str::trim);
        let lines = lines.map(|line| line.strip_prefix("hint: ").unwrap_or(line));
        let lines = lines.filter(|line| PROGRAMS.iter().any(|program| line.starts_with(program)));
        let quoted = self.said.split('`').skip(1).step_by(2);
        let found = lines.chain(quoted).find(|it| it.contains(holds));
        let found = found.ok_or_else(|| {
            let said = self.shown(&self.said);
            format!("no command with {holds:?} in: {said}")
        })?;
        Ok(found.to_owned())
    }

    /// A person types a command into a shell; it must end with 0.
    pub(crate) fn types(&mut self, command: &str) -> Outcome<String> {
        let ended = self.shell(&command.replace('…', "seen at night"))?;
        self.said.clone_from(&ended);
        Ok(ended)
    }

    fn shell(&self, script: &str) -> Outcome<String> {
        let mut path = std::ffi::OsString::from(self.path.path());
        path.push(":/usr/sbin:/usr/bin:/sbin:/bin");
        let output = Command::new("sh")
            .args(["-c", script])
            .env("PATH", path)
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG")
            .env_remove("USER")
            .stdin(Stdio::null())
            .current_dir("/")
            .output()?;
        let said = text_of(&output);
        if output.status.success() {
            Ok(said)
        } else {
            let code = output.status.code();
            Err(format!("{script:?} ended with {code:?}: {said}").into())
        }
    }

    /// A person did something that the message names.
    pub(crate) fn did(&mut self, what: &str) {
        self.seen.did.push(what.to_owned());
    }

    /// Runs go on in good order: nothing is said, all is well, and the recipient has what they should.
    pub(crate) fn well(&mut self) -> Outcome<()> {
        self.courier(&["run"], 0, &[])?;
        let first = self.said.clone();
        self.courier(&["run"], 0, &[])?;
        if !self.said.is_empty() {
            return Err(format!("not silent when all is well: {first}{}", self.said).into());
        }
        self.courier(&["status", "--check"], 0, &["OK"])?;
        self.courier(&["verify"], 0, &[])?;
        self.recipient_is_content()?;
        self.ended = format!("next run 0, {} results right", self.wanted.len());
        Ok(())
    }

    /// Exactly the results of the requests are at the drop-box, and each decrypts to what was answered.
    fn recipient_is_content(&mut self) -> Outcome<()> {
        let names: BTreeSet<String> = fs::read_dir(self.drop_box()?)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()?;
        let mut wanted: BTreeSet<String> = self
            .wanted
            .keys()
            .map(|id| format!("export_{id}.zip"))
            .collect();
        wanted.insert("status.xml".to_owned());
        if names != wanted {
            return Err(format!("at the drop-box are {names:?}, not {wanted:?}").into());
        }
        for (id, answered) in self.wanted.clone() {
            let token = self.drop_box()?.join(format!("export_{id}.zip"));
            let plain = self.beside("plain.zip").display().to_string();
            let token = token.display().to_string();
            self.courier(&["decrypt", &token, "-o", &plain], 0, &[])?;
            let mut archive = zip::ZipArchive::new(fs::File::open(&plain)?)?;
            let mut is_right = false;
            for index in 0..archive.len() {
                let mut bytes = Vec::new();
                archive.by_index(index)?.read_to_end(&mut bytes)?;
                is_right |= match answered {
                    Answered::Words => bytes == words_of(id).as_bytes(),
                    Answered::Bytes(count) => bytes.len() as u64 == count,
                };
            }
            fs::remove_file(&plain)?;
            if !is_right {
                return Err(format!("export_{id}.zip does not hold what was answered").into());
            }
        }
        Ok(())
    }

    /// The drop-box that is configured, as the server's operator sees it.
    fn drop_box(&self) -> Outcome<PathBuf> {
        let config = fs::read_to_string(self.place.config())?;
        let line = config
            .lines()
            .find_map(|line| line.strip_prefix("FOLDERNAME = \""));
        let folder = line
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_default();
        let name = Path::new(folder).file_name().unwrap_or_default();
        Ok(self.server.drop_box().with_file_name(name))
    }

    /// A text without what differs from night to night.
    fn shown(&self, text: &str) -> String {
        let folder = self.place.working_dir();
        let folder = folder.parent().unwrap_or(&folder).display().to_string();
        text.replace(&folder, "/courier").trim().to_owned()
    }

    /// How it ended.
    pub(crate) fn ended(&self) -> String {
        self.ended.clone()
    }

    /// What was seen.
    pub(crate) fn into_seen(self) -> Seen {
        self.seen
    }

    /// The program, where everybody may start it.
    pub(crate) fn program(&self) -> PathBuf {
        self.path.path().join("broker-courier")
    }
}

fn text_of(ended: &Output) -> String {
    String::from_utf8_lossy(&[&*ended.stdout, &ended.stderr].concat()).into_owned()
}

/// What a hospital answers.
fn words_of(id: u64) -> String {
    format!("hospital;cases\nOne;{id}\n")
}
