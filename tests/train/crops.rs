//! Segments that are longer than their clips, whole clips and random crops.

use std::f64::consts::TAU;
use std::path::Path;

use weaklabel::config::{Config, Crop, Method, Normalise};
use weaklabel::data::audio::{Audio, write_wav16};
use weaklabel::data::scenes::{Dataset, Subset};
use weaklabel::evaluate::{Models, Scorer, Tagger};
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::model::Tiles;
use weaklabel::train::{Trainer, TrainingData, Unwatched};

/// Writes training and validation clips of two classes, tones below and above 1 kHz, that last `seconds(index)`.
fn write_clips(folder: &Path, seconds: impl Fn(usize) -> f64) {
    for subset in ["train", "validation", "eval"] {
        std::fs::create_dir(folder.join(subset)).unwrap();
        let mut table = String::from("filename\tonset\toffset\tevent_label\n");
        for index in 0..8 {
            let hz = if index % 2 == 0 { 500.0 } else { 2000.0 } * (1.0 + index as f64 / 50.0);
            let count = (seconds(index) * 16_000.0) as usize;
            let sample =
                |i: usize| (0.3 * (TAU * hz * i as f64 / 16_000.0).sin() + 0.01 * (i as f64 * 1.7).cos()) as f32;
            let samples = (0..count).map(sample).collect();
            write_wav16(&folder.join(format!("{subset}/{index}.wav")), &Audio { rate: 16_000, samples }).unwrap();
            table += &format!("{index}.wav\t\t\t{}\n", if index % 2 == 0 { "low" } else { "high" });
        }
        std::fs::write(folder.join(format!("{subset}.tsv")), table).unwrap();
    }
}

/// A small network without dropout, whose masks would depend on the number of chunks of a segment.
fn config(folder: &Path, method: Method, crop: Crop, seconds: f64) -> Config {
    let mut config = Config::default();
    config.data.dataset = Some(folder.into());
    (config.model.filters, config.model.pools, config.model.dropout) = (vec![8, 12], vec![[4, 4], [5, 8]], 0.0);
    (config.train.method, config.train.crop, config.train.seconds) = (method, crop, seconds);
    (config.train.batch, config.train.epochs, config.tagger.batch, config.tagger.epochs) = (4, Some(2), 4, 2);
    config
}

fn load(gpu: &Gpu, config: &Config) -> (Dataset, TrainingData) {
    let dataset = Dataset::of(config).unwrap();
    let data = TrainingData::load(gpu, config, &dataset, &dataset.contents().unwrap(), &|_, _| {}).unwrap();
    (dataset, data)
}

fn weights(gpu: &Gpu, config: &Config) -> Vec<f32> {
    let (_, data) = load(gpu, config);
    let mut trainer = Trainer::new(gpu, &Tiles::default(), config, &data).unwrap();
    trainer.run(&mut Unwatched).unwrap();
    trainer.best_models().unwrap().swap_remove(0).0
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < tolerance, "differs by {difference}");
}

/// Clips of 0.4 s in segments of 1 s give the weights that segments of 0.4 s give: three of five chunks are padding,
/// which has no part in means, gradients and statistics.
#[test]
fn padding_changes_no_weight() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_clips(folder.path(), |_| 0.4);
    for (method, normalise) in [
        (Method::Classifier, Normalise::None),
        (Method::Triplets, Normalise::Segment),
        (Method::Prototypes, Normalise::Frame),
    ] {
        let of = |crop: Crop, seconds: f64| {
            let mut config = config(folder.path(), method, crop, seconds);
            config.prototypes.normalise = normalise;
            weights(&gpu, &config)
        };
        let (padded, plain) = (of(Crop::Whole, 1.0), of(Crop::Event, 0.4));
        assert_close(&padded, &plain, 2e-4);
        let silent = of(Crop::Event, 1.0);
        let difference = silent.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(
            difference > 1e-3,
            "{method:?}: silence at the end of a segment should change the weights, {difference}"
        );
    }
}

/// Probabilities of whole clips of unequal length in one store equal those of each clip alone.
#[test]
fn whole_clips_are_scored_over_their_own_length() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_clips(folder.path(), |index| [0.2, 0.5, 1.0, 0.73][index % 4]);
    let config = config(folder.path(), Method::Classifier, Crop::Whole, 1.0);
    let (dataset, data) = load(&gpu, &config);
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
    trainer.run(&mut Unwatched).unwrap();
    let models = Models::new(&gpu, &Tiles::default(), &trainer.best_models().unwrap()).unwrap();
    let scorer = Scorer::new(&gpu, &models.population, &data.validation, Normalise::None, 0.5).unwrap();
    let clips: Vec<Vec<f32>> =
        (0..8).map(|index| dataset.segment(Subset::Validation, index, 1.0).unwrap().samples).collect();
    assert_eq!(clips.iter().map(Vec::len).collect::<Vec<_>>()[..4], [3200, 8000, 16_000, 11_680]);
    let clips: Vec<&[f32]> = clips.iter().map(Vec::as_slice).collect();
    let alone = Tagger::new(&gpu, &models, usize::MAX).unwrap().probabilities(&clips, &mut |_| {}).unwrap();
    assert_close(&scorer.probabilities(&gpu).unwrap()[0], &alone[0], 1e-4);
}

/// Random crops of clips that are as long as a crop are those clips; of longer clips they change the weights, and the
/// same seed gives the same bits.
#[test]
fn random_crops_are_parts_of_the_clips() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_clips(folder.path(), |_| 0.4);
    let of = |crop: Crop, seconds: f64| {
        let mut config = config(folder.path(), Method::Classifier, crop, seconds);
        config.train.clip_s = 1.0;
        weights(&gpu, &config)
    };
    assert_close(&of(Crop::Random, 0.4), &of(Crop::Event, 0.4), 2e-4);
    let short = of(Crop::Random, 0.2);
    assert_eq!(short, of(Crop::Random, 0.2));
    assert_ne!(short, of(Crop::Event, 0.2));
}
