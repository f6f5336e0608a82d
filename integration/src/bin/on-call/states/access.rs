//! Keys, passwords and rights: who may do what.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use testbed::broker::EmbeddedBroker;
use testbed::embedded_sftp::{EmbeddedSftp, EmbeddedSftpSettings, Login};

use crate::call::{Call, Missing};
use crate::{Outcome, State};

pub(crate) const ALL: &[State] = &[
    ("API key wrong", api_key),
    ("API key of a hospital", key_of_a_hospital),
    ("SFTP password wrong", password),
    ("SFTP password expired", expired),
    ("host key changed", host_key),
    ("drop-box may not be written to", folder_permission),
    ("root's helping hand", root),
    ("encryption key lost", lost_key),
];

/// The user whom OpenSSH's tests make.
const USER: &str = "courier-test";

fn api_key(call: &mut Call) -> Outcome<()> {
    other_api_key(call, "outdated")
}

fn key_of_a_hospital(call: &mut Call) -> Outcome<()> {
    other_api_key(call, EmbeddedBroker::NODE_1_KEY)
}

fn other_api_key(call: &mut Call, key: &str) -> Outcome<()> {
    call.answer();
    call.place.change_config(EmbeddedBroker::ADMIN_KEY, key)?;
    call.cron(4, &["BROKER.API_KEY", "administrator"])?;
    call.place.change_config(key, EmbeddedBroker::ADMIN_KEY)?;
    call.did("put an administrator's key there");
    call.well()
}

fn password(call: &mut Call) -> Outcome<()> {
    let right = call
        .server
        .password()
        .ok_or(Missing("root, for OpenSSH's passwords"))?;
    call.answer();
    call.place.change_config(&right, "outdated")?;
    call.cron(5, &["refused", "SFTP.PASSWORD"])?;
    call.place.change_config("outdated", &right)?;
    call.did("put the right password there");
    call.well()
}

fn expired(call: &mut Call) -> Outcome<()> {
    let server = Arc::new(EmbeddedSftp::start(EmbeddedSftpSettings::default())?);
    call.moves_to(Box::new(Arc::clone(&server)))?;
    call.answer();
    server.set_login(Login::Expired);
    call.cron(5, &["has expired"])?;
    server.set_login(Login::Password);
    call.did("had the server's operator renew it");
    call.well()
}

fn host_key(call: &mut Call) -> Outcome<()> {
    const BEFORE: &str = "SHA256:EXAMPLE/ASK/THE/OPERATOR/OF/YOUR/SERVER/AAA";
    let operators = call.server.host_key_fingerprint();
    call.answer();
    call.place.change_config(&operators, BEFORE)?;
    call.cron(5, &["host key", BEFORE, &operators, "SFTP.HOST_KEY"])?;
    call.place.change_config(BEFORE, &operators)?;
    call.did("asked the operator, who named the key that the message names, and put it there");
    call.well()
}

fn folder_permission(call: &mut Call) -> Outcome<()> {
    call.answer();
    let folder = call.place.drop_box().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555))?;
    call.cron(1, &["permission denied", "create files"])?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    call.did("had the server's operator give the right to create files there");
    call.well()
}

fn root(call: &mut Call) -> Outcome<()> {
    let place = call.beside("");
    let give = format!("chown -R {USER}: {} && which runuser", place.display());
    if call.types(&give).is_err() {
        return Err(Missing("root, or runuser").into());
    }
    call.user = Some(USER);
    call.well()?;
    call.answer();
    call.user = None;
    call.cron(3, &["belongs to"])?;
    call.user = Some(USER);
    call.pastes("su ")?;
    call.well()
}

fn lost_key(call: &mut Call) -> Outcome<()> {
    call.answer();
    let (key, elsewhere) = (call.place.key_path(), call.beside("the recipient's copy"));
    fs::rename(&key, &elsewhere)?;
    call.cron(3, &["restore the key"])?;
    fs::rename(&elsewhere, &key)?;
    call.did("restored that key from the recipient's copy");
    call.well()
}
