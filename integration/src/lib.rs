//! Real and embedded collaborators for broker-courier: brokers, SFTP servers, the people at them, and
//! the program as a process. Never a dependency of the program.

pub mod courier;
pub mod embedded_sftp;
pub mod independent;
pub mod openssh;
pub mod people;
pub mod server;
