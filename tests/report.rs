//! What a run folder promises: nothing is lost, one writer at a time, and it can be continued.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Value, json};
use support::files::names;
use weaklabel::config::{Config, Method, StageName};
use weaklabel::kernels::population::Member;
use weaklabel::model::checkpoint::{Provenance, TrainingState, write_training_state};
use weaklabel::output::{Results, RunDir, SeedSummary};

fn create(path: &Path, force: bool) -> Result<RunDir, String> {
    RunDir::create(path, &Config::default(), &json!({"name": "none"}), force).map_err(|e| e.to_string())
}

#[test]
fn a_new_run_holds_its_configuration_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/first");
    let mut config = Config::default();
    config.train.seeds = vec![1, 2, 3];
    (config.data.soundbank, config.data.cooccurrence) =
        (Some("some/sounds".into()), Some("some/occurences.json".into()));
    let run = RunDir::create(&path, &config, &json!({"name": "llvmpipe"}), false).unwrap();
    assert_eq!(names(&path), ["checkpoints", "config.toml", "env.json", "run.lock"]);
    assert_eq!(run.checkpoint("best"), path.join("checkpoints/best.safetensors"));

    let read = RunDir::open(&path).unwrap().config().unwrap();
    for (path, given) in
        [(&read.data.soundbank, &mut config.data.soundbank), (&read.data.cooccurrence, &mut config.data.cooccurrence)]
    {
        let path = path.as_deref().unwrap();
        assert!(path.is_absolute() && path.ends_with(given.as_ref().unwrap()), "readable from any folder");
        *given = Some(path.into());
    }
    assert_eq!(read, config);

    let environment: Value = serde_json::from_slice(&fs::read(path.join("env.json")).unwrap()).unwrap();
    assert_eq!(environment["adapter"]["name"], "llvmpipe");
    assert_eq!(environment["version"], env!("CARGO_PKG_VERSION"));
    assert!(environment["started_unix_s"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn a_folder_that_is_not_a_run_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), "mine").unwrap();
    for force in [false, true] {
        let message = create(folder.path(), force).unwrap_err();
        assert!(message.contains("not empty and not a run"), "{message}");
        assert_eq!(names(folder.path()), ["config.toml"]);
        assert_eq!(fs::read_to_string(folder.path().join("config.toml")).unwrap(), "mine");
    }
}

#[test]
fn an_empty_folder_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    assert!(create(folder.path(), false).is_ok());
}

#[test]
fn a_run_is_replaced_only_when_forced_and_other_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    fs::write(run.checkpoint("last"), "weights").unwrap();
    fs::write(folder.path().join("notes.txt"), "keep me").unwrap();
    run.append_metrics(&[json!({"epoch": 0})]).unwrap();
    run.finish().unwrap();
    drop(run);

    let message = create(folder.path(), false).unwrap_err();
    assert!(message.contains("--resume") && message.contains("--force"), "{message}");
    assert!(RunDir::open(folder.path()).unwrap().is_finished());

    let run = create(folder.path(), true).unwrap();
    assert!(!run.is_finished() && !run.checkpoint("last").exists());
    assert_eq!(names(folder.path()), ["checkpoints", "config.toml", "env.json", "notes.txt", "run.lock"]);
}

#[test]
fn what_killed_processes_left_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    // Killed while the first file was written.
    fs::create_dir(folder.path().join("checkpoints")).unwrap();
    for name in ["run.lock", ".weaklabel-a1B2c3", "checkpoints/.weaklabel-d4E5f6"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let run = create(folder.path(), false).unwrap();
    assert_eq!(names(folder.path()), ["checkpoints", "config.toml", "env.json", "run.lock"]);
    assert!(names(&folder.path().join("checkpoints")).is_empty());
    // Killed while it trained; a name of another form is somebody's own.
    for name in [".weaklabel-a1B2c3", "checkpoints/.weaklabel-d4E5f6", ".weaklabel-mine.txt"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert!(RunDir::resume(folder.path()).is_err() && folder.path().join(".weaklabel-a1B2c3").exists(), "it is locked");
    drop(run);
    drop(RunDir::resume(folder.path()).unwrap());
    assert_eq!(names(folder.path()), [".weaklabel-mine.txt", "checkpoints", "config.toml", "env.json", "run.lock"]);
    assert!(names(&folder.path().join("checkpoints")).is_empty());

    // A run that lost its configuration is not half made: there are models in it.
    fs::remove_file(folder.path().join(".weaklabel-mine.txt")).unwrap();
    fs::remove_file(folder.path().join("config.toml")).unwrap();
    fs::write(folder.path().join("checkpoints/best.safetensors"), "weights").unwrap();
    let message = create(folder.path(), false).unwrap_err();
    assert!(message.contains("--force"), "{message}");
    assert!(folder.path().join("checkpoints/best.safetensors").exists());
}

#[test]
fn metrics_that_are_not_those_of_the_training_state_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    (config.train.method, config.train.seeds) = (Method::Prototypes, vec![1, 2]);
    let run = RunDir::create(folder.path(), &config, &json!({}), false).unwrap();
    assert!(run.has_all_metrics().unwrap(), "nothing was trained yet");
    let row = |epoch: u64, loss: f64| json!({"stage": "prototypes", "epoch": epoch, "seed": 1, "loss": loss, "score": 2.0, "best_score": 2.0, "best_epoch": 0});
    run.append_metrics(&[row(0, 1.0), row(1, 2.0)]).unwrap();
    let training_state = TrainingState {
        stage: StageName::Prototypes,
        epoch: 3,
        state: vec![0.0; 2 * 3 * 4],
        best: vec![0.0; 2 * 4],
        progress: [1, 2].map(|seed| Member { epochs: 3, ..Member::new(seed) }).into(),
        provenance: Provenance::new(std::slice::from_ref(&config), "ab"),
        metrics: Some(run.metrics_so_far().unwrap()),
    };
    write_training_state(&run.checkpoint("last"), &training_state).unwrap();
    assert!(run.has_all_metrics().unwrap());
    let path = folder.path().join("metrics.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    for damaged in [&whole[..whole.len() - 1], "", &whole.replace("2.0", "3.0"), whole.lines().next().unwrap()] {
        fs::write(&path, damaged).unwrap();
        assert!(!run.has_all_metrics().unwrap(), "{damaged}");
    }
    fs::remove_file(&path).unwrap();
    assert!(!run.has_all_metrics().unwrap(), "there is no file");
    // Epochs after the state are done again, and so is one that a power cut left half written.
    fs::write(&path, whole + &row(2, 3.0).to_string() + "\n{\"stage\": \"pro").unwrap();
    assert!(run.has_all_metrics().unwrap());
}

