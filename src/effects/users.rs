//! The users of this machine, from `/etc/passwd` (passwd(5)). Deliberately absent: other databases of users
//! (NSS).

use std::fs;
use std::path::PathBuf;

/// A user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// The login name.
    pub name: String,
    /// The home folder, if there is one.
    pub home: Option<PathBuf>,
}

/// The user who runs this program.
pub(crate) fn current() -> Option<User> {
    user(rustix::process::getuid().as_raw())
}

/// The user with this id.
pub(crate) fn user(uid: u32) -> Option<User> {
    among(&fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn among(users: &str, uid: u32) -> Option<User> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let (name, id) = (fields.first()?, fields.get(2)?);
        let home = fields.get(5).filter(|home| !home.is_empty());
        (id.parse() == Ok(uid)).then(|| User {
            name: (*name).to_owned(),
            home: home.map(PathBuf::from),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_in_the_first_field_and_the_home_in_the_sixth() {
        let users = "root:x:0:0:root:/root:/bin/sh\nodd:x:7\nrki:x:990:990::/srv/rki:/bin/false\n";
        let user = |name: &str, home: Option<&str>| {
            Some(User {
                name: name.to_owned(),
                home: home.map(PathBuf::from),
            })
        };
        assert_eq!(among(users, 990), user("rki", Some("/srv/rki")));
        assert_eq!(among(users, 7), user("odd", None));
        assert_eq!(among(users, 1), None);
    }
}
