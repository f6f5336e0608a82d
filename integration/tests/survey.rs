//! What is seen of a drop-box, on each kind of SFTP server and in a copy of it: everything that is ours,
//! how much else there is, and what may not be seen.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use broker_courier::surveyed::{
    Export, FernetKey, Folder, LedgerThere, Start, Survey, origins, survey,
};
use courier_ledger::{Encryption, LogId, RemoteName, RequestId, Sequence, StatusDocument};
use site::{Courier, Place};
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings};
use testbed::openssh::OpenSshSettings;
use testbed::proxy::Distant;
use testbed::server::SftpServer;

/// Enough of a file to tell which intent it was made for, however it is encrypted.
const START_BYTES: usize = 91;
/// Somebody else's file.
const FOREIGN: &[u8] = &[b'x'; 2 * START_BYTES];
/// The name of an upload that was begun under a log whose name begins so, and not finished.
const TEMPORARY: &str = ".export_1.zip.abababab-9.part";

/// A broker with three results, all of them delivered.
fn delivered(server: &dyn SftpServer) -> (EmbeddedBroker, Place) {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    for _ in 0..3 {
        let id = broker.publish("rki");
        broker.submit_result(1, id, "text/plain", b"a result");
    }
    let place = Place::new(&broker.url(), server);
    Courier::build().run(&place, &["run"], 0);
    (broker, place)
}

/// Puts strange things beside what was delivered.
fn strangers(folder: &Path) {
    fs::write(folder.join("export_77.zip"), FOREIGN).unwrap();
    fs::write(folder.join("export_78.zip"), "short").unwrap();
    fs::write(folder.join("export_79.zip"), "").unwrap();
    fs::create_dir(folder.join("export_80.zip")).unwrap();
    symlink("export_0.zip", folder.join("export_81.zip")).unwrap();
    fs::write(folder.join("export_82.zip"), "secret").unwrap();
    fs::set_permissions(
        folder.join("export_82.zip"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    fs::create_dir(folder.join("archive")).unwrap();
    fs::write(folder.join("two words"), "").unwrap();
    fs::write(folder.join("\u{e4}rzte.zip"), "").unwrap();
    fs::write(folder.join("export_007.zip"), "").unwrap();
    fs::write(folder.join(TEMPORARY), "half").unwrap();
}

fn look(place: &Place) -> Survey {
    let mut heard = Vec::new();
    let survey = survey(&place.config(), None, |done, of| heard.push((done, of))).unwrap();
    if let Some((done, of)) = heard.last() {
        assert_eq!(done, of);
    }
    survey
}

/// Whether the test's own user may read everything, which root may.
fn is_read(export: &Export) -> bool {
    matches!(export.start, Start::Bytes(_))
}

/// A delivered folder is seen as it is, and each of our files by the intent that it was uploaded for.
fn own_files_are_told(place: &Place, survey: &Survey) {
    let LedgerThere::Document(document) = &survey.ledger else {
        panic!("{:?}", survey.ledger);
    };
    let there = fs::read(place.drop_box().join("status.xml")).unwrap();
    assert_eq!(*document, there);
    let log = StatusDocument::tip_of(document).unwrap().log;
    let mut starts = Vec::new();
    for id in 0..3 {
        let export = &survey.exports[&(RequestId(id), Encryption::Fernet)];
        let bytes = fs::read(place.drop_box().join(format!("export_{id}.zip"))).unwrap();
        assert_eq!(export.size_bytes, Some(bytes.len() as u64));
        assert_eq!(export.start, Start::Bytes(bytes[..START_BYTES].to_vec()));
        starts.push(bytes[..START_BYTES].to_vec());
    }
    starts.push(FOREIGN.to_vec());
    let (key, _) = FernetKey::load(&place.key_path()).unwrap();
    let keys = [key];
    let found = |log| origins(&starts, log, Sequence(1_000), &keys, |_, _| {});
    let intents: BTreeSet<_> = found(log)[..3].iter().map(|it| it.unwrap()).collect();
    assert_eq!(intents.len(), 3);
    assert_eq!(found(log)[3], None);
    assert_eq!(found(LogId([1; 16])), [None; 4]);
}

fn everything_is_seen(server: &dyn SftpServer) {
    let (_broker, place) = delivered(server);
    strangers(place.drop_box());
    let before = place.names().unwrap();
    let seen = look(&place);
    own_files_are_told(&place, &seen);
    let start = |id| &seen.exports[&(RequestId(id), Encryption::Fernet)].start;
    assert_eq!(start(77), &Start::Bytes(FOREIGN[..START_BYTES].to_vec()));
    assert_eq!(start(78), &Start::Bytes(b"short".to_vec()));
    assert_eq!(start(79), &Start::Bytes(Vec::new()));
    for id in [80, 81] {
        assert_eq!(
            start(id),
            &Start::Unreadable("it is not an ordinary file".to_owned()),
            "{id}"
        );
    }
    // Under its own user's eyes, not under root's.
    if let Start::Unreadable(words) = start(82) {
        assert!(words.contains("ermission denied"), "{words}");
    }
    assert_eq!(seen.exports.len(), 9);
    let Folder::Listed {
        temporaries,
        others,
    } = &seen.folder
    else {
        panic!("{:?}", seen.folder);
    };
    assert_eq!(*others, 4);
    assert_eq!(temporaries.len(), 1);
    assert_eq!(temporaries[0].name.as_str(), TEMPORARY);
    assert_eq!(temporaries[0].of, RemoteName::export(RequestId(1)));
    assert!(temporaries[0].is_of(LogId([0xab; 16])));

    let copy = survey(
        &place.config(),
        Some(place.drop_box().to_owned()),
        |_, _| {},
    );
    let mut copy = copy.unwrap();
    let mut seen = seen;
    // A copy says of no server that it is from there.
    assert!(
        seen.host_key
            .take()
            .is_some_and(|key| key.starts_with("SHA256:"))
    );
    // The one who copies may read more, or less.
    for survey in [&mut copy, &mut seen] {
        survey.exports.remove(&(RequestId(82), Encryption::Fernet));
    }
    assert_eq!(copy, seen);
    assert_eq!(place.names().unwrap(), before);
}

/// Where the folder may not be listed, what `status.xml` names is looked for.
fn names_are_looked_for(server: &dyn SftpServer, hide: impl FnOnce(&Path)) {
    let (_broker, place) = delivered(server);
    strangers(place.drop_box());
    hide(place.drop_box());
    let seen = look(&place);
    own_files_are_told(&place, &seen);
    assert_eq!(seen.exports.len(), 3, "{:?}", seen.exports.keys());
    assert!(seen.exports.values().all(is_read));
    let Folder::Refused(words) = &seen.folder else {
        panic!("{:?}", seen.folder);
    };
    assert!(words.contains("permission denied"), "{words}");
}

fn write_only(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o333)).unwrap();
}

