//! A trained model from whose parameters a training starts (`train.init`).

use std::path::{Path, PathBuf};

use super::checkpoint::{Description, model_from_bytes};
use super::{Architecture, initial_parameters};
use crate::base::checksum::sha256;
use crate::base::regular_file;
use crate::config::{Config, Freeze, Normalise};
use crate::data::features::Statistics;
use crate::{Error, Result};

/// A trained model from whose parameters a training starts.
#[derive(Debug, Clone)]
pub struct StartingModel {
    /// Bytes of the file, which a run folder keeps.
    pub bytes: Vec<u8>,
    path: PathBuf,
    parameters: Vec<f32>,
    description: Description,
}

impl StartingModel {
    /// Reads the model that `train.init` of `config` names, if there is one.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key of features or layers that differs from the model's, or `train.freeze`
    /// without a model; [`Error::Data`] for a folder without a model or with several; the errors of
    /// [`model_from_bytes`]; [`Error::Io`].
    pub fn of(config: &Config) -> Result<Option<Self>> {
        let Some(named) = &config.train.init else {
            return match config.train.freeze {
                Freeze::None => Ok(None),
                Freeze::Embedding => {
                    let reason =
                        "a frozen embedding must be a trained one: name a model with --init (the key train.init)";
                    Err(Error::config("train.freeze", reason))
                }
            };
        };
        let path = file_of(named)?;
        let bytes = regular_file::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let (parameters, description) = model_from_bytes(&path, &bytes)?;
        let found = Self { bytes, path, parameters, description };
        found.check(config)?;
        Ok(Some(found))
    }

    /// Returns the SHA-256 of the file, by which a training state recognises the model.
    pub fn sha256(&self) -> String {
        sha256(&[&self.bytes])
    }

    /// Returns the statistics by which the model's features are standardised. A training that starts from the model
    /// keeps them: its first layer has learnt to read features of this scale.
    pub fn statistics(&self) -> Statistics {
        Statistics { mean: self.description.mean.clone(), std: self.description.std.clone() }
    }

    /// Returns the parameters with which the member with seed `seed` starts. E is the model's. If `classes` has a class
    /// of the model, so are the hidden layers of G and the outputs of classes that both know; everything else is drawn.
    pub fn parameters(&self, architecture: &Architecture, classes: &[String], seed: u64) -> Vec<f32> {
        let own = Architecture { classes: self.description.classes.len(), ..architecture.clone() };
        let mut values = initial_parameters(architecture, seed);
        let (known, all) = (self.known(classes), architecture.parameters().len());
        for (index, (to, from)) in architecture.parameters().iter().zip(own.parameters()).enumerate() {
            let of_e = to.first < architecture.embedding_elements();
            if of_e || index + 2 < all && !known.is_empty() {
                values[to.first..][..to.len()].copy_from_slice(&self.parameters[from.first..][..from.len()]);
            } else if index + 2 >= all {
                // Weights and biases of the output layer have a row for each class.
                let width = to.len() / classes.len();
                for (class, in_model) in &known {
                    let row = &self.parameters[from.first + in_model * width..][..width];
                    values[to.first + class * width..][..width].copy_from_slice(row);
                }
            }
        }
        values
    }

    /// Returns the positions of the classes that both know, in `classes` and in the model.
    fn known(&self, classes: &[String]) -> Vec<(usize, usize)> {
        let place = |class: &String| self.description.classes.iter().position(|other| other == class);
        classes.iter().enumerate().filter_map(|(at, class)| Some((at, place(class)?))).collect()
    }

    /// Returns a sentence that says which parameters a training on `classes` keeps and which it draws.
    pub fn kept(&self, classes: &[String]) -> String {
        let known = self.known(classes);
        let new: Vec<&str> = (0..classes.len())
            .filter(|class| known.iter().all(|(at, _)| at != class))
            .map(|class| classes[class].as_str())
            .collect();
        let of_g = match (known.len(), new.len()) {
            (_, 0) => "E and G are kept".into(),
            (0, _) => "E is kept, and G is drawn anew, since no class is known to both".into(),
            (n, more) => format!(
                "E, the hidden layers of G and its outputs for {n} of {} classes are kept; the outputs for {more} are drawn \
                 anew: {}",
                classes.len(),
                new.iter().take(10).copied().collect::<Vec<_>>().join(", ") + if more > 10 { ", …" } else { "" },
            ),
        };
        format!("starting from {}: {of_g}; features are standardised by its statistics", self.path.display())
    }

