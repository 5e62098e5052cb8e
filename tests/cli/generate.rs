//! `weaklabel generate` on the built-in soundbank.

use std::fs;

use serde_json::{Value, json};
use weaklabel::data::audio::{Audio, write_wav16};

use crate::support::files::contents;
use crate::support::program::{run_in, weaklabel};

const TINY: &str = "--train 10 --valid 10 --eval 10 --set scene.clip_s=2";

#[test]
fn a_dataset_is_written_once_and_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("generate -o set {TINY} --progress plain");
    let (code, text, errors) = run_in(folder.path(), &line);
    assert_eq!(code, 0, "{errors}");
    assert!(text.starts_with("set: 10 train, 10 validation, 10 eval clips, mixed in memory when needed\n"), "{text}");
    assert!(text.contains("\n10 classes: "), "{text}");
    assert!(errors.starts_with("mixing clips: ") && errors.contains("mixing clips: 30 done in "), "{errors}");
    let first = contents(&folder.path().join("set"));
    assert!(
        first.contains_key("manifest.tsv") && !first.keys().any(|name| name.ends_with(".wav")),
        "{:?}",
        first.keys()
    );

    let (code, text, errors) = run_in(folder.path(), &format!("generate -o set --seed 2 {TINY}"));
    assert_eq!((code, text.as_str()), (3, ""));
    assert!(errors.contains("weaklabel: set: ") && errors.contains("--force"), "{errors}");
    assert!(first == contents(&folder.path().join("set")), "a refused call changed the dataset");

    let (code, _, errors) = run_in(folder.path(), &format!("generate -o set --seed 2 {TINY} --force"));
    assert_eq!(code, 0, "{errors}");
    assert!(first != contents(&folder.path().join("set")), "another seed, the same dataset");
}

#[test]
fn json_says_the_same_and_the_bytes_do_not_depend_on_the_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["1", "3"].map(|jobs| {
        let line = format!("generate -j {jobs} -o on-{jobs} {TINY} --wav --json --quiet");
        let (code, text, errors) = run_in(folder.path(), &line);
        assert_eq!((code, errors.as_str()), (0, ""));
        let report: Value = serde_json::from_str(&text).unwrap();
        let dataset = &report["dataset"];
        assert_eq!(dataset["folder"], json!(format!("on-{jobs}")));
        assert_eq!(dataset["clips"], json!({"train": 10, "validation": 10, "eval": 10}));
        assert_eq!((dataset["classes"].as_array().unwrap().len(), &dataset["wav"]), (10, &json!(true)));
        contents(&folder.path().join(format!("on-{jobs}")))
    });
    assert_eq!(sets[0].keys().filter(|name| name.ends_with(".wav")).count(), 30);
    assert!(sets[0] == sets[1], "one and three jobs differ");
}

#[test]
fn clips_of_several_events_are_asked_for_by_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, errors) = run_in(folder.path(), &format!("generate -o set --events 3..3 {TINY}"));
    assert_eq!(code, 0, "{errors}");
    let annotated = fs::read_to_string(folder.path().join("set/train.tsv")).unwrap();
    assert_eq!(annotated.lines().count(), 1 + 3 * 10, "{annotated}");
    for (flag, code, words) in [
        ("--events 4..2", 3, "scene.events: must be [least, most] between 1 and 100, not [4, 2]"),
        ("--events few", 2, "a number of events, or the fewest and the most as in 1-4"),
        ("--events 1..4 --cooccurrence nowhere.json", 1, "cannot read nowhere.json"),
    ] {
        let found = run_in(folder.path(), &format!("generate -o refused {flag} {TINY}"));
        assert!(found.0 == code && found.2.contains(words), "{flag}: {found:?}");
    }
    assert!(!folder.path().join("refused").exists());
}

#[test]
fn what_a_soundbank_has_besides_is_said_once_unless_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<f32> = (0..16_000_u32).map(|i| 0.1 * (i.wrapping_mul(40_503) % 997) as f32 / 997.0 - 0.05).collect();
    for subset in ["train", "validation", "eval"] {
        for below in ["foreground/Cat", "foreground/Dog", "background/room"] {
            let folder = folder.path().join("bank").join(subset).join("soundbank").join(below);
            fs::create_dir_all(&folder).unwrap();
            write_wav16(&folder.join("0.wav"), &Audio { rate: 16_000, samples: noise.clone() }).unwrap();
        }
    }
    let cat = folder.path().join("bank/train/soundbank/foreground/Cat");
    fs::create_dir(cat.join("more")).unwrap();
    for name in ["a.opus", "b.opus", "more/c.wav"] {
        fs::write(cat.join(name), "").unwrap();
    }
    let line = "generate --soundbank bank -o set --train 2 --valid 2 --eval 2 --set scene.clip_s=1 --set scene.rate=16000 \
                --progress none";
    let (code, _, errors) = run_in(folder.path(), line);
    let lines: Vec<&str> = errors.lines().filter(|line| line.contains("left out")).collect();
    assert!(code == 0 && lines.len() == 2, "{errors}");
    for (line, words) in
        lines.iter().zip(["2 sounds left out, train/soundbank/foreground/Cat/a.opus first", "1 sound left out"])
    {
        assert!(line.contains("WARN") && line.contains(words), "{line}");
    }
    let (code, _, errors) = run_in(folder.path(), &format!("{line} --force --quiet"));
    assert_eq!((code, errors.as_str()), (0, ""));
}

#[test]
fn what_cannot_be_drawn_is_said_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, errors) = run_in(folder.path(), "generate -o set --train 11 --valid 10 --eval 10");
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("data.train") && !folder.path().join("set").exists(), "{errors}");
    let (code, _, errors) = run_in(folder.path(), &format!("generate -o set --soundbank nowhere {TINY}"));
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("nowhere"), "{errors}");
    assert_eq!(run_in(folder.path(), "generate").0, 2);
    // `--dataset` names what is read, never what is written.
    assert_eq!(weaklabel(&["generate", "--dataset", "set"]).output().unwrap().status.code(), Some(2));
}
