//! The program over a ledger in PostgreSQL: runs, readers, two hosts, exit codes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::embedded_sftp::EmbeddedSftp;
use testbed::postgres::Postgres;
use testbed::watched::{Watched, until};

use super::{PASSWORD, grant, schema, server, tables};
use crate::site::{self, Courier, Place};

/// Hosts with a working directory each, one broker, one drop-box, one ledger.
pub(super) struct Scene {
    pub(super) server: &'static Postgres,
    pub(super) schema: String,
    pub(super) broker: EmbeddedBroker,
    pub(super) sftp: EmbeddedSftp,
    pub(super) courier: Courier,
}

impl Scene {
    pub(super) fn new() -> Option<Self> {
        let server = server()?;
        Some(Self {
            server,
            schema: tables(server),
            broker: EmbeddedBroker::start(Settings::default()).unwrap(),
            sftp: site::embedded(),
            courier: Courier::build(),
        })
    }

    /// A host that has not run yet.
    pub(super) fn host(&self) -> Place {
        let place = Place::new(&self.broker.url(), &self.sftp);
        self.point(&place, &self.schema);
        place
    }

    pub(super) fn point(&self, place: &Place, schema: &str) {
        let address = self.server.network("courier", schema);
        let ca_file = self.server.ca_file();
        place.change_config(
            "[MISC]",
            &format!(
                "[LEDGER]\nURL = \"{address}\"\nPASSWORD = \"{PASSWORD}\"\nCA_FILE = \"{}\"\n[MISC]",
                ca_file.display()
            ),
        );
    }

    pub(super) fn publish(&self) -> u64 {
        let id = self.broker.publish("rki");
        self.broker.submit_result(1, id, "text/plain", b"a result");
        id
    }

    pub(super) fn run(&self, place: &Place, arguments: &[&str], code: i32) -> (String, String) {
        self.courier.run(place, arguments, code)
    }

    pub(super) fn sql(&self, text: &str) -> String {
        let text = text.replace("{s}", &self.schema);
        self.server.sql(&text).unwrap()
    }

    /// A host whose watch runs often, and gives way soon.
    pub(super) fn host_that_watches(&self) -> Place {
        let host = self.host();
        host.change_config("[LEDGER]", "[WATCH]\nINTERVAL = 2\n[LEDGER]\nLEASE = 3");
        host
    }

    /// Watches there.
    pub(super) fn watch(&self, host: &Place) -> Watched {
        let mut command = self.courier.program().command();
        command.arg("-vc").arg(host.config()).arg("watch");
        Watched::begin(&mut command).unwrap()
    }

    /// Waits until so many results have their final names, whatever else is on its way.
    pub(super) fn delivers(host: &Place, count: usize) {
        until(&format!("{count} results"), || {
            let names = host.names().unwrap();
            names.iter().filter(|name| name.ends_with(".zip")).count() == count
        });
    }
}

#[test]
fn two_hosts_deliver_one_after_the_other_by_one_ledger() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = (scene.host(), scene.host());
    scene.publish();
    scene.run(&one, &["run"], 0);
    assert_eq!(one.zips().len(), 1);
    scene.publish();
    scene.run(&other, &["run"], 0);
    assert_eq!(other.zips().len(), 2);
    // The first host's own status.xml is older, which is no other history.
    let (said, _) = scene.run(&one, &["run"], 0);
    assert!(site::sum(&said).contains("2 unchanged"), "{said}");
    assert!(!one.working_dir().join("ledger.log").exists());

    let (said, _) = scene.run(&one, &["verify"], 0);
    assert!(said.contains("is whole"), "{said}");
    let (said, _) = scene.run(&other, &["status"], 0);
    assert!(said.contains("held by nobody, epoch 3"), "{said}");
    let (told, _) = scene.run(&one, &["status", "--json"], 0);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["holding"]["epoch"], 3, "{told}");
    for arguments in [
        &["plan"][..],
        &["log"],
        &["log", "--since", "3"],
        &["why", "0"],
        &["replay", "--at", "4"],
        &["report"],
        &["check"],
        &["left-behind"],
    ] {
        scene.run(&one, arguments, 0);
    }

    // An auditor has nothing but an address.
    let program = scene.courier.program();
    let auditor = |user: &str, command: &str| {
        let mut asked = program.command();
        let address = scene.server.network(user, &scene.schema);
        asked.args(["--ledger", &address, command]);
        asked.env("PGPASSWORD", PASSWORD);
        asked.env("PGSSLROOTCERT", scene.server.ca_file());
        let output = asked.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    for command in ["verify", "status", "log", "replay"] {
        let (code, said) = auditor("courier_auditor", command);
        assert_eq!(code, Some(0), "{command}: {said}");
    }
    // An event of a person needs the rights of the courier.
    scene.sql("revoke select on {s}.entry from courier_auditor");
    let (code, said) = auditor("courier_auditor", "verify");
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("may not do it"), "{said}");
}

