//! A small training of the program, and what it leaves.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use weaklabel::config::Config;
use weaklabel::model::checkpoint::{Standing, read_standing};
use weaklabel::scenes::generate::{Options, generate};

use super::program::weaklabel;

/// A small network compiles in seconds; its second layer's weights fit a uniform binding alone and not four times over.
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
/// Every method, with epochs of its first stage: few where a second one, of 40 epochs, follows.
pub const METHODS: [(&str, usize); 3] = [("classifier", 40), ("triplets", 6), ("prototypes", 6)];
/// What the parameters of one model take; the last layer has 330.
pub const ELEMENTS: usize = 16 * 10 + 32 * 145 + 65 * 32 + 332;

/// Forty training, ten validation and ten evaluation clips, made once.
pub fn dataset() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (40, 10, 10);
        let options = Options { config: &config, out: &folder.path().join("set"), wav: true, force: false };
        generate(&options, &|_, _| {}).unwrap();
        folder
    });
    // The folder is a static, so its destructor never runs: the system's own cleaning has to take it.
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

pub fn standing(run: &Path, members: usize) -> Standing {
    let standing = read_standing(&run.join("checkpoints/last.safetensors")).unwrap();
    assert_eq!((standing.progress.len(), standing.elements()), (members, ELEMENTS));
    standing
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}
