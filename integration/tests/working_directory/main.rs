//! Every file of the working directory in every bad way: each has its exit code and message, and
//! whatever is refused is left byte for byte as it was found. `docs/recovery.md` tells people the same.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cases;
mod scene;
#[path = "../site/mod.rs"]
mod site;
mod spoil;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use scene::Scene;

/// Every ordinary file and what it holds.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.path(), beginning(&entry.path())))
        .collect()
}

/// A file as far as it can differ: some have a hole of a terabyte behind their end.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    file.take(1 << 20).read_to_end(&mut bytes).unwrap();
    bytes.extend(size.to_le_bytes());
    bytes
}

#[test]
fn every_bad_working_directory_has_its_exit_code_and_message_and_stays_as_it_was_found() {
    let scene = Scene::new();
    let work = scene.place.working_dir();
    let mut wrong = Vec::new();
    for case in cases::all() {
        scene.restore("now");
        // The run before published more than is restored.
        let published = scene.place.drop_box().join("status.xml");
        fs::remove_file(published).unwrap_or_default();
        (case.spoil)(&work, &scene);
        let found = contents(&work);
        let refuses = case.run.0 != 0;
        for (command, expected) in [("verify", case.verify), ("run", case.run)] {
            let (code, told) = scene.run(command);
            if code != Some(expected.0) || !told.contains(expected.1) {
                wrong.push(format!("{}: {command}: {code:?}: {told}", case.what));
            }
            if (refuses || command == "verify") && contents(&work) != found {
                wrong.push(format!("{}: {command} changed something", case.what));
            }
        }
        if !refuses {
            let (code, told) = scene.run("verify");
            if code != Some(0) {
                wrong.push(format!("{}: not whole afterwards: {told}", case.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
