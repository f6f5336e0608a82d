//! One client's SSH session: who may log in, and the one subsystem.

use std::collections::HashMap;
use std::path::PathBuf;

use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session as Ssh};
use russh::{Channel, ChannelId};

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
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let known = user == USER && password == PASSWORD;
        Ok(if known { Auth::Accept } else { Auth::reject() })
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
                let files = Files::new(self.root.clone(), self.settings.extensions);
                russh_sftp::server::run(channel.into_stream(), files).await;
                Ok(())
            }
            _ => session.channel_failure(id),
        }
    }
}
