//! Description of a trained model, stored in its file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Config, FeatureConfig, Method, ModelConfig, Normalise, validate_model};
use crate::data::features::Statistics;
use crate::{Error, Result};

/// The metadata of a model: all that is needed to use its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Class names; output k belongs to class k.
    pub classes: Vec<String>,
    /// Settings of the features. In a file, the constants of [`LOG_MEL`](crate::data::features::LOG_MEL) are stored among
    /// them.
    #[serde(with = "log_mel")]
    pub features: FeatureConfig,
    /// Layers of the networks.
    pub model: ModelConfig,
    /// Training method.
    pub method: Method,
    /// Normalisation of embeddings to unit length before distances are taken.
    pub normalise: Normalise,
    /// Mean of each band over the training frames.
    pub mean: Vec<f64>,
    /// Standard deviation of each band over the training frames.
    pub std: Vec<f64>,
    /// Seed of the model's initial parameters, batches and dropout.
    pub seed: u64,
    /// Epoch of the parameters, counted from 0.
    pub epoch: usize,
    /// Threshold of each class, chosen on validation scores. Models of trainings that are not finished and of earlier
    /// builds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
}

impl Description {
    /// Describes the model with seed `seed` trained with `config`, with the parameters of epoch `epoch`.
    pub fn new(config: &Config, classes: &[String], statistics: &Statistics, seed: u64, epoch: usize) -> Self {
        Self {
            classes: classes.to_vec(),
            features: config.features.clone(),
            model: config.model.clone(),
            method: config.train.method,
            normalise: config.normalise(config.train.method),
            mean: statistics.mean.clone(),
            std: statistics.std.clone(),
            seed,
            epoch,
            thresholds: None,
        }
    }

    /// Checks that the description is valid. `origin` is the file that errors name.
    ///
    /// # Errors
    /// [`Error::Data`] naming the invalid value.
    pub(super) fn check(&self, origin: &Path) -> Result<()> {
        let bad = |reason: String| Err(Error::data(origin, format!("its metadata cannot be: {reason}")));
        if let Err(error) = validate_model(&self.features, &self.model) {
            return bad(error.to_string());
        }
        if self.classes.is_empty() {
            return bad("there is no class".into());
        }
        let bands = self.features.bands;
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != bands {
                return bad(format!("'{name}' has {} values for {bands} bands", values.len()));
            }
            if let Some(band) = values.iter().position(|value| !value.is_finite()) {
                return bad(format!("'{name}' of band {band} is {}", values[band]));
            }
        }
        if let Some(band) = self.std.iter().position(|std| *std <= 0.0) {
            return bad(format!("'std' of band {band} is {}, and must be above 0", self.std[band]));
        }
        let Some(thresholds) = &self.thresholds else { return Ok(()) };
        if thresholds.len() != self.classes.len() {
            return bad(format!("there are {} 'thresholds' for {} classes", thresholds.len(), self.classes.len()));
        }
        match thresholds.iter().position(|threshold| !(0.0..=1.0).contains(threshold)) {
            Some(class) => bad(format!("the threshold of class {class} is {}, not between 0 and 1", thresholds[class])),
            None => Ok(()),
        }
    }
}

/// Serialises the settings of the features together with the constants of [`LOG_MEL`](crate::data::features::LOG_MEL). Files
/// of earlier versions lack the constants. A file with other values was written by a program that computes other
/// features, and is refused.
mod log_mel {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Error as _, Serialize, Serializer};
    use serde_json::{Map, Value};

    use crate::config::FeatureConfig;
    use crate::data::features::LOG_MEL;

    pub fn serialize<S: Serializer>(features: &FeatureConfig, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serde_json::to_value(features).map_err(S::Error::custom)?;
        for (name, value) in LOG_MEL {
            all[name] = value.into();
        }
        all.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FeatureConfig, D::Error> {
        let mut all = Map::deserialize(deserializer)?;
        for (name, value) in LOG_MEL {
            if let Some(found) = all.remove(name).filter(|found| *found != *value) {
                let reason = format!("its features have {name} = {found}, and this program makes \"{value}\" only");
                return Err(D::Error::custom(reason));
            }
        }
        serde_json::from_value(Value::Object(all)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;

    use super::*;

    /// Describes a default model with three classes.
    pub fn description() -> Description {
        Description {
            classes: vec!["a".into(), "b".into(), "c".into()],
            features: FeatureConfig::default(),
            model: ModelConfig::default(),
            method: Method::Triplets,
            normalise: Normalise::Segment,
            mean: vec![0.1; 64],
            std: vec![1.0 / 3.0; 64],
            seed: 7,
            epoch: 12,
            thresholds: Some(vec![0.5, 0.25, 0.0]),
        }
    }

    #[test]
    fn the_features_say_how_log_mel_is_made_and_other_ways_are_refused() {
        let written = serde_json::to_value(description()).unwrap();
        let features = &written["features"];
        assert_eq!((&features["spectrum"], &features["mel_scale"]), (&"magnitude".into(), &"htk".into()));
        assert_eq!(features["fft"], 512);
        assert_eq!(serde_json::from_value::<Description>(written.clone()).unwrap(), description());
        let read = |change: fn(&mut Value)| {
            let mut changed = written.clone();
            change(&mut changed["features"]);
            serde_json::from_value::<Description>(changed).map_err(|error| error.to_string())
        };
        let message = read(|features| features["spectrum"] = "power".into()).unwrap_err();
        assert!(message.contains("spectrum = \"power\"") && message.contains("\"magnitude\" only"), "{message}");
        assert!(read(|features| features["phase"] = 1.into()).unwrap_err().contains("phase"));
        // The form that earlier versions wrote.
        let without = |features: &mut Value| *features = serde_json::to_value(FeatureConfig::default()).unwrap();
        assert_eq!(read(without).unwrap(), description());
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        type Change = fn(&mut Description);
        let refusal = |change: Change| {
            let mut changed = description();
            change(&mut changed);
            changed.check(Path::new("best")).unwrap_err().to_string()
        };
        let cases: [(Change, &str); 8] = [
            (|d| d.classes.clear(), "no class"),
            (|d| d.mean[3] = f64::NAN, "'mean' of band 3 is NaN"),
            (|d| d.std[63] = f64::INFINITY, "'std' of band 63 is inf"),
            (|d| d.std[5] = 0.0, "'std' of band 5 is 0"),
            (|d| d.std[5] = -1.0, "'std' of band 5 is -1"),
            (|d| d.mean.truncate(63), "'mean' has 63 values for 64 bands"),
            (|d| d.model.filters.clear(), "model.filters"),
            (|d| d.features.fft = 500, "features.fft"),
        ];
        for (change, word) in cases {
            let message = refusal(change);
            assert!(message.starts_with("best: ") && message.contains(word), "{message}");
        }
        description().check(Path::new("best")).unwrap();
    }
}
