//! `--epochs`, `--batch`, `--lr`, `--seconds`: options of `train` for the keys that are changed most often.

use clap::Args;
use serde_json::{Value, json};

use super::Options;
use crate::config::{Config, StageName, is_used, seconds};
use crate::{Error, Result};

/// Options for the keys that are changed most often.
#[derive(Debug, Clone, Default, Args)]
pub struct OftenSet {
    /// Most epochs of each stage (the keys train.epochs and tagger.epochs); with --resume, train on up to as many
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Examples in a step of each stage (the keys train.batch and tagger.batch)
    #[arg(long, value_name = "N", visible_alias = "batch-size", conflicts_with = "resume")]
    pub batch: Option<usize>,
    /// Learning rate of each stage (the keys optimiser.lr and tagger.lr)
    #[arg(long, value_name = "X", visible_alias = "learning-rate", conflicts_with = "resume")]
    pub lr: Option<f64>,
    /// Length of a training segment, as in 2 or 200ms (the key train.seconds)
    #[arg(long, value_name = "TIME", value_parser = seconds, conflicts_with = "resume")]
    pub seconds: Option<f64>,
}

/// An option that was given: its name and value as text, and each of its keys with the value.
struct Given {
    option: String,
    keys: Vec<(&'static str, Value)>,
}

impl OftenSet {
    /// Returns the options that were given. Keys of a stage that a training of `config` does not have are left out.
    fn given(&self, config: &Config) -> Vec<Given> {
        let is_used = |key: &str| is_used(key, config.train.method, config.train.freeze);
        let options = [
            ("--epochs", self.epochs.map(|n| json!(n)), ["train.epochs", "tagger.epochs"].as_slice()),
            ("--batch", self.batch.map(|n| json!(n)), &["train.batch", "tagger.batch"]),
            ("--lr", self.lr.map(|x| json!(x)), &["optimiser.lr", "tagger.lr"]),
            ("--seconds", self.seconds.map(|x| json!(x)), &["train.seconds"]),
        ];
        let given = |(option, value, keys): (&str, Option<Value>, &[&'static str])| {
            let value = value?;
            let keys = keys.iter().filter(|key| is_used(key)).map(|key| (*key, value.clone())).collect();
            Some(Given { option: format!("{option} {value}"), keys })
        };
        options.into_iter().filter_map(given).collect()
    }

    /// Enters the options into a configuration whose method and frozen parameters are known.
    pub fn apply(&self, config: &mut Config) {
        if config.stages() != [StageName::Tagger] {
            config.train.epochs = self.epochs.or(config.train.epochs);
            config.train.batch = self.batch.unwrap_or(config.train.batch);
            config.optimiser.lr = self.lr.unwrap_or(config.optimiser.lr);
        }
        config.train.seconds = self.seconds.unwrap_or(config.train.seconds);
        if config.stages().contains(&StageName::Tagger) {
            config.tagger.epochs = self.epochs.unwrap_or(config.tagger.epochs);
            config.tagger.batch = self.batch.unwrap_or(config.tagger.batch);
            config.tagger.lr = self.lr.unwrap_or(config.tagger.lr);
        }
    }

    /// Returns the keys that the options set in a training of `config`.
    pub fn keys(&self, config: &Config) -> Vec<&'static str> {
        self.given(config).into_iter().flat_map(|given| given.keys).map(|(key, _)| key).collect()
    }

    /// Checks that no `--set` gives a key of an option another value. `without` is the configuration without the
    /// options, and `config` that with them.
    ///
    /// # Errors
    /// [`Error::Usage`] that names both.
    pub fn check(&self, options: &Options, without: &Config, config: &Config) -> Result<()> {
        let sections = serde_json::to_value(without).unwrap_or_default();
        for Given { option, keys } in self.given(config) {
            for (key, value) in keys {
                let (section, name) = key.split_once('.').unwrap_or((key, ""));
                let edited = &sections[section][name];
                if options.edits(key) && *edited != value {
                    return Err(Error::Usage(format!(
                        "{option} contradicts --set {key}={edited}: leave one of them out ({option} stands for {key} in \
                         every stage that the training has)"
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Method, edit};

    #[test]
    fn options_set_the_keys_of_every_stage_and_contradict_other_edits() {
        let often = OftenSet { epochs: Some(7), batch: Some(4), lr: Some(0.01), seconds: Some(2.0) };
        let mut config = Config::default();
        assert_eq!(often.keys(&config), ["train.epochs", "train.batch", "optimiser.lr", "train.seconds"]);
        often.apply(&mut config);
        assert_eq!((config.train.epochs, config.train.batch, config.tagger.batch), (Some(7), 4, 20));
        config.train.method = Method::Triplets;
        often.apply(&mut config);
        assert_eq!((config.tagger.epochs, config.tagger.batch, config.tagger.lr), (7, 4, 0.01));
        assert_eq!(often.keys(&config).len(), 7);

        let check = |edits: &[&str]| {
            let set: Vec<String> = edits.iter().map(|edit| (*edit).to_owned()).collect();
            let without = edit(&Config::default(), "--set", &set).unwrap();
            let options = Options { set, ..Options::default() };
            let mut config = without.clone();
            often.apply(&mut config);
            often.check(&options, &without, &config).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["train.epochs=7", "optimiser.lr=1e-2", "model.dropout=0"]), Ok(()));
        let message = check(&["train.epochs=8"]).unwrap_err();
        assert!(message.contains("--epochs 7") && message.contains("--set train.epochs=8"), "{message}");
        assert_eq!(check(&["tagger.lr=0.5"]), Ok(()), "the classifier has no tagger stage");
        let message = check(&["train.method=triplets", "tagger.lr=0.5"]).unwrap_err();
        assert!(message.contains("--lr 0.01") && message.contains("--set tagger.lr=0.5"), "{message}");
    }
}
