//! A small training by the program, and readers of its output files.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use weaklabel::config::Config;
use weaklabel::data::scenes::generate::{GenerateOptions, generate};
use weaklabel::model::checkpoint::{TrainingState, read_training_state};

use super::program::weaklabel;

/// Options for a small network, which compiles in seconds. Its second layer's weights fit a uniform binding for one
/// model, but not for four.
pub const SMALL: [&str; 12] = [
    "--set",
    "model.filters=[16, 32]",
    "--set",
    "model.pools=[[4, 4], [5, 8]]",
    "--set",
    "train.seconds=0.2",
    "--set",
    "train.checkpoint_s=0.0",
    "--set",
    "tagger.epochs=40",
    "--progress",
    "none",
];
/// Every method with the number of epochs of its first stage, which is small for methods with a second stage of 40
/// epochs.
pub const METHODS: [(&str, usize); 3] = [("classifier", 40), ("triplets", 6), ("prototypes", 6)];
/// Number of elements of one model's parameters; the last layer has 330 parameters, padded to 332.
pub const ELEMENTS: usize = 16 * 10 + 32 * 145 + 65 * 32 + 332;

/// Returns a dataset of forty training, ten validation and ten evaluation clips, generated once.
pub fn dataset() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (40, 10, 10);
        let options = GenerateOptions { config: &config, out: &folder.path().join("set"), wav: true, force: false };
        generate(&options, &|_, _| {}).unwrap();
        folder
    });
    // The folder is static, so its destructor never runs, and it is left to the system's cleanup of temporary files.
    Box::leak(folder.path().join("set").into_boxed_path())
}

pub fn train_command(run: &Path, method: (&str, usize), seeds: &str) -> Command {
    train_on(dataset(), run, method, seeds)
}

pub fn train_on(data: &Path, run: &Path, (method, epochs): (&str, usize), seeds: &str) -> Command {
    let epochs = format!("train.epochs={epochs}");
    let mut command = weaklabel(&["train", "--method", method, "--seed", seeds, "--set", &epochs]);
    command.args(SMALL).arg("--dataset").arg(data).arg("-o").arg(run);
    command
}

pub fn training_state(run: &Path, members: usize) -> TrainingState {
    let training_state = read_training_state(&run.join("checkpoints/last.safetensors")).unwrap();
    assert_eq!((training_state.progress.len(), training_state.elements()), (members, ELEMENTS));
    training_state
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}
