//! Learning curves of each method and each way to take distances, and refusals of invalid trainings.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use weaklabel::model::checkpoint::read_model;
use weaklabel::model::tiles::TileFile;

use crate::support::process::succeed;
use crate::support::program::weaklabel;
use crate::support::training::{ELEMENTS, METHODS, bits, dataset, train_command, training_state};

#[test]
#[ignore = "slow"]
fn a_member_of_a_population_equals_the_same_seed_alone() {
    for (method, _) in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let (all, one) = (folder.path().join("all"), folder.path().join("one"));
        succeed(train_command(&all, (method, 3), "1,2,3,4"));
        succeed(train_command(&one, (method, 3), "3"));
        let (population, _) = read_model(&all.join("checkpoints/best-3.safetensors")).unwrap();
        let (alone, _) = read_model(&one.join("checkpoints/best.safetensors")).unwrap();
        assert_eq!(bits(&population), bits(&alone), "{method}");
        let (all, one) = (training_state(&all, 4), training_state(&one, 1));
        assert_eq!(bits(&all.state[2 * 3 * ELEMENTS..][..3 * ELEMENTS]), bits(&one.state), "{method}");
        assert_ne!(bits(&all.state[..ELEMENTS]), bits(&one.state[..ELEMENTS]), "{method}: seeds 1 and 3 differ");
        assert_eq!(all.progress[2], one.progress[0], "{method}");
    }
}

/// Lavapipe's kernels are compiled by several devices if its cache is empty, and by one if it has no cache.
#[test]
#[ignore = "slow"]
fn who_compiles_the_kernels_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, jobs: &str, (variable, value): (&str, &OsStr)| {
        let run = folder.path().join(name);
        let mut command = train_command(&run, ("classifier", 2), "1");
        command.args(["--set", "model.filters=[8]", "--set", "model.pools=[[2, 4]]", "--jobs", jobs]);
        command.env(variable, value).env("RUST_LOG", "weaklabel=debug");
        let log = String::from_utf8_lossy(&succeed(command).stderr).into_owned();
        (read_model(&run.join("checkpoints/best.safetensors")).unwrap().0, log)
    };
    let cache = folder.path().join("cache");
    let (together, log) = run("together", "3", ("MESA_SHADER_CACHE_DIR", cache.as_os_str()));
    let (alone, alone_log) = run("alone", "1", ("MESA_SHADER_CACHE_DISABLE", OsStr::new("true")));
    assert_eq!(bits(&together), bits(&alone));
    let helped = |log: &str| log.contains("another device has helped");
    assert_eq!(helped(&log), log.contains("ready in"), "{log}");
    assert!(!helped(&alone_log), "{alone_log}");
}

#[test]
fn training_learns_and_evaluation_says_so_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(train_command(&run, METHODS[0], "1,2"));
    let losses = losses(&run);
    assert_eq!(losses.len(), 80);
    assert!(losses[79] < 0.8 * losses[0], "loss from {} to {}", losses[0], losses[79]);
    let mut command = weaklabel(&["eval", "--json", "--seconds", "0.2,1", "--progress", "none"]);
    command.arg(&run);
    let results: serde_json::Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
    let macro_f1 = &results["macro_f1"]["0.2"];
    assert_eq!(macro_f1["seeds"].as_array().unwrap().len(), 2);
    assert!(macro_f1["mean"].as_f64().unwrap() >= 0.0 && macro_f1["sd"].is_number());
    assert!(results["per_class"]["1"]["Cat"]["mean"].is_number());
    assert!(run.join("results.json").is_file());
}

/// Reads the losses of a run's first stage, epoch by epoch.
pub fn losses(run: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["stage"] != "tagger").map(|row| row["loss"].as_f64().unwrap()).collect()
}

