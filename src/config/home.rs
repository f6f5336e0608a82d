//! The user's home folder: where `$HOME` says, and where it is not set, or empty, what `/etc/passwd` says.
//! Deliberately absent: other databases of users (NSS); a user of theirs has `$HOME` set.

use std::fs;
use std::path::PathBuf;

/// The folder, if the user has one.
pub(super) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("HOME").filter(|home| !home.is_empty());
    named.map(PathBuf::from).or_else(|| {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        of_user(&users, rustix::process::getuid().as_raw())
    })
}

/// The folder of a user id, from the lines of passwd(5).
fn of_user(users: &str, uid: u32) -> Option<PathBuf> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [_, _, id, _, _, home, ..] if id.parse() == Ok(uid) && !home.is_empty() => {
                Some(PathBuf::from(home))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_s_home_stands_in_the_sixth_field() {
        let users = "root:x:0:0:root:/root:/bin/sh\nodd:x:7\nrki:x:990:990::/srv/rki:/bin/false\n";
        assert_eq!(of_user(users, 990), Some(PathBuf::from("/srv/rki")));
        assert_eq!(of_user(users, 7), None);
        assert_eq!(of_user(users, 1), None);
    }
}
