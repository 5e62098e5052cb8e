//! Sounds and classes found in a folder, and errors for folders that are not soundbanks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use weaklabel::config::SceneConfig;
use weaklabel::data::scenes::{Dataset, Soundbank, Subset};

use crate::bank::{Bank, assert_names, table, write};

fn scan(bank: &Bank) -> weaklabel::Result<Soundbank> {
    Soundbank::scan(&bank.root(), &SceneConfig::default())
}

#[test]
fn classes_are_the_sorted_folders_with_their_suffixes_folded() {
    let bank = Bank::new(3);
    for folder in ["Ant_nOn", "Ant_nOff", "Cat_nOn_nOff"] {
        bank.event("train", folder, "x", 1.0);
        bank.event("eval", folder, "x", 1.0);
    }
    fs::write(bank.folder("train", "foreground/Cat/README.md"), "no sound").unwrap();
    fs::write(bank.folder("train", "foreground/Cat/._0.wav"), "hidden").unwrap();
    fs::write(bank.folder("train", "foreground/.DS_Store"), "hidden").unwrap();
    assert_eq!(scan(&bank).unwrap().classes(), ["Ant", "Cat", "Dog", "Tap"]);
    let left_out = scan(&bank).unwrap().left_out().to_vec();
    assert!(left_out.len() == 1 && left_out[0].harmless, "{left_out:?}");
    assert!(left_out[0].message.contains("1 file left out, train/soundbank/foreground/Cat/README.md"), "{left_out:?}");
}

