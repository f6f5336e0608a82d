//! Doors to the decoders for the fuzz targets in `fuzz/`, one for each format that comes from
//! outside. Not part of what the library offers.

pub use crate::config::fuzzing::{configuration, working_dir};
pub use crate::effects::age::fuzzing::{opened, sealed};
pub use crate::effects::broker::fuzzing::{definition, request_list, request_status};
pub use crate::effects::fernet::fuzzing::{seal, token};
pub use crate::effects::sftp::fuzzing::{packets, session};
