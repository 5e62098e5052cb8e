//! `--store`, `--name`, `--lease`: where a study's trials are shared.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use crate::base::printable;
use crate::config::{Config, duration};
use crate::experiments::store::{LONGEST_LEASE_MS, Location, Registered, Store, Study, StudyKind};
use crate::experiments::worker::{Settings, StopConditions, data_of, halving_of};
use crate::model::Tiles;
use crate::output::absolute_paths;
use crate::{Error, Result};

/// Characters of the longest name of a study.
const LONGEST_NAME: usize = 200;

/// Length of a lease that is not renewed.
#[derive(Debug, Clone, Args)]
pub struct LeaseOption {
    /// Give a trial to another worker when its own was silent for this long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = lease, env = "WEAKLABEL_LEASE")]
    pub lease: Duration,
}

/// The store in which the trials of a study are shared, and the study's name in it.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Share the work with other adapters and machines through this store: postgres://USER@HOST/DATABASE, or a file of
    /// SQLite
    #[arg(long, value_name = "URL|FILE", env = "WEAKLABEL_STORE", hide_env_values = true, value_parser = StoreParser)]
    pub store: Option<Location>,
    /// The study's name in the store [default: the name of its folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

impl StoreOptions {
    /// The study's name.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is neither a name nor a folder that has one, or it is one that terminals and tables
    /// cannot show.
    pub fn name(&self, out: &Path) -> Result<String> {
        let folder = || std::path::absolute(out).ok()?.file_name()?.to_str().map(str::to_owned);
        let name = self.name.clone().or_else(folder).filter(|name| !name.trim().is_empty());
        let name =
            name.ok_or_else(|| Error::Usage(format!("'{}' gives the study no name: add --name", out.display())))?;
        if name.chars().any(printable::steers) || name.chars().count() > LONGEST_NAME {
            let reason = format!(
                "{name:?} cannot be a study's name, which has at most {LONGEST_NAME} characters and no \
                                  control characters: add --name, or give another"
            );
            return Err(Error::Usage(reason));
        }
        Ok(name)
    }

    /// Enters the study of `config` into `store`, or finds it there.
    ///
    /// # Errors
    /// The errors of [`Store::register`]; whatever reading the data reports.
    pub fn register(&self, store: &mut Store, out: &Path, kind: StudyKind, config: &Config) -> Result<Registered> {
        store.register(&Study {
            name: self.name(out)?,
            kind,
            config: absolute_paths(config)?,
            version: env!("CARGO_PKG_VERSION").into(),
            data: data_of(kind, config)?,
            halving: halving_of(kind, config)?,
        })
    }
}

impl LeaseOption {
    /// The settings of a worker that stops when `until` is reached.
    pub fn settings(&self, tiles: Tiles, until: StopConditions, idle_exit: Option<Duration>) -> Settings {
        Settings { name: Settings::name(), tiles, lease: self.lease, until, idle_exit }
    }
}

/// Reads a store's location. clap's own errors repeat the value that they refuse, and with it a password.
#[derive(Debug, Clone, Copy)]
pub struct StoreParser;

impl TypedValueParser for StoreParser {
    type Value = Location;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Location, clap::Error> {
        let text = value.to_str().ok_or_else(|| "it is not UTF-8".to_owned());
        text.and_then(str::parse).map_err(|reason| {
            let message = format!("--store, or WEAKLABEL_STORE: {reason}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = duration(text)?;
    let allowed = (Duration::from_secs(1)..=Duration::from_millis(LONGEST_LEASE_MS as u64)).contains(&lease);
    if allowed { Ok(lease) } else { Err("between one second and a day".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_has_a_name_that_terminals_and_tables_can_show() {
        let named = |name: Option<&str>, out: &str| {
            StoreOptions { store: None, name: name.map(str::to_owned) }.name(Path::new(out)).map_err(|e| e.to_string())
        };
        assert_eq!(named(None, "runs/Geräusch 猫"), Ok("Geräusch 猫".into()));
        assert_eq!(named(Some("mine"), "runs/other"), Ok("mine".into()));
        for name in ["\u{1b}[2J", "two\nlines", "tab\t", "\u{202e}gpj", "\u{9b}31m", &"n".repeat(LONGEST_NAME + 1)] {
            let refused = named(Some(name), "runs/other").unwrap_err();
            assert!(refused.contains("--name") && !refused.chars().any(char::is_control), "{refused}");
            assert_eq!(named(None, &format!("runs/{name}")), Err(refused));
        }
        assert!(named(Some(" "), "runs/other").unwrap_err().contains("gives the study no name"));
    }

    #[test]
    fn a_lease_lasts_from_a_second_to_a_day() {
        assert_eq!(lease("1.5"), Ok(Duration::from_millis(1500)));
        assert!(lease("0.1").is_err() && lease("3d").is_err());
    }
}
