//! `decrypt`: delivered files back to the zips that the broker gave, each with the key that the ledger names
//! for it, or whichever of the known ones fits; age files with the recipient's own identity.

use std::fs::File;
use std::io::{self, IsTerminal as _, Stdout};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use courier_ledger::{KeyId, RemoteName, State};

use super::arguments::{Arguments, DecryptOptions};
use super::error::{CommandError, NotDecrypted, UsageError};
use super::{folder, ledger, output, parts};
use crate::effects::age::{Identities, MAGIC};
use crate::effects::fernet::{FernetKey, decrypt_file, decrypt_open, decrypt_to};
use crate::effects::pipe;
use crate::exit_code::ExitCode;

pub(crate) fn decrypt(
    arguments: &Arguments,
    options: &DecryptOptions,
) -> Result<ExitCode, CommandError> {
    let identities = options.identity.as_deref().map(Identities::load);
    let identities = identities.transpose()?;
    if let Some(output) = output_of(options)? {
        return to_stream(arguments, options, identities.as_ref(), output);
    }
    let inputs = inputs(&options.files)?;
    // Whoever has age files alone needs no key.
    let keys = match inputs.iter().all(|input| is_age(input)) {
        true => Vec::new(),
        false => keys(arguments, options)?,
    };
    let output = options.output.as_deref().unwrap_or(Path::new("."));
    let state = state(arguments);
    let decrypt = |input: &Path, output: &Path| match is_age(input) {
        true => one_for(identities.as_ref(), input, output),
        false => one(&keys, state.as_ref(), input, output),
    };
    if let ([only], false) = (inputs.as_slice(), output.is_dir()) {
        decrypt(only, output)?;
        return Ok(ExitCode::Done);
    }
    // Each of several keeps its name in a folder.
    folder::list(output)?;
    let mut code = ExitCode::Done;
    for input in &inputs {
        let mut output = output.join(input.file_name().unwrap_or_default());
        if is_age(input) && output.extension().is_some_and(|it| it == "age") {
            output.set_extension("");
        }
        if let Err(error) = decrypt(input, &output) {
            // One that cannot be decrypted holds up no other.
            code = code.max(error.code);
            error.report();
        }
    }
    Ok(code)
}

/// Standard output, if it is what is decrypted to.
fn output_of(options: &DecryptOptions) -> Result<Option<Stdout>, NotStreamed> {
    let is_stream = |path: &Path| path == Path::new("-");
    let from = options.files.iter().any(|path| is_stream(path));
    match (&options.output, from) {
        (Some(output), false) if !is_stream(output) => Ok(None),
        (Some(output), true) if !is_stream(output) => Err(NotStreamed::Mixed),
        (None, false) => Err(NotStreamed::NoOutput),
        (Some(_), _) | (None, true) if options.files.len() > 1 => Err(NotStreamed::Mixed),
        (Some(_), _) | (None, true) => {
            let output = io::stdout();
            match output.is_terminal() {
                true => Err(NotStreamed::Terminal),
                false => Ok(Some(output)),
            }
        }
    }
}

/// Decrypts one file, or standard input, to standard output.
fn to_stream(
    arguments: &Arguments,
    options: &DecryptOptions,
    identities: Option<&Identities>,
    output: Stdout,
) -> Result<ExitCode, CommandError> {
    let mut output = output.lock();
    let named = options.files.first().filter(|it| *it != Path::new("-"));
    let (name, piped) = match named {
        Some(path) => (path.as_path(), None),
        // What cannot be read twice is kept.
        None => (
            Path::new("standard input"),
            Some(pipe::keep(&mut io::stdin().lock())?),
        ),
    };
    let is_age = piped.as_ref().map_or_else(|| is_age(name), is_open_age);
    if is_age {
        let identities = identities.ok_or_else(|| UsageError::NoIdentity(name.to_owned()))?;
        let report = match piped {
            Some(piped) => identities.decrypt_open(name, piped, &mut output),
            None => identities.decrypt_to(name, &mut output),
        }?;
        let (bytes, sha256) = (report.plaintext_bytes, report.plaintext_sha256);
        tracing::info!("{bytes} bytes, SHA-256 {sha256}");
        return Ok(ExitCode::Done);
    }
    let keys = keys(arguments, options)?;
    let report = match piped {
        Some(piped) => decrypt_open(&keys, name, piped, &mut output),
        None => decrypt_to(&keys, name, &mut output),
    };
    let report = report.map_err(|error| NotDecrypted { error, named: None })?;
    tracing::info!(
        "{} bytes, SHA-256 {}, key {}",
        report.plaintext_bytes,
        report.plaintext_sha256,
        report.key
    );
    Ok(ExitCode::Done)
}

