//! What a training of one's own clips is scored by: classes that a subset lacks, whole clips, thresholds, mAP.

use std::f64::consts::TAU;
use std::path::Path;

use serde_json::Value;
use weaklabel::model::checkpoint::read_model;

use crate::support::process::succeed;
use crate::support::program::{outcome, weaklabel};
use crate::support::training::SMALL;

/// Makes finished clips with labels and no times: tones of two classes in every subset, and of a third class in training
/// alone. Validation and evaluation are the same clips. They have 0.2 s, and each clip of a class `more` samples more
/// than the one before.
fn clips(folder: &Path, more: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    for (subset, classes) in [("train", 3), ("validation", 2), ("eval", 2)] {
        std::fs::create_dir_all(folder.join(subset)).unwrap();
        let mut table = "filename\tonset\toffset\tevent_label\n".to_owned();
        for (class, hertz) in [("High", 500.0), ("Low", 300.0), ("Rare", 5000.0)].into_iter().take(classes) {
            for clip in 0..6 {
                let name = format!("{class}{clip}.wav");
                let samples = 3200 + if subset == "train" { 0 } else { more * clip };
                let mut wav = hound::WavWriter::create(folder.join(subset).join(&name), spec).unwrap();
                for i in 0..samples {
                    let phase = TAU * (hertz + 60.0 * clip as f64) * i as f64 / 16_000.0;
                    wav.write_sample((6000.0 * phase.sin()) as i16).unwrap();
                }
                wav.finalize().unwrap();
                table += &format!("{name}\t\t\t{class}\n");
            }
        }
        std::fs::write(folder.join(format!("{subset}.tsv")), table).unwrap();
    }
}

fn train(set: &Path, run: &Path, method: &str, edits: &[&str]) -> String {
    let mut command = weaklabel(&["train", "--method", method, "--seed", "1,2"]);
    command.args(SMALL).args(["--set", "train.batch=3", "--set", "tagger.batch=3", "--set", "train.epochs=3"]);
    command.args(["--set", "tagger.epochs=3"]);
    command.args(edits.iter().flat_map(|edit| ["--set", edit]));
    command.arg("--dataset").arg(set).arg("-o").arg(run);
    String::from_utf8(succeed(command).stderr).unwrap()
}

fn eval(run: &Path, args: &[&str]) -> (i32, String, String) {
    outcome(weaklabel(&["eval", "--progress", "none"]).args(args).arg(run).output().unwrap())
}

#[test]
fn an_absent_class_is_marked_and_clips_are_scored_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (set, run) = (folder.path().join("set"), folder.path().join("run"));
    clips(&set, 1600);
    let said = train(&set, &run, "classifier", &[]);
    assert!(said.contains("1 of 3 classes in no validation clip, Rare first: left out"), "{said}");
    let (code, text, errors) = eval(&run, &["--json"]);
    assert_eq!(code, 0, "{errors}");
    let results: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(results["macro_f1"].as_object().unwrap().keys().collect::<Vec<_>>(), ["whole"]);
    let (f1, whole) = (&results["per_class"]["whole"], &results["scores"]["whole"]);
    assert!(f1["Rare"].is_null() && whole["per_class"]["Rare"].is_null(), "{text}");
    assert_eq!(whole["per_class"]["Low"]["clips"], 6);
    let [low, high] = ["Low", "High"].map(|class| f1[class]["mean"].as_f64().unwrap());
    assert!((results["macro_f1"]["whole"]["mean"].as_f64().unwrap() - (low + high) / 2.0).abs() < 1e-9, "{text}");
    assert!(results["thresholds"].as_object().unwrap().values().all(|of| of.as_array().unwrap().len() == 2), "{text}");
    let (_, text, _) = eval(&run, &[]);
    assert!(text.contains("tested on whole clips") && text.contains("(1 of 3 classes)"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("Rare ") && line.ends_with('–')), "{text}");
    assert!(!text.contains("NaN"), "{text}");
    // The longest clip has 0.7 s.
    let (code, text, errors) = eval(&run, &["--json", "--seconds", "0.2,0.6,1"]);
    assert!(code == 0 && errors.contains("1 s is left out: the longest evaluation clip has 0.70 s"), "{errors}");
    let results: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(results["macro_f1"].as_object().unwrap().keys().collect::<Vec<_>>(), ["0.2", "0.6"]);
    let (code, _, errors) = eval(&run, &["--seconds", "10"]);
    assert!(code == 3 && errors.contains("choose shorter ones with --seconds"), "{errors}");
}

