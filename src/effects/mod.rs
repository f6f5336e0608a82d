//! The effect handlers: everything that touches a network, a disk or a clock. They carry out what
//! `courier-ledger` decided and report what happened; they decide nothing.

pub(crate) mod age;
pub(crate) mod broker;
pub(crate) mod carrier;
pub(crate) mod clock;
pub(crate) mod database;
pub(crate) mod encoding;
pub(crate) mod environment;
pub(crate) mod evidence;
pub(crate) mod fernet;
pub(crate) mod file_digest;
pub(crate) mod headway;
pub(crate) mod intent_stanza;
pub(crate) mod ledger_place;
pub(crate) mod lock_holder;
pub(crate) mod mutex;
pub(crate) mod new_file;
pub(crate) mod notice;
pub(crate) mod persistence;
pub(crate) mod ping;
pub(crate) mod pipe;
pub(crate) mod post;
pub(crate) mod process;
pub(crate) mod sealing;
pub(crate) mod secret_file;
pub(crate) mod sftp;
pub(crate) mod source;
pub(crate) mod spool;
pub(crate) mod status_file;
pub(crate) mod stop;
pub(crate) mod survey;
pub(crate) mod told;
pub(crate) mod trial;
pub(crate) mod users;
pub(crate) mod waker;
pub(crate) mod watching;
