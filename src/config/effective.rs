//! What a configuration comes to: the value of every key, and where it comes from.
//!
//! What always holds: no secret is shown, whatever the file looks like. Deliberately absent: whether the
//! values serve; reading the file as a whole says that.

use std::path::{Path, PathBuf};

use courier_postgres::Address;

use super::document::{Content, Document};
use super::home::Start;
use super::keys::{self, AnyKey};
use super::kind::Nature;
use super::reader::Reader;
use super::{Configuration, ConfigurationError, load};

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effective {
    /// `SFTP.PORT`
    pub(crate) name: String,
    /// Its value, as text; none where it is not set and nothing stands in for it.
    pub(crate) value: Option<String>,
    /// Where that comes from.
    pub(crate) origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The line of the file.
    Line(usize),
    /// The line of the file, and `$HOME`.
    LineAndHome(usize),
    /// The program.
    Default,
    /// Nothing: it must be given.
    Missing,
}

/// What a secret is shown as.
const MASK: &str = "********";

impl Configuration {
    /// Every key of the file, in the order of the documentation.
    pub(crate) fn effective(path: &Path) -> Result<Vec<Effective>, ConfigurationError> {
        let start = Start::now();
        let text = load::text(path)?;
        let mut reader = Reader::new(Document::parse(&text), start.folders(path));
        if !reader.is_understood() {
            return Err(ConfigurationError::Problems {
                path: path.to_owned(),
                problems: reader.finish().0,
            });
        }
        let shown = keys::KEYS.iter().map(|key| effective(&mut reader, *key));
        Ok(shown.collect())
    }
}

fn effective(reader: &mut Reader<'_>, key: &dyn AnyKey) -> Effective {
    let name = key.name();
    let (value, origin) = match reader.given(name) {
        Some((line, content)) => {
            let texts = texts(content);
            let is_home = texts.iter().any(|text| text.starts_with('~'));
            match key.kind().nature() {
                Nature::Secret => (Some(MASK.to_owned()), Origin::Line(line)),
                Nature::Path => {
                    let paths = texts.iter().filter_map(|text| reader.located(key, text));
                    let paths: Vec<PathBuf> = paths.collect();
                    let shown = paths.iter().map(|path| path.display().to_string());
                    let origin = match is_home {
                        true => Origin::LineAndHome(line),
                        false => Origin::Line(line),
                    };
                    (Some(shown.collect::<Vec<_>>().join(", ")), origin)
                }
                // An address may hold a password, and is refused then.
                Nature::Plain
                    if name == keys::BROKER_URL.name && texts.join("").contains('@')
                        || texts.iter().any(|text| may_hold_a_password(text)) =>
                {
                    (Some(MASK.to_owned()), Origin::Line(line))
                }
                Nature::Plain => (Some(texts.join(", ")), Origin::Line(line)),
            }
        }
        None => {
            // Its documentation has it in the marks of code.
            let without = key.kind().without().replace('`', "");
            match (key.kind().is_required(), without.as_str()) {
                (true, _) => (None, Origin::Missing),
                (false, "") => (None, Origin::Default),
                (false, _) if without.starts_with("required") => (None, Origin::Default),
                (false, _) => (Some(without), Origin::Default),
            }
        }
    };
    Effective {
        name: name.to_string(),
        value,
        origin,
    }
}

/// Whether it is an address with more than a name before its host (RFC 3986, section 3.2.1), or with a password behind.
fn may_hold_a_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    // A database's address has a user by right.
    let is_database = Address::is_meant(text);
    user.is_some_and(|user| !is_database || user.contains(':')) || rest.contains("password=")
}

/// A value as texts; what no key takes is not shown, as nobody knows what it is.
fn texts(content: &Content) -> Vec<String> {
    match content {
        Content::Text(text) => vec![text.to_string()],
        Content::Integer(number) => vec![number.clone()],
        Content::Switch(on) => vec![on.to_string()],
        Content::Texts(texts) => texts.iter().map(|text| text.to_string()).collect(),
        Content::Other => vec!["(of a form that no key takes)".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_is_not_shown() {
        for hidden in [
            "postgres://courier:S3CRET@db/courier",
            "postgres://courier@db/courier?password=S3CRET",
            "https://user:S3CRET@broker",
            "https://S3CRET@broker/",
            "http://user:S3CRET@proxy:3128?x=@",
        ] {
            assert!(may_hold_a_password(hidden), "{hidden}");
        }
        for shown in [
            "postgres://courier@a:1,b:2/courier?schema=x",
            "https://broker.example/path@x",
            "sender:a@b",
        ] {
            assert!(!may_hold_a_password(shown), "{shown}");
        }
    }
}
