//! The login: each credential in its turn, on a session whose host key was accepted. Nothing secret
//! enters an error; keys and passwords come from memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use courier_ledger::Quoted;
use libssh2_sys::{
    LIBSSH2_ERROR_ALGO_UNSUPPORTED, LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_KEYFILE_AUTH_FAILED,
    LIBSSH2_ERROR_PASSWORD_EXPIRED, LIBSSH2_ERROR_PROTO,
};
use secrecy::ExposeSecret;
use ssh2::ErrorCode;

use super::answers::PasswordAnswers;
use super::session::{Handshaken, Stopped};
use crate::effects::sftp::endpoint::Credential;
use crate::effects::sftp::error::ConnectError;
use crate::effects::sftp::private_key::is_rsa;
use crate::effects::sftp::wire::status::printable;

/// Logs in.
pub(crate) fn log_in(
    connection: &Handshaken,
    username: &str,
    credentials: &[Credential],
) -> Result<(), ConnectError> {
    let session = &connection.session;
    let mut login = Login {
        connection,
        username,
        attempts: Vec::new(),
        unusable: None,
        said: Vec::new(),
    };
    let mut offered = login.offered()?;
    // A notice that everybody is shown says nothing of this login.
    let notice = banner(connection);
    for (index, credential) in credentials.iter().enumerate() {
        if session.authenticated() {
            return Ok(());
        }
        if index > 0 {
            // After one factor of several, a server offers others.
            offered = login.offered()?;
        }
        let methods = Method::of(credential, &offered);
        if methods.is_empty() {
            let unasked = format!("{} not asked for", in_words(credential));
            login.attempts.push(unasked);
        }
        for method in methods {
            if login.tries(method, credential)? {
                break;
            }
        }
    }
    if session.authenticated() {
        return Ok(());
    }
    if let Some(said) = banner(connection).filter(|said| notice.as_ref() != Some(said)) {
        login.said.push(said);
    }
    // A factor that was accepted changes what is offered.
    let offered = login.offered().unwrap_or(offered);
    Err(login.refused(credentials.len(), offered))
}

/// A login under way.
struct Login<'a> {
    connection: &'a Handshaken,
    username: &'a str,
    /// What was tried, in words.
    attempts: Vec<String>,
    /// The first credential that could not be used at all.
    unusable: Option<ConnectError>,
    /// What the server said meanwhile.
    said: Vec<String>,
}

impl Login<'_> {
    /// Shows a credential in one way; says whether that was accepted.
    fn tries(&mut self, method: Method, credential: &Credential) -> Result<bool, ConnectError> {
        let (connection, username) = (self.connection, self.username);
        let session = &connection.session;
        let result =
            match (method, credential) {
                (Method::Password, Credential::Password(password)) => connection
                    .drive(|| session.userauth_password(username, password.expose_secret())),
                (Method::Questions, Credential::Password(password)) => {
                    let mut answers = PasswordAnswers::new(password);
                    let result = connection
                        .drive(|| session.userauth_keyboard_interactive(username, &mut answers));
                    if result.is_err() && answers.wants_another() {
                        return Err(self.expired(&answers.said()));
                    }
                    if result.is_err() {
                        self.said.extend(answers.said_beside());
                    }
                    result
                }
                (Method::PublicKey, Credential::PrivateKey { pem, passphrase }) => connection
                    .drive(|| {
                        session.userauth_pubkey_memory(
                            username,
                            None,
                            pem.expose_secret(),
                            passphrase.as_ref().map(ExposeSecret::expose_secret),
                        )
                    }),
                (Method::PublicKey, Credential::Agent) => match with_agent(connection, username) {
                    Ok(result) => result,
                    Err(error) => {
                        self.attempts.push(error.to_string());
                        self.unusable.get_or_insert(error);
                        return Ok(false);
                    }
                },
                // A method is one of its credential.
                (Method::Password | Method::Questions | Method::PublicKey, _) => return Ok(false),
            };
        match result {
            Ok(()) => return Ok(true),
            Err(stopped) if stopped.is_connection() => {
                return Err(ConnectError::LoginCutOff {
                    address: connection.address.clone(),
                    username: username.to_owned(),
                    tried: in_words(credential),
                    reason: stopped.words(),
                });
            }
            Err(stopped) if stopped.code() == Some(LIBSSH2_ERROR_PASSWORD_EXPIRED) => {
                return Err(self.expired(""));
            }
            Err(stopped) if is_key_error(&stopped) => {
                self.attempts
                    .push(format!("{} not readable", in_words(credential)));
                self.unusable.get_or_insert(ConnectError::KeyUnusable {
                    address: connection.address.clone(),
                });
            }
            // Refused: another way, or the next credential, may do.
            Err(_) => self.attempts.push(method.refused(credential)),
        }
        Ok(false)
    }

    /// The methods that the server offers, separated by commas.
    fn offered(&self) -> Result<String, ConnectError> {
        offered_methods(self.connection, self.username)
    }

    fn expired(&self, said: &str) -> ConnectError {
        ConnectError::PasswordExpired {
            address: self.connection.address.clone(),
            username: self.username.to_owned(),
            said: quoted(said),
        }
    }

    fn refused(self, credentials: usize, offered: String) -> ConnectError {
        match self.unusable {
            // Nothing else was tried.
            Some(error) if credentials == 1 => error,
            Some(_) | None => ConnectError::AuthenticationRefused {
                address: self.connection.address.clone(),
                username: self.username.to_owned(),
                tried: self.attempts.join(", "),
                said: quoted(&self.said.join(" ")),
                offered: if offered.is_empty() {
                    "nothing".to_owned()
                } else {
                    offered
                },
            },
        }
    }
}

