//! `integration/new-administrator.sh`: README's *Start*, as it is pasted, on a machine where nothing of this is
//! there, at the addresses that it names. Says what each step took.
//!
//! What always holds here: a command is run exactly as README has it, in one shell, as root; between them only
//! what README tells a person to type is done. Deliberately absent: the fresh machine, which the script makes.

mod servers;
mod shell;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use testbed::broker::EmbeddedBroker;

use servers::Servers;
use shell::Shell;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What README has put beside the configuration for a person to fill.
const FOLDER: &str = "/etc/broker-courier";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [tree, page] => begin(Path::new(tree), Path::new(page), Build::IsThere),
        [tree, page, _build] => begin(Path::new(tree), Path::new(page), Build::IsPart),
        _ => Err("integration/new-administrator.sh starts this".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done about a standard error that is gone.
            let _unheard = writeln!(std::io::stderr(), "Start does not work: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the binary has to be built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    IsThere,
    IsPart,
}

/// What was done, and how long each step took.
#[derive(Default)]
struct Diary {
    steps: Vec<(String, Duration)>,
    typed: Vec<String>,
}

impl Diary {
    fn step<T>(&mut self, what: &str, act: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let begun = Instant::now();
        let done = act().map_err(|error| format!("{what}: {error}"))?;
        self.steps.push((what.to_owned(), begun.elapsed()));
        Ok(done)
    }

    fn types(&mut self, what: &str) {
        self.typed.push(what.to_owned());
    }

    fn page(&self) -> Outcome<String> {
        let mut page =
            "# From nothing to the first result\n\n| step | seconds |\n|---|---|\n".to_owned();
        for (what, took) in &self.steps {
            writeln!(page, "| {what} | {:.1} |", took.as_secs_f64())?;
        }
        let all: Duration = self.steps.iter().map(|(_, took)| *took).sum();
        writeln!(page, "| **all** | **{:.1}** |\n", all.as_secs_f64())?;
        writeln!(page, "Typed, not pasted:\n")?;
        for what in &self.typed {
            writeln!(page, "- {what}")?;
        }
        Ok(page)
    }
}

fn begin(tree: &Path, page: &Path, build: Build) -> Outcome<()> {
    let readme = fs::read_to_string(tree.join("README.md"))?;
    let blocks: [String; 6] = blocks(&readme, "sh")?
        .try_into()
        .map_err(|blocks: Vec<_>| format!("Start has {} blocks of commands", blocks.len()))?;
    let [install, user, init, host_key, check, run] = blocks;
    let servers = Servers::start()?;
    let mut shell = Shell::start(tree)?;
    let mut diary = Diary::default();

    match build {
        Build::IsPart => diary.step("the build, and its installation", || shell.runs(&install))?,
        Build::IsThere => {
            let lines = install.lines().filter(|line| !line.starts_with("cargo "));
            let lines: String = lines.map(|line| format!("{line}\n")).collect();
            diary.step("installing the binary that was built", || {
                shell.runs(&lines)
            })?
        }
    };
    diary.step("user and folders", || shell.runs(&user))?;
    let said = diary.step("`config init`", || shell.runs(&init))?;
    for (name, secret) in [
        ("api-key", EmbeddedBroker::ADMIN_KEY.to_owned()),
        ("sftp-password", servers.password()),
    ] {
        let file = format!("{FOLDER}/{name}");
        if !said.contains(&file) {
            return Err(format!("`config init` does not name {file}: {said}").into());
        }
        fs::write(&file, secret)?;
        diary.types(&format!(
            "the secret in `{file}`, which `config init` had named"
        ));
    }
    let said = diary.step("`host-key`", || shell.runs(&host_key))?;
    let line = said.lines().find(|line| line.starts_with("HOST_KEY = "));
    let line = line.ok_or_else(|| format!("`host-key` prints no line: {said}"))?;
    if !line.contains(&servers.host_key()) {
        return Err("`host-key` shows another key than the operator names".into());
    }
    let config = format!("{FOLDER}/courier.toml");
    let text = fs::read_to_string(&config)?;
    let changed = text.replacen("#HOST_KEY = \"SHA256:…\"", line, 1);
    if changed == text {
        return Err("the configuration has no place for HOST_KEY".into());
    }
    fs::write(&config, changed)?;
    diary.types(&format!("`{line}`, pasted over `#HOST_KEY` in `{config}`"));
    let said = diary.step("`check`", || shell.runs(&check))?;
    if said.contains("\nfailed ") || said.contains("\nnote ") {
        return Err(said.into());
    }
    diary.step("`plan` and `run`: the first result is delivered", || {
        shell.runs(&run)
    })?;
    servers.first_result_is_there()?;
    for block in blocks_of_cron(&readme)? {
        diary.step("a run by cron's line, which says nothing", || {
            cron(&shell, &block)
        })?;
    }
    fs::write(page, diary.page()?)?;
    Ok(writeln!(std::io::stdout(), "{}", diary.page()?)?)
}

/// What cron does with a line: its user, its command, its environment, and a mail if anything is said.
fn cron(shell: &Shell, block: &str) -> Outcome<()> {
    fs::write("/etc/cron.d/broker-courier", block)?;
    let path = block.lines().find_map(|line| line.strip_prefix("PATH="));
    let line = block.lines().find(|line| line.starts_with("*/15"));
    let mut words = line.unwrap_or_default().split_whitespace().skip(5);
    let user = words.next().ok_or("cron's line names no user")?;
    let command: Vec<&str> = words.collect();
    let mail = shell.as_cron(user, path.unwrap_or_default(), &command.join(" "))?;
    if mail.is_empty() {
        Ok(())
    } else {
        Err(format!("cron would send a mail: {mail}").into())
    }
}

fn blocks_of_cron(readme: &str) -> Outcome<Vec<String>> {
    let blocks = blocks(readme, "cron")?;
    if blocks.is_empty() {
        return Err("Start names no line for cron".into());
    }
    Ok(blocks)
}

/// Start's blocks in that language, without what they are indented by.
fn blocks(readme: &str, language: &str) -> Outcome<Vec<String>> {
    let (_, start) = readme
        .split_once("\n## Start\n")
        .ok_or("README has no Start")?;
    let start = start.split("\n## ").next().unwrap_or(start);
    let fence = format!("   ```{language}\n");
    let blocks = start.split(&fence).skip(1);
    let blocks = blocks.filter_map(|block| block.split("   ```").next());
    let plain = |block: &str| -> String {
        let lines = block.lines().map(str::trim_start);
        lines.map(|line| format!("{line}\n")).collect()
    };
    Ok(blocks.map(plain).collect())
}
