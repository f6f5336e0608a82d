//! What a configuration names and what must be there before anything begins: the folder of the ledger, and
//! with it the key. What is not there stands among the other problems, so that one attempt tells all of
//! them.
//!
//! Deliberately absent: what is in those files, and whether others may read them; the files of secrets, which
//! are read with the configuration.

use std::path::Path;

use super::keys::{self, Key};
use super::kind::LocalPath;
use super::reader::Reader;

/// Notes everything that is not there.
pub(super) fn note_missing(reader: &mut Reader<'_>) {
    note_missing_working_dir(reader);
    note_missing_bundle(reader);
    // Alone, they are told by whoever reads them, who knows more: which key a ledger was made with, say.
    note_missing_key(reader);
    if !reader.is_content() && is_missing(reader, &keys::KEY_FILE) {
        note(reader, &keys::KEY_FILE, "");
    }
}

/// Notes that the folder of the ledger is not there.
pub(super) fn note_missing_working_dir(reader: &mut Reader<'_>) {
    match reader.place(&keys::WORKING_DIR) {
        Some(place) if place.is_dir() => {}
        Some(place) if place.exists() => {
            let text = format!("names {}, which is not a folder", place.display());
            reader.wrong(&keys::WORKING_DIR, &text);
        }
        Some(_) => {
            let remedy = ": create it, owned by the user that runs the courier, mode 0700";
            note(reader, &keys::WORKING_DIR, remedy);
        }
        None => {}
    }
}

fn note_missing_bundle(reader: &mut Reader<'_>) {
    if is_missing(reader, &keys::CA_BUNDLE) {
        note(reader, &keys::CA_BUNDLE, "");
    }
}

fn note_missing_key(reader: &mut Reader<'_>) {
    let key = &keys::PATH_ENCRYPTION_KEY;
    let is_elsewhere = reader.place_from_here(key).is_some();
    if is_missing(reader, key) && (is_elsewhere || !reader.is_content()) {
        let remedy = ": restore it, or make one for a new ledger (`broker-courier keygen`)";
        note(reader, key, remedy);
    }
}

fn is_missing(reader: &Reader<'_>, key: &Key<LocalPath>) -> bool {
    reader.place(key).is_some_and(|place| !place.exists())
}

/// Notes that nothing is where the key points to, and where the replaced program may have had it.
fn note(reader: &mut Reader<'_>, key: &Key<LocalPath>, remedy: &str) {
    let place = reader.place(key).unwrap_or(Path::new("")).display();
    let mut text = format!("names {place}, which does not exist{remedy}");
    if let Some(other) = reader.place_from_here(key) {
        text.push_str(&format!(
            "; a relative path starts at the configuration's folder, and in the replaced program where \
             it was started: {} is there, and can be named instead",
            other.display()
        ));
    }
    reader.wrong(key, &text);
}
