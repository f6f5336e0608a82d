//! The values of known keys, each as the type that its kind names. What is wrong is noted and
//! reading goes on, so that all problems are found at once. A message names the key and what it
//! takes, never the value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use courier_ledger::Guards;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::Warning;
use super::document::{Content, Document, Value};
use super::keys::{AnyKey, Key, Name};
use super::kind::{
    Allowance, Choice, Kind, LocalPath, LocalPaths, Number, Seconds, Secret, Switch, Text,
};
use super::problem::Problem;
use crate::effects::secret_file::{self, Exposed};

/// Where paths start.
#[derive(Clone, Copy)]
pub(super) struct Folders<'a> {
    /// The configuration file.
    pub(super) file: &'a Path,
    /// The user's home folder, if there is one.
    pub(super) home: Option<&'a Path>,
    /// Where the program was started, if that is there; no path starts at it.
    pub(super) started_in: Option<&'a Path>,
}

pub(super) struct Reader<'a> {
    document: Document,
    folders: Folders<'a>,
    /// Where the paths lead that were read.
    places: BTreeMap<Name, PathBuf>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: Document, folders: Folders<'a>) -> Self {
        Self {
            document,
            folders,
            places: BTreeMap::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What was found on the way: all problems by line, and the warnings.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Warning>) {
        let mut problems = self.document.not_toml;
        if self.document.is_understood {
            problems.extend(self.document.unknown);
            problems.extend(self.problems);
        }
        problems.sort();
        (problems, self.warnings)
    }

    /// Whether nothing is wrong with what was read so far, unknown keys aside.
    pub(super) fn is_content(&self) -> bool {
        self.document.not_toml.is_empty() && self.problems.is_empty()
    }

    /// Whether the key is there, in whatever condition.
    pub(super) fn has(&self, key: &dyn AnyKey) -> bool {
        self.document.values.contains_key(&key.name())
    }

    /// Whether the file is TOML, as far as keys are concerned.
    pub(super) fn is_understood(&self) -> bool {
        self.document.not_toml.is_empty()
    }

    /// A key's line and value, if it is there.
    pub(super) fn given(&self, name: Name) -> Option<(usize, &Content)> {
        self.value(name).map(|value| (value.line, &value.content))
    }

    fn value(&self, name: Name) -> Option<&Value> {
        self.document.values.get(&name)
    }

    /// Notes a problem with a key's value, or with its absence.
    pub(super) fn wrong(&mut self, key: &dyn AnyKey, text: &str) {
        let name = key.name();
        let line = self
            .value(name)
            .map(|value| value.line)
            .or_else(|| self.document.tables.get(name.table).copied());
        self.problems.push(Problem {
            line,
            column: None,
            text: format!("{name} {text}"),
        });
    }

    /// Notes that the value is not what the key takes.
    pub(super) fn malformed(&mut self, key: &dyn AnyKey) {
        let takes = key.kind().takes();
        self.wrong(key, &format!("takes {takes}"));
    }

    /// Notes that a key is not there.
    pub(super) fn missing(&mut self, key: &dyn AnyKey, instead: &str) {
        let about = key.about();
        self.wrong(key, &format!("is missing: {about}{instead}"));
    }

    /// Warns of a key's value.
    pub(super) fn warn(&mut self, key: &dyn AnyKey, text: &str) {
        let name = key.name();
        let file = self.folders.file.display();
        let warning = match self.value(name) {
            Some(Value { line, .. }) => format!("{file}:{line}: {name} {text}"),
            None => format!("{file}: {name} {text}"),
        };
        self.warnings.push(Warning::Key(warning));
    }

    /// Warns of a file.
    pub(super) fn warn_of_file(&mut self, exposed: Option<Exposed>) {
        let warning = exposed.map(Warning::Exposed);
        self.warnings.extend(warning);
    }

    /// A text that is not empty, if the key is there.
    pub(super) fn text(&mut self, key: &dyn AnyKey) -> Option<Zeroizing<String>> {
        match &self.value(key.name())?.content {
            Content::Text(text) if text.is_empty() => self.wrong(key, "must not be empty"),
            Content::Text(text) => return Some(text.clone()),
            Content::Integer(_) => {
                let takes = key.kind().takes();
                self.wrong(key, &format!("takes {takes}, in quotes"));
            }
            Content::Switch(_) | Content::Texts(_) | Content::Other => self.malformed(key),
        }
        None
    }

    /// A text without control characters that must be there, as what it stands for.
    pub(super) fn required<T>(&mut self, key: &Key<Text<T>>) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        if !self.has(key) {
            self.missing(key, "");
        }
        match self.plain(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(key, &error.to_string());
                None
            }
        }
    }

    /// The same where it need not be there.
    pub(super) fn or_default<T>(&mut self, key: &Key<Text<T>>) -> T
    where
        T: FromStr<Err: fmt::Display> + Default,
    {
        if !self.has(key) {
            return T::default();
        }
        self.required(key).unwrap_or_default()
    }

    /// A text, where there is one.
    pub(super) fn optional<T: FromStr<Err: fmt::Display>>(
        &mut self,
        key: &Key<Text<T>>,
    ) -> Option<T> {
        self.has(key).then(|| self.required(key))?
    }

    fn plain(&mut self, key: &dyn AnyKey) -> Option<String> {
        let text = self.text(key)?;
        self.without_controls(key, &text)
    }

    fn without_controls(&mut self, key: &dyn AnyKey, text: &str) -> Option<String> {
        if text.chars().any(char::is_control) {
            self.wrong(key, "must not contain control characters");
            return None;
        }
        Some(text.to_owned())
    }

    /// A path, if the key is there.
    pub(super) fn path(&mut self, key: &Key<LocalPath>) -> Option<PathBuf> {
        let text = self.plain(key)?;
        let path = self.located(key, &text)?;
        self.places.insert(key.name, path.clone());
        Some(path)
    }

    /// Where the path leads, if it was read.
    pub(super) fn place(&self, key: &Key<LocalPath>) -> Option<&Path> {
        self.places.get(&key.name).map(PathBuf::as_path)
    }

    /// What stands where a relative path leads from the folder that the program was started in, if anything
    /// does.
    pub(super) fn place_from_here(&self, key: &Key<LocalPath>) -> Option<PathBuf> {
        let Content::Text(text) = &self.value(key.name)?.content else {
            return None;
        };
        let path = Path::new(text.as_str());
        if path.is_absolute() || path.starts_with("~") {
            return None;
        }
        let place = self.folders.started_in?.join(path);
        place.exists().then_some(place)
    }

    /// Paths, none when the key is not there.
    pub(super) fn paths(&mut self, key: &Key<LocalPaths>) -> Vec<PathBuf> {
        let texts = match self.value(key.name).map(|value| &value.content) {
            None => return Vec::new(),
            Some(Content::Texts(texts)) => texts.clone(),
            Some(_) => {
                let text = self.plain(key);
                let path = text.and_then(|text| self.located(key, &text));
                return path.into_iter().collect();
            }
        };
        let mut paths = Vec::new();
        for text in texts {
            if text.is_empty() {
                self.wrong(key, "must not hold an empty path");
            } else if let Some(text) = self.without_controls(key, &text) {
                paths.extend(self.located(key, &text));
            }
        }
        paths
    }

    /// Where a path starts.
    pub(super) fn located(&mut self, key: &dyn AnyKey, text: &str) -> Option<PathBuf> {
        let folder = self.folders.file.parent().unwrap_or(Path::new(""));
        let Some(rest) = text.strip_prefix('~') else {
            return Some(folder.join(text));
        };
        match (rest.strip_prefix('/'), self.folders.home) {
            (Some(rest), Some(home)) => Some(home.join(rest.trim_start_matches('/'))),
            (None, Some(home)) if rest.is_empty() => Some(home.to_owned()),
            (_, None) => {
                self.wrong(key, "begins with `~`, and this user has no home folder");
                None
            }
            (None, Some(_)) => {
                self.wrong(key, "may begin with `~/`, not with the name of a user");
                None
            }
        }
    }

    /// A path that must be there.
    pub(super) fn required_path(&mut self, key: &Key<LocalPath>) -> Option<PathBuf> {
        if !self.has(key) {
            self.missing(key, "");
        }
        self.path(key)
    }

    /// Where OpenSSH keeps the host keys that this user knows.
    pub(super) fn known_hosts(&self) -> Vec<PathBuf> {
        let home = self.folders.home;
        home.map(|home| home.join(".ssh").join("known_hosts"))
            .into_iter()
            .chain(std::iter::once(PathBuf::from("/etc/ssh/ssh_known_hosts")))
            .collect()
    }

    /// A secret, from the file itself or from one of its own; both at once is a problem.
    pub(super) fn secret(
        &mut self,
        key: &Key<Secret>,
        file: &Key<LocalPath>,
    ) -> Option<SecretString> {
        if self.has(key) && self.has(file) {
            let text = format!("and {} are both given: keep one of them", key.name);
            self.wrong(file, &text);
        }
        let inline = self.text(key);
        let Some(path) = self.path(file) else {
            let inline = inline?;
            if inline.chars().any(char::is_control) {
                self.wrong(key, "must not contain control characters or line breaks");
                return None;
            }
            return Some(SecretString::from(inline.as_str()));
        };
        match secret_file::read_line(&path) {
            Ok((secret, exposed)) => {
                self.warn_of_file(exposed);
                Some(secret)
            }
            Err(error) => {
                let path = path.display();
                self.wrong(file, &format!("cannot be used: {path} {error}"));
                None
            }
        }
    }

    /// A number within the key's limits, or its default.
    pub(super) fn number<T>(&mut self, key: &Key<Number<T>>) -> T
    where
        T: FromStr + PartialOrd + fmt::Display + Copy + Sync,
    {
        let Number {
            least,
            most,
            default,
        } = key.kind;
        self.parsed(key, |text| {
            let number = text.parse().ok()?;
            (least <= number && number <= most).then_some(number)
        })
        .unwrap_or(default)
    }

    /// A time limit, or its default.
    pub(super) fn seconds(&mut self, key: &Key<Seconds>) -> Duration {
        let seconds = self.parsed(key, |text| {
            let seconds = text.parse().ok()?;
            (1..=Seconds::MOST).contains(&seconds).then_some(seconds)
        });
        Duration::from_secs(seconds.unwrap_or(key.kind.0))
    }

    /// On or off.
    pub(super) fn switch(&mut self, key: &Key<Switch>) -> bool {
        match self.value(key.name).map(|value| &value.content) {
            None => false,
            Some(Content::Switch(on)) => *on,
            Some(_) => {
                self.malformed(key);
                false
            }
        }
    }

    /// One of several words, or the default.
    pub(super) fn choice<T: Copy + Sync>(&mut self, key: &Key<Choice<T>>) -> T {
        let Some(word) = self.text(key) else {
            return key.kind.default.1;
        };
        key.kind.meaning(&word).unwrap_or_else(|| {
            self.malformed(key);
            key.kind.default.1
        })
    }

    /// How much may be deleted, or the default.
    pub(super) fn guards(&mut self, key: &Key<Allowance>) -> Guards {
        self.parsed(key, |text| match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim_end().parse().ok()?;
                (percent <= 100).then_some(Guards {
                    max_deletions: 0,
                    max_deletions_percent: percent,
                })
            }
            None => Some(Guards {
                max_deletions: text.parse().ok()?,
                max_deletions_percent: 0,
            }),
        })
        .unwrap_or_default()
    }

    /// What a number means, written as such or in quotes; none when the key is not there, or
    /// malformed, which is noted.
    fn parsed<K: Kind, T>(
        &mut self,
        key: &Key<K>,
        meaning: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = match &self.value(key.name)?.content {
            Content::Text(text) => meaning(text.trim()),
            Content::Integer(text) => meaning(text),
            Content::Switch(_) | Content::Texts(_) | Content::Other => None,
        };
        if parsed.is_none() {
            self.malformed(key);
        }
        parsed
    }

    /// Texts that each mean something; an empty list is a problem, for it would mean that something else
    /// decides.
    pub(super) fn several<K: Kind, T: FromStr>(&mut self, key: &Key<K>) -> Vec<T> {
        let Some(value) = self.value(key.name) else {
            return Vec::new();
        };
        let texts = match &value.content {
            Content::Text(text) => std::slice::from_ref(text),
            Content::Texts(texts) => texts.as_slice(),
            Content::Integer(_) | Content::Switch(_) | Content::Other => &[],
        };
        let parsed: Option<Vec<_>> = texts.iter().map(|text| text.parse().ok()).collect();
        match parsed {
            Some(parsed) if !parsed.is_empty() => parsed,
            _ => {
                self.malformed(key);
                Vec::new()
            }
        }
    }
}
