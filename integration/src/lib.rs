//! Testbed: real and embedded collaborators for broker-courier.
//!
//! What always holds here: a collaborator listens on 127.0.0.1 only, chooses a free port itself and
//! stops when it is dropped. An embedded one passes the same contract test as the real one.

pub mod aktin;
pub mod broker;
