//! A page with commands and what they say: blocks of the language `console`, each command behind `$ `; between
//! them, in comments, what happens meanwhile (`<!-- stage: … -->`), and parts of the demo (`<!-- demo: … -->`, with
//! the headline, before a block of `text`).

use super::stage::Stage;

/// A piece of a page.
enum Piece {
    /// Text as it is.
    Text(String),
    /// What happens meanwhile.
    Meanwhile(String),
    /// Commands, each with what it says.
    Commands(Vec<(String, String)>),
    /// The part of the demo below a headline.
    Demo(String, String),
}

pub(super) struct Page(Vec<Piece>);

impl Page {
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut lines = text.split_inclusive('\n');
        let mut headline: Option<String> = None;
        while let Some(line) = lines.next() {
            let comment = line.trim().strip_prefix("<!-- ");
            let comment = comment.and_then(|rest| rest.strip_suffix(" -->"));
            let mut block = || -> String {
                let block = lines.by_ref().take_while(|line| line.trim() != "```");
                block.collect()
            };
            match (line, comment) {
                ("```console\n", _) => pieces.push(Piece::Commands(commands(&block()))),
                ("```text\n", _) if headline.is_some() => {
                    let headline = headline.take().unwrap_or_default();
                    pieces.push(Piece::Demo(headline, block()));
                }
                (_, Some(comment)) => {
                    if let Some(what) = comment.strip_prefix("stage: ") {
                        pieces.push(Piece::Meanwhile(what.to_owned()));
                    } else {
                        headline = comment.strip_prefix("demo: ").map(str::to_owned);
                    }
                    pieces.push(Piece::Text(line.to_owned()));
                }
                _ => pieces.push(Piece::Text(line.to_owned())),
            }
        }
        Self(pieces)
    }

    /// Does what the page says, in its order.
    pub(super) fn play(&mut self, stage: &mut Stage, differences: &mut Vec<String>) {
        let mut compare = |what: &str, shown: &mut String, is: String| {
            if alike(shown) != alike(&is) {
                differences.push(format!("{what}\n--- shown\n{shown}--- is\n{is}"));
            }
            *shown = is;
        };
        for piece in &mut self.0 {
            match piece {
                Piece::Text(_) => {}
                Piece::Meanwhile(what) => stage.happens(what),
                Piece::Commands(commands) => {
                    for (command, shown) in commands {
                        let said = stage.types(command);
                        compare(command, shown, said);
                    }
                }
                Piece::Demo(headline, shown) => {
                    let told = stage.demo(headline);
                    compare(headline, shown, told);
                }
            }
        }
    }

    /// The page as it is now.
    pub(super) fn text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Meanwhile(_) => String::new(),
            Piece::Demo(_, told) => format!("```text\n{told}```\n"),
            Piece::Commands(commands) => {
                let commands = commands.iter().map(|(command, said)| {
                    let command = command.replace('\n', "\n> ");
                    format!("$ {command}\n{said}")
                });
                format!("```console\n{}```\n", commands.collect::<String>())
            }
        };
        self.0.iter().map(piece).collect()
    }
}

/// The commands of a block; one that goes on behind `> ` is one.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.split_inclusive('\n') {
        match (
            line.strip_prefix("$ "),
            line.strip_prefix("> "),
            commands.last_mut(),
        ) {
            (Some(command), _, _) => commands.push((command.trim_end().to_owned(), String::new())),
            (None, Some(more), Some((command, said))) if said.is_empty() => {
                command.push('\n');
                command.push_str(more.trim_end());
            }
            (None, _, Some((_, said))) => said.push_str(line),
            (None, _, None) => panic!("a block begins with what no command said: {line}"),
        }
    }
    commands
}

/// A text without times, sizes, durations, digests and the width of columns; the order of lines is that in which
/// transfers ended.
fn alike(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.retain(|line| !line.is_empty());
    lines.sort();
    lines
}

fn line(line: &str) -> String {
    // Of a line with a time the numbers of events depend on the order, too.
    let is_dated = line.split_whitespace().any(is_time);
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut alike = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let is_measured = words.get(index + 1).is_some_and(|unit| is_unit(unit));
        let number = word.trim_start_matches('(');
        let is_number = number.starts_with(|c: char| c.is_ascii_digit());
        alike.push(
            if is_time(word) || is_key(word) || is_measured && is_number {
                "*".to_owned()
            } else if is_dated || word.starts_with('#') || word.starts_with("age=") {
                let word = without_digests(word);
                word.chars().filter(|c| !c.is_ascii_digit()).collect()
            } else {
                without_digests(word)
            },
        );
    }
    alike.join(" ")
}

fn is_time(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_digit = |c: char| c.is_ascii_digit();
    // A path may end with a colon, a digest be followed by one, and begin as a year does.
    let is_of_day = word.split_once(':').is_some_and(|(before, after)| {
        let is_digest = before.len() >= 8 && before.chars().all(|c| c.is_ascii_hexdigit());
        before.ends_with(is_digit) && after.starts_with(is_digit) && !is_digest
    });
    let is_of_day = is_of_day && !word.contains('=');
    let is_date = word.starts_with("20") && word.contains('-');
    digits >= 4 && (is_of_day || is_date)
}

/// A fingerprint, the key of a verifier, or that of a recipient.
fn is_key(word: &str) -> bool {
    word.starts_with("SHA256:") || word.contains("/broker-courier+") || word.starts_with("age1")
}

fn is_unit(word: &str) -> bool {
    let word = word.trim_end_matches([',', '.', ')', ';', ':']);
    ["s", "ms", "min", "bytes", "KiB", "MiB"].contains(&word)
}

/// A word whose digests are stars.
fn without_digests(word: &str) -> String {
    let mut parts = Vec::new();
    for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let kept = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if kept.len() >= 8 && kept.chars().all(|c| c.is_ascii_hexdigit()) {
            parts.push(part.replacen(kept, "*", 1));
        } else {
            parts.push(part.to_owned());
        }
    }
    parts.concat()
}
