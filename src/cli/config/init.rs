//! `config init`: a new configuration, the folders, the key and the files of secrets that it names.
//!
//! What always holds: no file is overwritten, so it can be begun again; folders are made for their owner
//! alone (0700), files too (0600); the configuration comes last, when everything that it names is there.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::arguments::InitOptions;
use super::questions::{self, NoAnswers};
use crate::cli::again::quoted;
use crate::cli::arguments::Arguments;
use crate::cli::error::CommandError;
use crate::cli::{output, parts};
use crate::config::{Answers, Name, Proof};
use crate::effects::fernet::FernetKey;
use crate::effects::new_file;
use crate::exit_code::ExitCode;

/// Why there is no new configuration.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    /// There is one.
    #[error("{} is there already, and is never overwritten", .0.display())]
    Exists(PathBuf),
    /// Something cannot be made.
    #[error("{} cannot be made", path.display())]
    Unmade { path: PathBuf, source: io::Error },
}

impl From<NotBegun> for CommandError {
    fn from(error: NotBegun) -> Self {
        let hint = match &error {
            NotBegun::Exists(_) => {
                "`broker-courier config show` shows what it comes to, `check` whether it serves"
            }
            NotBegun::Unmade { .. } => {
                "what was made before stands and is used when this is repeated: as a user who may write \
                 there"
            }
        };
        Self::new(ExitCode::Configuration, error).hint(hint)
    }
}

impl From<NoAnswers> for CommandError {
    fn from(error: NoAnswers) -> Self {
        let code = match error {
            NoAnswers::Missing(_) | NoAnswers::Unusable(_) => ExitCode::Usage,
            NoAnswers::Unreadable(_) | NoAnswers::Cancelled => ExitCode::Incomplete,
        };
        Self::new(code, error).hint("`broker-courier config init --help` lists the options")
    }
}

/// What became of something that is needed.
enum Made {
    /// It is new.
    New,
    /// It was there.
    Kept,
    /// It is new, and somebody must fill it.
    Empty,
}

/// What was made, in the order in which it was.
#[derive(Default)]
struct Inventory {
    made: Vec<(PathBuf, Made, &'static str)>,
}

pub(super) fn init(arguments: &Arguments, options: &InitOptions) -> Result<ExitCode, CommandError> {
    let path = parts::configuration_path(arguments)?;
    if path.symlink_metadata().is_ok() {
        return Err(NotBegun::Exists(path.to_owned()).into());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let name = Name::of(path);
    let working_dir = working_dir(options, &name, folder);
    let answers = questions::answers(options, name, working_dir.display().to_string())?;
    let key_file = folder.join(answers.name.key_file());
    let mut inventory = Inventory::default();
    inventory.folder(folder, "the configuration's folder")?;
    inventory.folder(&folder.join(&working_dir), "the ledger's folder")?;
    let api_key_file = folder.join(answers.name.api_key_file());
    inventory.secret(&api_key_file, "the broker's API key")?;
    if answers.proof == Proof::Password {
        let password_file = folder.join(answers.name.password_file());
        inventory.secret(&password_file, "the SFTP password")?;
    }
    inventory.key(&key_file)?;
    inventory.file(path, answers.text().as_bytes(), "the configuration")?;
    output::tell(|output| inventory.show(output, path, &answers));
    Ok(ExitCode::Done)
}

/// The folder of the ledger, as the configuration is to name it.
fn working_dir(options: &InitOptions, name: &Name, folder: &Path) -> PathBuf {
    if let Some(working_dir) = &options.working_dir {
        // What somebody types starts where they are.
        return std::path::absolute(working_dir).unwrap_or_else(|_| working_dir.clone());
    }
    name.working_dir(folder)
}

impl Inventory {
    fn note(&mut self, path: &Path, made: Made, about: &'static str) {
        self.made.push((path.to_owned(), made, about));
    }

    fn folder(&mut self, path: &Path, about: &'static str) -> Result<(), NotBegun> {
        let unmade = |source| NotBegun::Unmade {
            path: path.to_owned(),
            source,
        };
        if path.is_dir() {
            self.note(path, Made::Kept, about);
            return Ok(());
        }
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(unmade)?;
        }
        DirBuilder::new().mode(0o700).create(path).map_err(unmade)?;
        self.note(path, Made::New, about);
        Ok(())
    }

    fn file(&mut self, path: &Path, bytes: &[u8], about: &'static str) -> Result<(), NotBegun> {
        let made = new_file::write_new(path, bytes);
        made.map_err(|source| NotBegun::Unmade {
            path: path.to_owned(),
            source,
        })?;
        let made = match bytes.is_empty() {
            true => Made::Empty,
            false => Made::New,
        };
        self.note(path, made, about);
        Ok(())
    }

    fn secret(&mut self, path: &Path, about: &'static str) -> Result<(), CommandError> {
        if let Ok(metadata) = path.metadata() {
            let made = match metadata.len() {
                0 => Made::Empty,
                _ => Made::Kept,
            };
            self.note(path, made, about);
            return Ok(());
        }
        let secret = questions::secret(about, &path.display().to_string())?;
        let bytes = secret.as_ref().map_or("", |it| it.expose_secret());
        Ok(self.file(path, bytes.as_bytes(), about)?)
    }

    fn key(&mut self, path: &Path) -> Result<(), CommandError> {
        let about =
            "the key that results are encrypted with: give it to the recipient over a safe way";
        if path.exists() {
            self.note(path, Made::Kept, about);
            return Ok(());
        }
        FernetKey::generate(path)?;
        self.note(path, Made::New, about);
        Ok(())
    }

    fn show(&self, output: &mut dyn io::Write, config: &Path, answers: &Answers) -> io::Result<()> {
        for (path, made, about) in &self.made {
            let word = match made {
                Made::New => "made",
                Made::Kept => "kept",
                Made::Empty => "to fill",
            };
            writeln!(output, "{word:<8} {} ({about})", path.display())?;
        }
        let command = format!("broker-courier -c {}", quoted(&config.to_string_lossy()));
        writeln!(output, "\nNext, as the user that runs the courier:")?;
        for (path, made, about) in &self.made {
            if matches!(made, Made::Empty) {
                let path = quoted(&path.to_string_lossy());
                writeln!(output, "  cat > {path}     # {about}, then Ctrl-D")?;
            }
        }
        if answers.host_key.is_none() {
            writeln!(
                output,
                "  {command} host-key     # prints the line that says which server is trusted"
            )?;
        }
        writeln!(output, "  {command} check        # tries every link")?;
        writeln!(
            output,
            "  {command} plan         # shows what a run would do"
        )
    }
}
