//! One client's SSH session: who may log in, and the one subsystem.

use std::collections::HashMap;
use std::path::PathBuf;

use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Response, Session as Ssh};
use russh::{Channel, ChannelId, MethodKind, MethodSet};

use super::files::Files;
use super::{EmbeddedSftpSettings, PASSWORD, USER};

pub(super) struct Session {
    root: PathBuf,
    settings: EmbeddedSftpSettings,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Session {
    pub(super) fn new(root: PathBuf, settings: EmbeddedSftpSettings) -> Self {
        Self {
            root,
            settings,
            channels: HashMap::new(),
        }
    }

    /// No, and what else may be tried.
    fn refusal(&self) -> Auth {
        let method = if self.settings.asks_questions {
            MethodKind::KeyboardInteractive
        } else {
            MethodKind::Password
        };
        Auth::Reject {
            proceed_with_methods: Some(MethodSet::from(&[method][..])),
            partial_success: false,
        }
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let known = user == USER && password == PASSWORD && !self.settings.asks_questions;
        Ok(if known { Auth::Accept } else { self.refusal() })
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
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let known = user == USER
            && self.settings.asks_questions
            && answers.next().is_some_and(|it| &*it == PASSWORD.as_bytes());
        Ok(if known { Auth::Accept } else { self.refusal() })
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
                let files = Files::new(self.root.clone(), self.settings);
                russh_sftp::server::run(channel.into_stream(), files).await;
                Ok(())
            }
            _ => session.channel_failure(id),
        }
    }
}
