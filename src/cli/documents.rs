//! What the documents tell people to type is understood: every command line of this program, in blocks and in
//! running text, and every configuration.
//!
//! What always holds: nothing is run. Deliberately absent: what the commands say; the pages that are played
//! show that (`integration/tests/book`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::arguments::Arguments;
use crate::config::Configuration;

/// A piece of a page: a block of code with its language, or a span of it in running text.
struct Code {
    page: String,
    line: usize,
    kind: Kind,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Block(String),
    Span,
}

/// README and the pages of the book.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = fs::read_dir(root.join("docs")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages = names.filter(|name| name.ends_with(".md"));
    let mut pages: Vec<String> = pages.map(|name| format!("docs/{name}")).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    let read = |page: String| {
        let text = fs::read_to_string(root.join(&page)).unwrap();
        (page, text)
    };
    pages.into_iter().map(read).collect()
}

/// All code of a page, in its order.
fn code(page: &str, text: &str) -> Vec<Code> {
    let mut found = Vec::new();
    let mut block: Option<Code> = None;
    let mut prose = String::new();
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut block, fence) {
            (Some(_), Some(_)) => found.extend(block.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(language)) => {
                block = Some(Code {
                    page: page.to_owned(),
                    line: index + 1,
                    kind: Kind::Block(language.trim().to_owned()),
                    text: String::new(),
                });
            }
            (None, None) => prose.push_str(line.trim_start()),
        }
        // So that what stands before a break can be counted.
        prose.push('\n');
    }
    for (index, piece) in prose.split('`').enumerate() {
        if index % 2 == 1 {
            let before = prose
                .split('`')
                .take(index)
                .map(|it| it.matches('\n').count());
            found.push(Code {
                page: page.to_owned(),
                line: before.sum::<usize>() + 1,
                kind: Kind::Span,
                text: piece.replace('\n', " ").replace("\\|", "|"),
            });
        }
    }
    found
}

/// What another command puts in its place.
const OTHER: &str = "123456789012";

