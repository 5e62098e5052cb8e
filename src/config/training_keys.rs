//! The configuration keys on which a training depends. An interrupted training can resume as long as their values stay
//! the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Config, Freeze, Method, SearchConfig, StudyConfig, TableConfig};

/// Values of keys by their dotted names.
pub type Keys = BTreeMap<String, Value>;

/// Keys on which no weight depends, in sections that otherwise matter: the interval between checkpoints, where features
/// are kept, and the lengths of the final evaluation. Folder paths are left out as well, since only the contents of the
/// folders matter.
const WITHOUT_EFFECT: [&str; 4] = ["train.checkpoint_s", "train.memory", "train.cache", "evaluate.seconds"];

/// Keys that only decide when a training ends. The epochs themselves do not depend on their number.
const ENDS: [&str; 4] = ["train.epochs", "train.min_epochs", "train.patience", "tagger.epochs"];

/// Keys of `data` and `scene` that matter for a dataset on disk, whose own files fix everything else.
const OF_A_DATASET: [&str; 3] = ["data.fold", "data.seed", "scene.holdout"];

/// Keys that have no effect where E is frozen, since the tagger has its own.
const OF_E: [&str; 4] = ["train.epochs", "train.batch", "optimiser.lr", "optimiser.weight_decay"];

/// Returns the keys of `config` on which the training of the model with seed `seed` depends, with their values. Keys
/// that are not set and have no default are absent, as is `train.sampling = "paper"`, which earlier builds lacked.
///
/// Left out are the sections of other methods, `study` and `search`, and keys on which no weight depends: folder paths,
/// `train.checkpoint_s`, `train.memory`, `train.cache` and `evaluate.seconds`. The key `evaluate.threshold` is included,
/// because it affects the choice of the best epoch. Keys that earlier builds lacked, like `train.watch`, are absent at
/// their default. `train.seeds` is `seed` alone. With a dataset on disk, `data` and `scene` are left out too, since the
/// dataset fixes them, except for the seed, the fold that evaluates and the share held out for validation. The path
/// `train.init` is left out, since the model's contents count, which the provenance adds. The columns of `data.table` are
/// left out as well, since the clips that they give count.
pub fn training_keys(config: &Config, seed: u64) -> Keys {
    let of_method = sections_of(config.train.method, config.train.freeze);
    let shared = ["data", "scene", "features", "model", "train", "optimiser", "evaluate"];
    let mut plain = Config { study: StudyConfig::default(), search: SearchConfig::default(), ..config.clone() };
    (plain.data.dataset, plain.data.soundbank, plain.data.cooccurrence) = (None, None, None);
    plain.train.init = None;
    plain.data.table = TableConfig::default();
    let sections = serde_json::to_value(plain).expect("numbers and words, without a path or a key that is no word");
    let mut keys = Keys::new();
    for section in shared.iter().chain(of_method) {
        for (name, value) in sections[section].as_object().into_iter().flatten() {
            keys.insert(format!("{section}.{name}"), value.clone());
        }
    }
    let from_dataset = |key: &str| {
        let drawn = key.starts_with("data.") || key.starts_with("scene.");
        config.data.dataset.is_some() && drawn && !OF_A_DATASET.contains(&key)
    };
    keys.retain(|key, _| !WITHOUT_EFFECT.contains(&key.as_str()) && !from_dataset(key));
    // Training states of builds that had no such key are of trainings with its default.
    keys.insert("train.seeds".into(), seed.into());
    keys
}

/// Sections whose keys only such trainings use, or these and others.
fn sections_of(method: Method, freeze: Freeze) -> &'static [&'static str] {
    match (method, freeze) {
        (Method::Classifier, Freeze::None) => &[],
        (Method::Classifier, Freeze::Embedding) => &["tagger"],
        (Method::Triplets, _) => &["triplets", "tagger"],
        (Method::Prototypes, _) => &["prototypes", "tagger"],
    }
}

/// Whether a training by `method` with the parameters `freeze` frozen uses `key`: `tagger.lr` has no effect on the
/// classifier, which learns at `optimiser.lr`, and `train.epochs` none where G alone is trained.
pub fn is_used(key: &str, method: Method, freeze: Freeze) -> bool {
    let section = key.split('.').next().unwrap_or(key).trim();
    let of_some = Method::all().iter().any(|method| sections_of(*method, freeze).contains(&section));
    let of_e = freeze == Freeze::Embedding && OF_E.contains(&key);
    !of_e && (!of_some || sections_of(method, freeze).contains(&section))
}

