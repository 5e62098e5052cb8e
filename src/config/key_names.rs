//! Names of all configuration keys, and the keys that a guessed name may mean.

use super::{
    BatchSampling, ByteCount, CellConfig, Config, Crop, Freeze, KeepFeatures, Objective, Precision, SpaceConfig,
    WatchedScore,
};

/// Names that other programs have for keys, with ours.
const SYNONYMS: [(&str, &str); 10] = [
    ("batch_size", "batch"),
    ("channels", "filters"),
    ("epoch", "epochs"),
    ("learning_rate", "lr"),
    ("max_epochs", "epochs"),
    ("n_mels", "bands"),
    ("num_epochs", "epochs"),
    ("sample_rate", "rate"),
    ("seed", "seeds"),
    ("wd", "weight_decay"),
];

/// Dotted names of all keys, including those that have no default or are not serialised with their default.
pub fn key_names() -> Vec<String> {
    let mut all = Config::default();
    let path = || Some("folder".into());
    (all.data.dataset, all.data.soundbank, all.data.cooccurrence) = (path(), path(), path());
    (all.data.fold, all.data.table.file) = (Some(1), Some(String::new()));
    (all.train.epochs, all.prototypes.way, all.search.objective) = (Some(1), Some(2), Some(Objective::Fx));
    all.train.watch = WatchedScore::Map;
    (all.train.init, all.train.freeze) = (path(), Freeze::Embedding);
    (all.train.precision, all.train.memory) = (Precision::F16, Some(ByteCount(1)));
    all.train.cache = KeepFeatures::On;
    (all.train.crop, all.train.clip_s) = (Crop::Random, 1.0);
    (all.train.sampling, all.train.negatives) = (BatchSampling::Balanced, Some(0.0));
    (all.study.cells, all.search.space) = (vec![CellConfig::default()], vec![SpaceConfig::default()]);
    let sections = serde_json::to_value(all).expect("numbers and words, all of which JSON can hold");
    let names = |(section, keys): (&String, &serde_json::Value)| -> Vec<String> {
        keys.as_object().into_iter().flat_map(|keys| keys.keys().map(|key| format!("{section}.{key}"))).collect()
    };
    sections.as_object().into_iter().flatten().flat_map(names).collect()
}

/// Keys of any section whose last part is `guess`, or the name that this program has for it.
pub fn keys_called(guess: &str) -> Vec<String> {
    let of_name = |name: &str| -> Vec<String> {
        let mut keys: Vec<String> =
            key_names().into_iter().filter(|key| key.rsplit('.').next() == Some(name)).collect();
        // The second stage is meant less often than the first.
        keys.sort_by_key(|key| key.starts_with("tagger."));
        keys
    };
    let guess = guess.to_lowercase().replace('-', "_");
    let found = of_name(&guess);
    let ours = SYNONYMS.iter().find(|(theirs, _)| *theirs == guess);
    if found.is_empty() { ours.map(|(_, ours)| of_name(ours)).unwrap_or_default() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_config;

    #[test]
    fn a_guess_names_the_keys_that_it_may_mean() {
        assert_eq!(keys_called("lr"), ["optimiser.lr", "tagger.lr"]);
        assert_eq!(keys_called("learning-rate"), ["optimiser.lr", "tagger.lr"]);
        assert_eq!(keys_called("epochs"), ["train.epochs", "tagger.epochs"]);
        assert_eq!(keys_called("batch_size"), ["train.batch", "tagger.batch"]);
        assert!(keys_called("colour").is_empty());
    }

    /// The message about an unknown key lists all keys of its section.
    #[test]
    fn no_key_is_missing() {
        let names = key_names();
        let sections = read_config(&[], &["no-section.a=1".into()]).unwrap_err().to_string();
        for section in sections.split('`').skip(3).step_by(2) {
            let message = read_config(&[], &[format!("{section}.no-key=1")]).unwrap_err().to_string();
            for key in message.split('`').skip(3).step_by(2) {
                assert!(names.contains(&format!("{section}.{key}")), "{section}.{key} is not among {names:?}");
            }
        }
        assert!(names.len() > 60, "{names:?}");
    }
}
