//! README's *Start*, as it is pasted: its commands, in their order, as root, with a user of its own. Only places
//! and addresses are others: a machine has one `/etc`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use testbed::broker::{EmbeddedBroker, Settings};
use testbed::server::SftpServer as _;

use crate::site;

const README: &str = include_str!("../../../README.md");
/// Tests that need a user make this one, and leave it there.
const USER: &str = "courier-test";

/// The blocks of commands, without what they are indented by.
fn blocks() -> Vec<String> {
    let (_, start) = README.split_once("\n## Start\n").unwrap();
    let (start, _) = start.split_once("\n## ").unwrap();
    let blocks = start.split("   ```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("   ```").next().unwrap());
    blocks
        .map(|block| {
            block
                .lines()
                .map(|line| format!("{}\n", line.trim_start()))
                .collect()
        })
        .collect()
}

fn is_known(user: &str) -> bool {
    Command::new("id")
        .arg(user)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn the_commands_of_start_work_as_pasted_where_nothing_exists() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    if !is_root || !Path::new("/usr/sbin/runuser").exists() {
        return site::skipped("it takes root and runuser");
    }
    let broker = EmbeddedBroker::start(Settings::default()).unwrap();
    let id = broker.publish("rki");
    broker.submit_result(1, id, "text/plain", b"a result");
    let server = site::embedded();
    let courier = site::Courier::build();
    let machine = tempfile::tempdir().unwrap();
    let root = machine.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = std::ffi::OsString::from(root.join("bin"));
    path.push(":/usr/sbin:/usr/bin:/sbin:/bin");
    for name in ["bin", "etc", "lib"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    let moved = |text: &str| {
        text.replace("/usr/local/bin", &root.join("bin").display().to_string())
            .replace(
                "/etc/broker-courier",
                &root.join("etc/a").display().to_string(),
            )
            .replace(
                "/var/lib/broker-courier",
                &root.join("lib/a").display().to_string(),
            )
            .replace(
                "target/release/broker-courier",
                &courier.program().path().display().to_string(),
            )
            .replace("https://broker.example.org", &broker.url())
            .replace(
                "sftp.example.org",
                &format!("127.0.0.1 --port {}", server.port()),
            )
            .replace(
                "--username hospital",
                &format!("--username {}", server.username()),
            )
            .replace("-o courier -g courier", &format!("-o {USER} -g {USER}"))
            .replace("-u courier", &format!("-u {USER}"))
            // What follows from a configuration in /etc.
            .replace(
                "config init",
                &format!("config init --working-dir {}", root.join("lib/a").display()),
            )
            .replace("/a courier\n", &format!("/a {USER}\n"))
    };
    let mut functions = String::new();
    let mut run = |block: &str| {
        let is_done = |line: &str| {
            line.starts_with("cargo ") || line.starts_with("useradd ") && is_known(USER)
        };
        let lines: Vec<&str> = block.lines().filter(|line| !is_done(line)).collect();
        let script = format!("set -e\n{functions}{}\n", moved(&(lines.join("\n") + "\n")));
        let output = Command::new("sh")
            .args(["-c", &script])
            .env("PATH", &path)
            .env_remove("BROKER_COURIER_CONFIG")
            .stdin(Stdio::null())
            .current_dir(root)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}\n{errors}");
        let defined = lines.iter().filter(|line| line.starts_with("courier() "));
        functions.extend(defined.map(|line| moved(&format!("{line}\n"))));
        said
    };
    let [install, user, init, host_key, check, run_it] = blocks().try_into().unwrap();
    run(&install);
    run(&user);
    let said = run(&init);
    let folder = root.join("etc/a");
    for (name, secret) in [
        ("api-key", EmbeddedBroker::ADMIN_KEY.to_owned()),
        ("sftp-password", server.password().unwrap()),
    ] {
        assert!(
            said.contains(&format!("to fill  {}", folder.join(name).display())),
            "{said}"
        );
        fs::write(folder.join(name), secret).unwrap();
    }
    let said = run(&host_key);
    let line = said
        .lines()
        .find(|line| line.starts_with("HOST_KEY = "))
        .unwrap();
    let config = folder.join("courier.toml");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replace("#HOST_KEY = \"SHA256:…\"", line);
    assert_ne!(changed, text);
    fs::write(&config, changed).unwrap();
    let said = run(&check);
    assert!(
        !said.contains("\nfailed ") && !said.contains("\nnote "),
        "{said}"
    );
    let said = run(&run_it);
    assert!(said.contains("export_0.zip"), "{said}");
    assert!(server.drop_box().join("export_0.zip").exists());
    let owner = fs::metadata(root.join("lib/a/ledger.log")).unwrap().uid();
    assert_eq!(owner, fs::metadata(&folder).unwrap().uid());
    assert_ne!(owner, 0);
}
