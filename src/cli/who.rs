//! Who is at the keyboard, as a name for the records: `$USER`, or the login name of the user id, which
//! cron, `su` and containers leave unset.

use std::fs;

use super::environment;
use super::error::UsageError;

/// Who signs for this reason: the name that was given, or that of whoever is logged in.
pub(crate) fn signed(given: Option<&String>, why: &str) -> Result<String, UsageError> {
    let who = given.cloned().or_else(login_name);
    let who = who.filter(|name| !name.trim().is_empty());
    who.filter(|_| !why.trim().is_empty())
        .ok_or(UsageError::Unsigned)
}

/// The name; none for a user without one.
pub(crate) fn login_name() -> Option<String> {
    let named = environment::text("USER").filter(|name| !name.trim().is_empty());
    named.or_else(|| name_of(rustix::process::getuid().as_raw()))
}

/// The login name of a user id, from `/etc/passwd` (passwd(5)).
pub(super) fn name_of(uid: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}
