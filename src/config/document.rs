//! The file as keys with values and lines, and the problems found on the way: all of them, never
//! only the first, and never a value, which may be a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key};

/// One thing that is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1; none for what is missing.
    pub line: Option<usize>,
    /// What is wrong, and what is expected.
    pub text: String,
}

/// A key, as `TABLE.NAME`.
pub(super) type Path = (&'static str, &'static str);

/// A value that is text, or a number as text, or a list of texts.
struct Value {
    line: usize,
    texts: Vec<String>,
    is_list: bool,
}

/// The file's known keys and its problems so far.
pub(super) struct Document {
    values: BTreeMap<Path, Value>,
    problems: Vec<Problem>,
}

impl Document {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Self {
        let mut document = Self {
            values: BTreeMap::new(),
            problems: Vec::new(),
        };
        let line_of = |offset: usize| {
            1 + text
                .as_bytes()
                .iter()
                .take(offset)
                .filter(|byte| **byte == b'\n')
                .count()
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = error.span().map(|span| line_of(span.start));
            // The parser's message describes the grammar; its excerpt, which may show a secret, is
            // left out.
            document.add(line, format!("not TOML: {}", first_line(error.message())));
        }
        if !document.problems.is_empty() {
            return document;
        }
        for (name, value) in root.get_ref() {
            let line = line_of(name.span().start);
            let name = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) if KEYS.iter().any(|key| key.table == name) => {
                    for (inner, value) in table {
                        let line = line_of(inner.span().start);
                        document.take(name, inner.get_ref(), value.get_ref(), line);
                    }
                }
                DeValue::Table(_) => {
                    let near = nearest(name, KEYS.iter().map(|key| key.table));
                    document.add(Some(line), unknown(&format!("[{name}]"), "table", near));
                }
                value => document.take("", name, value, line),
            }
        }
        document
    }

    fn take(&mut self, table: &str, name: &str, value: &DeValue<'_>, line: usize) {
        let Some(key) = KEYS
            .iter()
            .find(|key| key.table == table && key.name == name)
        else {
            let shown = show(table, name);
            let elsewhere = KEYS.iter().find(|key| key.name.eq_ignore_ascii_case(name));
            let near = elsewhere.map(|key| show(key.table, key.name)).or_else(|| {
                let names: Vec<String> = KEYS.iter().map(|key| show(key.table, key.name)).collect();
                nearest(&shown, names.iter().map(String::as_str)).map(str::to_owned)
            });
            self.add(Some(line), unknown(&shown, "key", near.as_deref()));
            return;
        };
        let list: Option<Vec<String>> = match value {
            DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
            value => scalar(value).map(|text| vec![text]),
        };
        let Some(texts) = list else {
            self.add(
                Some(line),
                format!("{} takes {}", show(table, name), key.takes),
            );
            return;
        };
        let is_list = matches!(value, DeValue::Array(_));
        self.values.insert(
            (key.table, key.name),
            Value {
                line,
                texts,
                is_list,
            },
        );
    }

    /// Adds a problem.
    pub(super) fn add(&mut self, line: Option<usize>, text: String) {
        self.problems.push(Problem { line, text });
    }

    /// Adds a problem with the value of a key.
    pub(super) fn add_at(&mut self, path: Path, text: &str) {
        let line = self.values.get(&path).map(|value| value.line);
        self.add(line, format!("{} {text}", show(path.0, path.1)));
    }

    /// The problems, by line.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }

    /// Whether the file has the key.
    pub(super) fn has(&self, path: Path) -> bool {
        self.values.contains_key(&path)
    }

    /// A text, if the key is there.
    pub(super) fn text(&mut self, path: Path) -> Option<String> {
        let value = self.values.get(&path)?;
        match (value.is_list, value.texts.as_slice()) {
            (false, [text]) if !text.is_empty() => Some(text.clone()),
            _ => {
                self.wrong(path);
                None
            }
        }
    }

    /// One text or a list of them.
    pub(super) fn texts(&self, path: Path) -> Vec<String> {
        self.values
            .get(&path)
            .map(|value| value.texts.clone())
            .unwrap_or_default()
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, path: Path) -> String {
        if !self.has(path) {
            let about = takes(path);
            self.add(
                None,
                format!("{} is missing: {about}", show(path.0, path.1)),
            );
        }
        self.text(path).unwrap_or_default()
    }

    /// A number in a range, or its default.
    pub(super) fn number<T>(
        &mut self,
        path: Path,
        range: std::ops::RangeInclusive<T>,
        default: T,
    ) -> T
    where
        T: FromStr + PartialOrd + fmt::Display + Copy,
    {
        let Some(text) = self.text(path) else {
            return default;
        };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let text = format!("takes a number from {} to {}", range.start(), range.end());
                self.add_at(path, &text);
                default
            }
        }
    }

    /// One of several words, or the first.
    pub(super) fn choice<T: Copy + Default>(&mut self, path: Path, words: &[(&str, T)]) -> T {
        let Some(text) = self.text(path) else {
            return T::default();
        };
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            self.wrong(path);
        }
        found.unwrap_or_default()
    }

    /// Says that a value is not what its key takes.
    pub(super) fn wrong(&mut self, path: Path) {
        self.add_at(path, &format!("takes {}", takes(path)));
    }
}

fn takes(path: Path) -> &'static str {
    let found = KEYS.iter().find(|key| (key.table, key.name) == path);
    found.map_or("a value", |Key { takes, .. }| takes)
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.as_ref().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        _ => None,
    }
}

/// A key as messages name it.
pub(super) fn show(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    }
}

fn unknown(shown: &str, what: &str, near: Option<&str>) -> String {
    // A key may be a value in disguise, of a quote that was forgotten: control characters out.
    let shown: String = shown.chars().filter(|c| !c.is_control()).take(80).collect();
    match near {
        Some(near) => format!("{shown} is not a known {what}; did you mean {near}?"),
        None => format!("{shown} is not a known {what}"),
    }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter(|known| !known.is_empty())
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name.to_uppercase(), known),
                known,
            )
        })
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .map(|(_, known)| known)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