#[test]
fn who_holds_the_ledger_is_named_and_after_the_lease_another_goes_on() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = (scene.host(), scene.host());
    scene.publish();
    scene.run(&one, &["run"], 0);
    scene.sql(
        "update {s}.runner set nonce = '\\x01', holder = 'host-b, process 9', epoch = epoch + 1, \
         until = now() + interval '20 seconds'",
    );
    let (_, said) = scene.run(&other, &["run"], 8);
    assert!(
        said.contains("is held by host-b, process 9 (epoch 2; its lease ends in"),
        "{said}"
    );
    let (said, _) = scene.run(&one, &["status"], 0);
    assert!(
        said.contains("held by host-b, process 9, epoch 2, "),
        "{said}"
    );
    scene.sql("update {s}.runner set until = now()");
    scene.publish();
    scene.run(&other, &["run"], 0);
    assert_eq!(other.zips().len(), 2);
    assert_eq!(scene.sql("select epoch from {s}.runner"), "3");
}

#[test]
fn a_database_that_cannot_be_relied_on_is_exit_code_7_and_nothing_is_done() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host();
    scene.publish();
    scene.run(&host, &["run"], 0);
    let entries = || scene.sql("select count(*) from {s}.entry");
    let before = entries();
    scene.publish();
    let refused = |says: &str| {
        for command in ["run", "verify"] {
            let (out, said) = scene.run(&host, &[command], 7);
            let said = testbed::courier::unwrapped(&format!("{out}{said}"));
            assert!(said.contains(says), "{command}: {says}: {said}");
        }
        assert_eq!(host.zips().len(), 1);
    };
    // As after a backup from before the last run.
    scene.sql("create table {s}.kept as select * from {s}.entry where sequence > 3");
    scene.sql(
        "delete from {s}.entry where sequence > 3; update {s}.runner set sequence = 3, \
         hash = (select hash from {s}.entry where sequence = 3)",
    );
    refused("it is an old copy");
    fs::remove_file(host.working_dir().join("ledger.witness")).unwrap();
    refused("status.xml");
    scene.sql(
        "insert into {s}.entry select * from {s}.kept; update {s}.runner set \
         sequence = (select max(sequence) from {s}.entry), \
         hash = (select hash from {s}.entry order by sequence desc limit 1)",
    );
    scene.run(&host, &["verify"], 0);
    scene.sql("update {s}.entry set payload = payload || '\\x00' where sequence = 2");
    refused("bytes of entry 2 do not have its hash");
    scene.sql(
        "update {s}.entry set payload = substr(payload, 1, length(payload) - 1) where sequence = 2",
    );
    scene.sql("update {s}.version set version = 9");
    refused("of version 9");
    scene.sql("update {s}.version set version = 2");
    assert_eq!(entries(), before);

    // Another ledger than the one that this host knows.
    let foreign = tables(scene.server);
    let stranger = Place::new(&scene.broker.url(), &scene.sftp);
    scene.point(&stranger, &foreign);
    let (_, said) = scene.run(&stranger, &["run"], 6);
    assert!(said.contains("status.xml at the drop-box"), "{said}");
    let address = |schema: &str| format!("schema={schema}");
    host.change_config(&address(&scene.schema), &address(&foreign));
    let (_, said) = scene.run(&host, &["run"], 7);
    assert!(said.contains("status.xml"), "{said}");
    let (_, said) = scene.run(&host, &["verify"], 7);
    assert!(said.contains("status.xml"), "{said}");
    host.change_config(&address(&foreign), &address(&scene.schema));
    scene.run(&host, &["run"], 0);
    assert_eq!(host.zips().len(), 2);

    // Nobody there, and a wrong password; neither is shown.
    host.change_config(PASSWORD, "something-else");
    let (_, said) = scene.run(&host, &["run"], 7);
    assert!(said.contains("refuses the login"), "{said}");
    assert!(!said.contains("something-else"), "{said}");
}

