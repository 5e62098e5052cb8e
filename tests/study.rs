//! A study through the command line: its plan, what it leaves behind, and that killing or sharing it changes nothing.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::left::{cells, leftovers, tables};
use support::process::{succeed, wait};
use support::program::weaklabel;
use weaklabel::data::audio::{Audio, write_wav16};

/// Seconds that no training here takes.
const LONG_S: f64 = 1e6;

/// Two datasets, three methods, one training length, two seeds, with a network that compiles in seconds.
const STUDY: &str = r#"
[data]
train = 20
validation = 10
eval = 20

[model]
filters = [16, 32]
pools = [[4, 4], [5, 8]]

[train]
epochs = 4
checkpoint_s = 0.0

[tagger]
epochs = 5

[evaluate]
seconds = [0.2, 1.0]

[study]
seconds = [0.2]
seeds = 2

[[study.cell]]
method = "triplets"
set = ["train.epochs=3"]
"#;

fn reproduce(folder: &Path, study: &str, args: &[&str]) -> Command {
    let config = folder.join("study.toml");
    std::fs::write(&config, STUDY).unwrap();
    let mut command = weaklabel(&["reproduce", "--progress", "none", "-c"]);
    command.arg(config).arg("-o").arg(folder.join(study)).args(args);
    command
}

/// The macro-F1 of each seed of a cell on test length `length`.
fn cell_seeds(cell: &Value, length: usize) -> Vec<f64> {
    let mean = |f1: &Value| {
        let f1: Vec<f64> = f1.as_array().unwrap().iter().map(|f1| f1.as_f64().unwrap()).collect();
        f1.iter().sum::<f64>() / f1.len() as f64
    };
    cell["f1"].as_array().unwrap().iter().map(|seed| mean(&seed[length])).collect()
}

/// Lines of metrics in all cells: how far the study is.
fn epochs(study: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(study.join("cells")) else { return 0 };
    let lines = |path: &Path| std::fs::read_to_string(path.join("metrics.jsonl")).unwrap_or_default().lines().count();
    entries.flatten().map(|entry| lines(&entry.path())).sum()
}

