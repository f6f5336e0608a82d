//! PostgreSQL on two machines that are folders here: Debian's Patroni and etcd, as `examples/postgresql/patroni.yml`
//! has them.
//!
//! What always holds here: all of it ends, and its folder goes, when it is dropped or the process that started it is
//! gone. Deliberately absent: networks that break, and tables.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::openssh::{StartError, is_root_user, output, show};
use crate::postgres::{ids, janitor};

const CONFIGURATION: &str = include_str!("../../examples/postgresql/patroni.yml");
const PASSWORD: &str = "a-superuser-s-password";
const NAMES: [&str; 2] = ["a", "b"];

/// Ends everything that wrote a number into a file, once nobody holds its standard input any more.
const JANITOR: &str = "cat >/dev/null; cd \"$0\" || exit; for round in 1 2 3; do \
    for file in *.pid */postmaster.pid; do kill -KILL \"$(head -n 1 \"$file\")\" 2>/dev/null; done; sleep 0.3; done; \
    cd /; rm -rf \"$0\"";

/// Two databases, of which one is the primary, and who decides which.
pub struct Cluster {
    folder: PathBuf,
    ids: Option<(u32, u32)>,
    coordinator: Child,
    coordinator_port: u16,
    nodes: [Node; 2],
    janitor: Child,
}

struct Node {
    name: &'static str,
    port: u16,
    rest_port: u16,
    process: Option<Child>,
}

/// What a node says of itself and the other one.
struct Member {
    name: String,
    role: String,
    state: String,
}