#[test]
fn the_map_that_training_watches_is_that_of_eval() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    clips(&set, 0);
    for method in ["classifier", "triplets"] {
        let run = folder.path().join(method);
        train(&set, &run, method, &["train.watch=map", "optimiser.lr=1e-4", "tagger.lr=1e-4"]);
        let rows = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        let (code, text, errors) = eval(&run, &["--json", "--seconds", "0.2"]);
        assert_eq!(code, 0, "{errors}");
        let results: Value = serde_json::from_str(&text).unwrap();
        for (member, seed) in [1, 2].into_iter().enumerate() {
            let best = rows.iter().rfind(|row| row["seed"] == seed).unwrap()["best_score"].as_f64().unwrap();
            let map = results["scores"]["0.2"]["map"]["seeds"][member].as_f64().unwrap();
            assert!((best - map).abs() < 1e-3, "{method}, seed {seed}: {best} in training, {map} in eval");
        }
    }
}

#[test]
fn thresholds_decide_what_predict_calls_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let (set, run) = (folder.path().join("set"), folder.path().join("run"));
    clips(&set, 1600);
    train(&set, &run, "classifier", &[]);
    let file = set.join("eval/Low0.wav");
    let predict = |args: &[&str]| {
        let (code, text, errors) =
            outcome(weaklabel(&["predict", "--quiet"]).arg(&run).arg(&file).args(args).output().unwrap());
        assert_eq!(code, 0, "{errors}");
        text
    };
    assert!(predict(&[]).contains("class  probability  threshold  tag"), "{}", predict(&[]));
    let said: Value = serde_json::from_str(&predict(&["--json"])).unwrap();
    let above = |class: &&String| {
        let [probability, threshold] = ["probabilities", "thresholds"].map(|of| said[of][*class].as_f64().unwrap());
        probability > threshold
    };
    let mut tags: Vec<&String> = said["probabilities"].as_object().unwrap().keys().filter(above).collect();
    let mut told: Vec<&str> = said["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    tags.sort();
    told.sort_unstable();
    assert_eq!(tags, told);
    assert_eq!(said["thresholds"]["Rare"], 0.5, "there is nothing to choose it by");
    for args in [["--threshold", "0.999"], ["--set", "evaluate.threshold=0.999"]] {
        let text = predict(&args);
        assert!(!text.contains('*') && !text.contains("threshold"), "{text}");
    }
}

/// Kernels skip a member that has stopped early, and still its thresholds are those of its best epoch.
#[test]
fn members_that_have_stopped_get_their_thresholds_too() {
    let folder = tempfile::tempdir().unwrap();
    let (set, run) = (folder.path().join("set"), folder.path().join("run"));
    clips(&set, 0);
    let soon = ["train.patience=1", "train.min_epochs=0", "train.epochs=200", "optimiser.lr=1e-4"];
    train(&set, &run, "classifier", &soon);
    let models = ["best-1.safetensors", "best-2.safetensors"].map(|name| run.join("checkpoints").join(name));
    let before = models.each_ref().map(|path| std::fs::read(path).unwrap());
    let rows = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    assert!(rows < 400, "both members ran to the last epoch");
    for path in &models {
        let thresholds = read_model(path).unwrap().1.thresholds.unwrap();
        assert!(thresholds[..2].iter().any(|threshold| *threshold != 0.5), "{thresholds:?}");
    }
    // A run that is resumed at its very end chooses them again.
    std::fs::remove_file(run.join("DONE")).unwrap();
    succeed(weaklabel(&["train", "--resume", "--progress", "none", "-o", run.to_str().unwrap()]));
    assert_eq!(models.each_ref().map(|path| std::fs::read(path).unwrap()), before);
}
