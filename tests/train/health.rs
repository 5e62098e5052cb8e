//! Health checks of a training run: a loss of 0 is accepted, a device that computes nothing is reported.

use std::f64::consts::TAU;
use std::path::Path;

use weaklabel::config::{Config, Method};
use weaklabel::gpu::Gpu;
use weaklabel::model::Tiles;
use weaklabel::train::{Trainer, Unwatched, random_data};

use super::learning::losses;
use crate::support::process::succeed;
use crate::support::program::weaklabel;
use crate::support::training::SMALL;

/// Makes finished clips of 0.2 s, each a pure tone, of two classes that are trivially distinguishable.
fn two_tones(folder: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    for (subset, clips) in [("train", 4), ("validation", 1), ("eval", 1)] {
        std::fs::create_dir_all(folder.join(subset)).unwrap();
        let mut table = "filename\tonset\toffset\tevent_label\n".to_owned();
        for (class, hertz) in [("Low", 300.0), ("High", 3000.0)] {
            for clip in 0..clips {
                let name = format!("{class}{clip}.wav");
                let mut wav = hound::WavWriter::create(folder.join(subset).join(&name), spec).unwrap();
                for i in 0..3200 {
                    let phase = TAU * hertz * f64::from(i) / 16_000.0 + f64::from(clip);
                    wav.write_sample((8000.0 * phase.sin()) as i16).unwrap();
                }
                wav.finalize().unwrap();
                table += &format!("{name}\t0\t0.2\t{class}\n");
            }
        }
        std::fs::write(folder.join(format!("{subset}.tsv")), table).unwrap();
    }
}

#[test]
fn a_training_whose_loss_reaches_zero_goes_on_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (set, run) = (folder.path().join("set"), folder.path().join("run"));
    two_tones(&set);
    let mut command = weaklabel(&["train", "--method", "prototypes", "--set", "optimiser.lr=0.05"]);
    command.args(SMALL).args(["--set", "train.epochs=12", "--set", "train.batch=2", "--set", "tagger.batch=2"]);
    command.arg("--dataset").arg(&set).arg("-o").arg(&run);
    succeed(command);
    let losses = losses(&run);
    assert_eq!(losses.len(), 12);
    assert!(losses.contains(&0.0), "no loss is 0, so the test tests nothing: {losses:?}");
}

#[test]
fn a_device_that_computes_nothing_is_named_and_no_learning_rate_is_blamed() {
    // A device without a driver leaves every tensor as the host wrote it.
    let gpu = Gpu::noop();
    let mut config = Config::default();
    (config.model.filters, config.model.pools) = (vec![8], vec![[2, 4]]);
    config.train.seeds = vec![1, 2];
    for method in [Method::Classifier, Method::Triplets, Method::Prototypes] {
        config.train.method = method;
        let data = random_data(&gpu, &config, 10, config.model.chunk_frames).unwrap();
        let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
        let error = trainer.run(&mut Unwatched).unwrap_err();
        assert_eq!(error.exit_code(), 4, "{method:?}: {error}");
        let text = error.to_string();
        assert!(text.contains(&gpu.adapter().name) && text.contains("step 0 of epoch 0"), "{method:?}: {text}");
        assert!(text.contains("memory") && !text.contains("learning rate"), "{method:?}: {text}");
    }
}
