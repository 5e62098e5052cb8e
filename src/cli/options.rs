//! The options that every command accepts.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ColorChoice};

use super::tiles::TilesFrom;
use crate::Result;
use crate::config::{self, Config};
use crate::output::ProgressMode;

/// The options that every command accepts.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Options {
    /// A TOML file with settings; repeatable, later files take precedence
    ///
    /// Every key has a default: `weaklabel config print` shows them. Relative paths in the file are relative to the
    /// current directory.
    #[arg(short, long, global = true, value_name = "FILE", env = "WEAKLABEL_CONFIG")]
    pub config: Vec<PathBuf>,
    /// Change one setting, for example --set train.epochs=50; repeatable, takes precedence over files
    #[arg(long, global = true, value_name = "KEY=VALUE", env = "WEAKLABEL_SET")]
    pub set: Vec<String>,
    /// The adapter to compute on: an index or part of a name from `weaklabel devices`, or pci:ADDRESS
    #[arg(long, global = true, value_name = "INDEX|NAME|pci:…", env = "WEAKLABEL_ADAPTER")]
    pub adapter: Option<String>,
    /// The graphics API to use: vulkan, metal or dx12
    #[arg(long, global = true, value_name = "API", env = "WEAKLABEL_BACKEND")]
    pub backend: Option<String>,
    /// Settings of the fastest kernels: a file of `weaklabel tune`, a run's tiles.json, or `shipped`
    ///
    /// Default: the tiles that `weaklabel tune` found for the adapter and its driver, or else the shipped ones.
    #[arg(long, global = true, value_name = "FILE|shipped", env = "WEAKLABEL_TILES")]
    pub tiles: Option<TilesFrom>,
    /// Threads for work on the CPU [default: one per core]
    #[arg(short, long, global = true, value_name = "N", env = "WEAKLABEL_JOBS", value_parser = jobs)]
    pub jobs: Option<usize>,
    /// Print results as JSON, and nothing else on stdout
    #[arg(long, global = true, env = "WEAKLABEL_JSON", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub json: bool,
    /// Print errors only
    #[arg(short, long, global = true, env = "WEAKLABEL_QUIET", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    pub quiet: bool,
    /// Log more; repeatable
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Colours: always, never, or only on a terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", env = "WEAKLABEL_COLOR")]
    pub color: ColorChoice,
    /// Progress: a bar, plain lines, nothing, or a bar on a terminal and plain lines elsewhere
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", env = "WEAKLABEL_PROGRESS")]
    pub progress: ProgressMode,
}

impl Options {
    /// The configuration that the files, the `--set` edits and then `flags`, the command's own options, make.
    ///
    /// # Errors
    /// The errors of [`config::read_config`], and [`crate::Error::Config`] naming the key that a flag set to a value out of
    /// range.
    pub fn configuration(&self, flags: impl FnOnce(&mut Config)) -> Result<Config> {
        let mut config = config::read_config(&self.config, &self.set)?;
        flags(&mut config);
        config::validate(&config)?;
        Ok(config)
    }

    /// Whether an edit of the command line (`--set`) names `key`.
    pub fn edits(&self, key: &str) -> bool {
        self.set.iter().any(|edit| edit.split_once('=').is_some_and(|(name, _)| name.trim() == key))
    }
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        _ => Err("a number of threads between 1 and 1024".into()),
    }
}
