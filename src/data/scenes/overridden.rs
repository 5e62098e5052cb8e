//! Keys of the configuration without effect, because a dataset on disk has its own values.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::{Config, DataConfig, SceneConfig};
use crate::data::clips::LeftOut;

/// Returns the log message about the [`keys`] without effect on the dataset at `dir`, if there are any.
pub fn overridden(dir: &Path, config: &Config, own: (&DataConfig, &SceneConfig), used: &[&str]) -> Option<LeftOut> {
    let keys = keys(config, own, used);
    let message = format!("{}: the dataset brings its own clips, so these keys have no effect: ", dir.display());
    (!keys.is_empty()).then(|| LeftOut::warning(message + &keys.join(", ")))
}

/// Returns the keys of `[data]` and `[scene]` without effect. Such a key has a value in `config` that is neither the
/// default nor the dataset's `own` value, and is not among the keys that are `used` with a dataset, too.
fn keys(config: &Config, own: (&DataConfig, &SceneConfig), used: &[&str]) -> Vec<String> {
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
            let counts =
                used.contains(&key.as_str()) || [&default, &own].iter().any(|other| other.get(name) == Some(value));
            (!counts).then_some(key)
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

    #[test]
    fn what_is_set_to_another_value_has_no_effect() {
        let mut config = Config::default();
        let own = (DataConfig { train: 20, ..DataConfig::default() }, SceneConfig::default());
        let found = |config: &Config, used: &[&str]| keys(config, (&own.0, &own.1), used);
        assert!(found(&config, &[]).is_empty(), "a default is not set");
        config.data.train = 20;
        assert!(found(&config, &[]).is_empty(), "it is what the dataset has");
        (config.data.train, config.data.seed, config.scene.clip_s) = (100, 3, 5.0);
        config.data.soundbank = Some("bank".into());
        assert_eq!(found(&config, &["data.seed"]), ["data.soundbank", "data.train", "scene.clip_s"]);
    }
}
