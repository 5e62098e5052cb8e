//! Where a store is: `postgres://…`, or a file of SQLite. What is shown of it has no password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::secrets::without_secrets;

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// The URL of a PostgreSQL server and database.
    Server(String),
}

impl Location {
    /// The file of a study folder.
    pub fn within(folder: &Path) -> Self {
        Self::File(folder.join("store.sqlite"))
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Server(text.into())),
            Some(("sqlite", path)) => Ok(Self::File(path.into())),
            Some((scheme, _)) => Err(format!("'{scheme}://' is not known: postgres://USER@HOST/DATABASE or a file")),
            None if text.is_empty() => Err("postgres://USER@HOST/DATABASE or a file".into()),
            None => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => f.write_str(&without_secrets(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_server_or_a_file() {
        let location = |text: &str| text.parse::<Location>();
        assert_eq!(location("postgres://me@host/db"), Ok(Location::Server("postgres://me@host/db".into())));
        assert_eq!(location("study/store.sqlite"), Ok(Location::File("study/store.sqlite".into())));
        assert_eq!(location("sqlite:///tmp/a"), Ok(Location::File("/tmp/a".into())));
        assert!(location("mysql://host").is_err() && location("").is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = |text: &str| format!("{0} {0:?}", text.parse::<Location>().unwrap());
        for url in ["postgres://me:se@cret@host:5/db?sslmode=require", "postgres://host/db?user=me&password=secret"] {
            assert!(!shown(url).contains("cret") && shown(url).contains("host"), "{}", shown(url));
        }
    }
}
