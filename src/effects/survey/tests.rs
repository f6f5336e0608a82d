//! What names stand for, and a copy of a drop-box in a folder.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use courier_ledger::{Encryption, LogId, RemoteName, RequestId, Sequence, TemporaryPattern};

use super::names::sort;
use super::{Export, Folder, LedgerThere, LocalFolder, NO_FILE, Start, Survey, Surveyed as _};
use crate::effects::fernet::START_BYTES;
use crate::effects::sftp::{Attributes, Entry};

const LOG: LogId = LogId([0xab; 16]);
const FILE: Attributes = Attributes {
    size_bytes: Some(1),
    permissions: Some(0o100_644),
    modified: None,
};
const FOLDER: Attributes = Attributes {
    size_bytes: Some(4096),
    permissions: Some(0o040_755),
    modified: None,
};

fn entry(name: &str, attributes: Attributes) -> Entry {
    let name = name.to_owned();
    Entry { name, attributes }
}

#[test]
fn names_are_ours_only_if_we_would_write_them_exactly_so() {
    let ours = [
        RemoteName::export(RequestId(7)).temporary(LOG, Sequence(12)),
        RemoteName::ledger().temporary(LOG, Sequence(13)),
    ];
    let mut entries: Vec<_> = ours.iter().map(|it| entry(it.as_str(), FILE)).collect();
    entries.push(entry("status.xml", FILE));
    entries.push(entry("export_0.zip", FILE));
    entries.push(entry("export_0.zip.age", FILE));
    entries.push(entry("export_18446744073709551615.zip", FOLDER));
    let strange = [
        "export_007.zip",
        "export_+7.zip",
        "export_.zip",
        "export_18446744073709551616.zip",
        "export_1.zip.zip",
        "export_1.zip.age.age",
        "export_1.age",
        "Export_1.zip",
        "STATUS.XML",
        ".export_7.zip.ABABABAB-12.part",
        ".export_7.zip.abababab-012.part",
        ".export_7.zip.ababab-12.part",
        ".export_7.zip.abababab00-12.part",
        ".export_7.zip.part",
        ".readme.abababab-12.part",
        "sub",
    ];
    entries.extend(strange.iter().map(|name| entry(name, FILE)));
    // Nobody of ours makes a folder.
    entries.push(entry(".export_8.zip.abababab-12.part", FOLDER));
    let sorted = sort(entries, 5, &TemporaryPattern::default());
    assert_eq!(sorted.ledger, Some(FILE));
    let exports: Vec<_> = sorted.exports.into_iter().collect();
    assert_eq!(
        exports,
        [
            ((RequestId(0), Encryption::Fernet), FILE),
            ((RequestId(0), Encryption::Age), FILE),
            ((RequestId(u64::MAX), Encryption::Fernet), FOLDER),
        ]
    );
    let names: Vec<_> = sorted
        .temporaries
        .iter()
        .map(|it| it.name.clone())
        .collect();
    assert_eq!(names, ours);
    for temporary in &sorted.temporaries {
        assert!(temporary.is_of(LOG));
        assert!(!temporary.is_of(LogId([0xac; 16])));
        assert_eq!(temporary.log_start().0[..5], [0xab, 0xab, 0xab, 0xab, 0]);
    }
    assert_eq!(sorted.temporaries[0].start, Sequence(12));
    assert_eq!(sorted.others, 5 + strange.len() as u64 + 1);
}

fn survey(path: &std::path::Path) -> (Survey, Vec<(usize, usize)>) {
    let mut heard = Vec::new();
    let survey = LocalFolder::new(path.to_owned(), TemporaryPattern::default())
        .survey(&|_| BTreeSet::new(), &mut |done, of| heard.push((done, of)))
        .unwrap();
    (survey, heard)
}

#[test]
fn a_copy_tells_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("status.xml"), "<status/>").unwrap();
    fs::write(path("export_1.zip"), [b'x'; 100]).unwrap();
    fs::write(path("export_2.zip"), "short").unwrap();
    fs::write(path("export_3.zip"), "").unwrap();
    fs::create_dir(path("export_4.zip")).unwrap();
    symlink(path("export_1.zip"), path("export_5.zip")).unwrap();
    fs::write(path("two words"), "").unwrap();
    fs::create_dir(path("sub")).unwrap();
    fs::write(path(".export_1.zip.abababab-9.part"), "x").unwrap();
    let (survey, heard) = survey(folder.path());
    assert_eq!(survey.ledger, LedgerThere::Document(b"<status/>".to_vec()));
    let bytes = |size_bytes, bytes: &[u8]| Export {
        size_bytes: Some(size_bytes),
        start: Start::Bytes(bytes.to_vec()),
    };
    let expected = [
        (1, bytes(100, &[b'x'; START_BYTES as usize])),
        (2, bytes(5, b"short")),
        (3, bytes(0, b"")),
    ];
    for (id, export) in expected {
        assert_eq!(survey.exports[&(RequestId(id), Encryption::Fernet)], export);
    }
    for id in [4, 5] {
        let start = &survey.exports[&(RequestId(id), Encryption::Fernet)].start;
        assert_eq!(start, &Start::Unreadable(NO_FILE.to_owned()));
    }
    assert_eq!(survey.exports.len(), 5);
    let Folder::Listed {
        temporaries,
        others,
    } = survey.folder
    else {
        panic!("{:?}", survey.folder);
    };
    assert_eq!((temporaries.len(), others), (1, 2));
    assert_eq!(temporaries[0].of, RemoteName::export(RequestId(1)));
    assert!(heard.into_iter().eq((1..=5).map(|done| (done, 5))));
}

#[test]
fn a_copy_of_a_drop_box_with_temporary_names_of_another_pattern_tells_which_are_its() {
    let folder = tempfile::tempdir().unwrap();
    let name = RemoteName::export(RequestId(1));
    let visible: TemporaryPattern = "{name}.part".parse().unwrap();
    let ours = [
        name.temporary(LOG, Sequence(9)),
        name.temporary_by(&visible, LOG, Sequence(10)),
    ];
    for name in &ours {
        fs::write(folder.path().join(name.as_str()), "half").unwrap();
    }
    fs::write(folder.path().join("export_1.zip.part"), "not ours").unwrap();
    // Those of the usual pattern are known in any case: it may have been the one before.
    for (pattern, known) in [
        (visible, &ours[..]),
        (TemporaryPattern::default(), &ours[..1]),
    ] {
        let survey = LocalFolder::new(folder.path().to_owned(), pattern)
            .survey(&|_| BTreeSet::new(), &mut |_, _| {})
            .unwrap();
        let Folder::Listed {
            temporaries,
            others,
        } = survey.folder
        else {
            panic!("{:?}", survey.folder);
        };
        let names: Vec<_> = temporaries.iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, known);
        assert!(temporaries.iter().all(|it| it.is_of(LOG)));
        assert_eq!(others, 3 - known.len() as u64);
    }
}

#[test]
fn an_empty_copy_has_nothing_and_one_that_is_not_there_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (found, _) = survey(folder.path());
    assert_eq!(found.ledger, LedgerThere::Nothing);
    assert!(found.exports.is_empty());
    symlink("nowhere", folder.path().join("status.xml")).unwrap();
    let (found, _) = survey(folder.path());
    assert_eq!(found.ledger, LedgerThere::Unreadable(NO_FILE.to_owned()));
    let missing = LocalFolder::new(folder.path().join("missing"), TemporaryPattern::default());
    let failure = missing
        .survey(&|_| BTreeSet::new(), &mut |_, _| {})
        .unwrap_err();
    assert!(failure.text.contains("missing"), "{failure}");
}
