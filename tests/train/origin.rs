//! A run resumes from its own training state only, and errors name what is damaged or belongs to another training.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use weaklabel::config::Config;
use weaklabel::data::scenes::generate::{GenerateOptions, generate};

use crate::support::process::succeed;
use crate::support::program::weaklabel;
use crate::support::training::train_on;

/// A folder with its own data and a run on them that was stopped after its last epoch but before it was finished.
struct Broken {
    home: TempDir,
}

impl Broken {
    fn new(method: (&str, usize), seeds: &str) -> Self {
        let broken = Self { home: tempfile::tempdir().unwrap() };
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval, config.scene.clip_s) = (20, 10, 10, 1.0);
        generate(&GenerateOptions { config: &config, out: &broken.data(), wav: true, force: false }, &|_, _| {})
            .unwrap();
        succeed(train_on(&broken.data(), &broken.run(), method, seeds));
        fs::remove_file(broken.run().join("DONE")).unwrap();
        broken
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("set")
    }

    fn run(&self) -> PathBuf {
        self.home.path().join("run")
    }

    fn checkpoint(&self, name: &str) -> PathBuf {
        self.run().join("checkpoints").join(name)
    }

    /// Resumes the run and then removes `DONE`. Returns the exit code and the messages.
    fn resume(&self) -> (Option<i32>, String) {
        let mut command = weaklabel(&["train", "--resume", "--progress", "none", "-o"]);
        command.arg(self.run());
        let answer = answer(command);
        let _ = fs::remove_file(self.run().join("DONE"));
        answer
    }

    /// Resumes the run with `from` replaced by `to` in its configuration. Returns the exit code and the messages.
    fn resume_edited(&self, from: &str, to: &str) -> (Option<i32>, String) {
        let path = self.run().join("config.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let answer = self.resume();
        fs::write(&path, text).unwrap();
        answer
    }

    fn eval(&self) -> (Option<i32>, String) {
        let mut command = weaklabel(&["eval", "--seconds", "0.2", "--progress", "none"]);
        command.arg(self.run());
        answer(command)
    }
}

fn answer(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.code(), said)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
#[ignore = "slow"]
fn a_run_goes_on_with_its_own_configuration_and_data_only() {
    let broken = Broken::new(("classifier", 2), "5");
    let last = fs::read(broken.checkpoint("last.safetensors")).unwrap();
    let edits = [
        ("low_hz = 125.0", "low_hz = 1000.0", "features.low_hz = 125.0", "is 1000.0"),
        ("seeds = [5]", "seeds = [6]", "train.seeds = [5]", "is [6]"),
        ("threshold = 0.5", "threshold = 0.25", "evaluate.threshold = 0.5", "is 0.25"),
    ];
    for (from, to, kept, now) in edits {
        let (code, said) = broken.resume_edited(from, to);
        assert!(code == Some(3) && said.contains(kept) && said.contains(now), "{said}");
    }
    assert!(fs::read(broken.checkpoint("last.safetensors")).unwrap() == last, "a refused training wrote a state");
    // Keys that decide when the training ends may change, and a message reports it.
    let (code, said) = broken.resume_edited("epochs = 2", "epochs = 3");
    assert!(code == Some(0) && said.contains("train.epochs was 2 so far and is 3 from here on"), "{said}");

    // The damaged file keeps its size.
    let sound = broken.data().join("train/train-000007.wav");
    let whole = fs::read(&sound).unwrap();
    flip(&sound, whole.len() - 1000);
    let (code, said) = broken.resume();
    assert!(code == Some(3) && said.contains("train/train-000007.wav is not the same. Restore"), "{said}");
    // The same contents are accepted at another time and place.
    fs::write(&sound, whole).unwrap();
    let moved = broken.home.path().join("moved");
    fs::rename(broken.data(), &moved).unwrap();
    let (code, said) = broken.resume_edited(broken.data().to_str().unwrap(), moved.to_str().unwrap());
    assert_eq!(code, Some(0), "{said}");
}

#[test]
#[ignore = "slow"]
fn a_state_of_another_training_or_version_and_a_damaged_one_are_refused() {
    let broken = Broken::new(("classifier", 1), "5");
    let last = broken.checkpoint("last.safetensors");
    let own = fs::read(&last).unwrap();
    let other = broken.home.path().join("other");
    succeed(train_on(&broken.data(), &other, ("classifier", 1), "6"));
    fs::copy(other.join("checkpoints/last.safetensors"), &last).unwrap();
    let (code, said) = broken.resume();
    assert!(code == Some(3) && said.contains("train.seeds = [6], and now train.seeds is [5]"), "{said}");
    for at in [100, own.len() - 1] {
        fs::write(&last, &own).unwrap();
        flip(&last, at);
        let (code, said) = broken.resume();
        assert!(code == Some(3) && said.contains("last.safetensors: "), "byte {at}: {said}");
    }
    fs::write(&last, &own[..own.len() - 7]).unwrap();
    assert_eq!(broken.resume().0, Some(3));
    // Without a training state, the training starts anew.
    fs::remove_file(&last).unwrap();
    let (code, said) = broken.resume();
    assert!(code == Some(0) && fs::read(&last).unwrap() == own, "{said}");
}

#[test]
#[ignore = "slow"]
fn models_are_used_for_what_they_are() {
    let broken = Broken::new(("classifier", 1), "5,6");
    let (code, said) = broken.resume_edited("seeds = [5, 6]", "seeds = [6, 5]");
    assert!(code == Some(3) && said.contains("train.seeds = [5,6], and now train.seeds is [6,5]"), "{said}");
    // The evaluation of an unfinished run reports its progress.
    let (code, said) = broken.eval();
    assert!(code == Some(0) && said.contains("not finished") && said.contains("after 1 epoch of stage"), "{said}");
    fs::write(broken.run().join("DONE"), "").unwrap();
    let (code, said) = broken.eval();
    assert!(code == Some(0) && !said.contains("not finished") && said.contains("macro"), "{said}");

    // Scores are printed even if they cannot be saved.
    fs::remove_file(broken.run().join("results.json")).unwrap();
    fs::create_dir(broken.run().join("results.json")).unwrap();
    let (code, said) = broken.eval();
    assert!(code == Some(1) && said.contains("macro") && said.contains("cannot write"), "{said}");
    fs::remove_dir(broken.run().join("results.json")).unwrap();

    let [five, six] = [5, 6].map(|seed| broken.checkpoint(&format!("best-{seed}.safetensors")));
    let whole = fs::read(&five).unwrap();
    fs::copy(&six, &five).unwrap();
    let (code, said) = broken.eval();
    assert!(code == Some(3) && said.contains("best-5.safetensors: is the model of seed 6"), "{said}");
    fs::write(&five, &whole).unwrap();
    flip(&five, whole.len() - 1);
    let (code, said) = broken.eval();
    assert!(code == Some(3) && said.contains("best-5.safetensors: is damaged"), "{said}");
}
