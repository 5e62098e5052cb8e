//! Features that are kept in files, in half precision, or streamed because they do not fit on the GPU.

use std::path::Path;

use weaklabel::config::{ByteCount, Config, Crop, KeepFeatures, Method, Precision, Sampling};
use weaklabel::data::features::FeatureCache;
use weaklabel::data::scenes::Dataset;
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::model::Tiles;
use weaklabel::train::{Trainer, TrainingData, Unwatched, feature_plan};
use weaklabel::{Result, Scorer};

use crate::support::program::{outcome, weaklabel};
use crate::support::training::{bits, dataset};

/// Segments of 4 s, of which a window holds some twelve of forty with [`TIGHT`].
fn config(method: Method) -> Config {
    let mut config = Config::default();
    config.data.dataset = Some(dataset().into());
    (config.model.filters, config.model.pools) = (vec![8, 12], vec![[4, 4], [5, 8]]);
    (config.train.method, config.train.seconds, config.train.cache) = (method, 4.0, KeepFeatures::On);
    (config.train.epochs, config.tagger.epochs) = (Some(2), 2);
    config
}

/// Memory into which no features fit.
const TIGHT: Option<ByteCount> = Some(ByteCount(100 << 10));

fn load(gpu: &Gpu, config: &Config, cache: &FeatureCache) -> Result<TrainingData> {
    let dataset = Dataset::of(config)?;
    TrainingData::load_with(gpu, config, &dataset, &dataset.contents()?, cache, &|_, _| {})
}

/// Trains and returns the bits of the whole training state.
fn trained(gpu: &Gpu, config: &Config, cache: &FeatureCache) -> Vec<u32> {
    let data = load(gpu, config, cache).unwrap();
    assert_eq!(data.train.store.stream().is_some(), config.train.memory.is_some());
    let mut trainer = Trainer::new(gpu, &Tiles::default(), config, &data).unwrap();
    trainer.run(&mut Unwatched).unwrap();
    let state = trainer.training_state().unwrap();
    bits(&[state.state, state.best].concat())
}

/// Trains on features on the GPU and on streamed ones, each time computed and then read from the cache.
fn assert_same_everywhere(gpu: &Gpu, config: &Config, name: &str) {
    let streamed = |config: &Config| Config {
        train: weaklabel::TrainConfig { memory: TIGHT, ..config.train.clone() },
        ..config.clone()
    };
    let plan = feature_plan(gpu, &streamed(config), [40, 10], 10);
    assert!(plan.train.room.is_some_and(|room| room < 40), "{name}: one window holds everything, {plan:?}");
    let plain = trained(gpu, config, &FeatureCache::none());
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [first, second] = [first, second].each_ref().map(|folder| FeatureCache::within(folder.path()));
    for (how, config, cache) in [
        ("computed to a file and streamed", &streamed(config), &first),
        ("streamed again", &streamed(config), &first),
        ("from that file to the GPU", config, &first),
        ("computed on the GPU and kept", config, &second),
        ("from that file to the GPU", config, &second),
        ("streamed from that file", &streamed(config), &second),
    ] {
        assert!(trained(gpu, config, cache) == plain, "{name}: {how}");
        assert_eq!(cache.files().unwrap().len(), 2, "{name}: {how}");
    }
}

#[test]
fn streamed_features_give_the_same_bits() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    assert_same_everywhere(&gpu, &config(Method::Classifier), "classifier");
    let mut mined = config(Method::Triplets);
    mined.triplets.sampling = Sampling::SemiHard;
    assert_same_everywhere(&gpu, &mined, "mined triplets");
}

#[test]
#[ignore = "slow"]
fn streamed_features_give_the_same_bits_in_every_method() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut seeds = config(Method::Classifier);
    (seeds.train.seeds, seeds.train.epochs) = (vec![1, 2], Some(5));
    assert_same_everywhere(&gpu, &seeds, "two seeds");
    assert_same_everywhere(&gpu, &config(Method::Triplets), "triplets");
    assert_same_everywhere(&gpu, &config(Method::Prototypes), "prototypes");
}

