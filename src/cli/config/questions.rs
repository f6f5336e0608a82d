//! What a new configuration must say: from the options, and where those do not say it from whoever sits at the
//! terminal.
//!
//! What always holds: a secret is read without being shown, and not at all where nobody can be asked; an
//! answer that does not serve is asked for again, in the words of its key.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::arguments::InitOptions;
use crate::config::{Answers, Name, Proof};

/// Why there are no answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswers {
    /// Options are needed, because nobody can be asked.
    #[error("nobody can be asked, so these options are needed: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// What was said does not serve.
    #[error("what was given cannot be used: {}", .0.join("; "))]
    Unusable(Vec<String>),
    /// The terminal went away.
    #[error("the answers cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Whoever was asked wanted no more of it.
    #[error("ended; nothing was written")]
    Cancelled,
}

/// Whether somebody can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What the configuration is to say.
pub(super) fn answers(
    options: &InitOptions,
    name: Name,
    working_dir: String,
) -> Result<Answers, NoAnswers> {
    let key_file = options.key_file.as_ref();
    let proof = key_file.map_or(Proof::Password, |path| {
        Proof::PrivateKey(path.display().to_string())
    });
    let mut answers = Answers {
        name,
        // What is not answered yet must serve while another answer is judged.
        url: "https://broker.example.org".to_owned(),
        tag: "rki".to_owned(),
        host: "sftp.example.org".to_owned(),
        port: options.port,
        username: "hospital".to_owned(),
        proof,
        folder: "rki".to_owned(),
        host_key: options.host_key.clone(),
        working_dir,
    };
    let mut missing = Vec::new();
    for question in QUESTIONS {
        match (question.given)(options) {
            Some(given) => (question.put)(&mut answers, given.clone()),
            None if can_ask() => question.ask(&mut answers)?,
            None => missing.push(question.option),
        }
    }
    let problems = answers.problems();
    match (missing.is_empty(), problems.is_empty()) {
        (false, _) => Err(NoAnswers::Missing(missing)),
        (true, false) => Err(NoAnswers::Unusable(problems)),
        (true, true) => Ok(answers),
    }
}

struct Question {
    option: &'static str,
    words: &'static str,
    given: fn(&InitOptions) -> Option<&String>,
    put: fn(&mut Answers, String),
}

const QUESTIONS: [Question; 5] = [
    Question {
        option: "--url",
        words: "Address of the broker (https://…)",
        given: |options| options.url.as_ref(),
        put: |answers, url| answers.url = url,
    },
    Question {
        option: "--tag",
        words: "Tag of the requests that are delivered",
        given: |options| options.tag.as_ref(),
        put: |answers, tag| answers.tag = tag,
    },
    Question {
        option: "--host",
        words: "SFTP server (name or address)",
        given: |options| options.host.as_ref(),
        put: |answers, host| answers.host = host,
    },
    Question {
        option: "--username",
        words: "User name there",
        given: |options| options.username.as_ref(),
        put: |answers, username| answers.username = username,
    },
    Question {
        option: "--folder",
        words: "Folder of the drop-box there",
        given: |options| options.folder.as_ref(),
        put: |answers, folder| answers.folder = folder,
    },
];

impl Question {
    fn ask(&self, answers: &mut Answers) -> Result<(), NoAnswers> {
        let before = answers.problems();
        loop {
            write!(io::stderr(), "{}: ", self.words)?;
            (self.put)(answers, line()?.trim().to_owned());
            let problems = answers.problems();
            let Some(new) = problems.iter().find(|it| !before.contains(it)) else {
                return Ok(());
            };
            writeln!(io::stderr(), "  {new}")?;
        }
    }
}

/// Asks for a secret, which is not shown; none when it is to be filled in later, or nobody can be asked.
pub(super) fn secret(words: &str, file: &str) -> Result<Option<SecretString>, NoAnswers> {
    if !can_ask() {
        return Ok(None);
    }
    write!(
        io::stderr(),
        "{words} (not shown; nothing, to write it into {file} later): "
    )?;
    let unseen = Unseen::begin()?;
    let line = line();
    drop(unseen);
    writeln!(io::stderr())?;
    let line = line?;
    // Signals are off meanwhile, so that the terminal is never left without its echo.
    if line.contains('\u{3}') {
        return Err(NoAnswers::Cancelled);
    }
    let secret = line.trim_end_matches(['\r', '\n']);
    Ok((!secret.is_empty()).then(|| SecretString::from(secret)))
}

fn line() -> Result<Zeroizing<String>, NoAnswers> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    match io::stdin().lock().read_line(&mut line)? {
        0 => Err(NoAnswers::Cancelled),
        _ => Ok(line),
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Unseen {
    before: Termios,
}

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Nothing is left to be done about a terminal that is gone.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