#[test]
#[ignore = "slow"]
fn every_way_to_take_distances_trains_and_takes_its_own_course() {
    let folder = tempfile::tempdir().unwrap();
    // The small network leaves one time step, for which normalising frames equals normalising segments; with two steps
    // the ways differ.
    let two_steps = "model.pools=[[2, 4], [5, 8]]";
    let ways: [(&str, &[&str]); 9] = [
        ("triplets", &[]),
        ("triplets", &["triplets.sampling=semi_hard"]),
        ("triplets", &["triplets.sampling=hard"]),
        ("triplets", &["triplets.gradient=anchor"]),
        ("triplets", &[two_steps]),
        ("triplets", &[two_steps, "triplets.normalise=frame"]),
        ("prototypes", &[]),
        ("prototypes", &["prototypes.way=5", "prototypes.support=2"]),
        ("prototypes", &["prototypes.normalise=segment"]),
    ];
    let mut courses: Vec<Vec<f64>> = Vec::new();
    for (index, (method, edits)) in ways.into_iter().enumerate() {
        let run = folder.path().join(index.to_string());
        let mut command = train_command(&run, (method, 4), "1");
        command.args(["--set", "tagger.epochs=1"]);
        for edit in edits {
            command.args(["--set", edit]);
        }
        succeed(command);
        let course = losses(&run);
        assert_eq!(course.len(), 4, "{method} {edits:?}");
        assert!(course[3] < course[0], "{method} {edits:?}: {course:?}");
        assert!(!courses.contains(&course), "{method} {edits:?} takes the course of another way");
        courses.push(course);
    }
}

#[test]
fn a_dry_run_prints_what_a_training_takes_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = train_command(&run, ("triplets", 3), "1,2");
    let out = String::from_utf8(
        succeed({
            command.arg("--dry-run");
            command
        })
        .stdout,
    )
    .unwrap();
    assert!(out.contains("40 training and 10 validation segments of 0.2 s\nat most 92 steps\n"), "{out}");
    assert!(out.contains(" MiB on "), "{out}");
    assert!(!run.exists());
}

#[test]
fn a_run_keeps_its_tiles_and_goes_on_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(train_command(&run, ("classifier", 1), "1"));
    let file = TileFile::read(&run.join("tiles.json")).unwrap();
    // Two layers: two forward passes, two weight gradients, one input gradient.
    assert_eq!(file.tiles.0.len(), 5);
    let resumed = weaklabel(&["train", "--resume", "--tiles", "shipped", "-o"]).arg(&run).output().unwrap();
    let errors = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(resumed.status.code() == Some(2) && errors.contains("leave out --tiles"), "{errors}");
}

#[test]
fn what_cannot_be_trained_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let refusal = |args: &[&str]| {
        let mut command = weaklabel(&["train", "--progress", "none"]);
        command.arg("--dataset").arg(dataset()).arg("-o").arg(&run).args(args);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, message) = refusal(&["--set", "train.batch=15"]);
    assert!(code == Some(3) && message.contains("train.batch") && message.contains("multiple of 10"), "{message}");
    // The key belongs to a later stage, and is refused in a dry run too.
    let (code, message) = refusal(&["--method", "triplets", "--set", "tagger.batch=60"]);
    assert!(code == Some(3) && message.contains("tagger.batch: class "), "{message}");
    assert!(!run.exists(), "a training that cannot begin leaves a folder that blocks the next");
    let on_paper = refusal(&["--method", "triplets", "--set", "tagger.batch=60", "--dry-run"]);
    assert_eq!((on_paper.0, on_paper.1.lines().last()), (code, message.lines().last()));
    for more in [&["--dry-run"][..], &["--force"]] {
        let wide = ["--set", "model.filters=[65536, 65536]", "--set", "model.pools=[[4, 4], [5, 8]]"];
        let (code, message) = refusal(&[&wide, more].concat());
        assert!(code == Some(3) && message.contains("model.filters: a model with"), "{message}");
    }
    let (code, message) = refusal(&["--force", "--adapter", "no such card"]);
    assert!(code == Some(4) && message.contains("no such card"), "{message}");
    let nowhere: PathBuf = folder.path().join("nowhere");
    let output = weaklabel(&["eval", nowhere.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}
