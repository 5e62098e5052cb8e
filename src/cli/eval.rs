//! `weaklabel eval`.

use std::path::PathBuf;

use clap::Args;

use super::data_source::DataSource;
use crate::config::Config;

/// `weaklabel eval`: score a trained run on the evaluation clips.
#[derive(Debug, Args)]
pub struct Eval {
    /// The run folder
    pub run: PathBuf,
    /// Lengths of the test segments in seconds (the key evaluate.seconds)
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    pub seconds: Vec<f64>,
    /// Where the audio comes from, if not from where the run was trained.
    #[command(flatten)]
    pub source: DataSource,
}

impl Eval {
    /// Enters the flags into the run's configuration.
    pub fn apply(&self, config: &mut Config) {
        self.source.apply(&mut config.data);
        if !self.seconds.is_empty() {
            config.evaluate.seconds.clone_from(&self.seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn flags_reach_their_keys() {
        let command = Eval::augment_args(clap::Command::new("eval"));
        let line = ["eval", "run", "--seconds", "0.2,10", "--dataset", "set"];
        let eval = Eval::from_arg_matches(&command.get_matches_from(line)).unwrap();
        let mut config = Config::default();
        eval.apply(&mut config);
        assert_eq!(eval.run, PathBuf::from("run"));
        assert_eq!((config.evaluate.seconds, config.data.dataset), (vec![0.2, 10.0], Some("set".into())));
    }
}
