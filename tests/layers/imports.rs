//! The arrows between the files of a crate: who names what, and which file owns it.
//!
//! What always holds here: paths that begin with `crate`, `super` or `self` are followed, through
//! re-exports, to the file that owns their noun. Deliberately absent: tests inside files, and paths
//! that begin anywhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// From each file to the files whose nouns it names, with one such noun.
pub(crate) type Arrows = BTreeMap<String, BTreeMap<String, String>>;

/// A module: its file, its paths, and what it hands on under which name.
struct Module {
    file: String,
    paths: Vec<Vec<String>>,
    handed_on: BTreeMap<String, Vec<String>>,
}

/// A crate's files, by module path.
pub(crate) struct House(BTreeMap<Vec<String>, Module>);

impl House {
    /// Reads the files under a source folder, tests left out.
    pub(crate) fn read(source: &Path) -> io::Result<Self> {
        let mut texts = Vec::new();
        read_folder(source, String::new(), &mut texts)?;
        let texts: Vec<(&str, &str)> = texts.iter().map(|(a, b)| (&**a, &**b)).collect();
        Ok(Self::of(&texts))
    }

    /// The house of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut modules = BTreeMap::new();
        for (file, text) in files {
            let path = module_path(file);
            let code = code_of(text);
            let absolute = |tree: Vec<String>| resolve_start(&path, tree);
            let mut handed_on = BTreeMap::new();
            for (statement, is_public) in statements(&code) {
                for (tree, name) in expand(&statement).into_iter().filter(|_| is_public) {
                    handed_on.insert(name, from_here(&path, tree));
                }
            }
            let paths = paths(&code).into_iter().filter_map(absolute).collect();
            let file = (*file).to_owned();
            modules.insert(
                path,
                Module {
                    file,
                    paths,
                    handed_on,
                },
            );
        }
        Self(modules)
    }

    /// The names of all files.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let files = self.0.values().map(|module| module.file.clone());
        files
            .filter(|file| file != "lib.rs" && file != "main.rs")
            .collect()
    }

    /// Who names whose nouns.
    pub(crate) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (from, module) in &self.0 {
            for path in &module.paths {
                let (owner, noun) = self.owner(path.clone());
                let is_family = owner.starts_with(from) || from.starts_with(&owner);
                if let Some(target) = self.0.get(&owner).filter(|_| !is_family) {
                    arrows
                        .entry(module.file.clone())
                        .or_default()
                        .insert(target.file.clone(), noun);
                }
            }
        }
        arrows
    }

    /// Who takes a noun from the crate's front door, although a module owns it.
    pub(crate) fn front_door(&self) -> Vec<String> {
        let door = self.0.get(&Vec::new());
        let is_handed_on =
            |noun: &String| door.is_some_and(|door| door.handed_on.contains_key(noun));
        let mut visits = Vec::new();
        for (from, module) in &self.0 {
            for path in module.paths.iter().filter(|_| !from.is_empty()) {
                // A module may be called as what it owns.
                let is_inside =
                    path.len() > 1 && self.0.contains_key(path.get(..1).unwrap_or(path));
                if path.first().is_some_and(is_handed_on) && !is_inside {
                    visits.push(format!("{}: crate::{}", module.file, path.join("::")));
                }
            }
        }
        visits
    }

    /// The module that owns what a path names, and its name there.
    fn owner(&self, mut path: Vec<String>) -> (Vec<String>, String) {
        let mut here = Vec::new();
        let mut index = 0;
        while let Some(segment) = path.get(index).cloned() {
            let below = [here.clone(), vec![segment.clone()]].concat();
            let handed_on = self.0.get(&here).and_then(|it| it.handed_on.get(&segment));
            if self.0.contains_key(&below) {
                here = below;
                index += 1;
            } else if let Some(target) = handed_on {
                path = [target.clone(), path.split_off(index + 1)].concat();
                here = Vec::new();
                index = 0;
            } else {
                return (here, segment);
            }
        }
        (here, "itself".to_owned())
    }
}

fn read_folder(folder: &Path, below: String, texts: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_test =
            ["tests", "tests.rs", "fuzzing.rs"].contains(&&*name) || name.ends_with("_tests.rs");
        if is_test {
            continue;
        }
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), format!("{below}{name}/"), texts)?;
        } else if name.ends_with(".rs") {
            texts.push((format!("{below}{name}"), fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

fn module_path(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let parts = stem
        .split('/')
        .filter(|part| !["mod", "lib", "main"].contains(part));
    parts.map(str::to_owned).collect()
}

/// The text without comments, and without the tests at its end.
fn code_of(text: &str) -> String {
    let text = text
        .split("\n#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The `use` statements, and whether each hands on what it names.
fn statements(code: &str) -> Vec<(String, bool)> {
    let mut statements = Vec::new();
    for statement in code.split(';') {
        let statement = statement.trim();
        let Some(at) = statement.rfind("use ").filter(|at| {
            statement[..*at].is_empty() || statement[..*at].ends_with(['\n', ' ', ']', '}'])
        }) else {
            continue;
        };
        let is_public = statement[..at].trim_end().ends_with("pub")
            || statement[..at].trim_end().ends_with(')');
        statements.push((statement[at + 4..].to_owned(), is_public));
    }
    statements
}

/// Each path of a `use` tree, and the name under which it is known afterwards.
fn expand(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((start, rest)) = tree.split_once('{') {
        let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
        let start = segments(start.trim_end_matches("::"));
        return split_tree(inside)
            .into_iter()
            .flat_map(|part| expand(&part))
            .map(|(path, name)| ([start.clone(), path].concat(), name))
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut path = segments(path);
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = match name {
        "" => path.last().cloned().unwrap_or_default(),
        name => name.trim().to_owned(),
    };
    vec![(path, name)]
}

/// The parts of a list in braces.
fn split_tree(inside: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in inside.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn segments(path: &str) -> Vec<String> {
    let segments = path.split("::").map(str::trim);
    segments
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every path in the code that begins with `crate`, `super` or `self`: those of `use` statements whole,
/// the others as far as they can be read.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut paths: Vec<Vec<String>> = statements(code)
        .iter()
        .flat_map(|(statement, _)| expand(statement))
        .map(|(path, _)| path)
        .collect();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let is_begun =
                code[..at].ends_with(|it: char| it.is_alphanumeric() || "_:".contains(it));
            if !is_begun {
                let is_path = |it: char| it.is_alphanumeric() || "_:".contains(it);
                let end = code[at..]
                    .find(|it| !is_path(it))
                    .unwrap_or(code.len() - at);
                paths.push(segments(&code[at..at + end]));
            }
        }
    }
    paths
}

/// A path as it is from the crate's root; none when it begins elsewhere.
fn resolve_start(here: &[String], path: Vec<String>) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => here.to_vec(),
        _ => return None,
    };
    let supers = path.iter().take_while(|it| *it == "super").count();
    base.truncate(base.len().saturating_sub(supers));
    let rest = path.into_iter().skip(supers.max(1));
    Some(base.into_iter().chain(rest).collect())
}

/// A path in a `pub use`, which may also begin with a module beside it.
fn from_here(here: &[String], path: Vec<String>) -> Vec<String> {
    let relative = [here.to_vec(), path.clone()].concat();
    resolve_start(here, path).unwrap_or(relative)
}
