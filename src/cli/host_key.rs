//! `host-key`: asks the server who it is, before anybody trusts it with a password.

use super::arguments::Arguments;
use super::error::CommandError;
use super::{output, parts};
use crate::effects::sftp;
use crate::exit_code::ExitCode;

pub(crate) fn host_key(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let configuration = parts::configuration(arguments)?;
    let server = &configuration.drop_box;
    let key = sftp::probe(&server.host, server.port, &server.timeouts)?;
    output::write(|output| {
        writeln!(
            output,
            "{}:{} presents a host key of type {}:\n\n  {}\n",
            server.host, server.port, key.algorithm, key.fingerprint
        )?;
        writeln!(
            output,
            "Compare it with what the server's operator tells you over another way. If it agrees, \
             add this line under [SFTP]:\n\nHOST_KEY = \"{}\"",
            key.fingerprint
        )
    })?;
    Ok(ExitCode::Done)
}
