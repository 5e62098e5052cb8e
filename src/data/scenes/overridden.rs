//! Keys of the configuration without effect, because a dataset on disk has its own values.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::{Config, DataConfig, SceneConfig, SetKeys};
use crate::data::clips::LeftOut;
use crate::{Error, Result};

/// Keys that say from what clips are mixed, and how many. Where `--dataset` names other data than a configuration file,
/// it replaces these keys of the file.
const OF_A_SOURCE: [&str; 5] = ["data.train", "data.validation", "data.eval", "data.soundbank", "data.cooccurrence"];

/// The keys of `[data]` and `[scene]` whose values are not those of the dataset on disk.
#[derive(Debug, Clone)]
pub struct OverriddenKeys {
    path: PathBuf,
    /// Names of the keys, each with whether its value is the default of the configuration.
    keys: Vec<(String, bool)>,
}

impl OverriddenKeys {
    /// Compares `config` with the dataset at `path`, whose `own` values count. Keys that are `used` with a dataset are
    /// left out.
    pub(super) fn new(path: &Path, config: &Config, own: (&DataConfig, &SceneConfig), used: &[&str]) -> Self {
        Self { path: path.into(), keys: keys(config, own, used) }
    }

    /// Checks that nobody set a key that has no effect. A key of a file may have its default or the dataset's value. If
    /// no file names the dataset, it replaces the source that a file describes, and the keys of that source
    /// (`OF_A_SOURCE`) are returned.
    ///
    /// # Errors
    /// [`Error::Config`] that names the first such key.
    pub fn check(&self, set: &SetKeys) -> Result<Vec<&str>> {
        let replaces = !set.in_files.contains("data.dataset");
        let (mut refused, mut replaced) = (Vec::new(), Vec::new());
        for (key, is_default) in &self.keys {
            if set.on_command_line.contains(key) {
                refused.push((key, "--set"));
            } else if set.in_files.contains(key) && !is_default {
                if replaces && OF_A_SOURCE.contains(&key.as_str()) {
                    replaced.push(key.as_str());
                } else {
                    refused.push((key, "the configuration file"));
                }
            }
        }
        let Some((key, place)) = refused.first() else { return Ok(replaced) };
        let others = match &refused[1..] {
            [] => String::new(),
            others => {
                format!(", nor have {}", others.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", "))
            }
        };
        let reason = format!(
            "has no effect{others}: {} brings its own clips. Leave it out of {place}, or train without --dataset on clips that \
             are mixed",
            self.path.display()
        );
        Err(Error::config(key.as_str(), reason))
    }

    /// Returns the log message about the keys of a source that the dataset replaces, if there are any.
    pub fn replaced(&self, keys: &[&str]) -> Option<LeftOut> {
        let message = format!(
            "{} replaces the clips that the configuration file describes: {} not used",
            self.path.display(),
            keys.join(", ")
        );
        (!keys.is_empty()).then_some(LeftOut { harmless: true, message })
    }
}

/// Sets `keys` of a source to their defaults, so that a stored configuration does not claim values without effect.
pub fn without_source(config: &mut Config, keys: &[&str]) {
    let default = DataConfig::default();
    for key in keys {
        match *key {
            "data.train" => config.data.train = default.train,
            "data.validation" => config.data.validation = default.validation,
            "data.eval" => config.data.eval = default.eval,
            "data.soundbank" => config.data.soundbank = None,
            "data.cooccurrence" => config.data.cooccurrence = None,
            _ => {}
        }
    }
}

/// Returns the keys of `[data]` and `[scene]` whose value in `config` is not the dataset's `own` value, without those
/// that are `used` with a dataset, too. Each comes with whether its value is the default.
fn keys(config: &Config, own: (&DataConfig, &SceneConfig), used: &[&str]) -> Vec<(String, bool)> {
    let absolute = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let set = DataConfig {
        soundbank: config.data.soundbank.as_ref().map(absolute),
        cooccurrence: config.data.cooccurrence.as_ref().map(absolute),
        ..config.data.clone()
    };
    let default = Config::default();
    let sections = [
        ("data", fields(&set), fields(&default.data), fields(own.0)),
        ("scene", fields(&config.scene), fields(&default.scene), fields(own.1)),
    ];
    let mut keys = Vec::new();
    for (section, set, default, own) in sections {
        let ineffective = |(name, value): (&String, &Value)| {
            let key = format!("{section}.{name}");
            let counts = used.contains(&key.as_str()) || own.get(name) == Some(value);
            (!counts).then_some((key, default.get(name) == Some(value)))
        };
        keys.extend(set.iter().filter_map(ineffective));
    }
    keys
}

fn fields(section: &impl Serialize) -> Map<String, Value> {
    match json!(section) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is refused or replaced of `config`, whose keys were set in files and on the command line as given.
    fn checked(config: &Config, files: &[&str], line: &[&str]) -> Result<Vec<String>, String> {
        let own = (DataConfig { train: 20, ..DataConfig::default() }, SceneConfig::default());
        let found = OverriddenKeys::new(Path::new("set"), config, (&own.0, &own.1), &["data.seed"]);
        let names = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let set = SetKeys { in_files: names(files), on_command_line: names(line) };
        let replaced = found.check(&set).map_err(|error| error.to_string())?;
        Ok(replaced.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn what_is_set_to_another_value_is_refused() {
        let mut config = Config::default();
        assert_eq!(checked(&config, &["data.train", "scene.clip_s"], &[]), Ok(Vec::new()), "a default in a file");
        let message = checked(&config, &[], &["data.train"]).unwrap_err();
        assert!(message.starts_with("data.train: ") && message.contains("set brings its own clips"), "{message}");
        config.data.train = 20;
        assert_eq!(checked(&config, &["data.train"], &["data.train"]), Ok(Vec::new()), "it is what the dataset has");
        (config.data.train, config.data.seed, config.scene.clip_s) = (100, 3, 5.0);
        assert_eq!(checked(&config, &[], &[]), Ok(Vec::new()), "a run's own configuration");
        let message = checked(&config, &["scene.clip_s"], &["data.train", "data.seed"]).unwrap_err();
        assert!(message.contains("data.train") && message.contains("nor have scene.clip_s"), "{message}");
        let message = checked(&config, &["scene.clip_s"], &[]).unwrap_err();
        assert!(message.starts_with("scene.clip_s: ") && message.contains("the configuration file"), "{message}");
    }

    #[test]
    fn a_dataset_of_the_command_line_replaces_the_source_of_a_file() {
        let mut config = Config::default();
        (config.data.train, config.data.soundbank) = (100, Some("bank".into()));
        let keys = ["data.soundbank", "data.train"];
        assert_eq!(checked(&config, &keys, &[]), Ok(keys.map(String::from).to_vec()));
        assert!(checked(&config, &["data.train", "data.dataset"], &[]).unwrap_err().starts_with("data.train: "));
        without_source(&mut config, &keys);
        assert_eq!(config, Config::default());
    }
}
