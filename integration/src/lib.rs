//! Real and embedded collaborators for broker-courier: brokers, SFTP servers, the people at them, and
//! the program as a process. Never a dependency of the program.
//!
//! What always holds here: a collaborator listens on 127.0.0.1 only, chooses a free port itself and
//! stops when it is dropped. An embedded one passes the same contract test as the real one.

pub mod age;
pub mod aktin;
pub mod broker;
pub mod courier;
pub mod either_broker;
pub mod embedded_sftp;
pub mod independent;
pub mod library_sftp;
pub mod openssh;
pub mod patroni;
pub mod people;
pub mod pgbouncer;
pub mod place;
pub mod postgres;
pub mod proftpd;
pub mod proxy;
pub mod server;
pub mod watched;
pub mod watcher;