#[test]
fn a_second_watch_stands_by_and_goes_on_when_the_first_is_gone() {
    let Some(scene) = Scene::new() else { return };
    let (one, other) = (scene.host_that_watches(), scene.host_that_watches());
    let watch = |host: &Place| scene.watch(host);
    let delivered = |count: usize| Scene::delivers(&one, count);
    scene.publish();
    let first = watch(&one);
    delivered(1);
    let second = watch(&other);
    second.says("standing by until it can go on", 1);
    scene.publish();
    delivered(2);
    assert!(!second.said().contains("watching:"), "{}", second.said());

    // It says so where each can read it; a run that is refused does not.
    scene.run(&other, &["run"], 8);
    let stood_by = || {
        let (told, _) = scene.run(&one, &["status", "--json"], 0);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let all = told["holding"]["stood_by"].as_array().unwrap().clone();
        let who = |it: &serde_json::Value| it["who"].as_str().unwrap().to_owned();
        all.iter().map(who).collect::<Vec<_>>()
    };
    let [who] = stood_by().try_into().unwrap();
    assert!(
        who.ends_with(&format!(", process {}", second.pid())),
        "{who}"
    );
    let (said, _) = scene.run(&other, &["status"], 0);
    assert!(said.contains(&format!("{who} stood by ")), "{said}");

    // It takes another configuration meanwhile, and lives on while the database cannot be relied on.
    other.change_config("INTERVAL = 2", "INTERVAL = 3");
    second.signal("HUP");
    second.says("the configuration was read again", 1);
    other.change_config("INTERVAL = 3", "INTERVAL = no");
    second.signal("HUP");
    second.says("the configuration that was read before stays in use", 1);
    other.change_config("INTERVAL = no", "INTERVAL = 3");
    scene.sql("revoke usage on schema {s} from courier");
    second.says("may not do it", 1);
    scene.sql("grant usage on schema {s} to courier");
    second.says("standing by until it can go on", 2);

    // It is killed, and gives nothing back.
    drop(first);
    scene.publish();
    delivered(3);
    second.says("watching:", 1);
    assert!(stood_by().is_empty());
    // Where that cannot be written, it stands by all the same.
    scene.sql("revoke insert, update, delete on {s}.standby from courier");
    let third = watch(&one);
    third.says("standing by until it can go on", 1);
    third.says("`status` does not show that", 1);
    assert!(stood_by().is_empty());
    for watch in [third, second] {
        watch.signal("TERM");
        let (code, said) = watch.ended();
        assert_eq!(code, Some(0), "{said}");
    }
    scene.run(&one, &["verify"], 0);
}

