//! What waits for a person, in words, and the line that releases it, ready to be pasted.

use std::io::{self, Write};

use courier_ledger::{Blocked, Fallen, Held, UnannouncedKey};

use super::arguments::Arguments;
use super::who;

/// How many digits of a digest are shown to be typed: enough that nobody hits another by chance.
const PREFIX_DIGITS: usize = 12;

/// Lists what guards hold back, and how to release it.
pub(crate) fn show(output: &mut dyn Write, held: &Held, arguments: &Arguments) -> io::Result<()> {
    if !held.waits() {
        return Ok(());
    }
    writeln!(output, "\nBlocked, because a person must decide:")?;
    if let Some(estranged) = &held.estranged {
        writeln!(output, "  {estranged}")?;
    }
    for Blocked { command, guard } in &held.commands {
        writeln!(output, "  {command}: {guard}")?;
    }
    let digest = held.digest().to_string();
    let prefix = digest.get(..PREFIX_DIGITS).unwrap_or(&digest);
    writeln!(
        output,
        "\nIf all of this is right, release exactly this, once, with\n  \
         broker-courier{} approve {prefix}{} --why \"…\"\nand start the next run.",
        configuration(arguments),
        signature(),
    )
}

/// Says which key waits for a person, and what can be done about it.
pub(crate) fn tell_key(key: &UnannouncedKey) {
    let UnannouncedKey {
        key: now,
        instead_of,
        ..
    } = key;
    tracing::warn!(
        "{key}. If {instead_of} is the right one, restore its file (SECURITY.PATH_ENCRYPTION_KEY). If \
         {now} is, see that the recipient has it, then approve what waits, or announce it: \
         `broker-courier rotate-key FILE --why \"…\"` with the file that holds it"
    );
}

/// Says that an approval does not hold for what is blocked now, and what differs.
pub(crate) fn tell_fallen(fallen: &Fallen) {
    let mut differences: Vec<String> = Vec::new();
    differences.extend(fallen.added.iter().map(|it| format!("+ {it}")));
    differences.extend(fallen.gone.iter().map(|it| format!("- {it}")));
    tracing::warn!(
        "the approval of event {} by {} was for another plan, and releases nothing: {}",
        fallen.approval,
        fallen.who,
        differences.join(", ")
    );
}

/// How the same ledger is named again.
fn configuration(arguments: &Arguments) -> String {
    let option = |name: &str, path: &std::path::Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        format!(" {name} {}", quoted(&path.to_string_lossy()))
    };
    match (&arguments.config, &arguments.ledger) {
        (_, Some(ledger)) => option("--ledger", ledger),
        (Some(config), None) => option("-c", config),
        (None, None) => String::new(),
    }
}

fn signature() -> String {
    match who::login_name() {
        Some(name) => format!(" --who {}", quoted(&name)),
        None => " --who NAME".to_owned(),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@:,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

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
