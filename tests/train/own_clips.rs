//! Trainings on clips of one's own: settings that are kept, chosen or refused, and data that are named.

use std::fs;
use std::path::Path;

use serde_json::Value;
use weaklabel::data::audio::{Audio, write_wav16};

use crate::support::program::run_in;

/// A small network and short segments, as words of a command line.
const SMALL: &str = "--set model.filters=[8,8] --set model.pools=[[4,4],[5,8]] --progress none";

/// Makes a folder with clips of one second, listed in `list.csv`: one for each of `labels`, in the subset beside it.
fn clips(labels: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "file,labels,split\n".to_owned();
    for (i, (label, split)) in labels.iter().enumerate() {
        let samples = (0..16_000_u32).map(|n| (n * (i as u32 + 1) % 97) as f32 / 200.0).collect();
        write_wav16(&folder.path().join(format!("{i}.wav")), &Audio { rate: 16_000, samples }).unwrap();
        table += &format!("{i}.wav,{label},{split}\n");
    }
    fs::write(folder.path().join("list.csv"), table).unwrap();
    folder
}

/// Clips of two classes, ten for training and two for validation and evaluation each.
fn cats_and_dogs() -> tempfile::TempDir {
    let splits = ["train"; 10].into_iter().chain(["valid"; 2]).chain(["test"; 2]);
    clips(&splits.enumerate().map(|(i, split)| (["Cat", "Dog"][i % 2], split)).collect::<Vec<_>>())
}

fn train(folder: &Path, more: &str) -> (i32, String, String) {
    run_in(folder, &format!("train --dataset list.csv -o run {SMALL} {more}"))
}

#[test]
fn what_was_set_is_kept_when_the_run_is_trained_again() {
    let folder = cats_and_dogs();
    let set = "--set train.sampling=paper --set train.crop=event --seconds 200ms --batch 2 --epochs 1";
    let (code, _, errors) = train(folder.path(), set);
    assert!(code == 0 && !errors.contains("chosen for these data"), "{errors}");
    let config = fs::read_to_string(folder.path().join("run/config.toml")).unwrap();
    assert!(config.contains("sampling = \"paper\"") && config.contains("crop = \"event\""), "{config}");
    let (code, _, errors) = run_in(folder.path(), "train -c run/config.toml -o again --progress none");
    assert!(code == 0 && !errors.contains("chosen for these data"), "{errors}");
    let read = |run: &str| fs::read(folder.path().join(run).join("checkpoints/best.safetensors")).unwrap();
    assert!(read("run") == read("again"));
}

#[test]
fn keys_that_the_clips_override_are_refused() {
    let folder = cats_and_dogs();
    for (set, key) in [("--set data.train=2700", "data.train: "), ("--set scene.clip_s=3", "scene.clip_s: ")] {
        let (code, _, errors) = train(folder.path(), &format!("--dry-run {set}"));
        assert!(code == 3 && errors.contains(key) && errors.contains("brings its own clips"), "{errors}");
        for command in ["search -o s", "reproduce -o s"] {
            let (code, _, errors) = run_in(folder.path(), &format!("{command} --dataset list.csv --dry-run {set}"));
            assert!(code == 3 && errors.contains(key), "{command}: {errors}");
        }
    }
    let file = |text: &str| fs::write(folder.path().join("own.toml"), text).unwrap();
    file("[data]\ntrain = 5\neval = 750\n[scene]\nclip_s = 10.0\n");
    let (code, _, errors) = train(folder.path(), "--dry-run -c own.toml");
    assert!(code == 0 && errors.contains("the configuration file describes: data.train not used"), "{errors}");
    file("[data]\ntrain = 5\ndataset = \"list.csv\"\n");
    let (code, _, errors) = run_in(folder.path(), "train -o run -c own.toml --dry-run");
    assert!(code == 3 && errors.contains("data.train: has no effect"), "{errors}");
}

#[test]
fn search_and_reproduce_choose_what_suits_the_clips() {
    let folder = cats_and_dogs();
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/search/small.toml");
    let (code, _, errors) =
        run_in(folder.path(), &format!("search -o s --dataset list.csv --dry-run -c {}", small.display()));
    let chosen = ["train.crop=\"whole\"", "train.sampling=\"balanced\""];
    assert!(code == 0 && chosen.iter().all(|key| errors.contains(key)), "{errors}");
    for command in ["search -o s", "reproduce -o s"] {
        let (code, _, errors) = run_in(folder.path(), &format!("{command} --dry-run --set train.init=model"));
        assert!(code == 3 && errors.contains("train.init: a s"), "{errors}");
    }
    let study = "--set study.variants=[\"waa\"] --set study.methods=[\"classifier\"] --set study.seconds=[0.2]";
    let (code, _, errors) = run_in(
        folder.path(),
        &format!("reproduce -o s --dataset list.csv --dry-run {study} --set evaluate.seconds=[0.2] {SMALL}"),
    );
    assert!(
        code == 0 && errors.contains("train.sampling=\"balanced\"") && !errors.contains("train.crop=\""),
        "{errors}"
    );
}

#[test]
fn a_dry_run_estimates_the_time() {
    let folder = cats_and_dogs();
    for more in ["--epochs 5", "--epochs 5 --method triplets"] {
        let (code, text, errors) = train(folder.path(), &format!("--dry-run {more}"));
        assert!(code == 0 && text.contains("\nabout ") && text.contains("This is an estimate"), "{text}{errors}");
        let (_, text, _) = train(folder.path(), &format!("--dry-run --json {more}"));
        let value: Value = serde_json::from_str(&text).unwrap();
        let seconds = |part: &str| value["seconds"][part].as_f64().unwrap();
        assert!(seconds("features") > 0.0 && seconds("training") > 0.0, "{text}");
    }
    assert!(!folder.path().join("run").exists());
}

#[test]
fn data_that_cannot_teach_or_judge_are_named_with_what_to_do() {
    let judged_by_nothing = [("Cat", "train"), ("Dog", "train"), ("Cat", "train"), ("", "valid"), ("Cat", "test")];
    let (code, _, errors) = train(clips(&judged_by_nothing).path(), "--dry-run");
    assert!(code == 3 && errors.contains("train.watch: 1 validation clip without a label"), "{errors}");

    let rare = [("Cat", "train"), ("Cat", "train"), ("Dog", "train"), ("Cat", "valid"), ("Cat", "test")];
    let folder = clips(&rare);
    let (code, _, errors) = train(folder.path(), "--dry-run");
    assert!(code == 0 && errors.contains("1 of 2 classes in one training clip alone, Dog first"), "{errors}");
    let (_, text, _) = run_in(folder.path(), "data list.csv");
    assert!(text.contains("1 of 2 classes in one training clip alone, Dog first"), "{text}");
    let (code, _, errors) = train(folder.path(), "--dry-run --method triplets");
    assert!(code == 3 && errors.contains("Dog has only one: add clips of it"), "{errors}");
}
