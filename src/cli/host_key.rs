//! `host-key`: asks the server who it is, before anybody trusts it with a password, and says how that stands
//! to what is accepted. It takes the server's host and port, and nothing else.

use std::io::{self, Write};

use serde::Serialize;

use super::arguments::{Arguments, JsonOption};
use super::error::CommandError;
use super::{output, parts};
use crate::config::Server;
use crate::effects::sftp::{self, ConnectError, PresentedHostKey, Verdict};
use crate::exit_code::ExitCode;

/// How the key stands to what is accepted, as `--json` names it.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// It is accepted.
    Same,
    /// Others are.
    Other,
    /// It must not be used.
    Revoked,
    /// Nothing is known of the server.
    Unknown,
}

impl From<Verdict> for Standing {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Same,
            Verdict::Changed => Self::Other,
            Verdict::Revoked => Self::Revoked,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

#[derive(Serialize)]
struct HostKeyView<'a> {
    host: &'a str,
    port: u16,
    algorithm: &'a str,
    fingerprint: String,
    pinned: Standing,
    pinned_fingerprints: Vec<String>,
    known_hosts: Standing,
    accepted: bool,
}

pub(crate) fn host_key(
    arguments: &Arguments,
    options: &JsonOption,
) -> Result<ExitCode, CommandError> {
    let server = parts::server(arguments)?;
    let Server {
        host,
        port,
        route: _,
        timeouts,
        pinned,
        known_hosts,
    } = &server;
    let key =
        sftp::probe(server.destination(), timeouts, pinned, known_hosts).map_err(|error| {
            let remedy = match error {
                ConnectError::KnownHostsUnreadable { .. } => "SFTP.KNOWN_HOSTS names it",
                _ => "check SFTP.HOST and SFTP.PORT; may this machine reach it?",
            };
            CommandError::from(error).hint(remedy)
        })?;
    let decides = match pinned.is_empty() {
        true => key.known,
        false => key.pinned,
    };
    if options.json {
        output::write_json(&HostKeyView {
            host,
            port: *port,
            algorithm: &key.algorithm,
            fingerprint: key.fingerprint.to_string(),
            pinned: key.pinned.into(),
            pinned_fingerprints: pinned.iter().map(ToString::to_string).collect(),
            known_hosts: key.known.into(),
            accepted: decides == Verdict::Accepted,
        })?;
    } else {
        output::write(|output| show(output, &server, &key))?;
    }
    Ok(match decides {
        Verdict::Accepted | Verdict::Unknown => ExitCode::Done,
        Verdict::Changed | Verdict::Revoked => ExitCode::DropBox,
    })
}

fn show(output: &mut dyn Write, server: &Server, key: &PresentedHostKey) -> io::Result<()> {
    let Server { host, port, .. } = server;
    let PresentedHostKey {
        fingerprint,
        algorithm,
        pinned,
        known,
    } = key;
    writeln!(
        output,
        "{host}:{port} presents a host key of type {algorithm}:\n\n  {fingerprint}\n"
    )?;
    match pinned {
        Verdict::Accepted => writeln!(output, "It is pinned: SFTP.HOST_KEY accepts it.")?,
        Verdict::Changed => {
            writeln!(output, "It is NOT the one that SFTP.HOST_KEY accepts:\n")?;
            for pin in &server.pinned {
                writeln!(output, "  {pin}")?;
            }
            writeln!(
                output,
                "\nSomebody may be intercepting the connection, or the server was renewed. Nothing was \
                 sent to it. Ask its operator over another way, and change the line under [SFTP] only if \
                 the fingerprint is the one that you are told."
            )?;
        }
        Verdict::Unknown | Verdict::Revoked => writeln!(output, "SFTP.HOST_KEY accepts none yet.")?,
    }
    let files = server.known_hosts.iter().map(|it| it.display().to_string());
    let files = files.collect::<Vec<_>>().join(" or ");
    match known {
        Verdict::Accepted => writeln!(output, "OpenSSH knows it: it is in {files}.")?,
        Verdict::Changed => writeln!(
            output,
            "OpenSSH knows another key of that server ({files}): ask its operator."
        )?,
        Verdict::Revoked => writeln!(
            output,
            "OpenSSH's known hosts call it revoked ({files}): do not accept it."
        )?,
        Verdict::Unknown => writeln!(output, "OpenSSH does not know the server ({files}).")?,
    }
    let may_be_added = *pinned == Verdict::Unknown && *known != Verdict::Revoked;
    if may_be_added {
        writeln!(
            output,
            "\nCompare it with what the server's operator tells you over another way. If it agrees, \
             add this line under [SFTP]:\n\nHOST_KEY = \"{fingerprint}\""
        )?;
    }
    Ok(())
}
