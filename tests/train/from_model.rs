//! Trainings that start from a trained model.

use std::fs;
use std::path::Path;
use std::process::Command;

use weaklabel::model::checkpoint::read_model;

use crate::support::left::{assert_same, training};
use crate::support::process::succeed;
use crate::support::program::{outcome, weaklabel};
use crate::support::training::{ELEMENTS, bits, train_command};

/// Number of elements of E's parameters.
const OF_E: usize = 16 * 10 + 32 * 145;

/// Trains a model to start from. Returns its file.
fn model(folder: &Path) -> std::path::PathBuf {
    let run = folder.join("first");
    succeed(train_command(&run, ("classifier", 2), "1"));
    run.join("checkpoints/best.safetensors")
}

fn started(run: &Path, model: &Path, method: (&str, usize), edits: &[&str]) -> Command {
    let mut command = train_command(run, method, "5,6");
    command.arg("--init").arg(model);
    edits.iter().for_each(|edit| _ = command.args(["--set", edit]));
    command
}

#[test]
fn a_run_goes_on_without_the_file_it_started_from() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let kept = fs::read(&model).unwrap();
    for (name, edits) in [("all", ["train.watch=map"].as_slice()), ("frozen", &["train.freeze=embedding"])] {
        let [run, whole] = ["run", "whole"].map(|of| folder.path().join(format!("{name} {of}")));
        let command = |run: &Path, epochs: usize| {
            // The key of the stage that there is.
            let frozen = name == "frozen";
            let tagger = format!("tagger.epochs={}", if frozen { epochs } else { 40 });
            let edits: Vec<&str> = edits.iter().copied().chain([tagger.as_str()]).collect();
            started(run, &model, ("classifier", if frozen { 40 } else { epochs }), &edits)
        };
        succeed(command(&whole, 4));
        succeed(command(&run, 2));
        fs::remove_file(&model).unwrap();
        let mut resume = weaklabel(&["train", "--resume", "--epochs", "4", "--progress", "none", "-o"]);
        resume.arg(&run);
        succeed(resume);
        assert_same(&training(&run), &training(&whole));
        fs::write(&model, &kept).unwrap();

        let (first, of_first) = read_model(&model).unwrap();
        let (parameters, description) = read_model(&run.join("checkpoints/best-5.safetensors")).unwrap();
        assert_eq!(parameters.len(), ELEMENTS);
        assert_eq!((&description.mean, &description.std), (&of_first.mean, &of_first.std));
        let same = bits(&parameters[..OF_E]) == bits(&first[..OF_E]);
        assert_eq!(same, name == "frozen", "{name}: E");
        assert_ne!(bits(&parameters[OF_E..]), bits(&first[OF_E..]), "{name}: G");

        // Another model in its place is noticed.
        fs::copy(run.join("checkpoints/best-5.safetensors"), run.join("checkpoints/init.safetensors")).unwrap();
        let mut resume = weaklabel(&["train", "--resume", "--epochs", "6", "--progress", "none", "-o"]);
        let (code, _, said) = outcome(resume.arg(&run).output().unwrap());
        assert!(code == 3 && said.contains("train.init"), "{said}");
    }
}

#[test]
fn every_method_starts_from_a_model_and_all_seeds_alike() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    for method in [("triplets", 1), ("prototypes", 1)] {
        let [run, alone] = ["together", "alone"].map(|of| folder.path().join(format!("{} {of}", method.0)));
        succeed(started(&run, &model, method, &["tagger.epochs=2"]));
        let mut command = train_command(&alone, method, "6");
        command.arg("--init").arg(&model).args(["--set", "tagger.epochs=2"]);
        succeed(command);
        let [together, alone] =
            [run.join("checkpoints/best-6.safetensors"), alone.join("checkpoints/best.safetensors")]
                .map(|file| fs::read(file).unwrap());
        assert!(together == alone, "{}", method.0);
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let refused = |edits: &[&str]| {
        let run = folder.path().join("refused");
        let (code, _, said) = outcome(started(&run, &model, ("classifier", 1), edits).output().unwrap());
        assert!(code == 3 && !run.exists(), "{said}");
        said
    };
    let said = refused(&["features.low_hz=250.0"]);
    assert!(said.contains("features.low_hz: is 250.0") && said.contains("--set 'features.low_hz=125.0'"), "{said}");
    assert!(refused(&["model.hidden=[8]"]).contains("model.hidden: is [8]"));
    let mut command = train_command(&folder.path().join("frozen"), ("classifier", 1), "5");
    let (code, _, said) = outcome(command.args(["--set", "train.freeze=embedding"]).output().unwrap());
    assert!(code == 3 && said.contains("train.freeze: ") && said.contains("--init"), "{said}");
}

#[test]
fn features_that_a_training_from_a_model_keeps_serve_others() {
    let folder = tempfile::tempdir().unwrap();
    let (model, cache) = (model(folder.path()), folder.path().join("cache"));
    let kept = |mut command: Command| {
        command.args(["--set", "train.cache=on"]).env("WEAKLABEL_CACHE", &cache);
        String::from_utf8(succeed(command).stderr).unwrap()
    };
    let said = kept(started(&folder.path().join("from"), &model, ("classifier", 1), &[]));
    assert!(!said.contains("of an earlier training"), "{said}");
    // The statistics are those of the segments again, not those of the model.
    let plain = folder.path().join("plain");
    let said = kept(train_command(&plain, ("classifier", 2), "1"));
    assert!(said.contains("train features are those of an earlier training"), "{said}");
    let [of_first, of_plain] =
        [&model, &plain.join("checkpoints/best.safetensors")].map(|path| read_model(path).unwrap());
    assert!(of_first.1.mean == of_plain.1.mean && of_first.1.std == of_plain.1.std);
    assert_eq!(bits(&of_first.0), bits(&of_plain.0));
}
