//! A run that was killed leaves uploads without an outcome. The next one finds out whose file stands
//! under such a name before it touches it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use site::{Courier, Place, audit};
use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::proxy::Distant;
use testbed::server::SftpServer;

const NAME: &str = "export_0.zip";
const FOREIGN: &[u8] = b"somebody else's";

struct Scene {
    broker: EmbeddedBroker,
    place: Place,
    courier: Courier,
    /// The name under which the result is delivered.
    name: &'static str,
    /// Open until the scene ends.
    _server: Distant,
}

impl Scene {
    fn new() -> Self {
        Self::at_a_distance(Duration::ZERO)
    }

    fn at_a_distance(round_trip: Duration) -> Self {
        Self::at(Box::new(site::embedded()), round_trip)
    }

    /// The same with files that are written under their final names.
    fn written_in_place(server: Box<dyn SftpServer>, round_trip: Duration) -> Self {
        let scene = Self::at(server, round_trip);
        scene
            .place
            .change_config("[SFTP]", "[SFTP]\nUPLOAD = \"direct\"");
        scene
    }

    fn at(server: Box<dyn SftpServer>, round_trip: Duration) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        let id = broker.publish("rki");
        broker.submit_result(1, id, "text/plain", b"a result");
        let server = Distant::new(server, round_trip).unwrap();
        Self {
            place: Place::new(&broker.url(), &server),
            broker,
            courier: Courier::build(),
            name: NAME,
            _server: server,
        }
    }

    /// The same with age.
    fn for_a_recipient(mut self) -> Self {
        let recipient = testbed::age::RECIPIENT;
        let config = format!("[SECURITY]\nENCRYPTION = \"age\"\nRECIPIENTS = [\"{recipient}\"]");
        self.place.change_config("[SECURITY]", &config);
        self.name = "export_0.zip.age";
        self
    }

    /// Whether the result is there, and its reader can open it.
    fn is_delivered(&self) {
        if self.name == NAME {
            assert_eq!(audit(&self.courier, &self.place).len(), 1);
            return;
        }
        let identity = self.place.working_dir().with_file_name("identity.txt");
        let opened = identity.with_file_name("opened");
        fs::write(&identity, testbed::age::IDENTITY).unwrap();
        let paths = [&self.file(), &opened, &identity].map(|it| it.display().to_string());
        let arguments = [
            "decrypt",
            &paths[0],
            "-o",
            &paths[1],
            "--identity",
            &paths[2],
        ];
        self.courier.run(&self.place, &arguments, 0);
        fs::remove_file(opened).unwrap();
        let names = self.place.names().unwrap();
        assert_eq!(names, [self.name, "status.xml"]);
    }

    fn begin_run(&self) -> Child {
        let mut command = self.courier.program().command();
        command.arg("-c").arg(self.place.config()).arg("run");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// A run that is killed while its download has not brought a byte.
    fn is_killed_before_it_sent_anything(&self) {
        self.broker.fail_next(Route::Download, Answer::Silence, 1);
        let mut run = self.begin_run();
        while self.broker.counters().route(Route::Download) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(&mut run);
        self.broker.forget_faults();
        assert!(self.is_in_doubt());
    }

    /// A run that is killed when its file is in place, while the server's answer is on its way.
    fn is_killed_before_it_recorded_the_outcome(&self) {
        let mut run = self.begin_run();
        while !self.file().exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(&mut run);
        assert!(self.is_in_doubt());
    }

    /// A run that is killed as soon as its file holds so much, while the server's answer is on its way.
    fn is_killed_when_its_file_holds(&self, bytes: u64) {
        let mut run = self.begin_run();
        while fs::metadata(self.file()).map_or(true, |it| it.len() < bytes) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(&mut run);
        assert!(self.is_in_doubt());
    }

    /// What stands under the name.
    fn holds(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }

    /// Whether the first request's upload has begun and not ended, as far as the log tells.
    fn is_in_doubt(&self) -> bool {
        let arguments = ["log", "--json", "--request", "0"];
        let (log, _) = self.courier.run(&self.place, &arguments, 0);
        assert!(log.contains("CommandStarted"), "{log}");
        !log.contains("Uploaded")
    }

    /// The next run takes what stands there for this ledger's: it withdraws it, or delivers again.
    fn settles_as_its_own(&self, withdrawn: bool) {
        if withdrawn {
            // A broker that lists nothing at all proves nothing.
            self.broker.publish("other");
            self.broker.delete(0);
            self.run(0, "deleted, 0 failed");
            assert!(!self.file().exists());
            self.has_recorded("Deleted", "\"found\":{\"own\":");
        } else {
            self.run(0, "1 uploaded");
            self.is_delivered();
            self.has_recorded("Uploaded", "\"found\":{\"own\":");
        }
    }

    /// The last event of this kind about the first request says that, too.
    fn has_recorded(&self, kind: &str, says: &str) {
        let last = self.last(kind);
        assert!(last.contains(says), "{says}?\n{last}");
    }

    /// The last event of this kind about the first request.
    fn last(&self, kind: &str) -> String {
        let arguments = ["log", "--json", "--request", "0"];
        let (log, _) = self.courier.run(&self.place, &arguments, 0);
        let last = log.lines().rfind(|line| line.contains(kind));
        last.unwrap_or_else(|| panic!("{kind}?\n{log}")).to_owned()
    }

    fn file(&self) -> std::path::PathBuf {
        self.path(self.name)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.drop_box().join(name)
    }

    fn run(&self, code: i32, says: &str) {
        let (stdout, stderr) = self.courier.run(&self.place, &["run"], code);
        let told = format!("{stdout}{stderr}");
        assert!(told.contains(says), "{says}?\n{told}");
        self.courier.run(&self.place, &["verify"], 0);
    }
}

