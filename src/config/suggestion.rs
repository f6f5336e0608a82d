//! What somebody may have meant who wrote a key or a table that is not known.

use super::keys::{self, Name};

/// The known key that is nearest to this one: in its own table first, then anywhere.
pub(super) fn key(table: &str, key: &str) -> Option<Name> {
    let wanted = key.to_uppercase();
    let same_name = |name: &Name| name.key == wanted;
    let in_table = || keys::names().filter(|name| name.table == table);
    in_table()
        .find(same_name)
        .or_else(|| keys::names().find(same_name))
        .or_else(|| nearest(&wanted, in_table(), |name| name.key.to_owned()))
        .or_else(|| in_table().find(|name| is_part(&wanted, name.key)))
        .or_else(|| nearest(&wanted, keys::names(), |name| name.key.to_owned()))
}

/// Whether one begins with the other, and that is enough to be no accident.
fn is_part(wanted: &str, known: &str) -> bool {
    wanted.len() >= 4 && (known.starts_with(wanted) || wanted.starts_with(known))
}

/// The known table that is nearest to this one.
pub(super) fn table(table: &str) -> Option<&'static str> {
    let tables = keys::tables().into_iter();
    nearest(&table.to_uppercase(), tables, |table| (*table).to_owned())
}

/// The candidate with the fewest edits, as long as two thirds of it are right.
fn nearest<T>(
    wanted: &str,
    candidates: impl Iterator<Item = T>,
    text: impl Fn(&T) -> String,
) -> Option<T> {
    candidates
        .map(|candidate| {
            let text = text(&candidate);
            let edits = strsim::damerau_levenshtein(wanted, &text);
            (edits, text.chars().count(), candidate)
        })
        .filter(|(edits, length, _)| *edits <= (*length / 3).max(1))
        .min_by_key(|(edits, _, _)| *edits)
        .map(|(_, _, candidate)| candidate)
}
