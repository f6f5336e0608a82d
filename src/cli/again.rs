//! How a command is named in a message, so that it can be pasted as it stands there: with the configuration
//! that this command had, or in the words that call a service's program.
//!
//! What always holds here: nothing but what stands between backticks and begins with the program's name is
//! changed.

use std::path::Path;
use std::sync::OnceLock;

use super::arguments::Arguments;
use super::ledger_argument::LedgerArgument;
use crate::effects::environment;

/// How this process was told which ledger it is about.
static SAME: OnceLock<Same> = OnceLock::new();

/// What names the same ledger again.
enum Same {
    /// An option with a blank before it, or nothing.
    Option(String),
    /// Words in place of the program's name: the configuration that a service was given is gone when it has
    /// ended.
    Words(String),
}

impl Same {
    fn of(arguments: &Arguments) -> Self {
        let option = |name: &str, path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            Self::Option(format!(" {name} {}", quoted(&path.to_string_lossy())))
        };
        match (&arguments.config, &arguments.ledger) {
            (_, Some(LedgerArgument::Folder(folder))) => option("--ledger", folder),
            (_, Some(LedgerArgument::Database(address))) => {
                Self::Option(format!(" --ledger {}", quoted(&address.to_string())))
            }
            (_, Some(LedgerArgument::Unusable(_))) => Self::Option(String::new()),
            (Some(_), None) if let Some(words) = environment::command() => Self::Words(words),
            (Some(config), None) => option("-c", config),
            (None, None) => Self::Option(String::new()),
        }
    }
}

/// Remembers how this command was told which ledger it is about.
pub(super) fn remember(arguments: &Arguments) {
    // The first command of a process is its only one.
    let _first = SAME.set(Same::of(arguments));
}

/// How the program is called for the same ledger again.
pub(super) fn called(arguments: &Arguments) -> String {
    match Same::of(arguments) {
        Same::Option(option) => format!("{PROGRAM}{option}"),
        Same::Words(words) => words,
    }
}

/// A message whose commands can be pasted.
pub(super) fn pasteable(text: &str) -> String {
    match SAME.get() {
        Some(same) => with_same(text, same),
        None => text.to_owned(),
    }
}

const PROGRAM: &str = "broker-courier";

fn with_same(text: &str, same: &Same) -> String {
    let mut said = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            said.push('`');
        }
        let arguments = part.strip_prefix(PROGRAM).filter(|_| index % 2 == 1);
        let arguments = arguments.filter(|words| words.starts_with(' '));
        // A key is made without any configuration, and a ledger that is named by itself needs none.
        let complete = [" keygen ", " -c ", " --ledger ", " --from "];
        let is_complete = complete.iter().any(|words| part.contains(words));
        match (arguments, same) {
            (Some(_), Same::Option(option)) if !is_complete => {
                said.push_str(part);
                said.push_str(option);
            }
            (Some(arguments), Same::Words(words)) if !is_complete => {
                said.push_str(words);
                said.push_str(arguments);
            }
            (_, _) => said.push_str(part),
        }
    }
    said
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@:,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{Same, quoted, with_same};

    #[test]
    fn commands_in_a_message_name_the_configuration_and_nothing_else_changes() {
        let told = "ask; `broker-courier recover` or `broker-courier keygen FILE`, never `rm`";
        let option = |option: &str| Same::Option(option.to_owned());
        assert_eq!(
            with_same(told, &option(" -c /etc/a.toml")),
            "ask; `broker-courier recover -c /etc/a.toml` or `broker-courier keygen FILE`, never `rm`"
        );
        assert_eq!(with_same(told, &option("")), told);
        assert_eq!(
            with_same(told, &Same::Words("broker-courier-as rki".to_owned())),
            "ask; `broker-courier-as rki recover` or `broker-courier keygen FILE`, never `rm`"
        );
    }

    #[test]
    fn a_shell_takes_each_word_as_it_was() {
        for word in [
            "/etc/courier.toml",
            "a b",
            "it's",
            "$HOME",
            "",
            "ü",
            "a\"b",
            "*",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            let output = output.expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{script}");
        }
    }
}