/// What cannot be done with streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotStreamed {
    /// Nobody says where to.
    #[error("where the decrypted files go is not given")]
    NoOutput,
    /// Streams and files.
    #[error("one file goes to standard output, and standard input goes there alone")]
    Mixed,
    /// A person would have it on the screen.
    #[error("standard output is a terminal, and results are no text")]
    Terminal,
}

impl From<NotStreamed> for CommandError {
    fn from(error: NotStreamed) -> Self {
        let hint = match error {
            NotStreamed::NoOutput => {
                "-o OUT names a new file, of several a folder; -o - is standard output"
            }
            NotStreamed::Mixed => {
                "`decrypt - < FILE > OUT`, `decrypt FILE -o - > OUT`, or files with -o OUT"
            }
            NotStreamed::Terminal => "`> OUT` or `| PROGRAM` behind it takes what is decrypted",
        };
        Self::new(ExitCode::Usage, error).hint(hint)
    }
}

/// Decrypts one file.
fn one(
    keys: &[FernetKey],
    state: Option<&State>,
    input: &Path,
    output: &Path,
) -> Result<(), CommandError> {
    let named = state.and_then(|state| named(state, input));
    let mut keys = keys.to_vec();
    keys.sort_by_key(|key| Some(key.id()) != named);
    let report =
        decrypt_file(&keys, input, output).map_err(|error| NotDecrypted { error, named })?;
    output::tell(|to| {
        writeln!(
            to,
            "{}: {} bytes, SHA-256 {}, key {}",
            output.display(),
            report.plaintext_bytes,
            report.plaintext_sha256,
            report.key
        )
    });
    if let Some(named) = named.filter(|named| *named != report.key) {
        tracing::warn!(
            "the ledger names the key {named} for {}, and it was made with {}: it is another version \
             than the last one delivered, or another file",
            input.display(),
            report.key
        );
    }
    Ok(())
}

/// Decrypts one age file.
fn one_for(
    identities: Option<&Identities>,
    input: &Path,
    output: &Path,
) -> Result<(), CommandError> {
    let Some(identities) = identities else {
        return Err(UsageError::NoIdentity(input.to_owned()).into());
    };
    let report = identities.decrypt_file(input, output)?;
    output::tell(|to| {
        write!(
            to,
            "{}: {} bytes, SHA-256 {}",
            output.display(),
            report.plaintext_bytes,
            report.plaintext_sha256
        )?;
        match report.recipients {
            Some(recipients) => writeln!(to, ", recipients {recipients}"),
            None => writeln!(to),
        }
    });
    Ok(())
}

/// Whether a file begins as age files do. What cannot be read is no age file; whoever reads it says why.
fn is_age(path: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    path.is_file() && File::open(path).is_ok_and(|file| is_open_age(&file))
}

fn is_open_age(file: &File) -> bool {
    let mut start = [0; MAGIC.len()];
    file.read_exact_at(&mut start, 0).is_ok() && start == MAGIC
}

/// The files that are named, and those in folders that are named: there, whatever has the name of a result.
fn inputs(named: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut inputs = Vec::new();
    for path in named {
        if path.is_dir() {
            let mut results = folder::list(path)?;
            results.retain(|path| is_result(path));
            inputs.extend(results);
        } else {
            inputs.push(path.clone());
        }
    }
    Ok(inputs)
}

fn is_result(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| RemoteName::read_result(name).is_some())
}

/// The keys to try: those that were asked for, or all that the configuration names. Its first may be
/// lost, and an earlier one fit.
fn keys(arguments: &Arguments, options: &DecryptOptions) -> Result<Vec<FernetKey>, CommandError> {
    if !options.key.is_empty() {
        let keys = options.key.iter().map(|path| parts::load_key(path));
        return keys.collect();
    }
    let files = parts::key_files(arguments)?;
    let old = parts::load_old_keys(&files);
    match FernetKey::load(&files.current) {
        Err(error) if !old.is_empty() => {
            tracing::warn!("only earlier keys are tried: {error}");
            Ok(old)
        }
        Ok(_) | Err(_) => {
            let current = parts::load_key(&files.current)?;
            Ok(std::iter::once(current).chain(old).collect())
        }
    }
}

/// The ledger, if there is one to ask.
fn state(arguments: &Arguments) -> Option<State> {
    if arguments.ledger.is_none() && arguments.config.is_none() {
        return None;
    }
    match ledger::read_state(arguments) {
        Ok((state, _)) => Some(state),
        Err(error) => {
            tracing::warn!("the ledger cannot say which key it is: {error}");
            None
        }
    }
}

/// The key that the ledger names for what was last delivered under the file's name.
fn named(state: &State, file: &Path) -> Option<KeyId> {
    let name = file.file_name()?.to_str()?;
    let (id, encryption) = RemoteName::read_result(name)?;
    let request = state.request(id)?;
    (request.encryption == encryption).then(|| request.remote.file()?.key)?
}
