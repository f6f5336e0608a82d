//! Whom a story deals with, where that is said: `set BROKER.URL …`, `set SFTP.FOLDERNAME …`.
//!
//! `set SFTP.HOST_KEY none`: the drop-box is not reached, and never was.
//!
//! What always holds: a story that names no partner declares none, as ledgers of older versions.

use courier_ledger::{BrokerAddress, DropBoxAddress, Partners};

use crate::words::{Unclear, Words};

/// The partners that a story begins with, once it names any.
#[must_use]
pub fn partners() -> Partners {
    Partners {
        broker: BrokerAddress {
            url: "https://broker.example".to_owned(),
            tag: "rki".to_owned(),
        },
        drop_box: DropBoxAddress {
            host: "sftp.example".to_owned(),
            port: 22,
            folder: "in".to_owned(),
        },
        user: "clinic".to_owned(),
        host_key: Some("SHA256:first".to_owned()),
    }
}

/// Takes a key of the configuration that names a partner; `false` when it is about something else.
pub fn set(known: &mut Option<Partners>, key: &str, words: &mut Words) -> Result<bool, Unclear> {
    let mut partners = known.clone().unwrap_or_else(partners);
    match key {
        "BROKER.URL" => partners.broker.url = words.word()?,
        "REQUESTS.TAG" => partners.broker.tag = words.word()?,
        "SFTP.HOST" => partners.drop_box.host = words.word()?,
        "SFTP.PORT" => partners.drop_box.port = port(words)?,
        "SFTP.FOLDERNAME" => partners.drop_box.folder = words.word()?,
        "SFTP.USERNAME" => partners.user = words.word()?,
        "SFTP.HOST_KEY" if words.next_is("none") => partners.host_key = None,
        "SFTP.HOST_KEY" => partners.host_key = Some(words.word()?),
        _ => return Ok(false),
    }
    words.end()?;
    *known = Some(partners);
    Ok(true)
}

pub(crate) fn port(words: &mut Words) -> Result<u16, Unclear> {
    let number: u32 = words.value()?;
    u16::try_from(number).map_err(|_| Unclear::new(format!("{number} is no port")))
}

/// Each key with its value, as it is set.
pub(crate) fn written(partners: &Partners) -> Vec<String> {
    let Partners {
        broker: BrokerAddress { url, tag },
        drop_box: DropBoxAddress { host, port, folder },
        user,
        host_key,
    } = partners;
    let mut keys = vec![
        format!("BROKER.URL \"{url}\""),
        format!("REQUESTS.TAG \"{tag}\""),
        format!("SFTP.HOST \"{host}\""),
        format!("SFTP.PORT {port}"),
        format!("SFTP.FOLDERNAME \"{folder}\""),
        format!("SFTP.USERNAME \"{user}\""),
    ];
    keys.push(match host_key {
        Some(key) => format!("SFTP.HOST_KEY \"{key}\""),
        None => "SFTP.HOST_KEY none".to_owned(),
    });
    keys
}
