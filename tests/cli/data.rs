//! `weaklabel data`, and what `train` says of its data.

use std::fs;

use serde_json::{Value, json};
use weaklabel::data::audio::{Audio, write_wav16};

use crate::support::program::run_in;

/// Makes a folder of twelve clips of two classes in two folds, with a table of them.
fn clips() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("set");
    fs::create_dir(&home).unwrap();
    let mut table = "file,label,fold\n".to_owned();
    for i in 0..12 {
        let samples = (0..16_000_u32).map(|n| (n * (i + 1) % 97) as f32 / 200.0).collect();
        write_wav16(&home.join(format!("{i}.wav")), &Audio { rate: 16_000, samples }).unwrap();
        table += &format!("{i}.wav,{},{}\n", ["Cat", "Dog"][i as usize % 2], i / 6 + 1);
    }
    fs::write(home.join("list.csv"), table).unwrap();
    folder
}

#[test]
fn what_is_understood_is_printed() {
    let folder = clips();
    let (code, text, errors) = run_in(folder.path(), "data set --fold 1");
    assert_eq!(code, 0, "{errors}");
    for line in [
        "a list of files and labels in set",
        "labels per clip: 1 in 12 clips",
        "lengths: 1.00 s at least, 1.00 s in the middle, 1.00 s at most",
        "sampling rates: 16000 Hz in 12 files",
        "chosen: fold 1 of 1, 2 evaluates (--fold, data.fold)",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let (code, text, errors) = run_in(folder.path(), "data set/list.csv --json");
    assert_eq!(code, 0, "{errors}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["path"], &found["subsets"]["eval"]["clips"]), (&json!("set/list.csv"), &json!(6)));
    assert_eq!(found["classes"]["Dog"]["clips"], json!({"train": 2, "validation": 1, "eval": 3}));
    let (code, _, errors) = run_in(folder.path(), "data nowhere");
    assert!(code == 3 && errors.contains("nowhere: no such folder or table"), "{errors}");
    let (code, _, errors) = run_in(folder.path(), "data set --fold 3");
    assert!(code == 3 && errors.contains("data.fold: there is no fold 3, only 1, 2"), "{errors}");
}

#[test]
fn a_training_says_what_it_takes() {
    let folder = clips();
    let line = "train -o run --dataset set --fold 2 --dry-run --set train.batch=2";
    let (code, _, errors) = run_in(folder.path(), line);
    assert_eq!(code, 0, "{errors}");
    for words in [
        "4 training, 2 validation and 6 evaluation clips, labels without times",
        "2 classes: Cat, Dog",
        "fold 2 of 1, 2 evaluates",
    ] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    let (code, _, errors) = run_in(folder.path(), "train -o run --dry-run --set data.train=20");
    assert!(code == 0 && errors.contains("the built-in, synthetic sounds, as neither --dataset nor"), "{errors}");
    let (code, _, errors) = run_in(folder.path(), "train -o run --dry-run --fold 1");
    assert!(code == 3 && errors.contains("data.fold") && errors.contains("--dataset"), "{errors}");
}
