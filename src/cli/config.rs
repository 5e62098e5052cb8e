//! `weaklabel config print|check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Options, Session, output};
use crate::Result;
use crate::config::{Config, key_names, to_toml};
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
                if session.options.json {
                    return output::print_json(&config);
                }
                output::print_data(&(with_epochs(&config, &to_toml(&config)?) + &not_set(&config)))
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

/// Returns `document`, the TOML of `config`, with a comment line that says the largest number of epochs where it is not
/// set, since it depends on the method.
fn with_epochs(config: &Config, document: &str) -> String {
    if config.train.epochs.is_some() {
        return document.into();
    }
    let (method, epochs) = (config.train.method.name(), config.train.most_epochs());
    let line = format!("# epochs = {epochs} (not set: the default of method = \"{method}\")\n");
    let of_train = |line: &&str| *line == "[train]\n";
    let place = document.split_inclusive('\n').take_while(|line| !of_train(line)).map(str::len).sum::<usize>();
    let after = document[place..].find('\n').map_or(document.len(), |end| place + end + 1);
    format!("{}{line}{}", &document[..after], &document[after..])
}

/// Returns a comment that names the keys of `config` that its document leaves out: those that are not set and have no
/// default, or one that depends on the method or the data. [`with_epochs`] names the number of epochs.
fn not_set(config: &Config) -> String {
    let sections = serde_json::to_value(config).unwrap_or_default();
    let is_there = |key: &String| {
        key == "train.epochs" || key.split_once('.').is_some_and(|(section, name)| !sections[section][name].is_null())
    };
    let names: Vec<String> = key_names().into_iter().filter(|key| !is_there(key)).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("\n# Not set, see docs/reference.md: {}\n", names.join(", ")),
    }
}

impl Files {
    fn load(self, options: &Options) -> Result<Config> {
        let config = options.config.iter().cloned().chain(self.files).collect();
        Options { config, ..options.clone() }.configuration(|_| ())
    }
}