fn kill(run: &mut Child) {
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn a_foreign_file_under_the_name_of_an_upload_in_doubt_is_not_overwritten() {
    let scene = Scene::new();
    scene.is_killed_before_it_sent_anything();
    fs::write(scene.file(), FOREIGN).unwrap();
    for _ in 0..2 {
        scene.run(1, "a file that this ledger did not create");
        assert_eq!(fs::read(scene.file()).unwrap(), FOREIGN);
    }
    scene.has_recorded("CommandFailed", "\"found\":\"foreign\"");
    fs::remove_file(scene.file()).unwrap();
    scene.run(0, "1 uploaded");
    scene.has_recorded("Uploaded", "\"found\":\"nothing\"");
    assert_eq!(audit(&scene.courier, &scene.place).len(), 1);
}

#[test]
fn a_foreign_file_under_the_name_of_an_upload_in_doubt_is_not_deleted() {
    let scene = Scene::new();
    scene.is_killed_before_it_sent_anything();
    fs::write(scene.file(), FOREIGN).unwrap();
    scene.broker.delete(0);
    scene.broker.publish("rki");
    scene.run(1, "a file that this ledger did not create");
    assert_eq!(fs::read(scene.file()).unwrap(), FOREIGN);
    fs::remove_file(scene.file()).unwrap();
    scene.run(0, "1 deleted, 0 failed");
    scene.has_recorded("Deleted", "\"found\":\"nothing\"");
}

#[test]
fn an_upload_in_doubt_that_left_nothing_is_made_again() {
    let scene = Scene::new();
    scene.is_killed_before_it_sent_anything();
    scene.run(0, "1 uploaded, 0 deleted, 0 failed");
    scene.run(0, "0 uploaded, 0 deleted, 0 failed");
}

#[test]
fn an_upload_in_doubt_that_came_to_its_end_needs_no_person() {
    for withdrawn in [false, true] {
        let scene = Scene::at_a_distance(Duration::from_millis(200));
        scene.is_killed_before_it_recorded_the_outcome();
        scene.settles_as_its_own(withdrawn);
    }
}

#[test]
fn a_file_written_in_place_that_was_cut_off_is_this_ledgers_however_little_it_holds() {
    let round_trip = Duration::from_millis(120);
    for (bytes, withdrawn) in [(0, false), (0, true), (1, false)] {
        let Some(server) = site::openssh() else {
            return;
        };
        let scene = Scene::written_in_place(Box::new(server), round_trip);
        scene.is_killed_when_its_file_holds(bytes);
        // Of a machine that stood still for as long as an answer takes, the file has the mark already.
        let is_empty = scene.holds().is_empty();
        assert!(is_empty || bytes > 0 || scene.holds().len() >= 36);
        scene.settles_as_its_own(withdrawn);
        scene.run(0, "0 uploaded, 0 deleted, 0 failed");
    }
}

#[test]
fn a_file_that_was_there_before_or_says_otherwise_is_not_taken_for_one_written_in_place() {
    // An empty one that was there before, and one that came after the name was seen to be free.
    for (before, after) in [(Some(&b""[..]), None), (None, Some(FOREIGN))] {
        let scene = Scene::written_in_place(Box::new(site::embedded()), Duration::ZERO);
        if let Some(theirs) = before {
            fs::write(scene.file(), theirs).unwrap();
        }
        scene.is_killed_before_it_sent_anything();
        let found_free = scene
            .last("CommandStarted")
            .contains("\"found\":\"nothing\"");
        assert_eq!(found_free, before.is_none());
        if let Some(theirs) = after {
            fs::write(scene.file(), theirs).unwrap();
        }
        let theirs = before.or(after).unwrap();
        for _ in 0..2 {
            scene.run(1, "a file that this ledger did not create");
            assert_eq!(scene.holds(), theirs);
        }
        fs::remove_file(scene.file()).unwrap();
        scene.run(0, "1 uploaded");
        assert_eq!(audit(&scene.courier, &scene.place).len(), 1);
    }
}

#[test]
fn a_file_for_a_recipient_tells_whose_it_is_though_nobody_here_can_open_it() {
    let scene = Scene::new().for_a_recipient();
    scene.is_killed_before_it_sent_anything();
    fs::write(scene.file(), FOREIGN).unwrap();
    scene.run(1, "a file that this ledger did not create");
    assert_eq!(scene.holds(), FOREIGN);
    fs::remove_file(scene.file()).unwrap();
    scene.run(0, "1 uploaded");
    scene.is_delivered();

    for withdrawn in [false, true] {
        let scene = Scene::at_a_distance(Duration::from_millis(200)).for_a_recipient();
        scene.is_killed_before_it_recorded_the_outcome();
        scene.settles_as_its_own(withdrawn);
    }
    let Some(server) = site::openssh() else {
        return;
    };
    let scene = Scene::written_in_place(Box::new(server), Duration::from_millis(120));
    let scene = scene.for_a_recipient();
    scene.is_killed_when_its_file_holds(0);
    scene.settles_as_its_own(false);
}