#[test]
fn the_tables_are_made_by_their_owner() {
    let Some(server) = server() else { return };
    let schema = schema(server);
    let program = Courier::build();
    let init = |user: &str| {
        let address = server.socket(user, &schema);
        let outcome = program
            .program()
            .run(&["--ledger", &address, "ledger", "init"]);
        (
            outcome.code,
            format!("{}{}", outcome.stdout, outcome.stderr),
        )
    };
    let (code, said) = init("courier");
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("may not do it"), "{said}");
    for _ in 0..2 {
        let (code, said) = init("courier_owner");
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("The tables are there, of version 2"),
            "{said}"
        );
    }
    grant(server, &schema);
    let outcome = program
        .program()
        .run(&["--ledger", "/tmp", "ledger", "init"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

/// A run that was stopped (SIGSTOP) while it was uploading a result.
struct Stopped(Child);

impl Stopped {
    fn in_an_upload(scene: &Scene, host: &Place, mib: u64) -> (Self, String) {
        host.change_config("[LEDGER]", "[LEDGER]\nLEASE = 3");
        let id = scene.broker.publish("rki");
        scene.broker.submit_synthetic_result(1, id, mib << 20);
        let mut asked = scene.courier.program().command();
        asked.arg("-c").arg(host.config()).args(["-v", "run"]);
        let running = asked.stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut running = Self(running.unwrap());
        let begun = Instant::now();
        while !host
            .names()
            .unwrap()
            .iter()
            .any(|name| name.ends_with(".part"))
        {
            assert!(running.0.try_wait().unwrap().is_none(), "it ended before");
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(1));
        }
        running.signal("-STOP");
        (running, format!("export_{id}.zip"))
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Lets it go on: it finds that another has taken the ledger.
    fn goes_on_to_be_fenced(self) {
        self.signal("-CONT");
        let ended = self.0.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(8), "{said}");
        assert!(said.contains("was taken from this run by"), "{said}");
    }
}

/// A host that is paused in the middle of an upload, as by a hypervisor: another one takes over, and what comes
/// back adds nothing to the ledger and changes nothing at the drop-box.
#[test]
fn a_host_that_was_paused_and_comes_back_does_no_harm() {
    let Some(scene) = Scene::new() else { return };
    let (paused, other) = (scene.host(), scene.host());
    let (stopped, name) = Stopped::in_an_upload(&scene, &paused, 64);

    // Whoever comes before the lease has ended is told who holds it.
    let run = || {
        let config = other.config().display().to_string();
        scene.courier.program().run(&["-c", &config, "run"])
    };
    let mut waited = 0;
    let outcome = loop {
        let outcome = run();
        if outcome.code != Some(8) {
            break outcome;
        }
        let process = format!("process {} (epoch 1; ", stopped.0.id());
        assert!(outcome.stderr.contains(&process), "{}", outcome.stderr);
        waited += 1;
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(waited > 0);
    assert_eq!(other.zips(), [name.as_str()]);
    let delivered = fs::metadata(other.drop_box().join(&name)).unwrap();
    let names = other.names().unwrap();
    let tip = scene.sql("select sequence, epoch from {s}.runner");
    assert!(tip.ends_with("|2"), "{tip}");

    stopped.goes_on_to_be_fenced();
    let now = fs::metadata(other.drop_box().join(&name)).unwrap();
    assert_eq!(
        (now.ino(), now.mtime()),
        (delivered.ino(), delivered.mtime())
    );
    assert_eq!(other.names().unwrap(), names);
    assert_eq!(scene.sql("select sequence, epoch from {s}.runner"), tip);
    for host in [&paused, &other] {
        let (said, _) = scene.run(host, &["run"], 0);
        assert!(site::sum(&said).contains("1 unchanged"), "{said}");
    }
    scene.run(&other, &["verify"], 0);
}

/// The same before the other one has done anything: nothing stands in the way of the rename but the lease.
#[test]
fn what_a_paused_host_was_uploading_gets_no_final_name_once_its_lease_may_have_ended() {
    let Some(scene) = Scene::new() else { return };
    let paused = scene.host();
    let (stopped, name) = Stopped::in_an_upload(&scene, &paused, 24);
    std::thread::sleep(Duration::from_secs(3));
    scene.sql(
        "update {s}.runner set nonce = '\\x01', holder = 'host-b', epoch = epoch + 1, \
         until = now() + interval '1 hour' where until < now()",
    );
    stopped.goes_on_to_be_fenced();
    assert!(!paused.names().unwrap().contains(&name));
    scene.sql("update {s}.runner set nonce = null");
    scene.run(&paused, &["run"], 0);
    assert_eq!(paused.zips(), [name]);
}

/// There and back: the same bytes and hashes, and nobody goes on with what stayed behind.
#[test]
fn a_ledger_is_moved_into_a_database_and_back() {
    let Some(scene) = Scene::new() else { return };
    let host = Place::new(&scene.broker.url(), &scene.sftp);
    scene.publish();
    scene.run(&host, &["run"], 0);
    let folder = host.working_dir().display().to_string();
    let log = || fs::read(host.working_dir().join("ledger.log")).unwrap();
    let before = log();
    let address = scene.server.socket("courier", &scene.schema);
    let copy = |from: &str, to: &str, code: i32| {
        let arguments = ["ledger", "copy", "--from", from, "--to", to];
        let outcome = scene.courier.program().run(&arguments);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, Some(code), "{from} {to}: {said}");
        testbed::courier::unwrapped(&said)
    };

    // Something else is there.
    let other = tables(scene.server);
    let foreign = scene.server.socket("courier", &other);
    let stranger = Place::new(&scene.broker.url(), &scene.sftp);
    scene.point(&stranger, &other);
    let stranger_folder = stranger.working_dir().display().to_string();
    let empty = tempfile::tempdir().unwrap();
    let said = copy(&address, &stranger_folder, 2);
    assert!(said.contains("there is no ledger at"), "{said}");
    sample_ledger(&foreign);
    let said = copy(&folder, &foreign, 7);
    assert!(said.contains("something else than the beginning"), "{said}");

    let said = copy(&folder, &address, 0);
    assert!(said.contains(" of them copied"), "{said}");
    assert_eq!(log(), before);
    for command in ["run", "approve 12345678 --why x"] {
        let words: Vec<&str> = command.split(' ').collect();
        let (_, said) = scene.run(&host, &words, 7);
        assert!(said.contains("this ledger moved to postgres://"), "{said}");
    }
    // It can be read where it was.
    scene.run(&host, &["verify"], 0);
    scene.point(&host, &scene.schema);
    let (said, _) = scene.run(&host, &["run"], 0);
    assert!(site::sum(&said).contains("1 unchanged"), "{said}");
    scene.publish();
    scene.run(&host, &["run"], 0);
    scene.run(&host, &["verify"], 0);

    // Back, onto what stayed behind, and into an empty folder before.
    let copied = empty.path().display().to_string();
    copy(&address, &copied, 0);
    let whole = fs::read(empty.path().join("ledger.log")).unwrap();
    assert_eq!(whole[..before.len()], before);
    assert!(whole.len() > before.len());
    let (_, said) = scene.run(&host, &["run"], 7);
    assert!(said.contains("this ledger moved to /"), "{said}");
    let said = copy(&copied, &address, 0);
    assert!(said.contains(", 0 of them copied"), "{said}");
    copy(&address, &folder, 0);
    assert_eq!(log(), whole);
    let ledger_keys = fs::read_to_string(host.config()).unwrap();
    let (before, rest) = ledger_keys.split_once("[LEDGER]").unwrap();
    let (_, after) = rest.split_once("[MISC]").unwrap();
    fs::write(host.config(), format!("{before}[MISC]{after}")).unwrap();
    let (said, _) = scene.run(&host, &["run"], 0);
    assert!(site::sum(&said).contains("2 unchanged"), "{said}");
    scene.run(&host, &["verify"], 0);
}

/// Leaves a ledger of somebody else's there.
fn sample_ledger(address: &str) {
    let database = courier_postgres::Database::new(super::settings(address));
    let time = courier_ledger::log::sample::TIME;
    courier_ledger::log::sample::leave_runs(database, time, 1).unwrap();
}
