//! Where a page is played: a broker, an SFTP server, a configuration at the places that the pages name, a shell.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use testbed::broker::{Answer, EmbeddedBroker, Route, Settings};
use testbed::embedded_sftp::EmbeddedSftp;
use testbed::server::SftpServer as _;

use crate::site::{self, Courier, Place};

pub(super) struct Stage {
    broker: EmbeddedBroker,
    server: EmbeddedSftp,
    place: Place,
    courier: Courier,
    /// How the last command ended.
    code: i32,
    /// What the demo told, once it was asked.
    demo: Option<String>,
    /// The page that is played.
    page: String,
}

impl Stage {
    pub(super) fn set(page: &str) -> Self {
        let broker = EmbeddedBroker::start(Settings::default()).unwrap();
        broker.publish("other");
        let server = site::embedded();
        let place = Place::new(&broker.url(), &server);
        fs::rename(
            place.key_path(),
            place.key_path().with_file_name("results.key"),
        )
        .unwrap();
        place.change_config("rki.key", "results.key");
        Self {
            broker,
            server,
            place,
            courier: Courier::build(),
            code: 0,
            demo: None,
            page: page.to_owned(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.place.config().parent().unwrap().to_owned()
    }

    /// What happens beside the commands.
    pub(super) fn happens(&mut self, what: &str) {
        let words: Vec<&str> = what.split_whitespace().collect();
        let answers = |id: u64, words: &str| {
            self.broker
                .submit_result(1, id, "text/plain", words.as_bytes());
        };
        match words.as_slice() {
            ["answers", count] => {
                for _ in 0..count.parse().unwrap() {
                    answers(self.broker.publish("rki"), "hospital;cases\nOne;17\n");
                }
            }
            ["corrects", id] => answers(id.parse().unwrap(), "hospital;cases\nOne;18\n"),
            ["second-hospital", id] => {
                let words = b"hospital;cases\nTwo;42\n";
                self.broker
                    .submit_result(2, id.parse().unwrap(), "text/plain", words);
            }
            ["withdraws", ids @ ..] => {
                for id in ids {
                    self.broker.delete(id.parse().unwrap());
                }
            }
            ["lists-nothing"] => {
                for route in [Route::List, Route::WholeList] {
                    self.broker.fail_next(route, Answer::empty_list(), 1);
                }
            }
            ["saves", name] => {
                fs::write(self.folder().join(name), self.block_before(what)).unwrap();
            }
            ["configures"] => {
                let file = self.place.config();
                let text = fs::read_to_string(&file).unwrap() + &self.block_before(what);
                fs::write(file, text).unwrap();
            }
            ["takes", name] => {
                let file = super::docs().join("../integration/independent").join(name);
                fs::copy(file, self.folder().join(name)).unwrap();
            }
            ["loses"] => {
                for entry in fs::read_dir(self.place.working_dir()).unwrap() {
                    fs::remove_file(entry.unwrap().path()).unwrap();
                }
            }
            ["runs"] => drop(self.types("courier run")),
            ["makes-key", name] => drop(self.types(&format!("broker-courier keygen {name}"))),
            ["delivers-for", identity] => self.delivers_for(identity),
            ["signs", public] => self.signs(public),
            ["replaced-program", ids @ ..] => self.replaced_program(ids),
            _ => panic!("nobody knows how this happens: {what}"),
        }
    }

    /// What comes now is encrypted with age, for the recipient who made this identity.
    fn delivers_for(&mut self, identity: &str) {
        let text = fs::read_to_string(self.folder().join(identity)).unwrap();
        let public = text
            .lines()
            .find_map(|it| it.strip_prefix("# public key: "));
        let rules = format!(
            "[SECURITY]\nENCRYPTION = 'age'\nRECIPIENTS = '{}'",
            public.unwrap()
        );
        self.place.change_config("[SECURITY]", &rules);
        self.happens("answers 1");
        self.types("courier rotate-key --why 'the recipient asked for it' && courier run");
        assert_eq!(self.code, 0);
    }

    /// What is delivered is signed, and this file has what it is verified by.
    fn signs(&mut self, public: &str) {
        self.place
            .change_config("[MISC]", "[EVIDENCE]\nKEY = 'evidence.key'\n[MISC]");
        self.happens("answers 1");
        self.types(&format!(
            "broker-courier evidence-key evidence.key --name clinic.example/broker-courier && \
             broker-courier evidence-key evidence.key --public > {public} && courier run"
        ));
        assert_eq!(self.code, 0);
    }

    /// The block of code before what happens.
    fn block_before(&self, what: &str) -> String {
        let comment = format!("<!-- stage: {what} -->");
        let (before, _) = self.page.split_once(&comment).unwrap();
        let block = before.rsplit("```").nth(1).unwrap();
        block.split_once('\n').unwrap().1.to_owned()
    }

    /// The replaced program has delivered these.
    fn replaced_program(&self, ids: &[&str]) {
        let mut xml = String::from("<status>");
        for id in ids {
            xml.push_str(&format!(
                "<request-status><id>{id}</id><completion>1.0</completion>\
                 <uploaded>2026-10-11 09:39:50</uploaded></request-status>"
            ));
            let file = self.place.drop_box().join(format!("export_{id}.zip"));
            fs::write(file, "what the replaced program delivered").unwrap();
        }
        xml.push_str("</status>");
        fs::write(self.place.working_dir().join("status.xml"), &xml).unwrap();
        fs::write(self.place.drop_box().join("status.xml"), &xml).unwrap();
    }

    /// A person types a command; gives what they see.
    pub(super) fn types(&mut self, command: &str) -> String {
        let program = self.courier.program().path().to_owned();
        let mut path = std::ffi::OsString::from(program.parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let script = format!(
            "courier() {{ broker-courier -c /etc/broker-courier/courier.toml \"$@\"; }}\n\
             (exit {})\n{command}\n",
            self.code
        );
        let script = self.here(&script);
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(self.folder())
            .env("PATH", path)
            .env("USER", "ann")
            .env_remove("BROKER_COURIER_CONFIG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        self.code = output.status.code().unwrap();
        self.there(&String::from_utf8_lossy(&output.stdout))
    }

    /// Places and addresses: those of the page, and those of this stage.
    fn names(&self) -> [(String, String); 5] {
        let shown = |path: PathBuf| path.display().to_string();
        let pair = |there: &str, here: String| (there.to_owned(), here);
        let address = format!("127.0.0.1:{}", self.server.port());
        [
            pair("/var/lib/broker-courier", shown(self.place.working_dir())),
            pair("/etc/broker-courier", shown(self.folder())),
            pair("/srv/drop-box/rki", shown(self.place.drop_box().to_owned())),
            pair("https://broker.example.org", self.broker.url()),
            pair("sftp.example.org:22", address),
        ]
    }

    fn here(&self, text: &str) -> String {
        let names = self.names().into_iter();
        names.fold(text.to_owned(), |text, (there, here)| {
            text.replace(&there, &here)
        })
    }

    fn there(&self, text: &str) -> String {
        let names = self.names().into_iter();
        let text = names.fold(text.to_owned(), |text, (there, here)| {
            text.replace(&here, &there)
        });
        let home = std::env::var("HOME").unwrap_or_default();
        text.replace("sftpuser", "hospital")
            .replace(&format!("{home}/.ssh"), "~/.ssh")
    }

    /// The part of the demo below that headline.
    pub(super) fn demo(&mut self, headline: &str) -> String {
        let told = self.demo.get_or_insert_with(|| {
            let folder = tempfile::tempdir().unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_demo"))
                .current_dir(folder.path())
                .env("USER", "ann")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let told = String::from_utf8_lossy(&output.stdout);
            let told = told.replace(&folder.path().display().to_string(), "/home/ann");
            told.lines()
                .map(|line| format!("{}\n", line.trim_end()))
                .collect()
        });
        let start = format!("\n{headline}\n{}\n", "-".repeat(headline.len()));
        let (_, part) = told
            .split_once(&start)
            .unwrap_or_else(|| panic!("{headline}: {told}"));
        // The next headline is the line above a line of dashes.
        let lines: Vec<&str> = part.lines().collect();
        let is_rule = |line: &&str| !line.is_empty() && line.chars().all(|c| c == '-');
        let end = lines
            .iter()
            .position(is_rule)
            .map_or(lines.len(), |rule| rule - 1);
        format!("{}\n", lines[..end].join("\n").trim())
    }
}