    /// Checks that features and layers of `config` are those of the model.
    fn check(&self, config: &Config) -> Result<()> {
        let (model, path) = (&self.description, self.path.display());
        let sections = [
            ("features", serde_json::to_value(&config.features), serde_json::to_value(&model.features)),
            ("model", serde_json::to_value(&config.model), serde_json::to_value(&model.model)),
        ];
        for (section, own, trained) in sections {
            let refused = |e: serde_json::Error| Error::data(&self.path, e.to_string());
            let (own, trained) = (own.map_err(refused)?, trained.map_err(refused)?);
            for (name, value) in own.as_object().into_iter().flatten() {
                // Dropout is no property of the trained parameters.
                if name == "dropout" || trained[name] == *value {
                    continue;
                }
                let reason = format!(
                    "is {value}, and {path}, from which the training starts, was trained with {0}: --set '{section}.{name}={0}' \
                     takes its value, or train without --init",
                    trained[name]
                );
                return Err(Error::config(format!("{section}.{name}"), reason));
            }
        }
        let frame = |normalise: Normalise| normalise == Normalise::Frame;
        let own = config.normalise(config.train.method);
        if frame(own) != frame(model.normalise) {
            let (method, name) = (config.train.method.name(), model.method.name());
            let reason = format!(
                "{method} makes its embedding in another way than {path}, which {} every time step to unit length: use \
                 --method {name} with {name}.normalise={}, or train without --init",
                if frame(model.normalise) { "scales" } else { "does not scale" },
                if frame(model.normalise) { "frame" } else { "segment" },
            );
            return Err(Error::config("train.method", reason));
        }
        Ok(())
    }
}

/// Returns the file of a model, which `named` is, or of the only model of the run folder `named`.
fn file_of(named: &Path) -> Result<PathBuf> {
    if !named.is_dir() {
        return Ok(named.into());
    }
    let folder = named.join("checkpoints");
    let best = folder.join("best.safetensors");
    if best.is_file() {
        return Ok(best);
    }
    let is_model = |name: &str| name.starts_with("best-") && name.ends_with(".safetensors");
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut several: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_model)).map(|entry| entry.path()).collect();
    several.sort();
    Err(Error::data(
        named,
        match several.first() {
            Some(first) => format!(
                "has {} models, and a training starts from one: name it, as in --init {}",
                several.len(),
                first.display()
            ),
            None => {
                "has no model to start from: name a finished run or a model, RUN/checkpoints/best*.safetensors".into()
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FeatureConfig, ModelConfig};
    use crate::model::checkpoint::Description;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn model(classes: &[&str]) -> (Architecture, StartingModel) {
        let config = Config::default();
        let architecture = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), classes.len());
        let statistics = Statistics::identity(config.features.bands);
        let description = Description::new(&config, &named(classes), &statistics, 1, 0);
        let parameters = (0..architecture.elements()).map(|index| 1.0 + index as f32).collect();
        (architecture, StartingModel { bytes: Vec::new(), path: "model".into(), parameters, description })
    }

    #[test]
    fn outputs_of_classes_that_both_know_are_kept() {
        let (architecture, model) = model(&["a", "b", "c"]);
        let of = |classes: &[&str]| {
            let own = Architecture { classes: classes.len(), ..architecture.clone() };
            (model.parameters(&own, &named(classes), 1), own)
        };
        let (same, _) = of(&["a", "b", "c"]);
        for parameter in architecture.parameters() {
            let range = parameter.first..parameter.first + parameter.len();
            assert_eq!(same[range.clone()], model.parameters[range], "{}", parameter.name);
        }
        let (some, own) = of(&["c", "x"]);
        let (drawn, last) = (initial_parameters(&own, 1), own.parameters().len() - 2);
        for parameter in &own.parameters()[..last] {
            let range = parameter.first..parameter.first + parameter.len();
            assert_eq!(some[range.clone()], model.parameters[range], "{}", parameter.name);
        }
        let [weights, biases] = [&own.parameters()[last], &own.parameters()[last + 1]];
        let [old_weights, old_biases] = [last, last + 1].map(|index| architecture.parameters()[index].first);
        assert_eq!(some[weights.first..][..32], model.parameters[old_weights + 2 * 32..][..32], "c is the third");
        assert_eq!(some[weights.first + 32..][..32], drawn[weights.first + 32..][..32]);
        assert_eq!(some[biases.first..][..2], [model.parameters[old_biases + 2], drawn[biases.first + 1]]);
        let (none, own) = of(&["x", "y"]);
        let of_e = own.embedding_elements();
        assert!(none[of_e..] == initial_parameters(&own, 1)[of_e..], "G");
        assert!(none[..of_e] != initial_parameters(&own, 1)[..of_e], "E");
    }

    #[test]
    fn a_message_says_what_is_kept() {
        let (_, model) = model(&["a", "b", "c"]);
        let kept = |classes: &[&str]| model.kept(&named(classes));
        assert!(kept(&["a", "b", "c"]).contains("E and G are kept"));
        let some = kept(&["c", "x"]);
        assert!(some.contains("outputs for 1 of 2 classes are kept") && some.contains("drawn anew: x"), "{some}");
        assert!(kept(&["x"]).contains("G is drawn anew"));
    }
}
