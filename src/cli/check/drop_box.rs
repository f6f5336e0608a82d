//! The drop-box, from its address to the removal of a probe.

use courier_ledger::{BrokerTime, Counted, LogId, Placement, Quoted, RemoteCheckRule};

use super::report::{Link, Report, Standing};
use crate::cli::error::{CommandError, NoRandomNumbers};
use crate::config::Configuration;
use crate::effects::sftp::{Capabilities, Endpoint, HostKeys, Room};
use crate::effects::stop::Stop;
use crate::effects::trial::{self, Attempt, Finding, Tried};
use crate::exit_code::ExitCode;

const CLOCK: Link = Link {
    id: "sftp.clock",
    title: "clock",
};

/// All of them.
pub(super) const LINKS: &[Link] = &[
    link(Attempt::Address),
    link(Attempt::HostKey),
    link(Attempt::Login),
    link(Attempt::Sftp),
    link(Attempt::Folder),
    link(Attempt::Room),
    link(Attempt::Create),
    link(Attempt::Write),
    link(Attempt::Rename),
    link(Attempt::Look),
    link(Attempt::Read),
    link(Attempt::List),
    link(Attempt::Remove),
    CLOCK,
];

const fn link(attempt: Attempt) -> Link {
    let (id, title) = match attempt {
        Attempt::Address => ("sftp.address", "address"),
        Attempt::HostKey => ("sftp.host-key", "host key"),
        Attempt::Login => ("sftp.login", "login"),
        Attempt::Sftp => ("sftp.subsystem", "SFTP"),
        Attempt::Folder => ("sftp.folder", "folder"),
        Attempt::Room => ("sftp.space", "free space"),
        Attempt::Create => ("sftp.create", "create"),
        Attempt::Write => ("sftp.write", "write"),
        Attempt::Rename => ("sftp.rename", "rename over"),
        Attempt::Look => ("sftp.look", "look"),
        Attempt::Read => ("sftp.read", "read"),
        Attempt::List => ("sftp.list", "list"),
        Attempt::Remove => ("sftp.remove", "delete"),
    };
    Link { id, title }
}

pub(super) fn check(
    configuration: &Configuration,
    endpoint: Option<Endpoint>,
    stop: &Stop,
    report: &mut Report,
) -> Result<(), CommandError> {
    let Some(endpoint) = endpoint else {
        report.rest(LINKS, "the private key");
        return Ok(());
    };
    let mut id = [0; 16];
    openssl::rand::rand_bytes(&mut id).map_err(NoRandomNumbers::Seed)?;
    let rule = configuration.rules.remote_check;
    let mut first_failed = None;
    let mut ended = trial::trial(&endpoint, LogId(id), stop, &mut |tried| {
        let attempt = tried.attempt;
        if add(&tried, &endpoint, rule, report) {
            first_failed.get_or_insert(attempt);
        }
    });
    clock(ended.server_time.take(), first_failed, report);
    if !ended.left.is_empty() {
        let names = ended.left.iter().map(ToString::to_string);
        let names = names.collect::<Vec<_>>().join(", ");
        let says = [format!("the probe may still be there: {names}")];
        let standing = Standing::Fails {
            code: ExitCode::DropBox,
            remedy: "remove it; a `check` that may list and delete does so after ten minutes"
                .to_owned(),
        };
        let left = Link {
            id: "sftp.left-over",
            title: "left over",
        };
        report.add(left, &standing, &says, None);
    }
    let because = match first_failed {
        Some(attempt) => format!("the link \"{}\"", link(attempt).title),
        None if ended.is_interrupted => "an end that was asked for".to_owned(),
        None => "the connection".to_owned(),
    };
    report.rest(LINKS, &because);
    Ok(())
}

/// Adds what was tried; says whether it failed.
fn add(tried: &Tried, endpoint: &Endpoint, rule: RemoteCheckRule, report: &mut Report) -> bool {
    let Tried {
        attempt,
        result,
        took,
    } = tried;
    let (standing, says) = match result {
        Ok(finding) => found(*attempt, finding, endpoint),
        Err(text) => (refused(*attempt, endpoint, rule), text.clone()),
    };
    let is_failed = matches!(standing, Standing::Fails { .. });
    report.add(link(*attempt), &standing, &[says], Some(*took));
    is_failed
}

