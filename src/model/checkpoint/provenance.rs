//! Provenance of a training state: the configuration and data on which its weights depend. No other training accepts
//! the state.

use std::path::Path;

use serde_json::Value;

use crate::config::{Config, Keys, decides_end, training_keys};
use crate::{Error, Result};

/// Configuration and data of a training run.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Keys on which the training depends, with their values, one map per member.
    pub keys: Vec<Keys>,
    /// Fingerprint of the data.
    pub data: String,
}

impl Provenance {
    /// Computes the provenance of one population that trains `configs`, whose members are the seeds of each
    /// configuration in turn, on the data with the fingerprint `data`.
    pub fn new(configs: &[Config], data: &str) -> Self {
        let of_config = |config: &'_ Config| -> Vec<Keys> {
            config.train.seeds.iter().map(|seed| training_keys(config, *seed)).collect()
        };
        Self { keys: configs.iter().flat_map(of_config).collect(), data: data.into() }
    }

    /// Adds the SHA-256 of the model from which the training starts, if there is one, as the key `train.init`.
    #[must_use]
    pub fn starting_from(mut self, sha256: Option<String>) -> Self {
        for keys in &mut self.keys {
            keys.extend(sha256.clone().map(|sha256| ("train.init".to_owned(), Value::String(sha256))));
        }
        self
    }

    /// Checks that the training state at `origin`, whose provenance is `self`, belongs to the training `own`. Keys that
    /// only decide when a training ends may differ; a message for each of them is returned.
    ///
    /// # Errors
    /// [`Error::Data`] naming the first key that differs with both values, or reporting that the data differ.
    pub fn check(&self, origin: &Path, own: &Self) -> Result<Vec<String>> {
        let seeds = |of: &Self| Value::from_iter(of.keys.iter().map(|keys| keys.get("train.seeds").cloned()));
        let mut other = Vec::new();
        if seeds(self) != seeds(own) {
            other.push(("train.seeds".to_owned(), shown(Some(&seeds(self))), shown(Some(&seeds(own)))));
        }
        let mut ends = Vec::new();
        for (kept, now) in self.keys.iter().zip(&own.keys) {
            for key in kept.keys().chain(now.keys().filter(|key| !kept.contains_key(*key))) {
                if kept.get(key) == now.get(key) || other.iter().chain(&ends).any(|(named, ..)| named == key) {
                    continue;
                }
                let difference = (key.clone(), shown(kept.get(key)), shown(now.get(key)));
                if decides_end(key) { ends.push(difference) } else { other.push(difference) }
            }
        }
        if let Some((key, kept, now)) = other.first() {
            let more = match other.len() - 1 {
                0 => String::new(),
                1 => " (another key differs as well)".into(),
                n => format!(" (and {n} other keys differ)"),
            };
            let reason = format!(
                "it is of a training with {key} = {kept}, and now {key} is {now}{more}: change it back to go on, or begin \
                 another training"
            );
            return Err(Error::data(origin, reason));
        }
        if self.data != own.data {
            let reason = "it is of a training on other data than there are now: restore them to go on, or begin another \
                          training";
            return Err(Error::data(origin, reason));
        }
        let message = |(key, kept, now): (String, String, String)| {
            format!(
                "{}: {key} was {kept} so far and is {now} from here on; models that stopped early stay as they are",
                origin.display()
            )
        };
        Ok(ends.into_iter().map(message).collect())
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "its default".into(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kept: &Config, now: &Config) -> Option<String> {
        let of = |config: &Config| Provenance::new(std::slice::from_ref(config), "ab");
        of(kept).check(Path::new("last"), &of(now)).err().map(|error| error.to_string())
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let kept = Config::default();
        assert_eq!(refusal(&kept, &kept), None);
        let mut now = kept.clone();
        now.features.low_hz = 1000.0;
        let message = refusal(&kept, &now).unwrap();
        assert!(message.starts_with("last: ") && message.contains("features.low_hz = 125.0"), "{message}");
        assert!(message.contains("is 1000.0:"), "{message}");
        now.optimiser.lr = 0.5;
        now.data.seed = 9;
        assert!(refusal(&kept, &now).unwrap().contains("and 2 other keys differ"));
    }

    #[test]
    fn seeds_that_change_places_are_noticed_and_so_are_more_of_them() {
        let with = |seeds: &[u64]| {
            let mut config = Config::default();
            config.train.seeds = seeds.into();
            config
        };
        let message = refusal(&with(&[1, 2]), &with(&[2, 1])).unwrap();
        assert!(message.contains("train.seeds = [1,2]") && message.contains("is [2,1]"), "{message}");
        assert!(refusal(&with(&[1]), &with(&[1, 2])).unwrap().contains("train.seeds"));
    }

    #[test]
    fn when_a_training_ends_may_change_and_so_may_what_no_weight_depends_on() {
        let (kept, mut now) = (Config::default(), Config::default());
        (now.train.epochs, now.train.patience, now.train.min_epochs, now.tagger.epochs) = (Some(7), 8, 9, 10);
        (now.train.checkpoint_s, now.evaluate.seconds, now.data.soundbank) = (5.0, vec![1.0], Some("moved".into()));
        now.triplets.margin = 0.25;
        assert_eq!(refusal(&kept, &now), None);
        now.evaluate.threshold = 0.25;
        assert!(refusal(&kept, &now).unwrap().contains("evaluate.threshold"));
    }

    #[test]
    fn other_data_are_refused() {
        let of = |data: &str| Provenance::new(&[Config::default()], data);
        let message = of("ab").check(Path::new("last"), &of("cd")).unwrap_err().to_string();
        assert!(message.contains("other data"), "{message}");
    }
}
