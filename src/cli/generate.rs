//! `weaklabel generate`.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Variant};

/// `weaklabel generate`: draw a dataset from a soundbank.
#[derive(Debug, Args)]
pub struct Generate {
    /// The soundbank clips are mixed from [default: the built-in one]
    #[arg(long, value_name = "DIR")]
    pub soundbank: Option<PathBuf>,
    /// The folder to write the dataset to
    #[arg(short, long, value_name = "DATASET", required_unless_present = "export_soundbank")]
    pub out: Option<PathBuf>,
    /// Training clips in all
    #[arg(long, value_name = "N")]
    pub train: Option<usize>,
    /// Validation clips in all
    #[arg(long, value_name = "N")]
    pub valid: Option<usize>,
    /// Evaluation clips in all
    #[arg(long, value_name = "N")]
    pub eval: Option<usize>,
    /// Whole events, or events cut to 200 ms
    #[arg(long)]
    pub variant: Option<Variant>,
    /// Seed of everything that is drawn (the key data.seed)
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Also write the clips, as 16-bit WAV; without it they are mixed in memory when needed
    #[arg(long)]
    pub wav: bool,
    /// Write the built-in soundbank as WAV files to this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["soundbank", "wav"])]
    pub export_soundbank: Option<PathBuf>,
    /// Replace an earlier dataset
    #[arg(long)]
    pub force: bool,
}

impl Generate {
    /// Enters the flags into a configuration.
    pub fn apply(&self, config: &mut Config) {
        let data = &mut config.data;
        // A new dataset is drawn even where the configuration names one to read.
        data.dataset = None;
        if self.soundbank.is_some() {
            data.soundbank.clone_from(&self.soundbank);
        }
        data.train = self.train.unwrap_or(data.train);
        data.validation = self.valid.unwrap_or(data.validation);
        data.eval = self.eval.unwrap_or(data.eval);
        data.variant = self.variant.unwrap_or(data.variant);
        data.seed = self.seed.unwrap_or(data.seed);
    }
}

#[cfg(test)]
mod tests {
    use clap::{FromArgMatches, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Generate, clap::Error> {
        let command = Generate::augment_args(clap::Command::new("generate"));
        Generate::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn flags_reach_their_keys() {
        let line = "generate --soundbank bank -o set --train 20 --valid 10 --eval 30 --variant 200ms --seed 7 --wav";
        let generate = parse(line).unwrap();
        let mut config = Config::default();
        config.data.dataset = Some("other".into());
        generate.apply(&mut config);
        let data = &config.data;
        assert_eq!((data.train, data.validation, data.eval, data.seed), (20, 10, 30, 7));
        assert_eq!((data.variant, &data.dataset, &data.soundbank), (Variant::Ms200, &None, &Some("bank".into())));
        assert!(generate.wav);
    }

    #[test]
    fn absent_flags_change_nothing() {
        let mut config = Config::default();
        parse("generate -o set").unwrap().apply(&mut config);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn an_output_is_required() {
        assert_eq!(parse("generate").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert!(parse("generate --export-soundbank bank").is_ok());
        assert_eq!(
            parse("generate --export-soundbank a --soundbank b").unwrap_err().kind(),
            ErrorKind::ArgumentConflict
        );
    }
}