fn found(attempt: Attempt, finding: &Finding, endpoint: &Endpoint) -> (Standing, String) {
    let says = match finding {
        Finding::Nothing => nothing_else(attempt, endpoint),
        Finding::HostKey(fingerprint) => format!("{fingerprint} is accepted"),
        Finding::Offers(offers) => return offered(offers),
        Finding::Room(room) => return found_room(*room),
        Finding::Written(bytes) => format!("{bytes} bytes arrived"),
        Finding::Placed(placement) => return placed(*placement),
        Finding::Taken => "somebody has taken the probe away in the meantime".to_owned(),
        Finding::Listed { files, swept: 0 } => {
            format!("{}; `recover` finds all results", Counted(*files, "name"))
        }
        Finding::Listed { files, swept } => {
            format!(
                "{}; removed what earlier checks had left: {}",
                Counted(*files, "name"),
                Counted(*swept, "probe")
            )
        }
    };
    (Standing::Holds, says)
}

fn nothing_else(attempt: Attempt, endpoint: &Endpoint) -> String {
    match attempt {
        Attempt::Address => format!("{}:{} speaks SSH", endpoint.host, endpoint.port),
        Attempt::Login => format!("as {}", endpoint.username),
        Attempt::Folder => format!("{} is there", Quoted(&endpoint.folder)),
        Attempt::Create => "a probe with a name of its own".to_owned(),
        Attempt::Look => "REMOTE.CHECK can be used".to_owned(),
        Attempt::Read => "`recover` can tell which files are ours".to_owned(),
        Attempt::Remove => "the probe is gone".to_owned(),
        Attempt::HostKey
        | Attempt::Sftp
        | Attempt::Room
        | Attempt::Write
        | Attempt::Rename
        | Attempt::List => "works".to_owned(),
    }
}

/// What the room on the server's disk comes to.
fn found_room(room: Option<Room>) -> (Standing, String) {
    match room {
        None => {
            let says = "the server does not offer to be asked (statvfs@openssh.com)";
            (Standing::NotTried, says.to_owned())
        }
        // File systems that know no size have none.
        Some(Room { total_bytes: 0, .. }) => {
            let says = "the server answers, and its disk tells no size";
            (Standing::NotTried, says.to_owned())
        }
        Some(room) => {
            let standing = match room.is_too_little() {
                true => Standing::Fails {
                    code: ExitCode::DropBox,
                    remedy: "have the server's operator make room: uploads will fail".to_owned(),
                },
                false => Standing::Holds,
            };
            (standing, format!("{room} are free"))
        }
    }
}

fn offered(offers: &Capabilities) -> (Standing, String) {
    let known = [
        (offers.posix_rename, "posix-rename"),
        (offers.fsync, "fsync"),
        (offers.statvfs, "statvfs"),
    ];
    let named = |has: bool| {
        let names = known.iter().filter(|(had, _)| *had == has);
        let names: Vec<&str> = names.map(|(_, name)| *name).collect();
        names.join(", ")
    };
    let says = match (named(true), named(false)) {
        (has, lacks) if lacks.is_empty() => format!("with {has}"),
        (has, lacks) if has.is_empty() => format!("without {lacks}"),
        (has, lacks) => format!("with {has}; without {lacks}"),
    };
    (Standing::Holds, says)
}

fn placed(placement: Placement) -> (Standing, String) {
    match placement {
        Placement::PosixRename => (Standing::Holds, "at once: old or new, whole".to_owned()),
        Placement::Rename => (Standing::Holds, "onto a free name".to_owned()),
        Placement::UnlinkThenRename => (
            Standing::Noted {
                remedy: "posix-rename@openssh.com at the server closes that gap".to_owned(),
            },
            "the old file goes first: for a moment there is neither".to_owned(),
        ),
        Placement::Direct => (
            Standing::Noted {
                remedy: "SFTP.UPLOAD = \"rename\", if the server can".to_owned(),
            },
            "files are written under their final name: a part of one can be seen".to_owned(),
        ),
    }
}