/// What the server says, for the middle of a sentence.
fn quoted(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!("; the server says {}", Quoted(said))
    }
}

/// The server's last message to whoever logs in, cleaned.
fn banner(connection: &Handshaken) -> Option<String> {
    let banner = connection.session.userauth_banner().ok().flatten()?;
    Some(printable(banner.as_bytes())).filter(|banner| !banner.is_empty())
}

/// How a credential is shown to the server.
#[derive(Clone, Copy)]
enum Method {
    Password,
    /// Keyboard-interactive.
    Questions,
    PublicKey,
}

impl Method {
    /// The ways that the server offers for this credential. A password that is refused is tried once more
    /// as an answer, where the server asks: some know only that way.
    fn of(credential: &Credential, offered: &str) -> Vec<Self> {
        let ways: &[(Self, &str)] = match credential {
            Credential::Password(_) => &[
                (Self::Password, "password"),
                (Self::Questions, "keyboard-interactive"),
            ],
            Credential::PrivateKey { .. } | Credential::Agent => &[(Self::PublicKey, "publickey")],
        };
        ways.iter()
            .filter(|(_, name)| offered.split(',').any(|it| it == *name))
            .map(|(method, _)| *method)
            .collect()
    }

    /// That it was refused, in words.
    fn refused(self, credential: &Credential) -> String {
        let shown = in_words(credential);
        match (self, credential) {
            (Self::Questions, _) => format!("{shown} refused as an answer (keyboard-interactive)"),
            (_, Credential::PrivateKey { pem, .. }) if is_rsa(pem.expose_secret()) => format!(
                "{shown} refused (it is an RSA key: where the server does not announce rsa-sha2, it \
                 was shown with SHA-1, which servers of today refuse whatever the key; an ed25519 \
                 key avoids that)"
            ),
            (Self::Password | Self::PublicKey, _) => format!("{shown} refused"),
        }
    }
}

fn in_words(credential: &Credential) -> &'static str {
    match credential {
        Credential::Password(_) => "password",
        Credential::PrivateKey { .. } => "private key",
        Credential::Agent => "keys of the SSH agent",
    }
}

/// The methods that the server offers, separated by commas.
fn offered_methods(connection: &Handshaken, username: &str) -> Result<String, ConnectError> {
    let session = &connection.session;
    let ask = || {
        // `auth_methods` panics on a list that is not UTF-8.
        let list = catch_unwind(AssertUnwindSafe(|| {
            session
                .auth_methods(username)
                .map(|list| printable(list.as_bytes()))
        }))
        .unwrap_or_else(|_| {
            Err(ssh2::Error::new(
                ErrorCode::Session(LIBSSH2_ERROR_PROTO),
                "the server's list of login methods is no text",
            ))
        });
        // Where no login is needed, libssh2 reports whatever error it had last.
        if session.authenticated() {
            Ok(String::new())
        } else {
            list
        }
    };
    connection
        .drive(ask)
        .map_err(|stopped| interrupted(connection, &stopped))
}

fn interrupted(connection: &Handshaken, stopped: &Stopped) -> ConnectError {
    ConnectError::Unreachable {
        address: connection.address.clone(),
        reason: format!("{} (during the login)", stopped.words()),
    }
}

fn is_key_error(stopped: &Stopped) -> bool {
    matches!(
        stopped.code(),
        Some(
            LIBSSH2_ERROR_FILE | LIBSSH2_ERROR_KEYFILE_AUTH_FAILED | LIBSSH2_ERROR_ALGO_UNSUPPORTED
        )
    )
}

/// Tries the agent's keys. The outer error is the agent's, the inner one the server's.
fn with_agent(
    connection: &Handshaken,
    username: &str,
) -> Result<Result<(), Stopped>, ConnectError> {
    let unusable = |error: ssh2::Error| ConnectError::AgentUnusable {
        reason: error.message().to_owned(),
    };
    let mut agent = connection.session.agent().map_err(unusable)?;
    agent.connect().map_err(unusable)?;
    agent.list_identities().map_err(unusable)?;
    let mut last = Ok(());
    for identity in agent.identities().map_err(unusable)? {
        last = connection.drive(|| agent.userauth(username, &identity));
        match &last {
            Ok(()) => break,
            Err(stopped) if stopped.is_connection() => break,
            Err(_) => {}
        }
    }
    Ok(last)
}
