//! What a run folder promises: nothing is lost, one writer at a time, and it can be continued.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weaklabel::config::Config;
use weaklabel::report::{Results, RunDir};

fn create(path: &Path, force: bool) -> Result<RunDir, String> {
    RunDir::create(path, &Config::default(), &json!({"name": "none"}), force).map_err(|e| e.to_string())
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
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

    run.truncate_metrics(|stage, epoch| stage == "triplets" || epoch < 1).unwrap();
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
    let results = Results {
        method: "classifier".into(),
        train_seconds: 0.2,
        classes: vec!["Cat".into(), "Dog".into()],
        seeds: vec![1, 2],
        seconds: vec![0.2, 10.0],
        f1: vec![vec![vec![1.0 / 3.0, 50.0], vec![0.0, 100.0]], vec![vec![12.5, 25.0], vec![1e-3, 99.9]]],
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