/// Whether `key` only decides when a training ends, so that it may change while the training is interrupted.
pub fn decides_end(key: &str) -> bool {
    ENDS.contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{BatchSampling, ByteCount, Crop, KeepFeatures, Precision, WatchedScore};

    /// A new key in these sections fails this test, to force a decision about its meaning for a training in progress.
    #[test]
    fn every_key_is_known_to_matter_or_not() {
        let mut config = Config::default();
        (config.train.epochs, config.train.watch) = (Some(1), WatchedScore::Map);
        (config.train.sampling, config.train.negatives) = (BatchSampling::Balanced, Some(0.25));
        config.prototypes.way = Some(2);
        (config.train.crop, config.train.clip_s) = (Crop::Random, 1.0);
        config.train.init = Some("model".into());
        (config.train.precision, config.train.memory) = (Precision::F16, Some(ByteCount(1 << 30)));
        config.train.cache = KeepFeatures::On;
        (config.data.soundbank, config.data.cooccurrence) = (Some("a".into()), Some("b".into()));
        let names = |config: &Config| training_keys(config, 7).into_keys().collect::<Vec<_>>();
        let classifier = names(&config);
        let expected = "data.eval data.seed data.train data.validation data.variant evaluate.threshold features.bands \
            features.epsilon features.fft features.high_hz features.hop features.log_offset features.low_hz features.rate \
            features.window model.chunk_frames model.dropout model.filters model.hidden model.kernel model.pools model.slope \
            optimiser.beta1 optimiser.beta2 optimiser.epsilon optimiser.lr optimiser.weight_decay scene.background_lufs \
            scene.clip_s scene.events scene.fade_s scene.holdout scene.loudness_floor_lufs scene.loudness_min_s \
            scene.onset_margin_s scene.peak scene.rate scene.short_event_s scene.snr_db train.batch train.clip_s train.crop \
            train.epochs train.method train.min_epochs train.negatives train.patience train.precision train.sampling train.seconds \
            train.seeds train.watch";
        assert_eq!(classifier, expected.split_whitespace().collect::<Vec<_>>());
        for (method, of_method) in [
            (Method::Triplets, "triplets.gradient triplets.margin triplets.normalise triplets.sampling"),
            (Method::Prototypes, "prototypes.normalise prototypes.support prototypes.way"),
        ] {
            config.train.method = method;
            let names = names(&config);
            let more: Vec<&str> = names.iter().filter(|name| !classifier.contains(name)).map(String::as_str).collect();
            let mut expected: Vec<&str> = of_method.split(' ').collect();
            expected.extend(["tagger.batch", "tagger.epochs", "tagger.lr", "tagger.weight_decay"]);
            expected.sort_unstable();
            assert_eq!(more, expected);
        }
        (config.train.method, config.train.freeze) = (Method::Classifier, Freeze::Embedding);
        let frozen = names(&config);
        let more: Vec<&str> = frozen.iter().filter(|name| !classifier.contains(name)).map(String::as_str).collect();
        assert_eq!(more, ["tagger.batch", "tagger.epochs", "tagger.lr", "tagger.weight_decay", "train.freeze"]);
        (config.data.dataset, config.data.fold) = (Some("set".into()), Some(1));
        let of_data = names(&config).into_iter().filter(|key| key.starts_with("data.") || key.starts_with("scene."));
        assert_eq!(of_data.collect::<Vec<_>>(), OF_A_DATASET);
    }

    #[test]
    fn a_key_of_another_method_is_not_used() {
        let used = |key, method| is_used(key, method, Freeze::None);
        assert!(!used("tagger.lr", Method::Classifier) && used("tagger.lr", Method::Triplets));
        assert!(!used("triplets.margin", Method::Prototypes) && used("triplets.margin", Method::Triplets));
        assert!(Method::all().iter().all(|method| used("optimiser.lr", *method)));
        let used = |key| is_used(key, Method::Classifier, Freeze::Embedding);
        assert!(used("tagger.lr") && used("optimiser.beta1") && !used("optimiser.lr"));
    }

    #[test]
    fn keys_that_earlier_builds_lacked_are_absent_at_their_default() {
        let (mut config, without) = (Config::default(), training_keys(&Config::default(), 1));
        let later = [
            "train.sampling",
            "train.negatives",
            "train.crop",
            "train.clip_s",
            "train.watch",
            "train.precision",
            "train.freeze",
        ];
        assert!(later.iter().all(|key| !without.contains_key(*key)));
        config.train.sampling = BatchSampling::Natural;
        assert_eq!(training_keys(&config, 1)["train.sampling"], json!("natural"));
    }

    #[test]
    fn a_member_has_its_own_seed() {
        let mut config = Config::default();
        config.train.seeds = vec![3, 4];
        assert_eq!(training_keys(&config, 4)["train.seeds"], json!(4));
    }
}
