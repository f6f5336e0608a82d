//! Checkpoints that are signed, kept and put at the drop-box, and proofs that belong to them: as a recipient
//! meets them, who has `verify.py` and no access to the courier's machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Scene, copy, empty, site};

/// A scene whose runs sign, and what others verify by.
struct Signing {
    scene: Scene,
    vkey: String,
}

impl Signing {
    fn begin() -> Self {
        let scene = Scene::embedded(Box::new(site::embedded()));
        let file = scene.place.config().with_file_name("evidence.key");
        let file = file.display().to_string();
        let arguments = ["evidence-key", &file, "--name", "clinic.example/courier"];
        let (said, _) = scene.courier.run(&scene.place, &arguments, 0);
        let vkey = said.lines().nth(1).unwrap().to_owned();
        let (again, _) = (scene.courier).run(&scene.place, &["evidence-key", &file, "--public"], 0);
        assert_eq!(again.trim(), vkey);
        let (_, refused) = scene.courier.run(&scene.place, &["evidence-key", &file], 3);
        assert!(refused.contains("never overwritten"), "{refused}");
        let key = "[EVIDENCE]\nKEY = \"evidence.key\"\n[RUN]\nEVERY_MINUTES = 15\n[MISC]";
        scene.place.change_config("[MISC]", key);
        Self { scene, vkey }
    }

    fn name(&self) -> String {
        format!("checkpoints-{}.txt", &self.scene.log_id()[..8])
    }

    fn kept(&self) -> PathBuf {
        self.scene.place.working_dir().join(self.name())
    }

    fn there(&self) -> PathBuf {
        self.scene.place.drop_box().join(self.name())
    }

    /// The sizes of the checkpoints in a file.
    fn sizes(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn say(&self, arguments: &[&str], code: i32) -> String {
        let (stdout, stderr) = self.scene.courier.run(&self.scene.place, arguments, code);
        format!("{stdout}{stderr}")
    }

    fn prove(&self, name: &str, arguments: &[&str]) -> String {
        let path = self.scene.place.config().with_file_name(name);
        let path = path.display().to_string();
        self.say(&[&["prove"], arguments, &["-o", &path]].concat(), 0);
        path
    }
}

/// What the script says that was written from the document alone; none where there is no Python.
fn verify_py(arguments: &[&str]) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("independent/verify.py");
    match Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(arguments)
        .output()
    {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            Some((output.status.success(), said))
        }
        Err(error) if std::env::var_os("CI").is_none() => {
            site::skipped(&format!("python3: {error}"));
            None
        }
        Err(error) => panic!("python3: {error}"),
    }
}

#[test]
fn what_was_delivered_is_proven_to_somebody_who_has_no_ledger() {
    let signing = Signing::begin();
    let Signing { scene, vkey } = &signing;
    scene.run(0);
    let first = Signing::sizes(&signing.kept());
    assert_eq!(first.len(), 1, "{first:?}");
    scene.run(0);
    assert_eq!(Signing::sizes(&signing.kept()), first, "nothing changed");
    scene.publish();
    scene.run(0);
    let kept = fs::read(signing.kept()).unwrap();
    assert_eq!(fs::read(signing.there()).unwrap(), kept);
    let sizes = Signing::sizes(&signing.kept());
    let (old, new) = (sizes[0].to_string(), sizes[1].to_string());
    assert!(signing.say(&["verify"], 0).contains("2 checkpoints"));
    // The report names the last one, and how to verify it.
    let report: serde_json::Value =
        serde_json::from_str(&signing.say(&["report", "--json"], 0)).unwrap();
    let checkpoint = &report["checkpoint"];
    assert_eq!(checkpoint["size"].to_string(), new);
    assert_eq!(checkpoint["kept"], 2);
    assert!(signing.say(&["report"], 0).contains(&signing.name()));
    // The first two had not been told.
    let runs = report["runs"].as_array().unwrap();
    let told = runs.iter().map(|run| run["every_minutes"].as_u64());
    let told: Vec<_> = told.collect();
    assert_eq!(told, [None, None, Some(15), Some(15), Some(15)]);

    let checkpoints = signing.there().display().to_string();
    let proof = signing.prove("export_2.tlog-proof", &["--request", "2"]);
    let said = signing.say(
        &[
            "verify-proof",
            &proof,
            "--key",
            vkey,
            "--checkpoints",
            &checkpoints,
        ],
        0,
    );
    assert!(
        said.contains("Proven:") && said.contains("Not proven:"),
        "{said}"
    );
    assert!(said.contains("export_2.zip"), "{said}");
    let step = signing.prove("step.proof", &["--consistency", &old, &new]);
    signing.say(
        &[
            "verify-proof",
            &step,
            "--key",
            vkey,
            "--checkpoints",
            &checkpoints,
        ],
        0,
    );
    signing.say(&["verify-proof", &step, "--key", vkey], 2);
    signing.say(&["prove", "9999"], 2);
    signing.say(&["prove", "2", "--checkpoint", "9999"], 2);

    let log = scene
        .place
        .working_dir()
        .join("ledger.log")
        .display()
        .to_string();
    for arguments in [
        &["--key", vkey, "--proof", &proof][..],
        &[&log, "--key", vkey, "--checkpoints", &checkpoints][..],
    ] {
        if let Some((held, said)) = verify_py(arguments) {
            assert!(held, "{said}");
        }
    }

    a_folder_is_judged_without_a_ledger(&signing, &checkpoints);

    // One character of each line, one line less: nothing of that passes.
    let text = fs::read_to_string(&proof).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed = format!("{proof}.changed");
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.len() > 20) {
        let mut other = lines.clone();
        let last = if line.ends_with("A=") { "B=" } else { "A=" };
        let text = format!("{}{last}", &line[..line.len() - 2]);
        other[index] = &text;
        fs::write(&changed, other.join("\n") + "\n").unwrap();
        let outcome = scene
            .courier
            .program()
            .run(&["verify-proof", &changed, "--key", vkey]);
        assert!(
            matches!(outcome.code, Some(2 | 7)),
            "line {index} may say what it likes"
        );
    }
    let other = "clinic.example/courier+33cf8f0b+AfQ";
    signing.say(&["verify-proof", &proof, "--key", other], 2);
}