#[test]
#[ignore = "slow"]
fn a_study_killed_twice_equals_the_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
    // What is there when a process is killed while it writes its first file, and later ones.
    std::fs::create_dir_all(broken.join("cells/waa-triplets-0.2s/checkpoints")).unwrap();
    for path in
        ["study.lock", "cells/waa-triplets-0.2s/run.lock", "cells/waa-triplets-0.2s/checkpoints/.weaklabel-a1B2c3"]
    {
        std::fs::write(broken.join(path), "").unwrap();
    }
    std::fs::write(broken.join(".weaklabel-a1B2c3"), "[da").unwrap();
    // In the first cell, and some cells later.
    for due in [3, 40] {
        let mut child =
            reproduce(folder.path(), "broken", &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait(|| (epochs(&broken) >= due).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!broken.join("report.html").exists(), "killed too late to show anything");
        if due == 3 {
            // As if that piece had taken as long.
            let time = broken.join("cells/200ms-classifier-0.2s/time.json");
            std::fs::write(time, format!("{{\"seconds_trained\": {LONG_S}}}\n")).unwrap();
        }
    }
    let before = cells(&broken);
    assert!((1..6).contains(&before.len()), "{} cells are finished", before.len());
    let finished = |name: &String| std::fs::metadata(broken.join("cells").join(name).join("cell.json")).unwrap();
    let times: Vec<_> = before.keys().map(|name| finished(name).modified().unwrap()).collect();
    succeed(reproduce(folder.path(), "broken", &[]));
    let after: Vec<_> = before.keys().map(|name| finished(name).modified().unwrap()).collect();
    assert_eq!(times, after, "a finished cell was done again");

    let output = succeed(reproduce(folder.path(), "unbroken", &["--json"]));
    assert_eq!(leftovers(&broken), [""; 0]);
    let seconds = |study: &Path, cell: &str| -> f64 {
        let text = std::fs::read_to_string(study.join("cells").join(cell).join("cell.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["seconds_taken"].as_f64().unwrap()
    };
    assert!(seconds(&broken, "200ms-classifier-0.2s") > LONG_S, "only the last piece of a training counts");
    assert!(seconds(&broken, "waa-classifier-0.2s") < LONG_S);
    let (found, expected) = (cells(&broken), cells(&unbroken));
    assert_eq!(expected.len(), 6);
    assert!(found == expected, "cells differ");
    assert!(tables(&unbroken).len() >= 6, "{:?}", tables(&unbroken).keys());
    assert_eq!(tables(&broken), tables(&unbroken));

    // A cell whose learning curves a power cut has taken is made again, not shown without them.
    let cell = broken.join("cells/200ms-prototypes-0.2s");
    std::fs::remove_file(cell.join("cell.json")).unwrap();
    std::fs::write(cell.join("metrics.jsonl"), "").unwrap();
    let again = succeed(reproduce(folder.path(), "broken", &[]));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("200ms-prototypes-0.2s: metrics.jsonl is damaged"), "{said}");
    assert!(cells(&broken) == expected, "a cell that was made again differs");

    // Shared with a worker through a store, the same again.
    let store = folder.path().join("store.sqlite");
    let mut worker = weaklabel(&["worker", "--progress", "none", "--idle-exit", "30", "--store"]);
    worker.arg(&store);
    let said = folder.path().join("worker.log");
    let mut worker = worker.stdout(Stdio::null()).stderr(std::fs::File::create(&said).unwrap()).spawn().unwrap();
    succeed(reproduce(folder.path(), "shared", &["--store", store.to_str().unwrap()]));
    let status = worker.wait().unwrap();
    assert!(status.success(), "{status}: {}", std::fs::read_to_string(&said).unwrap());
    let shared = folder.path().join("shared");
    assert!(cells(&shared) == expected, "cells of the shared study differ");
    assert_eq!(tables(&shared), tables(&unbroken));

    // What the command prints is what the cells hold.
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["report"], unbroken.join("report.html").to_str().unwrap());
    for cell in printed["cells"].as_array().unwrap() {
        let name = format!("{}-{}-0.2s", cell["variant"].as_str().unwrap(), cell["method"].as_str().unwrap());
        let of_seeds = cell_seeds(&expected[&name], 1);
        let mean = (of_seeds[0] + of_seeds[1]) / 2.0;
        assert!((cell["macro_f1"][1]["mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{name}");
    }

    // A cell is an ordinary run: `eval` scores it, on the GPU, as the study did.
    let mut eval = weaklabel(&["eval", "--json", "--progress", "none"]);
    eval.arg(unbroken.join("cells/waa-triplets-0.2s"));
    let scores: Value = serde_json::from_slice(&succeed(eval).stdout).unwrap();
    let of_study: Vec<f64> = cell_seeds(&expected["waa-triplets-0.2s"], 1);
    let of_eval = scores["macro_f1"]["1"]["seeds"].as_array().unwrap();
    for (a, b) in of_study.iter().zip(of_eval) {
        assert!((a - b.as_f64().unwrap()).abs() < 1e-9, "{of_study:?} and {of_eval:?}");
    }

    // A result that somebody damaged is named, not believed.
    let damaged = broken.join("cells/waa-triplets-0.2s/cell.json");
    let mut cell: Value = serde_json::from_slice(&std::fs::read(&damaged).unwrap()).unwrap();
    cell["f1"][0].as_array_mut().unwrap().pop();
    std::fs::write(&damaged, cell.to_string()).unwrap();
    let output = weaklabel(&["report", "--progress", "none"]).arg(&broken).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && message.contains("waa-triplets-0.2s/cell.json"), "{message}");

    // The report is written again from what is there, and another configuration is kept out.
    std::fs::remove_file(unbroken.join("report.html")).unwrap();
    let mut again = weaklabel(&["report", "--progress", "none"]);
    again.arg(&unbroken);
    succeed(again);
    assert!(unbroken.join("report.html").is_file());
    let other = reproduce(folder.path(), "unbroken", &["--seeds", "3"]).output().unwrap();
    let message = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(other.status.code() == Some(3) && message.contains("another configuration"), "{message}");
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = succeed(reproduce(folder.path(), "study", &["--dry-run", "--json", "--only", "method=triplets"]));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> =
        plan["cells"].as_array().unwrap().iter().map(|cell| cell["cell"].as_str().unwrap()).collect();
    assert_eq!(names, ["200ms-triplets-0.2s", "waa-triplets-0.2s"]);
    for cell in plan["cells"].as_array().unwrap() {
        // 3 epochs of 2 steps of 10 anchors, 5 epochs of 1 step of 20 examples.
        assert_eq!(cell["steps"], 3 * 2 + 5);
        assert!(cell["seconds"].as_f64().unwrap() > 0.0 && cell["bytes"].as_u64().unwrap() > 100_000);
    }
    assert!(!folder.path().join("study").exists());
    let nothing = reproduce(folder.path(), "study", &["--only", "method=triplets,train=10"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2), "no such cell");
}

/// Twelve training clips of Cat and four of Dog, some of them with both, and two each of validation and evaluation.
fn finished_clips(folder: &Path) {
    let mut labels = vec![("train", "Cat"); 12];
    labels.extend([("train", "Dog"); 4]);
    labels.extend(["validation", "eval"].into_iter().flat_map(|subset| [(subset, "Cat"), (subset, "Dog")]));
    for (index, (subset, label)) in labels.into_iter().enumerate() {
        let clips = folder.join(subset);
        std::fs::create_dir_all(&clips).unwrap();
        let tone = |i: i32| (0.3 * (0.05 * f64::from(i) * (1.0 + index as f64)).sin()) as f32;
        let audio = Audio { rate: 16_000, samples: (0..16_000).map(tone).collect() };
        write_wav16(&clips.join(format!("{index}.wav")), &audio).unwrap();
        let table = folder.join(format!("{subset}.tsv"));
        let mut text = std::fs::read_to_string(&table).unwrap_or("filename\tonset\toffset\tevent_label\n".into());
        text += &format!("{index}.wav\t0.1\t0.6\t{label}\n");
        // Behind the longer event: a segment of 0.2 s, which lies within that, does not hear it.
        if subset == "train" && index < 6 {
            text += &format!("{index}.wav\t0.7\t0.9\tDog\n");
        }
        std::fs::write(&table, text).unwrap();
    }
}

#[test]
#[ignore = "slow"]
fn the_plan_of_finished_clips_has_their_own_number_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    finished_clips(&set);
    let (dataset, waa) = (set.to_str().unwrap(), "study.variants=[\"waa\"]");
    let of_study = ["--set", waa, "--set", "study.seconds=[0.2, 1.0]", "--set", "study.methods=[\"classifier\"]"];
    let paper = "train.sampling=paper";
    let shared = ["--dataset", dataset, "--set", "train.batch=4", "--set", paper, "--dry-run", "--json"];
    let output = succeed(reproduce(folder.path(), "study", &[of_study.as_slice(), &shared].concat()));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps: Vec<u64> =
        plan["cells"].as_array().unwrap().iter().map(|cell| cell["steps"].as_u64().unwrap()).collect();
    // Four epochs. Of 0.2 s, twelve segments hear Cat and four hear Dog, so two batches take two of each. Of 1 s, six
    // more can be taken for either, and so there are eight of each class.
    assert_eq!(steps, [4 * 2, 4 * 4]);
    for (seconds, steps) in [0.2, 1.0].into_iter().zip(steps) {
        let mut train = weaklabel(&["train", "--progress", "none", "-c"]);
        train.arg(folder.path().join("study.toml"));
        train
            .arg("-o")
            .arg(folder.path().join("run"))
            .args(["--set", &format!("train.seconds={seconds}"), "--set", "train.crop=event"])
            .args(["--set", "train.sampling=paper"])
            .args(shared);
        let found: Value = serde_json::from_slice(&succeed(train).stdout).unwrap();
        assert_eq!(found["steps"], steps, "{seconds} s");
    }

    // What cannot be trained is refused before there is a folder, on paper as well as in earnest.
    let table = set.join("validation.tsv");
    let whole = std::fs::read_to_string(&table).unwrap();
    let many = ["--set", waa, "--dataset", dataset, "--set", "train.batch=10", "--set", paper];
    let empty =
        ["--set", waa, "--dataset", dataset, "--set", "train.batch=4", "--set", "tagger.batch=4", "--set", paper];
    for more in [[].as_slice(), &["--dry-run"]] {
        let refused = |args: &[&str]| {
            let output = reproduce(folder.path(), "study", &[args, more].concat()).output().unwrap();
            assert_eq!(output.status.code(), Some(3));
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        std::fs::write(&table, "filename\tonset\toffset\tevent_label\n").unwrap();
        let message = refused(&empty);
        assert!(message.contains("validation.tsv: lists no clip"), "{message}");
        std::fs::write(&table, &whole).unwrap();
        let message = refused(&many);
        assert!(message.contains("train.batch: cell waa-classifier-0.2s: class Dog has 4"), "{message}");
        assert!(!folder.path().join("study").exists());
    }
}

#[test]
fn folders_of_another_kind_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/letter.txt"), "dear").unwrap();
    let output = reproduce(folder.path(), "mine", &[]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && message.contains("not a study"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path().join("mine")).unwrap().count(), 1, "something was left there");
}
