//! Where a store is: a PostgreSQL server, or a file of SQLite. What is shown of it has no password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::secrets::{ServerAddress, is_address};

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A PostgreSQL server and database.
    Server(ServerAddress),
}

impl Location {
    /// The file of a study folder.
    pub fn within(folder: &Path) -> Self {
        Self::File(folder.join("store.sqlite"))
    }
}

impl FromStr for Location {
    type Err = String;

    /// Reads `postgres://…`, `host=… dbname=…` or the name of a file. What looks like the address of a server, be it a mistyped
    /// one, is never the name of a file; `./` or `sqlite://` before it makes it one.
    ///
    /// # Errors
    /// In words that hold nothing of `text`, which may have a password.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return Ok(Self::File(path.into()));
        }
        if text.is_empty() {
            return Err("postgres://USER@HOST/DATABASE, 'host=… dbname=…', or a file of SQLite".into());
        }
        if is_address(text) {
            let file = "if it is the name of a file, write ./ before it";
            return text.parse().map(Self::Server).map_err(|reason| format!("{reason}; {file}"));
        }
        Ok(Self::File(text.into()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(address) => write!(f, "{address}"),
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
        for server in ["postgres://me@host/db", "host=host user=me dbname=db"] {
            assert_eq!(location(server).unwrap().to_string(), "postgres://me@host/db");
        }
        assert_eq!(location("study/store.sqlite"), Ok(Location::File("study/store.sqlite".into())));
        assert_eq!(location("sqlite:///tmp/a=b"), Ok(Location::File("/tmp/a=b".into())));
        for neither in ["mysql://host", "", "a=b", "x=", "lr=0.1.sqlite", "postgres:/host/db"] {
            assert!(location(neither).is_err(), "{neither}");
        }
    }
}
