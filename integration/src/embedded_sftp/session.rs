//! One client's SSH session: who may log in, and the one subsystem.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Response, Session as Ssh};
use russh::{Channel, ChannelId, MethodKind, MethodSet};

use super::files::Files;
use super::{EmbeddedSftpSettings, Login, PASSWORD, Subsystem};

pub(super) struct Session {
    root: PathBuf,
    settings: EmbeddedSftpSettings,
    /// Passwords that were shown, in all sessions.
    passwords: Arc<AtomicUsize>,
    /// Rounds of questions that were answered.
    rounds: usize,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Session {
    pub(super) fn new(
        root: PathBuf,
        settings: EmbeddedSftpSettings,
        passwords: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            root,
            settings,
            passwords,
            rounds: 0,
            channels: HashMap::new(),
        }
    }

    /// No, and what else may be tried.
    fn refusal(&self) -> Auth {
        let methods: &[MethodKind] = match self.settings.login {
            Login::Password | Login::Slow(_) | Login::HangsUp => &[MethodKind::Password],
            Login::Questions | Login::Expired => &[MethodKind::KeyboardInteractive],
            Login::QuestionsAfterAll => &[MethodKind::Password, MethodKind::KeyboardInteractive],
        };
        Auth::Reject {
            proceed_with_methods: Some(MethodSet::from(methods)),
            partial_success: false,
        }
    }

    fn counts(&self) {
        self.passwords.fetch_add(1, Ordering::SeqCst);
    }
}

/// Questions, each with whether its answer is shown.
fn questions(questions: &[(&'static str, bool)]) -> Auth {
    let prompts = questions.iter().map(|(text, echo)| ((*text).into(), *echo));
    Auth::Partial {
        name: "".into(),
        instructions: "".into(),
        prompts: prompts.collect(),
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.counts();
        let known = user == self.settings.user && password == PASSWORD;
        match self.settings.login {
            Login::Password if known => Ok(Auth::Accept),
            Login::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(if known { Auth::Accept } else { self.refusal() })
            }
            Login::HangsUp => Err(russh::Error::Disconnect),
            _ => Ok(self.refusal()),
        }
    }

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(self.refusal())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut answers) = response else {
            return Ok(match self.settings.login {
                Login::QuestionsAfterAll => {
                    questions(&[("User name: ", true), ("Password: ", false)])
                }
                _ => questions(&[("Password: ", false)]),
            });
        };
        let given = answers.find(|it| !it.is_empty());
        let known =
            user == self.settings.user && given.is_some_and(|it| &*it == PASSWORD.as_bytes());
        self.rounds += 1;
        match self.settings.login {
            Login::Questions | Login::QuestionsAfterAll => {
                self.counts();
                Ok(if known { Auth::Accept } else { self.refusal() })
            }
            Login::Expired if self.rounds == 1 && known => {
                self.counts();
                Ok(questions(&[(
                    "Your password has expired. New password: ",
                    false,
                )]))
            }
            Login::Password | Login::Slow(_) | Login::HangsUp | Login::Expired => {
                Ok(self.refusal())
            }
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Ssh,
    ) -> Result<(), Self::Error> {
        match self.channels.remove(&id) {
            Some(channel) if name == "sftp" => {
                session.channel_success(id)?;
                match self.settings.subsystem {
                    Subsystem::Sftp => {
                        let files = Files::new(self.root.clone(), self.settings);
                        russh_sftp::server::run(channel.into_stream(), files).await;
                        return Ok(());
                    }
                    Subsystem::Prints(text) => session.data(id, text.as_bytes().to_vec())?,
                    Subsystem::Complains(text) => {
                        session.extended_data(id, 1, text.as_bytes().to_vec())?;
                    }
                }
                session.exit_status_request(id, 1)?;
                session.eof(id)?;
                session.close(id)
            }
            _ => session.channel_failure(id),
        }
    }
}
