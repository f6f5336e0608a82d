//! How a command is named in a message, so that it can be pasted as it stands there: with the configuration
//! that this command had.
//!
//! What always holds here: nothing but what stands between backticks and begins with the program's name is
//! changed.

use std::path::Path;
use std::sync::OnceLock;

use super::arguments::Arguments;

/// The option that names the same ledger again, with a blank before it.
static OPTION: OnceLock<String> = OnceLock::new();

/// Remembers how this command was told which ledger it is about.
pub(super) fn remember(arguments: &Arguments) {
    // The first command of a process is its only one.
    let _first = OPTION.set(option(arguments));
}

/// How the same ledger is named again: empty, or an option with a blank before it.
pub(super) fn option(arguments: &Arguments) -> String {
    let option = |name: &str, path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        format!(" {name} {}", quoted(&path.to_string_lossy()))
    };
    match (&arguments.config, &arguments.ledger) {
        (_, Some(ledger)) => option("--ledger", ledger),
        (Some(config), None) => option("-c", config),
        (None, None) => String::new(),
    }
}

/// A message whose commands can be pasted.
pub(super) fn pasteable(text: &str) -> String {
    with_option(text, OPTION.get().map_or("", String::as_str))
}

fn with_option(text: &str, option: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            said.push('`');
        }
        said.push_str(part);
        let is_command = index % 2 == 1 && part.starts_with("broker-courier ");
        // A key is made without any configuration.
        let is_complete = part.contains(" keygen ") || part.contains(" -c ");
        if is_command && !is_complete {
            said.push_str(option);
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
    use super::{quoted, with_option};

    #[test]
    fn commands_in_a_message_name_the_configuration_and_nothing_else_changes() {
        let told = "ask; `broker-courier recover` or `broker-courier keygen FILE`, never `rm`";
        assert_eq!(
            with_option(told, " -c /etc/a.toml"),
            "ask; `broker-courier recover -c /etc/a.toml` or `broker-courier keygen FILE`, never `rm`"
        );
        assert_eq!(with_option(told, ""), told);
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
