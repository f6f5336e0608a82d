//! `check`, with each link broken in turn: which one is named, what a person is told to do, the exit code;
//! and that nothing is left, here or there, whatever happened.

mod start;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::broker::{EmbeddedBroker, Settings};
use testbed::openssh::OpenSshSettings;
use testbed::proxy::Distant;
use testbed::server::SftpServer;

use crate::site::{self, Courier, Place};

/// A broker with one request, and a place for `server`.
fn place(server: &dyn SftpServer) -> (EmbeddedBroker, Place, Courier) {
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let id = broker.publish("rki");
    broker.submit_result(1, id, "text/plain", b"a result");
    let place = Place::new(&broker.url(), server);
    (broker, place, Courier::build())
}

/// Every link of the JSON document, by its name.
fn links(courier: &Courier, place: &Place, code: i32) -> BTreeMap<String, Value> {
    let (json, _) = courier.run(place, &["check", "--json"], code);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["schema"], "broker-courier.check.1");
    assert_eq!(report["exit_code"], code);
    assert_eq!(report["ok"], code == 0);
    let links = report["links"].as_array().unwrap().iter();
    links
        .map(|link| (link["link"].as_str().unwrap().to_owned(), link.clone()))
        .collect()
}

fn with_result(links: &BTreeMap<String, Value>, result: &str) -> Vec<String> {
    let found = links.iter().filter(|(_, link)| link["result"] == result);
    found.map(|(name, _)| name.clone()).collect()
}

/// Nothing is there, and nothing here but what a test puts there.
fn assert_untouched(place: &Place) {
    assert_eq!(place.names().unwrap(), [""; 0]);
    assert_eq!(fs::read_dir(place.working_dir()).unwrap().count(), 0);
}

#[test]
fn when_all_is_well_every_link_holds_and_nothing_is_left() {
    let server = site::embedded();
    let (_broker, place, courier) = place(&server);
    let links = links(&courier, &place, 0);
    assert_eq!(with_result(&links, "failed"), [""; 0]);
    assert_eq!(with_result(&links, "note"), [""; 0]);
    assert_eq!(links.len(), 27);
    // This server tells no time for its files, and does not offer to be asked how much room there is.
    let not_tried = ["sftp.clock", "sftp.space"];
    assert_eq!(with_result(&links, "not tried"), not_tried);
    let says = links["sftp.space"]["says"][0].as_str().unwrap();
    assert!(says.contains("does not offer"), "{says}");
    assert_untouched(&place);
    let (text, _) = courier.run(&place, &["check"], 0);
    assert!(text.contains("\nok        sftp.remove "), "{text}");
    assert!(!text.contains('✓') && !text.contains('\u{1b}'), "{text}");
    // Where files are written under their final names, nothing is renamed, and parts can be seen.
    place.change_config("TIMEOUT = \"25\"", "UPLOAD = \"direct\"");
    let links = self::links(&courier, &place, 0);
    assert_eq!(with_result(&links, "note"), ["sftp.rename"]);
    assert_untouched(&place);
}

/// What is replaced in the configuration, and what follows.
struct Broken<'a> {
    from: &'a str,
    to: &'a str,
    code: i32,
    link: &'a str,
    /// Words of its remedy.
    remedy: &'a str,
    not_tried: &'a [&'a str],
}

