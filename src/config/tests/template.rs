//! A new configuration, and what one comes to.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn answers() -> Answers {
    Answers {
        name: Name::Courier,
        url: "https://broker.clinic.example".to_owned(),
        tag: "a \"tag\"".to_owned(),
        host: "sftp.clinic.example".to_owned(),
        port: 2222,
        username: "courier".to_owned(),
        proof: Proof::Password,
        folder: "in/box".to_owned(),
        host_key: None,
        working_dir: "work".to_owned(),
    }
}

#[test]
fn a_new_configuration_says_what_was_answered_and_every_key_with_its_comment() {
    let text = answers().text();
    for (from, to) in text.lines().zip(EXAMPLE.lines()) {
        // Nothing moves: only values change, and what is still to be added.
        assert_eq!(from.starts_with('['), to.starts_with('['), "{from}");
        if from.starts_with("HOST_KEY") || to.starts_with("HOST_KEY") {
            break;
        }
    }
    let scene = Scene::example(&text);
    let (configuration, warnings) = scene.load().unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        configuration.broker.address.to_string(),
        "https://broker.clinic.example"
    );
    assert_eq!(configuration.broker.tag.to_string(), "a \"tag\"");
    let drop_box = &configuration.drop_box;
    assert_eq!(
        drop_box.to_string(),
        "courier@sftp.clinic.example:2222/in/box"
    );
    assert_eq!(configuration.working_dir, scene.folder.path().join("work"));
    assert!(matches!(drop_box.host_keys, HostKeys::KnownHosts(_)));
    assert_eq!(answers().problems(), [""; 0]);
}

#[test]
fn a_private_key_and_a_host_key_take_the_place_of_password_and_known_hosts() {
    let answers = Answers {
        proof: Proof::PrivateKey("/etc/id".to_owned()),
        host_key: Some("SHA256:EXAMPLE/ASK/THE/OPERATOR/OF/YOUR/SERVER/AAA".to_owned()),
        ..answers()
    };
    assert_eq!(answers.problems(), [""; 0]);
    let configuration = Scene::example(&answers.text()).loaded();
    assert_eq!(password(&configuration), None);
    assert_eq!(
        configuration.private_key.unwrap().path,
        Path::new("/etc/id")
    );
    assert!(matches!(
        configuration.drop_box.host_keys,
        HostKeys::Pinned(_)
    ));
}

#[test]
fn answers_that_do_not_serve_are_told_in_the_words_of_their_keys() {
    let answers = Answers {
        url: "broker".to_owned(),
        host: "a host".to_owned(),
        host_key: Some("MD5:1".to_owned()),
        ..answers()
    };
    let problems = answers.problems().join("\n");
    for key in ["BROKER.URL", "SFTP.HOST ", "SFTP.HOST_KEY"] {
        assert!(problems.contains(key), "{problems}");
    }
}

#[test]
fn what_a_configuration_comes_to_names_every_key_once_and_no_secret() {
    let text = LEGACY.replace("\"/opt\"", "\"~/ledger\"");
    let scene = Scene::new(&text);
    let keys = Configuration::effective(&scene.path()).unwrap();
    let names: Vec<String> = keys::names().map(|name| name.to_string()).collect();
    let shown: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
    assert_eq!(shown, names);
    let of = |name: &str| keys.iter().find(|key| key.name == name).unwrap();
    let is = |name: &str, value: &str, origin| {
        assert_eq!(of(name).value.as_deref(), Some(value), "{name}");
        assert_eq!(of(name).origin, origin, "{name}");
    };
    is("BROKER.API_KEY", "********", Origin::Line(3));
    is("SFTP.PASSWORD", "********", Origin::Line(9));
    is("SFTP.TIMEOUT", "25", Origin::Line(10));
    is("SFTP.PORT", "22", Origin::Default);
    is("SFTP.UPLOAD", "rename", Origin::Default);
    let ledger = std::env::home_dir().unwrap().join("ledger");
    let ledger = ledger.display().to_string();
    is("MISC.WORKING_DIR", &ledger, Origin::LineAndHome(15));
    assert_eq!(of("SFTP.PASSWORD_FILE").value, None);

    let scene = Scene::new(text.replace("http://", "http://me:secret@"));
    let keys = Configuration::effective(&scene.path()).unwrap();
    let all = format!("{keys:?}");
    for secret in ["secret", "sftppassword", "xxxAdmin"] {
        assert!(!all.contains(secret), "{all}");
    }
    let incomplete = Scene::new("[SFTP]\nPORT = 1\n");
    let keys = Configuration::effective(&incomplete.path()).unwrap();
    let missing = keys.iter().filter(|key| key.origin == Origin::Missing);
    assert_eq!(missing.count(), 7);
}

#[test]
fn configurations_in_one_folder_do_not_share_what_is_theirs_alone() {
    let etc = Path::new("/etc/broker-courier");
    let courier = Name::of(&etc.join("courier.toml"));
    let (rki, dzif) = (
        Name::of(&etc.join("rki.toml")),
        Name::of(&etc.join("dzif.toml")),
    );
    assert_eq!(
        rki.working_dir(etc),
        Path::new("/var/lib/broker-courier-rki")
    );
    assert_eq!(
        courier.working_dir(etc),
        Path::new("/var/lib/broker-courier")
    );
    assert_eq!(rki.working_dir(Path::new(".")), Path::new("rki.work"));
    let of = |name: &Name| {
        let text = Answers {
            name: name.clone(),
            ..answers()
        };
        assert_eq!(text.problems(), [""; 0]);
        let files = [name.api_key_file(), name.password_file(), name.key_file()];
        for file in &files {
            assert!(text.text().contains(&format!(" = \"{file}\"\n")), "{file}");
        }
        let folder = name.working_dir(etc).display().to_string();
        files.into_iter().chain([folder]).collect::<Vec<_>>()
    };
    let mut all = [of(&courier), of(&rki), of(&dzif)].concat();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "{all:?}");
}