#[test]
fn streamed_random_crops_are_those_of_the_examples() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut config = config(Method::Classifier);
    (config.train.crop, config.train.clip_s, config.train.seconds) = (Crop::Random, 10.0, 0.6);
    assert_same_everywhere(&gpu, &config, "random crops");
    let whole =
        Config { train: weaklabel::TrainConfig { crop: Crop::Whole, seconds: 12.0, ..config.train.clone() }, ..config };
    assert_same_everywhere(&gpu, &whole, "clips shorter than their segments");
}

/// Half precision changes the bits and hardly the scores, and its bits do not depend on where features live.
#[test]
fn features_in_half_precision_score_alike() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::within(folder.path());
    for crop in [Crop::Event, Crop::Random] {
        let of = |precision: Precision, memory: Option<ByteCount>| {
            let mut config = config(Method::Classifier);
            (config.train.crop, config.train.clip_s) = (crop, 6.0);
            (config.train.precision, config.train.memory, config.train.epochs) = (precision, memory, Some(10));
            let data = load(&gpu, &config, &cache).unwrap();
            let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
            trainer.run(&mut Unwatched).unwrap();
            let state = trainer.training_state().unwrap();
            let population = trainer.population();
            population.use_parameters(&gpu, &population.state).unwrap();
            let scorer =
                Scorer::new(&gpu, population, &data.validation, weaklabel::config::Normalise::None, 0.5).unwrap();
            (state.state, scorer.probabilities(&gpu).unwrap().swap_remove(0))
        };
        let (single, half) = (of(Precision::F32, None), of(Precision::F16, None));
        assert_eq!(bits(&half.0), bits(&of(Precision::F16, None).0), "the same seed gives the same bits");
        assert_eq!(bits(&half.0), bits(&of(Precision::F16, TIGHT).0), "also where features are streamed");
        assert_ne!(bits(&half.0), bits(&single.0));
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&half.1, &single.1) < 0.02, "probabilities differ by {}", apart(&half.1, &single.1));
    }
}

#[test]
fn a_streamed_training_goes_on_from_features_on_the_gpu() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::within(folder.path());
    let resident = config(Method::Prototypes);
    let mut streamed = resident.clone();
    streamed.train.memory = TIGHT;
    let data = load(&gpu, &streamed, &cache).unwrap();
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &streamed, &data).unwrap();
    trainer.pause_after(1);
    trainer.run(&mut Unwatched).unwrap();
    let state = trainer.training_state().unwrap();
    let data = load(&gpu, &resident, &cache).unwrap();
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &resident, &data).unwrap();
    trainer.restore(Path::new("last"), &state).unwrap();
    trainer.run(&mut Unwatched).unwrap();
    let end = trainer.training_state().unwrap();
    assert_eq!(bits(&[end.state, end.best].concat()), trained(&gpu, &resident, &cache));
    // Half precision is another training.
    let mut half = resident.clone();
    half.train.precision = Precision::F16;
    let data = load(&gpu, &half, &cache).unwrap();
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &half, &data).unwrap();
    let refused = trainer.restore(Path::new("last"), &state).unwrap_err().to_string();
    assert!(refused.contains("train.precision"), "{refused}");
}

#[test]
fn a_damaged_file_is_named_and_computed_anew_or_refused() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::within(folder.path());
    let config = config(Method::Classifier);
    let plain = trained(&gpu, &config, &cache);
    let damage = || {
        for file in cache.files().unwrap() {
            let mut bytes = std::fs::read(&file.path).unwrap();
            bytes[1000] ^= 4;
            std::fs::write(&file.path, bytes).unwrap();
        }
    };
    damage();
    assert!(trained(&gpu, &config, &cache) == plain, "features are computed anew");
    assert!(trained(&gpu, &config, &cache) == plain, "and kept again");
    damage();
    let mut streamed = config.clone();
    streamed.train.memory = TIGHT;
    let data = load(&gpu, &streamed, &cache).unwrap();
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &streamed, &data).unwrap();
    let refused = trainer.run(&mut Unwatched).unwrap_err().to_string();
    assert!(refused.contains(".mel") && refused.contains("damaged") && refused.contains("cache --clear"), "{refused}");
    assert_eq!(cache.clear().unwrap().0, 2);
    assert!(trained(&gpu, &streamed, &cache) == plain);
}

