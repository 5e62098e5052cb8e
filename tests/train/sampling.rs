//! Trainings on skewed data by `train.sampling`, whose batches are no multiple of the number of classes.

use std::path::Path;

use weaklabel::config::{BatchSampling, Config, Method};
use weaklabel::data::scenes::Dataset;
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::model::Tiles;
use weaklabel::model::checkpoint::TrainingState;
use weaklabel::train::{Trainer, TrainingData, Unwatched};

use crate::support::process::succeed;
use crate::support::training::{bits, dataset, train_on};

/// Copies the small dataset and makes its training clips skewed: of the forty clips of ten classes, three classes lose
/// two of their four clips, and six clips lose their events.
fn skewed(folder: &Path) {
    for subset in ["train", "validation", "eval"] {
        std::fs::create_dir_all(folder.join(subset)).unwrap();
        for file in std::fs::read_dir(dataset().join(subset)).unwrap().flatten() {
            std::fs::copy(file.path(), folder.join(subset).join(file.file_name())).unwrap();
        }
        let table = format!("{subset}.tsv");
        let text = std::fs::read_to_string(dataset().join(&table)).unwrap();
        let clip = |(line, text): (usize, &str)| match line {
            1..=3 | 11..=13 if subset == "train" => None,
            24..=29 if subset == "train" => Some(format!("{}\t\t\t\n", text.split('\t').next().unwrap())),
            _ => Some(format!("{text}\n")),
        };
        std::fs::write(folder.join(table), text.lines().enumerate().filter_map(clip).collect::<String>()).unwrap();
    }
}

#[test]
fn every_sampling_trains_on_skewed_clips_and_goes_on_to_the_same_bits() {
    let (folder, gpu) = (tempfile::tempdir().unwrap(), Gpu::open(&AdapterChoice::default()).unwrap());
    skewed(folder.path());
    for (method, sampling) in [
        (Method::Classifier, BatchSampling::Balanced),
        (Method::Classifier, BatchSampling::Natural),
        (Method::Triplets, BatchSampling::Balanced),
    ] {
        let mut config = Config::default();
        (config.model.filters, config.model.pools) = (vec![16, 32], vec![[4, 4], [5, 8]]);
        (config.train.method, config.train.sampling, config.train.batch) = (method, sampling, 7);
        (config.train.seconds, config.train.epochs, config.train.seeds) = (0.2, Some(3), vec![1, 2]);
        (config.tagger.epochs, config.tagger.batch) = (2, 9);
        let dataset = Dataset::open(folder.path(), &config).unwrap();
        let data = TrainingData::load(&gpu, &config, &dataset, &dataset.contents().unwrap(), &|_, _| {}).unwrap();
        let trainer = || Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
        let state = |state: &TrainingState| (bits(&state.state), bits(&state.best));

        let mut unbroken = trainer();
        assert!(unbroken.run(&mut Unwatched).unwrap());
        let mut paused = trainer();
        paused.pause_after(1);
        paused.run(&mut Unwatched).unwrap();
        let kept = paused.training_state().unwrap();
        let mut resumed = trainer();
        resumed.restore(Path::new("last"), &kept).unwrap();
        assert!(resumed.run(&mut Unwatched).unwrap());
        let (unbroken, resumed) = (unbroken.training_state().unwrap(), resumed.training_state().unwrap());
        assert!(state(&unbroken) == state(&resumed), "{method:?} {sampling:?}");
        assert!(state(&unbroken) != state(&kept), "{method:?} {sampling:?}");

        // The training of another sampling does not take this one's state.
        let mut other = config.clone();
        other.train.sampling = BatchSampling::Paper;
        (other.train.batch, other.tagger.batch) = (10, 10);
        let mut other = Trainer::new(&gpu, &Tiles::default(), &other, &data).unwrap();
        let refused = other.restore(Path::new("last"), &kept).unwrap_err().to_string();
        assert!(refused.contains("it is of a training with"), "{refused}");
    }
}

#[test]
fn a_dry_run_has_the_steps_of_the_training_and_says_what_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (set, run) = (folder.path().join("set"), folder.path().join("run"));
    skewed(&set);
    let command = |edits: &[&str]| {
        let mut command = train_on(&set, &run, ("classifier", 3), "1");
        command.env_remove("RUST_LOG").args(edits.iter().flat_map(|edit| ["--set", edit]));
        command
    };
    let dry = |edits: &[&str]| {
        let mut command = command(edits);
        let output = succeed({
            command.arg("--dry-run");
            command
        });
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (plan, log) = dry(&["train.sampling=balanced", "train.batch=7"]);
    assert!(plan.contains("34 training ") && plan.contains("at most 15 steps"), "{plan}");
    assert!(log.contains("6 of 34 training segments without a class: ") && !log.contains("never drawn"), "{log}");
    assert!(log.contains("an epoch of the classifier stage repeats"), "{log}");
    let (plan, log) = dry(&["train.sampling=natural", "train.batch=8"]);
    assert!(plan.contains("at most 15 steps") && log.contains("34 training segments once, and 6 again"), "{plan}{log}");
    let (plan, log) = dry(&["train.sampling=paper"]);
    assert!(plan.contains("at most 6 steps") && log.contains("6 of 34 training clips never drawn"), "{plan}{log}");

    let refused = |edits: &[&str]| {
        let output = command(edits).output().unwrap();
        assert!(output.status.code() == Some(3) && !run.exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let message = refused(&["train.sampling=paper", "train.batch=7"]);
    assert!(message.contains("train.batch: 7 ") && message.contains("set train.sampling=balanced"), "{message}");
    let message = refused(&["train.sampling=paper", "train.negatives=0.2"]);
    assert!(message.contains("train.negatives: "), "{message}");

    succeed(command(&["train.sampling=balanced", "train.batch=7"]));
    let kept = std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(kept.contains("sampling = \"balanced\""), "{kept}");
}
