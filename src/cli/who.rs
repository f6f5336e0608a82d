//! Who is at the keyboard, as a name for the records: `$USER`, or the login name of the user id, which
//! cron, `su` and containers leave unset.

use super::error::UsageError;
use crate::effects::{environment, users};

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
    named.or_else(|| Some(users::current()?.name))
}