#[test]
fn one_process_writes_and_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    let busy = "another process is training";
    assert!(RunDir::resume(folder.path()).unwrap_err().to_string().contains(busy));
    assert!(create(folder.path(), true).unwrap_err().contains(busy));
    assert!(RunDir::open(folder.path()).is_ok());
    assert!(folder.path().join("config.toml").exists(), "the refused --force removed nothing");
    drop(run);
    let resumed = RunDir::resume(folder.path()).unwrap();
    assert!(create(folder.path(), true).unwrap_err().contains(busy));
    drop(resumed);
    assert!(create(folder.path(), true).is_ok());
}

#[test]
fn metrics_are_cut_back_to_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    run.truncate_metrics(|_, _| false).unwrap();
    for epoch in 0..4 {
        let stage = if epoch < 2 { "triplets" } else { "tagger" };
        let row = |member| json!({"stage": stage, "epoch": epoch % 2, "member": member});
        run.append_metrics(&[row(0), row(1)]).unwrap();
    }
    let path = folder.path().join("metrics.jsonl");
    let torn = fs::read_to_string(&path).unwrap() + "{\"epoch\": 1, \"mem";
    fs::write(&path, torn).unwrap();
    assert!(run.metrics::<Value>().unwrap_err().to_string().contains("line 9"));

    run.truncate_metrics(|stage, epoch| stage == StageName::Triplets || epoch < 1).unwrap();
    let rows: Vec<(String, u64)> = run
        .metrics::<Value>()
        .unwrap()
        .iter()
        .map(|row| (row["stage"].as_str().unwrap().to_owned(), row["epoch"].as_u64().unwrap()))
        .collect();
    let row = |stage: &str, epoch| (stage.to_owned(), epoch);
    let expected = [row("triplets", 0), row("triplets", 0), row("triplets", 1), row("triplets", 1), row("tagger", 0)];
    assert_eq!(rows[..5], expected);
    run.append_metrics(&[json!({"stage": "tagger", "epoch": 1, "member": 0})]).unwrap();
    assert_eq!(run.metrics::<Value>().unwrap().len(), 7);
}

#[test]
fn a_line_cut_between_its_end_and_the_newline_is_dropped_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    fs::write(
        folder.path().join("metrics.jsonl"),
        r#"{"stage": "tagger", "epoch": 0}
{"stage": "tagger", "epoch": 1}"#,
    )
    .unwrap();
    run.truncate_metrics(|_, epoch| epoch < 5).unwrap();
    run.append_metrics(&[json!({"stage": "tagger", "epoch": 1})]).unwrap();
    assert_eq!(run.metrics::<Value>().unwrap().len(), 2);
}

#[test]
fn results_read_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    let summary = |value: f64| SeedSummary::new(vec![value / 3.0, value]);
    let classes = |cat: Option<SeedSummary>| {
        [("Cat", cat), ("Dog", Some(summary(12.5)))].map(|(name, s)| (name.into(), s)).into()
    };
    let results = Results {
        method: "classifier".into(),
        train_seconds: 0.2,
        classes: vec!["Cat".into(), "Dog".into()],
        seeds: vec![1, 2],
        macro_f1: [("0.2", summary(1.0)), ("whole", summary(0.5))].map(|(length, s)| (length.into(), s)).into(),
        per_class: [("0.2", None), ("whole", Some(summary(99.9)))]
            .map(|(length, cat)| (length.into(), classes(cat)))
            .into(),
        scores: IndexMap::new(),
        thresholds: IndexMap::from([("Cat".into(), vec![0.1, 0.9])]),
    };
    run.write_results(&results).unwrap();
    assert_eq!(run.results().unwrap(), results);
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = RunDir::open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("no run here") && message.starts_with(&folder.path().display().to_string()), "{message}");
    let run = create(&folder.path().join("run"), false).unwrap();
    assert!(run.results().unwrap_err().to_string().ends_with("results.json"));
    assert!(run.metrics::<Value>().unwrap_err().to_string().ends_with("metrics.jsonl"));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let message = create(&file.join("run"), false).unwrap_err();
    assert_eq!(message, format!("cannot create {}", file.join("run").display()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = create(folder.path(), false).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("metrics.jsonl")).unwrap();
    let message = run.append_metrics(&[json!({"epoch": 0})]).unwrap_err().to_string();
    assert!(message.starts_with("cannot write") && message.ends_with("metrics.jsonl"), "{message}");
}
