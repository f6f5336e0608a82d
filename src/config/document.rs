//! The file as known keys with values and lines, and what is wrong with it as TOML or has no known
//! name. Deliberately absent: what the values mean.
//!
//! The parser's own messages describe the grammar and never quote the file; its excerpt of the
//! line, which may show a secret, is not used.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::keys::{self, Name};
use super::position::Lines;
use super::problem::Problem;
use super::suggestion;

/// A value, as far as any key takes one.
pub(super) enum Content {
    Text(Zeroizing<String>),
    /// A decimal integer without separators.
    Integer(String),
    /// `true` or `false`.
    Switch(bool),
    /// A list of texts.
    Texts(Vec<Zeroizing<String>>),
    /// What no key takes.
    Other,
}

/// A value and its key's line.
pub(super) struct Value {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// The file.
#[derive(Default)]
pub(super) struct Document {
    pub(super) values: BTreeMap<Name, Value>,
    /// The lines of the known tables that are there.
    pub(super) tables: BTreeMap<&'static str, usize>,
    /// Why it is not TOML. When keys are only given twice, all else is known all the same.
    pub(super) not_toml: Vec<Problem>,
    /// Whether anything can be said beyond `not_toml`.
    pub(super) is_understood: bool,
    /// Names that are not known.
    pub(super) unknown: Vec<Problem>,
}

/// How the parser calls a key that is given twice.
const DUPLICATE: &str = "duplicate key";

impl Document {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let lines = Lines::of(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        document.is_understood = errors.iter().all(|error| error.message() == DUPLICATE);
        for error in errors {
            let span = error.span();
            let offset = span.as_ref().map(|span| span.start);
            let text = match span.and_then(|span| text.get(span)) {
                Some(key) if error.message() == DUPLICATE => twice(key),
                _ => format!(
                    "not TOML: {}",
                    error.message().replace(", expected nothing", "")
                ),
            };
            document.not_toml.push(Problem {
                line: offset.map(|offset| lines.line(offset)),
                column: offset.map(|offset| lines.column(offset)),
                text,
            });
        }
        // What the parser makes of a broken file may take a secret for a name.
        if document.is_understood {
            document.read(root.get_ref(), &lines);
        }
        document
    }

    fn read(&mut self, root: &DeTable<'_>, lines: &Lines<'_>) {
        for (name, value) in root {
            let line = lines.line(name.span().start);
            let name = name.get_ref().as_ref();
            let known = keys::tables().into_iter().find(|table| *table == name);
            match (value.get_ref(), known) {
                (DeValue::Table(table), Some(known)) => {
                    self.tables.insert(known, line);
                    for (key, value) in table {
                        let line = lines.line(key.span().start);
                        self.take(known, key.get_ref(), value.get_ref(), line);
                    }
                }
                (DeValue::Table(_), None) => self.unknown_table(name, line),
                (_, Some(known)) => {
                    self.say(line, format!("{known} is a table: write [{known}]"));
                }
                (value, None) => self.take("", name, value, line),
            }
        }
    }

    fn take(&mut self, table: &'static str, key: &str, value: &DeValue<'_>, line: usize) {
        match keys::find(table, key) {
            Some(name) => {
                let content = content(value);
                self.values.insert(name, Value { line, content });
            }
            None => self.unknown_key(table, key, line),
        }
    }

    fn unknown_key(&mut self, table: &str, key: &str, line: usize) {
        let dot = if table.is_empty() { "" } else { "." };
        let shown = format!("{table}{dot}{}", shown(key));
        let text = match suggestion::key(table, key) {
            Some(known) if known.table.is_empty() && !table.is_empty() => {
                format!("{shown} is not a known key; {known} stands before any table")
            }
            Some(name) => format!("{shown} is not a known key; did you mean {name}?"),
            None => format!("{shown} is not a known key"),
        };
        self.say(line, text);
    }

    fn unknown_table(&mut self, name: &str, line: usize) {
        let shown = shown(name);
        let text = if let Some(key) = keys::find("", name) {
            format!("{key} is a key, not a table: write {key} = \"…\" before any table")
        } else if let Some(table) = suggestion::table(name) {
            format!("[{shown}] is not a known table; did you mean [{table}]?")
        } else {
            let tables = keys::tables().join(", ");
            format!("[{shown}] is not a known table; the known ones are {tables}")
        };
        self.say(line, text);
    }

    fn say(&mut self, line: usize, text: String) {
        self.unknown.push(Problem {
            line: Some(line),
            column: None,
            text,
        });
    }
}

fn content(value: &DeValue<'_>) -> Content {
    match value {
        DeValue::String(text) => Content::Text(Zeroizing::new(text.as_ref().to_owned())),
        DeValue::Integer(number) if number.radix() == 10 => {
            Content::Integer(number.as_str().replace('_', ""))
        }
        DeValue::Boolean(on) => Content::Switch(*on),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str())
            .map(|text| text.map(|text| Zeroizing::new(text.to_owned())))
            .collect::<Option<_>>()
            .map_or(Content::Other, Content::Texts),
        _ => Content::Other,
    }
}

/// Names the key that is given twice, if it is one of ours.
fn twice(key: &str) -> String {
    let is_ours = keys::names().any(|name| name.key == key || name.table == key);
    let shown = if is_ours { key } else { "this key" };
    format!("{shown} is given twice")
}

/// An unknown name as messages show it: only what looks like one, for a password that stands in its
/// place does not concern the log of a cron job.
fn shown(name: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 40 && name.chars().all(is_plain) {
        name
    } else {
        "(a name in quotes)"
    }
}
