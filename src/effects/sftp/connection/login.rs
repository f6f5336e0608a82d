//! The login: each credential in its turn, on a session whose host key was accepted. Nothing secret
//! enters an error; keys and passwords come from memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libssh2_sys::{
    LIBSSH2_ERROR_ALGO_UNSUPPORTED, LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_KEYFILE_AUTH_FAILED,
    LIBSSH2_ERROR_PROTO,
};
use secrecy::{ExposeSecret, SecretString};
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt};

use super::session::{Handshaken, Stopped};
use crate::effects::sftp::endpoint::Credential;
use crate::effects::sftp::error::ConnectError;
use crate::effects::sftp::wire::status::printable;

/// Logs in.
pub(crate) fn log_in(
    connection: &Handshaken,
    username: &str,
    credentials: &[Credential],
) -> Result<(), ConnectError> {
    let session = &connection.session;
    let mut offered = offered_methods(connection, username)?;
    let mut unusable = None;
    let mut attempts = Vec::new();
    for (index, credential) in credentials.iter().enumerate() {
        if session.authenticated() {
            return Ok(());
        }
        if index > 0 {
            // After one factor of several, a server offers others.
            offered = offered_methods(connection, username)?;
        }
        let Some(method) = Method::of(credential, &offered) else {
            attempts.push(format!("{} not asked for", in_words(credential)));
            continue;
        };
        let result = match (method, credential) {
            (Method::Password, Credential::Password(password)) => {
                connection.drive(|| session.userauth_password(username, password.expose_secret()))
            }
            (Method::Questions, Credential::Password(password)) => {
                let mut answers = PasswordAnswers {
                    password,
                    given: false,
                };
                connection.drive(|| session.userauth_keyboard_interactive(username, &mut answers))
            }
            (Method::PublicKey, Credential::PrivateKey { pem, passphrase }) => {
                connection.drive(|| {
                    session.userauth_pubkey_memory(
                        username,
                        None,
                        pem.expose_secret(),
                        passphrase.as_ref().map(ExposeSecret::expose_secret),
                    )
                })
            }
            (Method::PublicKey, Credential::Agent) => match with_agent(connection, username) {
                Ok(result) => result,
                Err(error) => {
                    attempts.push(error.to_string());
                    unusable.get_or_insert(error);
                    continue;
                }
            },
            // A method is one of its credential.
            (Method::Password | Method::Questions | Method::PublicKey, _) => continue,
        };
        match result {
            Ok(()) => {}
            Err(stopped) if stopped.is_connection() => {
                return Err(interrupted(connection, &stopped));
            }
            Err(stopped) if is_key_error(&stopped) => {
                attempts.push(format!("{} not readable", in_words(credential)));
                unusable.get_or_insert(ConnectError::KeyUnusable {
                    address: connection.address.clone(),
                });
            }
            // Refused: the next credential may do.
            Err(_) => attempts.push(format!("{} refused", in_words(credential))),
        }
    }
    if session.authenticated() {
        return Ok(());
    }
    match unusable {
        // Nothing else was tried.
        Some(error) if credentials.len() == 1 => Err(error),
        Some(_) | None => {
            // A factor that was accepted changes what is offered.
            let offered = offered_methods(connection, username).unwrap_or(offered);
            Err(ConnectError::AuthenticationRefused {
                address: connection.address.clone(),
                username: username.to_owned(),
                tried: attempts.join(", "),
                offered: if offered.is_empty() {
                    "nothing".to_owned()
                } else {
                    offered
                },
            })
        }
    }
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
    /// The way that the server offers for this credential.
    fn of(credential: &Credential, offered: &str) -> Option<Self> {
        let offers = |method: &str| offered.split(',').any(|name| name == method);
        match credential {
            Credential::Password(_) if offers("password") => Some(Self::Password),
            Credential::Password(_) if offers("keyboard-interactive") => Some(Self::Questions),
            Credential::PrivateKey { .. } | Credential::Agent if offers("publickey") => {
                Some(Self::PublicKey)
            }
            Credential::Password(_) | Credential::PrivateKey { .. } | Credential::Agent => None,
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

/// Answers a question for the password, once: a second question is for something else.
struct PasswordAnswers<'a> {
    password: &'a SecretString,
    given: bool,
}

impl KeyboardInteractivePrompt for PasswordAnswers<'_> {
    fn prompt(&mut self, _: &str, _: &str, prompts: &[Prompt<'_>]) -> Vec<String> {
        prompts
            .iter()
            .map(|prompt| {
                if prompt.echo || self.given {
                    return String::new();
                }
                self.given = true;
                self.password.expose_secret().to_owned()
            })
            .collect()
    }
}
