//! A database without space: real tables on a small disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::courier::unwrapped;
use testbed::watched::until;

use super::program::Scene;
use crate::site;

/// A small file system that the server's user may write to; only root may mount it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, size_mib: u32) -> Option<Self> {
        let place = folder.join(format!("small-{}", std::process::id()));
        let owner = fs::metadata(folder).unwrap().uid();
        fs::create_dir(&place).unwrap();
        let options = format!("size={size_mib}m,uid={owner},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&place)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(place));
        }
        site::skipped("a small disk can only be mounted by root");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The entries' table on that disk, which nothing else fits on.
fn fill(scene: &Scene, disk: &SmallDisk) {
    let place = disk.0.display();
    scene.sql(&format!("create tablespace {{s}}_small location '{place}'"));
    scene.sql("alter table {s}.entry set tablespace {s}_small");
    scene.sql("create table {s}.filler (bytes bytea) tablespace {s}_small");
    scene.sql("alter table {s}.filler alter bytes set storage plain");
    for rows in [28, 1] {
        let insert = format!(
            "insert into {}.filler select decode(repeat('07', 7000), 'hex') from generate_series(1, {rows})",
            scene.schema
        );
        while scene.server.sql(&insert).is_ok() {}
    }
}

#[test]
fn a_full_database_is_exit_code_7_and_the_run_goes_on_when_there_is_room() {
    let Some(scene) = Scene::new() else { return };
    let Some(disk) = SmallDisk::mount(scene.server.folder(), 4) else {
        return;
    };
    let host = scene.host();
    scene.publish();
    scene.run(&host, &["run"], 0);
    fill(&scene, &disk);
    let last = || scene.sql("select max(sequence) || ' ' || count(*) from {s}.entry");

    // What fits into the last page is still taken.
    let config = host.config().display().to_string();
    let mut wanted = 1;
    let refused = (0..60).find_map(|_| {
        scene.publish();
        wanted += 1;
        let outcome = scene.courier.program().run(&["-c", &config, "run"]);
        (outcome.code != Some(0)).then_some(outcome)
    });
    let refused = refused.expect("it is full");
    let said = unwrapped(&refused.stderr);
    assert_eq!(refused.code, Some(7), "{said}");
    assert!(
        said.contains("the database has no space left (appending)"),
        "{said}"
    );
    assert!(said.contains("make room where the database is"), "{said}");
    // Whatever was acknowledged is there, and can be read.
    let before = last();
    let (number, count) = before.split_once(' ').unwrap();
    assert_eq!(number, count);
    scene.run(&host, &["verify"], 0);
    let (_, said) = scene.run(&host, &["run"], 7);
    assert!(said.contains("no space left"), "{said}");

    // A watch asks again until there is room.
    host.change_config("[LEDGER]", "[WATCH]\nINTERVAL = 2\n[LEDGER]");
    let watch = scene.watch(&host);
    watch.says("no space left", 1);
    scene.sql("drop table {s}.filler");
    until("every result", || {
        let names = host.names().unwrap();
        names.iter().filter(|name| name.ends_with(".zip")).count() == wanted
    });
    watch.signal("TERM");
    let (code, said) = watch.ended();
    assert_eq!(code, Some(0), "{said}");
    let (said, _) = scene.run(&host, &["run"], 0);
    assert!(
        site::sum(&said).contains(&format!("{wanted} unchanged")),
        "{said}"
    );
    scene.run(&host, &["verify"], 0);
    scene.sql("alter table {s}.entry set tablespace pg_default");
    scene.sql("drop tablespace {s}_small");
}