#[test]
fn without_a_place_for_files_only_streaming_is_refused() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let nowhere = FeatureCache::within(&file);
    let mut config = config(Method::Classifier);
    load(&gpu, &config, &nowhere).expect("features that fit need no file");
    config.train.memory = TIGHT;
    let refusal = |config: &Config, cache: &FeatureCache| load(&gpu, config, cache).err().unwrap().to_string();
    let refused = refusal(&config, &nowhere);
    assert!(refused.contains("file/features") && refused.contains("WEAKLABEL_CACHE"), "{refused}");
    let refused = refusal(&config, &FeatureCache::none());
    assert!(refused.starts_with("train.memory: ") && refused.contains("WEAKLABEL_CACHE"), "{refused}");
    config.train.cache = KeepFeatures::Off;
    let refused = refusal(&config, &FeatureCache::within(folder.path()));
    assert!(refused.starts_with("train.cache: ") && refused.contains("train.memory"), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn the_program_keeps_chooses_lists_and_removes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let run = |args: &[&str]| {
        let mut command = weaklabel(args);
        command.env("WEAKLABEL_CACHE", &cache).current_dir(folder.path());
        let (code, out, err) = outcome(command.output().unwrap());
        assert_eq!(code, 0, "{args:?}: {err}");
        (out, err)
    };
    let data = dataset().to_str().unwrap();
    let train = |more: &[&str]| {
        let fixed = ["train", "--dataset", data, "--set", "train.seconds=4.0", "--set", "train.epochs=1"];
        let small = ["--set", "model.filters=[8, 12]", "--set", "model.pools=[[4, 4], [5, 8]]", "--progress", "none"];
        run(&[&fixed[..], &small, more].concat())
    };
    let (plan, _) = train(&["-o", "a", "--dry-run", "--set", "train.memory=6MiB"]);
    assert!(plan.contains("training features on the GPU as f16 (2 MiB)"), "{plan}");
    let (plan, _) = train(&["-o", "a", "--dry-run", "--set", "train.memory=6MiB", "--set", "train.precision=f32"]);
    assert!(plan.contains("training features streamed from a file of 4 MiB"), "{plan}");
    let (_, said) = train(&["-o", "a", "--set", "train.memory=6MiB"]);
    assert!(said.contains("train.precision=f16 (features do not fit"), "{said}");
    assert!(said.contains("train features are kept for later trainings"), "{said}");
    let kept = std::fs::read_to_string(folder.path().join("a/config.toml")).unwrap();
    assert!(kept.contains("precision = \"f16\""), "{kept}");
    let (_, said) = train(&["-o", "b"]);
    assert!(said.contains("train features are those of an earlier training"), "{said}");
    let kept = std::fs::read_to_string(folder.path().join("b/config.toml")).unwrap();
    assert!(!kept.contains("precision"), "{kept}");
    let (listed, _) = run(&["cache"]);
    assert!(listed.contains("40 train segments of 4.0 s") && listed.contains("2 files of features"), "{listed}");
    let listed: serde_json::Value = serde_json::from_str(&run(&["cache", "--json"]).0).unwrap();
    assert_eq!(listed["features"].as_array().unwrap().len(), 2);
    let (removed, _) = run(&["cache", "--clear"]);
    assert!(removed.contains("removed 2 files of features"), "{removed}");
    assert!(run(&["cache"]).0.contains("0 files of features"));
}
