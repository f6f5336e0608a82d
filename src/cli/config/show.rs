//! `config show`: what every key comes to, and where that comes from; then what is wrong with the file, if
//! anything is.

use std::path::Path;

use serde::Serialize;

use crate::cli::arguments::Arguments;
use crate::cli::error::CommandError;
use crate::cli::{output, parts};
use crate::config::{Configuration, Effective, Origin};
use crate::effects::environment;
use crate::exit_code::ExitCode;

#[derive(Serialize)]
struct ShownView<'a> {
    schema: &'static str,
    file: String,
    named_by: &'static str,
    keys: Vec<KeyView<'a>>,
}

#[derive(Serialize)]
struct KeyView<'a> {
    key: &'a str,
    value: Option<&'a str>,
    from: &'static str,
    line: Option<usize>,
}

pub(super) fn show(arguments: &Arguments, json: bool) -> Result<ExitCode, CommandError> {
    let path = parts::configuration_path(arguments)?;
    let keys = Configuration::effective(path)?;
    let named_by = named_by(path);
    if json {
        output::write_json(&ShownView {
            schema: "broker-courier.config.1",
            file: path.display().to_string(),
            named_by,
            keys: keys.iter().map(view).collect(),
        })?;
    } else {
        output::write(|output| {
            writeln!(output, "{} (named by {named_by})\n", path.display())?;
            for key in &keys {
                let value = key.value.as_deref().unwrap_or("-");
                let from = from(path, key.origin);
                writeln!(output, "{:<30} {value:<34} {from}", key.name)?;
            }
            Ok(())
        })?;
    }
    // What is shown may not serve.
    Configuration::load(path)?;
    Ok(ExitCode::Done)
}

fn named_by(path: &Path) -> &'static str {
    let from_environment = environment::value(environment::CONFIG);
    match from_environment.is_some_and(|named| named == path.as_os_str()) {
        true => "$BROKER_COURIER_CONFIG",
        false => "--config",
    }
}

fn view(key: &Effective) -> KeyView<'_> {
    let (from, line) = match key.origin {
        Origin::Line(line) => ("file", Some(line)),
        Origin::LineAndHome(line) => ("file-and-home", Some(line)),
        Origin::Default => ("default", None),
        Origin::Missing => ("missing", None),
    };
    KeyView {
        key: &key.name,
        value: key.value.as_deref(),
        from,
        line,
    }
}

fn from(path: &Path, origin: Origin) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match origin {
        Origin::Line(line) => format!("{name}:{line}"),
        Origin::LineAndHome(line) => format!("{name}:{line}, and $HOME"),
        Origin::Default => "default".to_owned(),
        Origin::Missing => "missing".to_owned(),
    }
}
