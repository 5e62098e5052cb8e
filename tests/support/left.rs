//! What trainings, studies and searches leave that must be the same however they came to their end, by name: models,
//! training states, metrics, tables, results. What a clock says is left out.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use weaklabel::experiments::store::{Registered, Store};
use weaklabel::model::checkpoint::TrainingState;

use super::files::contents;

/// Bytes by name.
pub type Left = BTreeMap<String, Vec<u8>>;

/// Reads the files that a finished training leaves in its run folder.
pub fn training(run: &Path) -> Left {
    let mut left = contents(&run.join("checkpoints"));
    left.retain(|name, _| name.ends_with(".safetensors"));
    left.insert("metrics.jsonl".into(), std::fs::read(run.join("metrics.jsonl")).unwrap());
    left
}

/// Reads what a finished study leaves: the result of every cell, and the tables but those of times.
pub fn study(folder: &Path) -> Left {
    let cells = cells(folder).into_iter().map(|(name, cell)| (name, cell.to_string().into_bytes()));
    cells.chain(tables(folder)).collect()
}

/// The entry for the models of a trial whose checkpoint is refused on reading, since it is damaged.
pub const REFUSED: &[u8] = b"refused on reading";

/// Reads what a search leaves in its store: every result, with the learning curves, and the models of every trial.
pub fn search(store: &mut Store, study: &Registered) -> Left {
    let (rows, results) = store.table(study).unwrap();
    let mut left = Left::new();
    for result in results {
        let text = format!("{} {}", result.score, result.details);
        left.insert(format!("result of trial {} on rung {}", result.number, result.rung), text.into_bytes());
    }
    for row in rows {
        let state = format!("{} on rung {} {:?}", row.state.name(), row.rung, row.reason);
        left.insert(format!("trial {}", row.number), state.into_bytes());
        if let Some(checkpoint) = store.last_checkpoint(study, row.number).unwrap() {
            let models = match TrainingState::from_bytes(Path::new("checkpoint"), &checkpoint.bytes) {
                Ok(_) => {
                    let tensors = safetensors::SafeTensors::deserialize(&checkpoint.bytes).unwrap();
                    let of = |name: &&str| tensors.tensor(name).unwrap().data().to_vec();
                    ["state", "best", "progress"].iter().flat_map(of).collect()
                }
                Err(_) => REFUSED.to_vec(),
            };
            left.insert(format!("models of trial {}", row.number), models);
        }
    }
    left
}

/// The results of all finished cells of a study by name, without what a clock says.
pub fn cells(study: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(study.join("cells")) else { return found };
    for entry in entries.flatten() {
        if let Ok(text) = std::fs::read_to_string(entry.path().join("cell.json")) {
            let mut cell: Value = serde_json::from_str(&text).unwrap();
            let of_cell = cell.as_object_mut().unwrap();
            assert!(of_cell.remove("seconds_taken").unwrap().as_f64().unwrap() > 0.0);
            assert!(of_cell.remove("sha256").is_some());
            found.insert(entry.file_name().to_string_lossy().into_owned(), cell);
        }
    }
    found
}

/// The tables of a report, those of times left out.
pub fn tables(study: &Path) -> Left {
    contents(&study.join("tables")).into_iter().filter(|(name, _)| !name.starts_with("training")).collect()
}

/// The names of what is not the same in both, or in one only.
pub fn differences(found: &Left, expected: &Left) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    names.into_iter().filter(|name| found.get(*name) != expected.get(*name)).cloned().collect()
}

/// Asserts that `found` equals `expected`.
pub fn assert_same(found: &Left, expected: &Left) {
    assert!(expected.values().all(|bytes| bytes != REFUSED), "a checkpoint of the unbroken run is damaged");
    let differences = differences(found, expected);
    assert!(!expected.is_empty() && differences.is_empty(), "another: {}", differences.join(", "));
}

/// Lists the files below `folder` that killed processes left half written.
pub fn leftovers(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".weaklabel-") || name.contains(".partial-") {
            found.push(entry.path().display().to_string());
        } else if entry.path().is_dir() {
            found.extend(leftovers(&entry.path()));
        }
    }
    found
}
