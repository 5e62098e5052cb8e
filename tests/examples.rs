//! The programs in `examples/`, run one after another on what the one before has written.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::path::Path;
use std::process::Command;

/// Runs an example, which must succeed, and returns what it prints. Cargo builds it first.
fn run(example: &str, args: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--locked", "--quiet", "--example", example, "--"]).args(args);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_does_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    let model = model.to_str().unwrap();
    let printed = run("train", &[model]);
    assert!(printed.contains("epoch 4: loss") && printed.contains("the model of epoch"), "{printed}");

    let sounds = ["flac16_mono_44k1.flac", "silence_16k.wav"]
        .map(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio-formats").join(file));
    let [tone, silence] = sounds.each_ref().map(|path| path.to_str().unwrap());
    let printed = run("predict", &[model, tone, silence]);
    let probabilities =
        printed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()?.parse::<f64>().ok());
    let probabilities: Vec<f64> = probabilities.collect();
    assert!(probabilities.len() == 20 && probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{printed}");

    let printed = run("embed", &[model, tone, tone, silence]);
    let cosines: Vec<f64> = printed.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(cosines[..2] == [1.0, 1.0] && cosines[2] < 1.0, "{printed}");

    assert!(run("custom_kernel", &[]).contains("GB/s"));
}

#[test]
fn examples_are_short() {
    for entry in Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 60, "{} has {lines} lines", path.display());
    }
}