#[test]
fn with_openssh_everything_is_seen() {
    if let Some(server) = site::openssh() {
        everything_is_seen(&server);
    }
}

#[test]
fn with_openssh_names_are_looked_for_where_nothing_is_listed() {
    if let Some(server) = site::openssh() {
        names_are_looked_for(&server, write_only);
    }
}

#[test]
fn with_proftpd_everything_is_seen() {
    if let Some(server) = site::proftpd() {
        everything_is_seen(&server);
    }
}

#[test]
fn with_proftpd_names_are_looked_for_where_nothing_is_listed() {
    if let Some(server) = site::proftpd() {
        names_are_looked_for(&server, write_only);
    }
}

#[test]
fn with_the_embedded_server_everything_is_seen() {
    everything_is_seen(&site::embedded());
}

#[test]
fn with_the_embedded_server_names_are_looked_for_where_nothing_is_listed() {
    let settings = EmbeddedSftpSettings {
        lists_folders: false,
        ..EmbeddedSftpSettings::default()
    };
    names_are_looked_for(&EmbeddedSftp::start(settings).unwrap(), |_| {});
}

/// Puts so many files there, as short as they may be.
fn fill(server: &dyn SftpServer, count: u64) {
    for id in 0..count {
        let path = server.drop_box().join(format!("export_{id}.zip"));
        fs::write(&path, [b'x'; 100]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

fn all_are_read(survey: &Survey, count: u64) {
    assert_eq!(survey.ledger, LedgerThere::Nothing);
    assert!(survey.exports.keys().map(|(id, _)| id.0).eq(0..count));
    assert!(survey.exports.values().all(is_read), "{:?}", survey.exports);
}

#[test]
fn a_server_that_opens_few_files_and_does_not_say_so_shows_all_of_them() {
    for open_files in [1, 3] {
        let server = EmbeddedSftp::start(EmbeddedSftpSettings {
            open_files,
            ..EmbeddedSftpSettings::default()
        });
        let server = server.unwrap();
        fill(&server, 250);
        let place = Place::new("http://127.0.0.1:1/broker/", &server);
        all_are_read(&look(&place), 250);
    }
}

#[test]
fn a_thousand_files_are_seen_over_a_long_way() {
    let Some(server) = site::openssh_with(OpenSshSettings::default()) else {
        return;
    };
    fill(&server, 1_000);
    let server = Distant::new(Box::new(server), Duration::from_millis(40)).unwrap();
    let place = Place::new("http://127.0.0.1:1/broker/", &server);
    let begun = Instant::now();
    let seen = look(&place);
    eprintln!(
        "1,000 files over a round trip of 40 ms: {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    all_are_read(&seen, 1_000);
}
