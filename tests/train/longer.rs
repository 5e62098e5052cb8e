//! A training that came to its end trains on to the bits of a longer one.

use std::fs;
use std::path::Path;

use crate::support::left::{assert_same, training};
use crate::support::process::succeed;
use crate::support::program::{outcome, weaklabel};
use crate::support::training::train_command;

fn resume(run: &Path, epochs: &str) -> (i32, String) {
    let mut command = weaklabel(&["train", "--resume", "--progress", "none", "--epochs", epochs, "-o"]);
    let (code, _, said) = outcome(command.arg(run).output().unwrap());
    (code, said)
}

#[test]
fn more_epochs_of_a_finished_run_are_those_of_a_longer_training() {
    let folder = tempfile::tempdir().unwrap();
    let (run, whole) = (folder.path().join("run"), folder.path().join("whole"));
    succeed(train_command(&run, ("classifier", 3), "5,6"));
    fs::write(run.join("results.json"), "{}").unwrap();
    let (code, said) = resume(&run, "3");
    assert!(code == 3 && said.contains("3 epochs of stage classifier are trained already"), "{said}");
    assert!(run.join("DONE").exists(), "a refused run stays finished");
    let (code, said) = resume(&run, "5");
    assert!(code == 0 && said.contains("train.epochs was 3 so far and is 5 from here on"), "{said}");
    assert!(run.join("DONE").exists() && !run.join("results.json").exists(), "scores of the shorter training");
    succeed(train_command(&whole, ("classifier", 5), "5,6"));
    assert_same(&training(&run), &training(&whole));
    assert_eq!(fs::read(run.join("config.toml")).unwrap(), fs::read(whole.join("config.toml")).unwrap());
}

#[test]
fn more_epochs_of_two_stages_are_those_of_the_tagger() {
    let folder = tempfile::tempdir().unwrap();
    let [run, whole] = ["run", "whole"].map(|name| folder.path().join(name));
    let command = |run: &Path, epochs: &str| {
        let mut command = train_command(run, ("prototypes", 2), "5");
        command.args(["--set", &format!("tagger.epochs={epochs}")]);
        command
    };
    succeed(command(&run, "3"));
    let (code, said) = resume(&run, "6");
    assert!(code == 0 && said.contains("--epochs is of the stage tagger"), "{said}");
    succeed(command(&whole, "6"));
    assert_same(&training(&run), &training(&whole));
}

#[test]
fn a_training_that_stopped_early_says_so_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = train_command(&run, ("classifier", 60), "5");
    command.args(["--set", "train.patience=0", "--set", "train.min_epochs=0"]);
    succeed(command);
    let (code, said) = resume(&run, "80");
    let words = ["stopped early", "train.patience=0", "raise train.patience in ", "config.toml", "--init"];
    assert!(code == 3 && words.iter().all(|word| said.contains(word)), "{said}");
    let config = run.join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("patience = 0", "patience = 9").replace("epochs = 60", "epochs = 2")).unwrap();
    let before = fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    let (code, said) = resume(&run, &(before + 1).to_string());
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count(), before + 1);
}