impl Cluster {
    /// Starts both, and waits until the second one follows the first.
    pub fn start() -> Result<Self, StartError> {
        for (program, package) in [("etcd", "etcd-server"), ("patroni", "patroni")] {
            output("sh", &["-c", &format!("command -v {program}")])
                .map_err(|_| StartError::Missing(package))?;
        }
        let ids = is_root_user().then(|| ids("postgres")).transpose()?;
        let builder = tempfile::Builder::new().prefix("courier-ha").tempdir()?;
        let folder = builder.keep();
        own(&folder, ids)?;
        let configuration = folder.join("patroni.yml");
        fs::write(&configuration, CONFIGURATION)?;
        let janitor = janitor(JANITOR, &folder)?;
        let coordinator_port = free_port()?;
        let (client, peer) = (address(coordinator_port), address(free_port()?));
        let (client, peer) = (format!("http://{client}"), format!("http://{peer}"));
        let mut etcd = Command::new("etcd");
        etcd.args(["--data-dir", &show(&folder.join("etcd"))])
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer]);
        let coordinator = spawn(etcd, &folder, "etcd", ids)?;
        let node = |name| {
            Ok::<_, io::Error>(Node {
                name,
                port: free_port()?,
                rest_port: free_port()?,
                process: None,
            })
        };
        let nodes = [node(NAMES[0])?, node(NAMES[1])?];
        let mut cluster = Self {
            folder,
            ids,
            coordinator,
            coordinator_port,
            nodes,
            janitor,
        };
        for node in 0..NAMES.len() {
            cluster.begin(node)?;
        }
        cluster.wait_until_both_have_all()?;
        Ok(cluster)
    }

    /// The address of whichever is the primary.
    #[must_use]
    pub fn address(&self, user: &str) -> String {
        let [a, b] = [&self.nodes[0], &self.nodes[1]].map(|node| address(node.port));
        format!(
            "postgres://{user}@{a},{b}/postgres?target_session_attrs=read-write&sslmode=disable"
        )
    }

    /// Has the administrator say SQL to the primary.
    pub fn sql(&self, text: &str) -> Result<String, StartError> {
        let address = self.address("postgres");
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text])
            .arg(address)
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null());
        let output = psql.output()?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(StartError::Refused(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )),
        }
    }

    /// Kills the machine of the primary; gives how long it took until the other one was primary, which is when the
    /// machine is started again.
    pub fn kill_primary(&mut self) -> Result<Duration, StartError> {
        let primary = self.primary().ok_or_else(|| self.stuck("no primary"))?;
        let began = Instant::now();
        self.kill(primary)?;
        let other = 1 - primary;
        self.wait("another primary", |it| it.primary() == Some(other))?;
        let took = began.elapsed();
        self.begin(primary)?;
        Ok(took)
    }

    /// Waits until the second one has everything that the first one has acknowledged, and says so.
    pub fn wait_until_both_have_all(&self) -> Result<(), StartError> {
        self.wait("a synchronous standby", |it| {
            let members = it.members();
            let follows = |it: &Member| it.role == "sync_standby" && it.state != "stopped";
            it.primary().is_some() && members.iter().any(follows)
        })
    }

    fn primary(&self) -> Option<usize> {
        let members = self.members();
        let leads = |it: &&Member| it.role == "leader" && it.state == "running";
        let leader = members.iter().find(leads)?;
        NAMES.iter().position(|name| *name == leader.name)
    }

    /// As the first node says that answers.
    fn members(&self) -> Vec<Member> {
        let client = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(2))
            .build();
        let Ok(client) = client else {
            return Vec::new();
        };
        let ask = |node: &Node| -> Option<Value> {
            let url = format!("http://{}/cluster", address(node.rest_port));
            serde_json::from_str(&client.get(url).send().ok()?.text().ok()?).ok()
        };
        let told = self
            .nodes
            .iter()
            .filter(|node| node.process.is_some())
            .find_map(ask);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let members = told.as_ref().and_then(|it| it["members"].as_array());
        let members = members.into_iter().flatten().map(|it| Member {
            name: text(&it["name"]),
            role: text(&it["role"]),
            state: text(&it["state"]),
        });
        members.collect()
    }

    fn begin(&mut self, node: usize) -> Result<(), StartError> {
        let it = &self.nodes[node];
        let mut patroni = Command::new("patroni");
        patroni
            .arg(self.folder.join("patroni.yml"))
            .env("PATRONI_NAME", it.name)
            .env(
                "PATRONI_ETCD3_HOSTS",
                format!("'{}'", address(self.coordinator_port)),
            )
            .env("PATRONI_POSTGRESQL_DATA_DIR", self.folder.join(it.name))
            .env("PATRONI_SUPERUSER_PASSWORD", PASSWORD)
            .env("PATRONI_REPLICATION_PASSWORD", PASSWORD)
            .env("PATRONI_REWIND_PASSWORD", PASSWORD);
        for (of, port) in [("RESTAPI", it.rest_port), ("POSTGRESQL", it.port)] {
            patroni
                .env(format!("PATRONI_{of}_LISTEN"), address(port))
                .env(format!("PATRONI_{of}_CONNECT_ADDRESS"), address(port));
        }
        let process = spawn(patroni, &self.folder, it.name, self.ids)?;
        self.nodes[node].process = Some(process);
        Ok(())
    }

    fn kill(&mut self, node: usize) -> Result<(), StartError> {
        let file = self
            .folder
            .join(self.nodes[node].name)
            .join("postmaster.pid");
        if let Some(mut process) = self.nodes[node].process.take() {
            process.kill()?;
            process.wait()?;
        }
        let file = fs::read_to_string(file)?;
        let postmaster = file.lines().next().unwrap_or_default();
        output("kill", &["-KILL", postmaster]).map(drop)
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<(), StartError> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(180) {
            if is_so(self) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(self.stuck(what))
    }

    /// What was waited for in vain, and what the programs wrote last.
    fn stuck(&self, what: &str) -> StartError {
        let mut said = format!("{what}: waited in vain\n");
        for name in ["etcd", NAMES[0], NAMES[1]] {
            let log = fs::read_to_string(self.folder.join(format!("{name}.log")));
            let log = log.unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(8).collect();
            said.push_str(&format!("-- {name}\n"));
            for line in lines.into_iter().rev() {
                said.push_str(&format!("{line}\n"));
            }
        }
        StartError::Refused(said)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its end is the janitor's sign.
        drop(self.janitor.stdin.take());
        let nodes = self.nodes.iter_mut();
        let processes = nodes.filter_map(|node| node.process.as_mut());
        for process in processes.chain([&mut self.coordinator]) {
            let _already_gone = process.kill();
            let _reaped = process.wait();
        }
        let _cleaned = self.janitor.wait();
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn own(path: &Path, ids: Option<(u32, u32)>) -> io::Result<()> {
    match ids {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// Starts a program whose number is in a file, and which writes into a log.
fn spawn(
    mut command: Command,
    folder: &Path,
    name: &str,
    ids: Option<(u32, u32)>,
) -> io::Result<Child> {
    let log = folder.join(format!("{name}.log"));
    let log = fs::File::options().create(true).append(true).open(log)?;
    if let Some((user, group)) = ids {
        command.uid(user).gid(group);
    }
    let child = command
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    fs::write(folder.join(format!("{name}.pid")), child.id().to_string())?;
    Ok(child)
}
