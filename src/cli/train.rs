//! `weaklabel train`.

use std::path::PathBuf;

use clap::Args;

use super::data_source::DataSource;
use crate::config::{Config, Method};

/// `weaklabel train`: train a population of taggers.
#[derive(Debug, Args)]
pub struct Train {
    /// Where the audio comes from.
    #[command(flatten)]
    pub source: DataSource,
    /// How to train
    #[arg(long)]
    pub method: Option<Method>,
    /// One model per seed, all trained together (the key train.seeds)
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub seed: Vec<u64>,
    /// The run folder
    #[arg(short, long, value_name = "RUN")]
    pub out: PathBuf,
    /// Continue the run in that folder, with its own configuration
    #[arg(long, conflicts_with_all = ["dataset", "soundbank", "method", "seed", "force"])]
    pub resume: bool,
    /// Replace an earlier run in that folder
    #[arg(long)]
    pub force: bool,
}

impl Train {
    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        config.train.method = self.method.unwrap_or(config.train.method);
        if !self.seed.is_empty() {
            config.train.seeds.clone_from(&self.seed);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Train, clap::Error> {
        let command = Train::augment_args(clap::Command::new("train"));
        Train::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn flags_reach_their_keys() {
        let train = parse("train --dataset set --method classifier --seed 4,5 -o run").unwrap();
        let mut config = Config::default();
        train.apply(&mut config);
        assert_eq!(config.train.seeds, [4, 5]);
        assert_eq!((config.train.method, config.data.dataset), (Method::Classifier, Some("set".into())));
    }

    #[test]
    fn absent_flags_change_nothing() {
        let mut config = Config::default();
        parse("train -o run").unwrap().apply(&mut config);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        for line in [
            "train --dataset a --soundbank b -o run",
            "train --resume --force -o run",
            "train --resume --seed 1 -o run",
        ] {
            assert_eq!(parse(line).unwrap_err().kind(), ErrorKind::ArgumentConflict, "{line}");
        }
        assert_eq!(parse("train").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert!(parse("train --resume -o run").is_ok());
    }
}