#[test]
fn each_broken_link_is_named_with_its_remedy() {
    let server = site::embedded();
    let (broker, place, courier) = place(&server);
    let (url, port) = (broker.url(), format!("PORT = \"{}\"", server.port()));
    let key = server.host_key_fingerprint();
    let other_key = "SHA256:EXAMPLE/ASK/THE/OPERATOR/OF/YOUR/SERVER/AAA";
    let (admin, node) = (EmbeddedBroker::ADMIN_KEY, EmbeddedBroker::NODE_1_KEY);
    let api_key = |key| format!("API_KEY = \"{key}\"");
    let nowhere = "FOLDERNAME = \"nowhere\"";
    let cases = [
        Broken {
            from: &api_key(admin),
            to: &api_key("nobody"),
            code: 4,
            link: "broker.api-key",
            remedy: "BROKER.API_KEY: it must belong to an administrator",
            not_tried: &[
                "broker.list",
                "broker.tag",
                "broker.status",
                "broker.export",
            ],
        },
        Broken {
            from: &api_key(admin),
            to: &api_key(node),
            code: 4,
            link: "broker.api-key",
            remedy: "must belong to an administrator",
            not_tried: &[
                "broker.list",
                "broker.tag",
                "broker.status",
                "broker.export",
            ],
        },
        Broken {
            from: &url,
            to: "http://127.0.0.1:9",
            code: 4,
            link: "broker.address",
            remedy: "is the port in BROKER.URL right?",
            not_tried: &["broker.api-key", "broker.export"],
        },
        Broken {
            from: "PASSWORD = \"sftppassword\"",
            to: "PASSWORD = \"another\"",
            code: 5,
            link: "sftp.login",
            remedy: "check SFTP.USERNAME",
            not_tried: &[
                "sftp.subsystem",
                "sftp.folder",
                "sftp.create",
                "sftp.remove",
            ],
        },
        Broken {
            from: &key,
            to: other_key,
            code: 5,
            link: "sftp.host-key",
            remedy: other_key,
            not_tried: &["sftp.login", "sftp.remove"],
        },
        Broken {
            from: "FOLDERNAME = \"rki\"",
            to: nowhere,
            code: 5,
            link: "sftp.folder",
            remedy: "correct SFTP.FOLDERNAME",
            not_tried: &["sftp.create", "sftp.list", "sftp.remove"],
        },
        Broken {
            from: &port,
            to: "PORT = \"9\"",
            code: 5,
            link: "sftp.address",
            remedy: "check SFTP.HOST and SFTP.PORT",
            not_tried: &["sftp.host-key", "sftp.login", "sftp.remove"],
        },
        Broken {
            from: "\"rki.key\"",
            to: "\"gone.key\"",
            code: 3,
            link: "local.key",
            remedy: "keygen",
            not_tried: &[],
        },
        Broken {
            from: "PASSWORD = \"sftppassword\"",
            to: "KEY_FILE = \"rki.key\"",
            code: 3,
            link: "local.private-key",
            remedy: "SFTP.KEY_FILE must name the private key",
            not_tried: &["sftp.address", "sftp.remove"],
        },
        Broken {
            from: "WORKING_DIR = \"work\"",
            to: "WORKING_DIR = \"gone\"",
            code: 3,
            link: "local.configuration",
            remedy: "docs/configuration.md",
            not_tried: &["local.key", "broker.address", "sftp.remove"],
        },
    ];
    for Broken {
        from,
        to,
        code,
        link: failed,
        remedy,
        not_tried,
    } in cases
    {
        place.change_config(from, to);
        let links = links(&courier, &place, code);
        assert_eq!(with_result(&links, "failed"), [failed], "{to}");
        let said = links[failed]["remedy"].as_str().unwrap();
        assert!(said.contains(remedy), "{to}: {said}");
        for name in not_tried {
            assert_eq!(links[*name]["result"], "not tried", "{to}: {name}");
        }
        // What does not depend on it is tried all the same.
        let other_end = match failed.split('.').next() {
            Some("sftp") => "broker.export",
            _ if not_tried.contains(&"sftp.remove") => "local.configuration",
            _ => "sftp.remove",
        };
        if other_end != failed {
            assert_eq!(links[other_end]["result"], "ok", "{to}");
        }
        assert_untouched(&place);
        place.change_config(to, from);
    }
    // A tag that nobody uses is not wrong, and may be.
    place.change_config("TAG = \"rki\"", "TAG = \"kri\"");
    let links = links(&courier, &place, 0);
    assert_eq!(with_result(&links, "note"), ["broker.tag"]);
    let text = courier.run(&place, &["check"], 0).0;
    assert!(text.contains("do: is REQUESTS.TAG spelt"), "{text}");
}

#[test]
fn what_a_folder_does_not_allow_is_told_and_old_probes_are_swept() {
    let with_mode = |folder_mode| {
        site::openssh_with(OpenSshSettings {
            folder_mode,
            ..OpenSshSettings::default()
        })
    };
    let Some(server) = with_mode(0o700) else {
        return;
    };
    let (_broker, place_of, courier) = place(&server);
    let stale = place_of
        .drop_box()
        .join(".broker-courier-check.00000001-2.part");
    let old = fs::File::create(&stale).unwrap();
    let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    old.set_modified(hour_ago).unwrap();
    let found = links(&courier, &place_of, 0);
    assert_eq!(found["sftp.clock"]["result"], "ok");
    assert_eq!(found["sftp.space"]["result"], "ok");
    let says = found["sftp.space"]["says"][0].as_str().unwrap();
    assert!(says.ends_with(" MiB are free"), "{says}");
    let says = found["sftp.list"]["says"][0].as_str().unwrap();
    assert!(
        says.contains("removed what earlier checks had left: 1 probe"),
        "{says}"
    );
    assert_untouched(&place_of);
    drop(server);

    let Some(server) = with_mode(0o500) else {
        return;
    };
    let (_broker, place_of, courier) = place(&server);
    let found = links(&courier, &place_of, 5);
    assert_eq!(with_result(&found, "failed"), ["sftp.create"]);
    let remedy = found["sftp.create"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("create files in \"rki\""), "{remedy}");
    assert_eq!(found["sftp.list"]["result"], "ok");
    for name in ["write", "rename", "look", "read", "remove"] {
        assert_eq!(found[&format!("sftp.{name}")]["result"], "not tried");
    }
    drop(server);

    let Some(server) = with_mode(0o300) else {
        return;
    };
    let (_broker, place_of, courier) = place(&server);
    let found = links(&courier, &place_of, 0);
    assert_eq!(with_result(&found, "note"), ["sftp.list"]);
    let remedy = found["sftp.list"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("keep a backup of WORKING_DIR"), "{remedy}");
    assert_eq!(found["sftp.remove"]["result"], "ok");
    assert_untouched(&place_of);
}

/// A check that is under way, and has put its probe there.
fn begun(courier: &Courier, place: &Place) -> Child {
    let mut check = courier
        .program()
        .command()
        .arg("-c")
        .arg(place.config())
        .arg("check")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while place.names().unwrap().is_empty() {
        assert!(Instant::now() < limit && check.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    check
}

#[test]
fn a_check_that_is_ended_or_loses_its_connection_takes_its_probe_with_it() {
    let round_trip = Duration::from_millis(40);
    let server = Distant::new(Box::new(site::embedded()), round_trip).unwrap();
    let (_broker, place, courier) = place(&server);
    let mut check = begun(&courier, &place);
    let pid = check.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(killed.unwrap().success());
    assert_eq!(check.wait().unwrap().code(), Some(1));
    assert_untouched(&place);

    let mut check = begun(&courier, &place);
    server.proxy().cut();
    assert_eq!(check.wait().unwrap().code(), Some(5));
    assert_untouched(&place);
}
