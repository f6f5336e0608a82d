//! The drawing of the layers in CONTRIBUTING.md: a code block that begins with the source folder, then a
//! line for each layer, the highest first, that names files and folders; words behind `#` are for people.

use std::collections::BTreeSet;

/// The lines, from the highest to the lowest, as the files and folders that they name.
pub(crate) struct Drawing(Vec<Vec<String>>);

impl Drawing {
    /// The drawing of `source` in `document`.
    pub(crate) fn find(document: &str, source: &str) -> Option<Self> {
        let block = document
            .split("```text\n")
            .skip(1)
            .filter_map(|rest| rest.split_once("\n```"))
            .map(|(block, _)| block)
            .find(|block| block.lines().next().map(str::trim) == Some(&format!("{source}/")))?;
        let lines = block.lines().skip(1).map(|line| {
            let (names, _) = line.split_once('#').unwrap_or((line, ""));
            names.split_whitespace().map(str::to_owned).collect()
        });
        Some(Self(lines.collect()))
    }

    /// The line that a file stands on; the longest name that fits decides.
    pub(crate) fn line_of(&self, file: &str) -> Option<usize> {
        let named = |name: &String| {
            file == name || (name.ends_with('/') && file.starts_with(name.as_str()))
        };
        let fits = self.0.iter().enumerate().flat_map(|(line, names)| {
            let names = names.iter().filter(|name| named(name));
            names.map(move |name| (name.len(), line))
        });
        fits.max().map(|(_, line)| line)
    }

    /// Names that stand for no file.
    pub(crate) fn unused(&self, files: &BTreeSet<String>) -> Vec<String> {
        let names = self.0.iter().flatten();
        let stands_for_none = |name: &&String| {
            !files
                .iter()
                .any(|file| file == *name || file.starts_with(name.as_str()))
        };
        names.filter(stands_for_none).cloned().collect()
    }
}
