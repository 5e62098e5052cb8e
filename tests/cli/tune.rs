//! `weaklabel tune`, and what becomes of its tiles.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{outcome, run, weaklabel};

/// A model of one layer: few tiles, quickly compiled.
const SMALL: &str = "--set model.filters=[8] --set model.pools=[[2,4]] --set model.hidden=4 --frames 20 --batch 10";

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
#[ignore = "slow"]
fn tiles_are_found_kept_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let tune = |words: &str| {
        let line = format!("tune --quiet {SMALL} {words}");
        outcome(weaklabel(&[]).env("WEAKLABEL_CACHE", &cache).args(line.split_whitespace()).output().unwrap())
    };
    let (code, out, errors) = tune("--kernel forward");
    assert_eq!(code, 0, "{errors}");
    assert!(out.contains("conv_forward 1→8 20×64") && out.contains("Tiles: "), "{out}");
    let file = fs::read_dir(cache.join("tiles")).unwrap().next().unwrap().unwrap().path();
    let found = json(&file);
    let candidates = found["candidates"].as_array().unwrap();
    assert_eq!(found["tiles"].as_array().unwrap().len(), 1);
    assert!(candidates.len() > 2, "{found}");
    for candidate in candidates {
        assert!(candidate["ms"].is_array() || candidate["refused"].is_string(), "{candidate}");
    }

    // Another kernel joins those that are there; the same again replaces its own.
    let (code, _, errors) = tune("--kernel weight-grad");
    assert_eq!(code, 0, "{errors}");
    assert_eq!(json(&file)["tiles"].as_array().unwrap().len(), 2);

    // Other commands find them, unless they are told not to.
    let bench = |words: &str| {
        let line = format!("bench step {SMALL} {words}");
        let output = weaklabel(&[]).env("WEAKLABEL_CACHE", &cache).args(line.split_whitespace()).output();
        outcome(output.unwrap())
    };
    let (code, _, errors) = bench("-v");
    assert!(code == 0 && errors.contains("2 tiles found on"), "{errors}");
    let (code, _, errors) = bench("-v --tiles shipped");
    assert!(code == 0 && !errors.contains("tiles found on"), "{errors}");
    let (code, _, errors) = bench(&format!("-v --tiles {}", file.display()));
    assert!(code == 0 && errors.contains("2 tiles found on"), "{errors}");

    // One tile is called so, and none is no find.
    let mut few = found.clone();
    for (tiles, words) in [(&found["tiles"], "1 tile found on"), (&Value::Array(Vec::new()), "tiles found on")] {
        few["tiles"] = tiles.clone();
        let path = folder.path().join("few.json");
        fs::write(&path, few.to_string()).unwrap();
        let (code, _, errors) = bench(&format!("-v --tiles {}", path.display()));
        assert_eq!(code, 0, "{errors}");
        assert_eq!(errors.contains(words), words.starts_with('1'), "{errors}");
    }

    // A broken cache is said to be one and left out; a broken file that is named is an error.
    fs::write(&file, "{}").unwrap();
    let (code, _, errors) = bench("");
    assert!(code == 0 && errors.contains("`weaklabel tune` writes a new file"), "{errors}");
    let (code, _, errors) = bench(&format!("--tiles {}", file.display()));
    assert!(code == 3 && errors.contains("no tiles of `weaklabel tune`"), "{errors}");
}

#[test]
fn wrong_tiles_and_lengths_are_refused() {
    let (code, _, errors) = run("bench step --tiles nowhere.json");
    assert!(code == 1 && errors.contains("nowhere.json"), "{errors}");
    let (code, _, errors) = run("tune --frames 30");
    assert!(code == 2 && errors.contains("multiple of 20"), "{errors}");
}