/// Which keys are accepted, in words.
fn accepted(host_keys: &HostKeys) -> String {
    match host_keys {
        HostKeys::Pinned(pins) => {
            let pins: Vec<String> = pins.iter().map(ToString::to_string).collect();
            format!("accepted is {}", pins.join(" or "))
        }
        HostKeys::KnownHosts(files) => {
            let files: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
            format!("accepted is what {} says", files.join(" or "))
        }
    }
}

/// What it means that the drop-box does not let something be done.
fn refused(attempt: Attempt, endpoint: &Endpoint, rule: RemoteCheckRule) -> Standing {
    let folder = Quoted(&endpoint.folder);
    let noted = |remedy: &str| Standing::Noted {
        remedy: remedy.to_owned(),
    };
    let remedy = match attempt {
        Attempt::Address => {
            "check SFTP.HOST and SFTP.PORT; may this machine reach it, and does its operator admit it?"
                .to_owned()
        }
        Attempt::HostKey => format!(
            "`broker-courier host-key` shows what the server presents; {}; ask its operator before you \
             change SFTP.HOST_KEY",
            accepted(&endpoint.host_keys)
        ),
        Attempt::Login => "check SFTP.USERNAME, and the password, key or agent; do not try often: \
                           servers lock out who does"
            .to_owned(),
        Attempt::Sftp => "ask the server's operator whether this account may use SFTP".to_owned(),
        Attempt::Folder => format!(
            "correct SFTP.FOLDERNAME, or have {folder} created; it starts where a login leads"
        ),
        Attempt::Room => return noted("ask the server's operator if you want to know"),
        Attempt::Create => format!(
            "have the server's operator let {} create files in {folder}",
            endpoint.username
        ),
        Attempt::Write => {
            "is the server's disk, or the quota, full? SFTP.VERIFY says what must agree".to_owned()
        }
        Attempt::Rename => format!(
            "have the server's operator let {} rename and delete in {folder}; for one that never \
             can, there is SFTP.UPLOAD = \"direct\"",
            endpoint.username
        ),
        Attempt::Look => match rule {
            RemoteCheckRule::Off => return noted("leave REMOTE.CHECK = \"off\""),
            RemoteCheckRule::Report | RemoteCheckRule::Repair | RemoteCheckRule::Pickup => {
                "set REMOTE.CHECK = \"off\", or have the server let files be looked at".to_owned()
            }
        },
        Attempt::Read => {
            return noted(
                "keep a backup of WORKING_DIR: `recover` could not tell which files are ours",
            );
        }
        Attempt::List => {
            return noted(
                "keep a backup of WORKING_DIR: `recover` finds only what status.xml names",
            );
        }
        Attempt::Remove => format!(
            "have the server's operator let {} delete in {folder}: withdrawn results would stay",
            endpoint.username
        ),
    };
    Standing::Fails {
        code: ExitCode::DropBox,
        remedy,
    }
}

/// The server's clock, by the time that it gave the probe.
fn clock(time: Option<BrokerTime>, first_failed: Option<Attempt>, report: &mut Report) {
    let Some(time) = time else {
        if first_failed.is_none() {
            let says = ["the server tells no time for the probe".to_owned()];
            report.add(CLOCK, &Standing::NotTried, &says, None);
        }
        return;
    };
    let (standing, says) = match time.difference() {
        None => (Standing::Holds, "agrees with ours".to_owned()),
        Some(difference) => {
            let remedy = "set the clock that is wrong (NTP); nothing is decided by it".to_owned();
            let says = format!(
                "our clock says {}, and the server's {}",
                difference.ours, difference.theirs
            );
            (Standing::Noted { remedy }, says)
        }
    };
    report.add(CLOCK, &standing, &[says], None);
}