/// The commands of a piece of shell, as words; what another command puts in their place is a number.
fn commands(shell: &str) -> Vec<Vec<String>> {
    let shell = shell.replace("\\\n", " ");
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = shell.chars().peekable();
    let end = |word: &mut Option<String>, commands: &mut Vec<Vec<String>>| {
        commands.last_mut().unwrap().extend(word.take());
    };
    while let Some(next) = chars.next() {
        match (quote, next) {
            (Some(mark), _) if next == mark => quote = None,
            (None, '\'' | '"') => {
                quote = Some(next);
                word.get_or_insert_default();
            }
            (None | Some('"'), '$') if chars.peek() == Some(&'(') => {
                let mut depth = 0;
                let inner = chars.by_ref().take_while(|it| {
                    depth += i32::from(*it == '(') - i32::from(*it == ')');
                    depth > 0
                });
                let inner: String = inner.skip(1).collect();
                let at = commands.len() - 1;
                commands.splice(at..at, self::commands(&inner));
                word.get_or_insert_default().push_str(OTHER);
            }
            (Some(_), _) => word.get_or_insert_default().push(next),
            (None, '#') if word.is_none() => {
                chars.by_ref().take_while(|it| *it != '\n').for_each(drop);
                commands.push(Vec::new());
            }
            (None, '\n' | ';' | '|' | '&' | '(' | ')') => {
                end(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            (None, '<' | '>') => {
                // What it is led to is no argument.
                let is_number = |it: &String| it.chars().all(|c| c.is_ascii_digit());
                word.take_if(|it| is_number(it));
                end(&mut word, &mut commands);
                while chars.next_if(|it| " >&".contains(*it)).is_some() {}
                while chars.next_if(|it| !" \n;|&)".contains(*it)).is_some() {}
            }
            (None, ' ') => end(&mut word, &mut commands),
            (None, _) => word.get_or_insert_default().push(next),
        }
    }
    end(&mut word, &mut commands);
    commands.retain(|words| !words.is_empty());
    commands
}

/// The arguments that this program is given, if it is this program that is called.
fn arguments(words: &[String]) -> Option<&[String]> {
    if let Some(at) = words.iter().position(|word| word == "broker-courier-as") {
        return words.get(at + 2..);
    }
    if words
        .first()
        .is_some_and(|word| word.ends_with("/broker-courier"))
    {
        return words.get(1..);
    }
    if let Some(at) = words.iter().position(|word| word == "broker-courier") {
        // A package of that name, and who makes a container of it.
        let others = ["systemctl", "apt", "journalctl", "podman"];
        let is_called = !words[..at].iter().any(|it| others.contains(&it.as_str()));
        return is_called.then(|| &words[at + 1..]);
    }
    let keywords = ["if", "!", "do", "then", "{"];
    let at = words
        .iter()
        .position(|it| !keywords.contains(&it.as_str()))?;
    // Alone it is the word's own definition.
    (words[at] == "courier" && words.len() > at + 1).then(|| &words[at + 1..])
}

/// Whether a word stands for another: `FILE`, `ID…`, `KEY=VALUE`.
fn is_placeholder(word: &str) -> bool {
    let letters = word.trim_end_matches('…');
    word == "…"
        || !letters.is_empty() && letters.chars().all(|c| c.is_ascii_uppercase() || c == '=')
}

/// What is wrong with arguments, if anything is.
fn problem(given: &[String], kind: &Kind) -> Option<String> {
    if given.iter().any(|word| word == "$@") {
        return None;
    }
    let words = given.iter().map(|word| word.trim_end_matches('…'));
    let words = words.filter(|word| !word.is_empty());
    let error = Arguments::try_parse_from(std::iter::once("broker-courier").chain(words)).err()?;
    let has_placeholder = given
        .iter()
        .any(|word| is_placeholder(word) || word == OTHER || word.starts_with('$'));
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::ValueValidation
        | ErrorKind::InvalidSubcommand
        | ErrorKind::WrongNumberOfValues => has_placeholder,
        // Running text names a command without all that it takes.
        ErrorKind::InvalidValue
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => *kind == Kind::Span,
        _ => false,
    };
    (!is_fine).then(|| {
        error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}

/// Whether a word is the name of a command.
fn is_command(word: &str) -> bool {
    Arguments::command().find_subcommand(word).is_some()
}

/// The pieces of shell of a block: what is typed, where what is said stands there, too.
fn typed(code: &Code) -> Option<String> {
    match &code.kind {
        Kind::Block(language) => match language.as_str() {
            "console" => {
                let lines = code.text.lines();
                let typed = lines.filter_map(|line| {
                    let typed = line.strip_prefix("$ ").map(|it| format!("\n{it}"));
                    typed.or_else(|| line.strip_prefix("> ").map(|it| format!("\n{it}")))
                });
                Some(typed.collect())
            }
            "sh" | "cron" => Some(code.text.clone()),
            _ => None,
        },
        Kind::Span => {
            let first = code.text.split(' ').next().unwrap_or_default();
            let is_ours = ["broker-courier", "broker-courier-as", "courier"].contains(&first);
            let names_one = is_command(first) && code.text.contains(' ');
            match (is_ours, names_one) {
                (true, _) => Some(code.text.clone()),
                (false, true) => Some(format!("courier {}", code.text)),
                (false, false) => None,
            }
        }
    }
}

#[test]
fn every_command_in_the_documents_is_one() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        // There such words are the beginnings of what is hashed.
        let is_about_bytes = page == "docs/log-format.md";
        let code = code(&page, &text).into_iter();
        for code in code.filter(|_| !is_about_bytes) {
            let shell = typed(&code).unwrap_or_default();
            for words in commands(&shell) {
                let Some(given) = arguments(&words) else {
                    continue;
                };
                count += 1;
                if let Some(problem) = problem(given, &code.kind) {
                    let (page, line) = (&code.page, code.line);
                    wrong.push(format!("{page}:{line}: {}: {problem}", words.join(" ")));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0], "{}", wrong.join("\n"));
    assert!(count > 150, "only {count} were found");
}

/// Whether that is a table's key whose value is cut short in a configuration.
fn is_shortened(text: &str, word: &str) -> bool {
    let key = word.rsplit('.').next().unwrap_or_default();
    let mut lines = text.lines();
    lines.any(|line| line.split(" = ").next() == Some(key) && line.contains('…'))
}

#[test]
fn every_configuration_in_the_documents_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("courier.toml");
    // What is not there is no fault of an example's.
    let is_missing = |line: &str| {
        [" is missing", " does not exist"]
            .iter()
            .any(|words| line.contains(words))
    };
    let problems = |text: &str| {
        fs::write(&file, text).unwrap();
        let said = Configuration::load(&file).err().map(|it| it.to_string());
        let said = said.unwrap_or_default();
        let lines = said.lines().filter(|line| line.contains("courier.toml:"));
        // What is cut short for the page's sake is as it is.
        let is_cut = |line: &&str| {
            let mut words = line.split_whitespace();
            words.any(|word| is_shortened(text, word))
        };
        let lines = lines.filter(|line| !is_missing(line) && !is_cut(line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut count = 0;
    for (page, text) in pages() {
        for code in code(&page, &text) {
            if code.kind != Kind::Block("toml".to_owned()) {
                continue;
            }
            count += 1;
            // A part of a table stands for itself.
            let tables = ["", "[BROKER]\n", "[SFTP]\n", "[SECURITY]\n"];
            let mut tried = tables.map(|table| problems(&format!("{table}{}", code.text)));
            tried.sort_by_key(Vec::len);
            assert_eq!(tried[0], [""; 0], "{page}:{}", code.line);
        }
    }
    assert!(count >= 3, "only {count} were found");
    assert_eq!(
        problems("[SFTP]\nPROT = 22\n").len(),
        1,
        "a mistake is seen"
    );
}

#[test]
fn commands_are_found_in_whatever_shell_says() {
    let shell = "courier run -v 2> said; broker-courier-as rki check || echo \"exit $?\" # and more\n\
                 runuser -u courier -- broker-courier -c 'a b.toml' approve $(courier status --json | sed x) \\\n \
                 --who ann\n";
    let found: Vec<Vec<String>> = commands(shell)
        .iter()
        .filter_map(|words| arguments(words).map(<[String]>::to_vec))
        .collect();
    let expected: [&[&str]; 4] = [
        &["run", "-v"],
        &["check"],
        &["status", "--json"],
        &["-c", "a b.toml", "approve", OTHER, "--who", "ann"],
    ];
    assert_eq!(found, expected);
}

/// The tags of `status.xml` that are shown: what is known of them, in its order.
#[test]
fn every_tag_in_the_documents_is_one() {
    let mut count = 0;
    for (page, text) in pages() {
        for code in code(&page, &text) {
            if code.kind != Kind::Block("xml".to_owned()) {
                continue;
            }
            count += 1;
            let mut reader = quick_xml::Reader::from_str(code.text.trim());
            let quick_xml::events::Event::Start(tag) = reader.read_event().unwrap() else {
                panic!("{page}:{}: no tag", code.line);
            };
            let names = tag.attributes().map(|it| it.unwrap().key.0.to_owned());
            let names: Vec<String> = names.collect();
            let known = ["log", "sequence", "hash", "begun-from"];
            assert_eq!(tag.name().0, "status");
            assert_eq!(names, known[..names.len().max(3)]);
        }
    }
    assert_eq!(count, 2);
}
