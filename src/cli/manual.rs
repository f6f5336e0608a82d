//! `completions` and `man`: what a shell and the manual know of the arguments, made from their definition.

use clap::CommandFactory as _;

use super::arguments::{Arguments, CompletionsOptions, ManOptions};
use super::error::CommandError;
use super::output;
use crate::exit_code::ExitCode;

const NAME: &str = "broker-courier";

/// A manual page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("manual pages cannot be written to {}", folder.display())]
struct NoPages {
    folder: std::path::PathBuf,
    source: std::io::Error,
}

pub(super) fn completions(options: &CompletionsOptions) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), NAME, &mut script);
    output::write(|output| output.write_all(&script))?;
    Ok(ExitCode::Done)
}

pub(super) fn pages(options: &ManOptions) -> Result<ExitCode, CommandError> {
    let folder = &options.folder;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|source| {
        let folder = folder.clone();
        CommandError::new(ExitCode::Usage, NoPages { folder, source })
            .hint("the folder must exist and be writable")
    })?;
    Ok(ExitCode::Done)
}
