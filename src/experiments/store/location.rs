//! Location of a store: a PostgreSQL server or an SQLite file. Passwords are left out wherever a location is shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::base::secrets::is_address;
use crate::base::server_address::ServerAddress;

/// The location of a store.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL server and database.
    Server(ServerAddress),
}

impl Location {
    /// Returns the location of the store file in a study folder.
    pub fn within(folder: &Path) -> Self {
        Self::File(folder.join("store.sqlite"))
    }
}

impl FromStr for Location {
    type Err = String;

    /// Parses `postgres://…`, `host=… dbname=…` or a file name. Text that looks like a server's address, even a
    /// mistyped one, is not taken for a file name, unless `./` or `sqlite://` stands before it.
    ///
    /// # Errors
    /// A message that quotes nothing of `text`, since the text may hold a password.
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