#[test]
fn the_fingerprint_follows_names_and_contents_but_neither_place_nor_time() {
    let (bank, moved) = (Bank::new(3), tempfile::tempdir().unwrap());
    let before = scan(&bank).unwrap().fingerprint().unwrap();
    let there = moved.path().join("elsewhere");
    fs::rename(bank.root(), &there).unwrap();
    let scene = SceneConfig::default();
    let fingerprint = || Soundbank::scan(&there, &scene).unwrap().fingerprint().unwrap();
    let file = there.join("train/soundbank/foreground/Cat/0.wav");
    fs::File::options().write(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(fingerprint(), before);
    let whole = fs::read(&file).unwrap();
    let mut other = whole.clone();
    other[1000] ^= 1;
    fs::write(&file, other).unwrap();
    assert_ne!(fingerprint(), before, "another sound of the same size");
    fs::write(&file, whole).unwrap();
    assert_eq!(fingerprint(), before);
    fs::rename(&file, there.join("train/soundbank/foreground/Cat/00.wav")).unwrap();
    assert_ne!(fingerprint(), before);
}

/// Returns the event and background files that each subset uses according to the manifest.
fn used(bank: &Bank, seed: u64, out: &str) -> [[BTreeSet<String>; 2]; 3] {
    let mut config = bank.config();
    config.data.seed = seed;
    config.data.train = 120;
    config.data.validation = 30;
    bank.generate(&config, out, false).unwrap();
    let rows = table(&bank.out(out).join("manifest.tsv"));
    Subset::all().map(|subset| {
        ["event_file", "background_file"].map(|column| {
            let ours = rows.iter().filter(|row| row["filename"].starts_with(subset.name()));
            ours.map(|row| row[column].clone()).collect()
        })
    })
}

#[test]
fn held_back_files_are_heard_in_validation_only() {
    let bank = Bank::new(5);
    let [train, validation, eval] = used(&bank, 1, "a");
    assert_eq!((train[0].len(), validation[0].len()), (12, 3), "one file of each class is held back: {validation:?}");
    assert!(train[0].is_disjoint(&validation[0]));
    assert!(validation[0].iter().all(|file| file.starts_with("train/")));
    assert!(eval.iter().flatten().all(|file| file.starts_with("eval/")));
    assert_eq!(train[1], validation[1], "the backgrounds of training are shared");
    let other = used(&bank, 2, "b");
    assert_ne!(validation[0], other[1][0], "another seed holds other files back");
}

#[test]
fn a_validation_folder_is_used_as_it_is() {
    let bank = Bank::new(2);
    for class in ["Cat", "Dog", "Tap"] {
        bank.event("validation", class, "v", 0.5);
    }
    bank.background("validation", "hall", "v", 10.0);
    let [train, validation, _] = used(&bank, 1, "a");
    assert_eq!(train[0].len(), 6);
    assert!(validation.iter().flatten().all(|file| file.starts_with("validation/")));
}

#[test]
fn folders_that_are_no_soundbank_are_explained() {
    let bank = Bank::new(2);
    let scan = |path: &Path| Soundbank::scan(path, &SceneConfig::default()).unwrap_err();
    assert_names(&scan(&bank.out("nowhere")), &["nowhere", "no such folder", "foreground/CLASS"]);
    let meant = format!("did you mean {}?", bank.root().canonicalize().unwrap().display());
    for wrong in ["train", "train/soundbank", "train/soundbank/foreground"] {
        assert_names(&scan(&bank.root().join(wrong)), &[wrong, "ROOT/{train,validation,eval}", &meant]);
    }
    assert_names(&scan(bank.root().parent().unwrap()), &["did you mean", "bank?"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let message = scan(elsewhere.path()).to_string();
    assert!(message.contains("ROOT/") && !message.contains("did you mean"), "{message}");
}

#[test]
fn missing_sounds_name_their_folder() {
    type Spoil = fn(&Bank);
    let cases: [(Spoil, &[&str]); 9] = [
        (
            |bank| fs::remove_dir_all(bank.root().join("eval")).unwrap(),
            &["eval/soundbank/foreground", "no such folder"],
        ),
        (|bank| fs::remove_dir_all(bank.folder("train", "background")).unwrap(), &["train/soundbank/background"]),
        (|bank| fs::create_dir(bank.folder("train", "background/void")).unwrap(), &["background/void", "no sound"]),
        (|bank| fs::create_dir(bank.folder("eval", "foreground/Void")).unwrap(), &["foreground/Void", "no sound"]),
        (
            |bank| fs::remove_dir_all(bank.folder("eval", "foreground/Dog")).unwrap(),
            &["eval/", "no class Dog", "train"],
        ),
        (|bank| drop(bank.event("eval", "Emu", "x", 1.0)), &["train/soundbank", "no class Emu", "eval"]),
        (
            |bank| drop(bank.event("validation", "Cat", "x", 1.0)),
            &["validation/soundbank/background", "no such folder"],
        ),
        (|bank| fs::remove_file(bank.folder("train", "foreground/Tap/1.wav")).unwrap(), &["Tap", "at least two"]),
        (
            |bank| {
                for folder in ["foreground/Cat", "foreground/Dog", "foreground/Tap"] {
                    fs::remove_dir_all(bank.folder("eval", folder)).unwrap();
                }
            },
            &["eval/soundbank/foreground", "no folders"],
        ),
    ];
    for (spoil, words) in cases {
        let bank = Bank::new(2);
        spoil(&bank);
        let error = scan(&bank).unwrap_err();
        assert_names(&error, words);
        assert_eq!(error.exit_code(), 3);
    }
}

#[test]
fn a_class_may_consist_of_flagged_folders_only() {
    let bank = Bank::new(2);
    for subset in ["train", "eval"] {
        let folder = |name| bank.folder(subset, &format!("foreground/{name}"));
        fs::rename(folder("Cat"), folder("Cat_nOn")).unwrap();
    }
    assert_eq!(scan(&bank).unwrap().classes(), ["Cat", "Dog", "Tap"]);
}

#[test]
fn sounds_that_cannot_be_used_are_named_when_they_are_drawn() {
    for (spoil, reason) in [(b"no audio at all".as_slice(), "not audio"), (b"", "a.wav")] {
        let bank = Bank::new(3);
        fs::write(bank.folder("eval", "background/room/a.wav"), spoil).unwrap();
        assert_names(&bank.generate(&bank.config(), "out", false).unwrap_err(), &["background/room/a.wav", reason]);
        assert!(!bank.out("out").exists());
    }
    let bank = Bank::new(3);
    for i in 0..2 {
        write(&bank.folder("eval", &format!("foreground/Dog/{i}.wav")), &vec![0.0; 16_000]);
    }
    let dataset = Dataset::of(&bank.config()).unwrap();
    let error = dataset.segment(Subset::Eval, 1, 1.0).unwrap_err();
    assert_names(&error, &["foreground/Dog/", "silent", "no finite gain"]);
    assert!(dataset.segment(Subset::Eval, 0, 1.0).is_ok(), "other classes are not touched");
}

#[test]
fn counts_and_values_that_give_no_clips_name_their_key() {
    let bank = Bank::new(2);
    let spoilt = |spoil: fn(&mut weaklabel::config::Config)| {
        let mut config = bank.config();
        spoil(&mut config);
        Dataset::of(&config).unwrap_err()
    };
    assert_names(&spoilt(|config| config.data.validation = 7), &["data.validation", "7 clips", "3 classes"]);
    assert_names(&spoilt(|config| config.data.eval = 1), &["data.eval"]);
    assert_names(&spoilt(|config| config.scene.snr_db = [30.0, 6.0]), &["scene.snr_db"]);
    assert_names(&spoilt(|config| config.scene.holdout = 1.0), &["scene.holdout"]);
    assert_names(&spoilt(|config| config.scene.peak = 0.0), &["scene.peak"]);
    assert_names(&spoilt(|config| config.scene.clip_s = -1.0), &["scene.clip_s"]);
}