/// A recipient has the files, what is signed beside them, and the verifier key.
fn a_folder_is_judged_without_a_ledger(signing: &Signing, checkpoints: &str) {
    let Signing { scene, vkey } = signing;
    let folder = tempfile::tempdir().unwrap();
    copy(scene.place.drop_box(), folder.path());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let manifest = at(&format!("manifest-{}.txt", &scene.log_id()[..8]));
    let box_ = folder.path().display().to_string();
    let audit = |more: &[&str], code: i32| {
        let arguments = [&["audit-box", &box_, "--key", vkey], more].concat();
        let outcome = scene.courier.program().run(&arguments);
        let said = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, Some(code), "{said}");
        said
    };
    let by = ["--manifest", &manifest, "--checkpoints", checkpoints];
    let said = audit(&by, 0);
    assert!(
        said.starts_with("3 whole\nby the manifest of ledger "),
        "{said}"
    );
    let arguments = ["--key", vkey, "--manifest", &manifest, "--files", &box_];
    if let Some((held, said)) = verify_py(&arguments) {
        assert!(held && said.contains("3 files are as they were"), "{said}");
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet"])
        .arg(&manifest)
        .current_dir(folder.path())
        .output();
    assert!(sums.is_ok_and(|it| it.status.success()));
    // The whole ledger says the same, and nobody took what was signed for results.
    let said = signing.say(&["audit-box", &box_], 0);
    assert!(said.starts_with("3 whole\nby ledger "), "{said}");

    // With checkpoints that were kept before, what came since is later than the last one.
    let old = at("old.txt");
    let kept = fs::read_to_string(checkpoints).unwrap();
    let first: Vec<&str> = kept.split_inclusive('\n').take(5).collect();
    fs::write(&old, first.concat()).unwrap();
    fs::write(at("export_77.zip"), "somebody's").unwrap();
    fs::write(at("export_1.zip"), "other bytes").unwrap();
    fs::remove_file(at("export_0.zip")).unwrap();
    let said = audit(&["--manifest", &manifest, "--checkpoints", &old, "-v"], 1);
    for says in [
        "export_0.zip\": missing",
        "export_1.zip\": other bytes",
        "export_77.zip\": not listed",
        "1 of them later than the last checkpoint",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    let status = at("status.xml");
    let said = audit(&["--status", &status, "--checkpoints", &old, "-v"], 1);
    assert!(said.contains("by the status.xml of ledger"), "{said}");
    assert!(said.contains("nobody signs it"), "{said}");
    if let Some((held, said)) = verify_py(&arguments) {
        assert!(!held && said.contains("export_0.zip: missing"), "{said}");
    }

    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replacen("bytes, event", "bytes, event 1", 1),
    )
    .unwrap();
    let said = audit(&["--manifest", &manifest], 7);
    assert!(said.contains("it was changed"), "{said}");
    let unnamed = ["audit-box", &box_, "--manifest", &manifest];
    assert_eq!(scene.courier.program().run(&unnamed).code, Some(2));
}

#[test]
fn an_old_copy_of_everything_signs_nothing_that_contradicts_what_was_signed() {
    let signing = Signing::begin();
    let scene = &signing.scene;
    scene.run(0);
    let backup = tempfile::tempdir().unwrap();
    copy(&scene.place.working_dir(), backup.path());
    scene.publish();
    scene.run(0);
    let there = fs::read(signing.there()).unwrap();

    // The disk is restored, and nobody can tell by `status.xml`, which the recipient took away.
    empty(&scene.place.working_dir());
    copy(backup.path(), &scene.place.working_dir());
    fs::remove_file(scene.place.drop_box().join("status.xml")).unwrap();
    scene.run(1);
    for run in 0..2 {
        scene.publish();
        // What the lost run delivered is nobody's for this copy.
        let said = scene.run(1);
        assert!(said.contains("nothing is signed"), "run {run}: {said}");
        assert_eq!(fs::read(signing.there()).unwrap(), there);
        assert_eq!(Signing::sizes(&signing.kept()).len(), 1);
    }
}

#[test]
fn somebody_else_s_file_stays_and_a_lost_one_of_ours_is_taken_up_again() {
    let signing = Signing::begin();
    let scene = &signing.scene;
    let name = signing.name();
    fs::write(signing.there(), "somebody's notes\n").unwrap();
    let said = scene.run(0);
    assert!(
        said.contains(&name) && said.contains("left alone"),
        "{said}"
    );
    assert_eq!(fs::read(signing.there()).unwrap(), b"somebody's notes\n");
    assert_eq!(Signing::sizes(&signing.kept()).len(), 1);

    fs::remove_file(signing.there()).unwrap();
    scene.run(0);
    let before = Signing::sizes(&signing.there());
    fs::remove_file(signing.kept()).unwrap();
    scene.publish();
    scene.run(0);
    let after = Signing::sizes(&signing.kept());
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(Signing::sizes(&signing.there()), after);
}
