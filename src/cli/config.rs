//! `weaklabel config print|check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Options, Session, output};
use crate::Result;
use crate::config::{Config, to_toml};
use crate::experiments::search::check;
use crate::experiments::study::cells;

const EXAMPLES: &str = "\
Examples:
  weaklabel config print --set train.epochs=50 > run.toml
  weaklabel config check run.toml
  weaklabel train -c run.toml -o run";

/// `weaklabel config`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConfigCommand {
    /// The action.
    #[command(subcommand)]
    pub action: Action,
}

/// Actions on a configuration.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print all settings as they result from defaults, files and --set
    #[command(after_help = EXAMPLES)]
    Print(Files),
    /// Check files and --set, and print only what is wrong
    #[command(after_help = EXAMPLES)]
    Check(Files),
}

/// Configuration files by position.
#[derive(Debug, Args)]
pub struct Files {
    /// Files read after those of --config
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The errors of [`crate::config::read_config`] and, for the edits of `study.cell`, [`cells`].
    pub fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::Print(files) => {
                let config = files.load(&session.options)?;
                if session.options.json { output::print_json(&config) } else { output::print_data(&to_toml(&config)?) }
            }
            Action::Check(files) => {
                let config = files.load(&session.options)?;
                if !config.search.space.is_empty() {
                    check(&config, drop)?;
                }
                cells(&config).map(drop)
            }
        }
    }
}

impl Files {
    fn load(self, options: &Options) -> Result<Config> {
        let config = options.config.iter().cloned().chain(self.files).collect();
        Options { config, ..options.clone() }.configuration(|_| ())
    }
}
