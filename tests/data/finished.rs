//! Folders of finished clips with DESED's annotations.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use weaklabel::config::{Config, SetKeys};
use weaklabel::data::scenes::{Dataset, Subset};

use crate::bank::{assert_names, noise, write};

const HEADER: &str = "filename\tonset\toffset\tevent_label\n";

fn clip(dir: &Path, name: &str, seconds: f64) {
    write(&dir.join(name), &noise(name, seconds, 0.1));
}

/// Makes a folder of ten training clips with two classes, and two evaluation clips, one with two events and one with
/// none.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut train = HEADER.to_owned();
    for i in (0..10).rev() {
        clip(dir.path(), &format!("train/{i}.wav"), 3.0);
        train += &format!("{i}.wav\t0.5\t1.25\t{}\n", if i % 2 == 0 { "Dog" } else { "Cat" });
    }
    fs::write(dir.path().join("train.tsv"), train).unwrap();
    clip(dir.path(), "eval/two.wav", 4.0);
    clip(dir.path(), "eval/none.wav", 4.0);
    let eval = format!("{HEADER}two.wav\t3.5\t\tDog\nnone.wav\t\t\t\ntwo.wav\t0.25\t2.25\tCat\n");
    fs::write(dir.path().join("eval.tsv"), eval).unwrap();
    dir
}

fn open(dir: &TempDir, seed: u64) -> weaklabel::Result<Dataset> {
    let mut config = Config::default();
    config.data.seed = seed;
    Dataset::open(dir.path(), &config)
}

fn append(dir: &TempDir, table: &str, line: &str) {
    let path = dir.path().join(table);
    fs::write(&path, fs::read_to_string(&path).unwrap() + line).unwrap();
}

#[test]
fn clips_events_and_classes_are_found() {
    let dir = folder();
    let dataset = open(&dir, 1).unwrap();
    assert_eq!(dataset.classes(), ["Cat", "Dog"]);
    assert_eq!(Subset::all().map(|subset| dataset.len(subset)), [8, 2, 2]);
    // Clips are in the order of their names: none.wav, two.wav.
    assert_eq!((dataset.labels(Subset::Eval, 0), dataset.labels(Subset::Eval, 1)), ([].as_slice(), [0, 1].as_slice()));
    for index in 0..2 {
        let cuts = dataset.segments(Subset::Eval, index, &[1.0, 10.0]).unwrap();
        let lengths: Vec<usize> = cuts.segments.iter().map(|segment| segment.samples.len()).collect();
        assert_eq!(lengths, [16_000, 64_000], "a clip shorter than the segment is taken whole");
    }
}

#[test]
fn a_share_of_every_class_is_held_back_by_the_seed() {
    let dir = folder();
    let part = |seed| {
        let dataset = open(&dir, seed).unwrap();
        let labels = |subset| (0..dataset.len(subset)).map(|i| dataset.labels(subset, i)[0]).collect::<Vec<_>>();
        let mut counts = labels(Subset::Validation);
        counts.sort_unstable();
        assert_eq!(counts, [0, 1], "one clip of either class");
        let held: Vec<_> = (0..2).map(|i| dataset.segment(Subset::Validation, i, 3.0).unwrap()).collect();
        let kept: Vec<_> = (0..8).map(|i| dataset.segment(Subset::Train, i, 3.0).unwrap()).collect();
        assert!(held.iter().all(|clip| !kept.contains(clip)));
        held
    };
    assert_eq!(part(1), part(1));
    assert!((2..10).any(|seed| part(seed) != part(1)));
    assert_ne!(open(&dir, 1).unwrap().fingerprint().unwrap(), open(&dir, 2).unwrap().fingerprint().unwrap());
}

#[test]
fn validation_clips_of_its_own_are_used() {
    let dir = folder();
    clip(dir.path(), "validation/v.wav", 3.0);
    fs::write(dir.path().join("validation.tsv"), format!("{HEADER}v.wav\t0\t1\tCat\n")).unwrap();
    let dataset = open(&dir, 1).unwrap();
    assert_eq!(Subset::all().map(|subset| dataset.len(subset)), [10, 1, 2]);
}

#[test]
fn segments_lie_around_the_longest_event() {
    let dir = folder();
    let dataset = open(&dir, 3).unwrap();
    let whole = dataset.segment(Subset::Eval, 1, 4.0).unwrap().samples;
    // A segment of 1 s lies inside the event from 0.25 to 2.25 s, which is the longer of the two.
    let segment = dataset.segment(Subset::Eval, 1, 1.0).unwrap().samples;
    let start = whole.windows(segment.len()).position(|part| part == segment).unwrap();
    assert!((4_000..=20_000).contains(&start), "starts at sample {start}");
}

#[test]
fn segments_hear_the_events_that_overlap_them() {
    let dir = folder();
    // The clip has events from 0.25 to 2.25 s and from 3.5 to 4 s. A third event is added in the middle of the first.
    append(&dir, "eval.tsv", "two.wav\t1\t1.5\tDog\n");
    let mut in_the_middle = [0, 0];
    for seed in 0..20 {
        let dataset = open(&dir, seed).unwrap();
        let cuts = dataset.segments(Subset::Eval, 1, &[0.25, 3.0, 4.0]).unwrap();
        assert_eq!((cuts.dominant, cuts.duration_s), (Some(0), 2.0));
        let [short, long, whole] = &cuts.segments[..] else { panic!("three lengths") };
        let start = whole.samples.windows(short.samples.len()).position(|part| part == short.samples).unwrap();
        let touches = start < 24_000 && start + short.samples.len() > 16_000;
        in_the_middle[usize::from(touches)] += 1;
        assert_eq!(short.labels, if touches { vec![0, 1] } else { vec![0] }, "from sample {start} on");
        assert_eq!((short.covered, whole.covered), (1.0, 0.5));
        assert_eq!((&long.labels, &whole.labels), (&vec![0, 1], &vec![0, 1]));
    }
    assert!(in_the_middle.iter().all(|n| *n > 0), "{in_the_middle:?}");
    let none = open(&dir, 1).unwrap().segments(Subset::Eval, 0, &[0.25, 4.0]).unwrap();
    assert_eq!((none.dominant, none.duration_s), (None, 4.0));
    assert!(none.segments.iter().all(|segment| segment.labels.is_empty() && !segment.samples.is_empty()));
}

#[test]
fn the_fingerprint_follows_annotations_and_files() {
    let dir = folder();
    let before = open(&dir, 1).unwrap().fingerprint().unwrap();
    assert_eq!(before, open(&dir, 1).unwrap().fingerprint().unwrap());
    // The order of the lines does not matter.
    let table = dir.path().join("train.tsv");
    let mut lines: Vec<String> = fs::read_to_string(&table).unwrap().lines().map(String::from).collect();
    lines[1..].reverse();
    fs::write(&table, lines.join("\n") + "\n").unwrap();
    assert_eq!(before, open(&dir, 1).unwrap().fingerprint().unwrap());
    append(&dir, "eval.tsv", "none.wav\t1\t2\tCat\n");
    let annotated = open(&dir, 1).unwrap().fingerprint().unwrap();
    assert_ne!(before, annotated);
    // The file keeps its length but has other samples.
    let earlier = open(&dir, 1).unwrap().contents().unwrap();
    write(&dir.path().join("train/3.wav"), &noise("another", 3.0, 0.1));
    let now = open(&dir, 1).unwrap().contents().unwrap();
    assert_ne!(annotated, now.fingerprint());
    assert_eq!(now.difference(&earlier).unwrap(), "train/3.wav is not the same");
}

#[test]
fn what_does_not_fit_is_named_with_its_line() {
    type Spoil = fn(&TempDir);
    let cases: [(Spoil, &[&str]); 9] = [
        (
            |dir| append(dir, "eval.tsv", "two.wav\t1\t2\t\"Cat\ntwo.wav\t3\t4\tCat\n"),
            &["eval.tsv:5", "quote at the beginning of field 4"],
        ),
        (
            |dir| {
                let path = dir.path().join("eval.tsv");
                fs::write(&path, [fs::read(&path).unwrap().as_slice(), b"two.wav\t1\t2\tCaf\xe9\n"].concat()).unwrap();
            },
            &["eval.tsv:5", "0xe9", "not UTF-8"],
        ),
        (
            |dir| fs::write(dir.path().join("dataset.toml"), b"format = 1\nname = \"\xff\"\n").unwrap(),
            &["dataset.toml:2", "0xff at offset 19"],
        ),
        (
            |dir| {
                clip(dir.path(), "eval/two.opus", 1.0);
                append(dir, "eval.tsv", "two.opus\t0\t1\tCat\n");
            },
            &["eval.tsv:5", "two.opus", "does not end in .wav"],
        ),
        (|dir| append(dir, "eval.tsv", "two.wav\t1\t2\tEmu\n"), &["eval.tsv:5", "Emu", "Cat, Dog"]),
        (
            |dir| append(dir, "train.tsv", "x.wav\t1\t2\tCat\ny.wav\t1\t2\tCat\n"),
            &["train.tsv:12", "x.wav", "1 others"],
        ),
        (|dir| append(dir, "eval.tsv", "two.wav\t1\tlate\tCat\n"), &["eval.tsv:5", "late"]),
        (
            |dir| fs::remove_file(dir.path().join("train.tsv")).unwrap(),
            &["eval.tsv", "no training clips", "add a table train.tsv"],
        ),
        (
            |dir| {
                clip(dir.path(), "eval/only.wav", 1.0);
                fs::write(dir.path().join("train.tsv"), format!("{HEADER}1.wav\t0\t1\tCat\n2.wav\t0\t1\tDog\n"))
                    .unwrap();
            },
            &["train.tsv", "too few clips"],
        ),
    ];
    for (spoil, words) in cases {
        let dir = folder();
        spoil(&dir);
        let error = open(&dir, 1).unwrap_err();
        assert_names(&error, words);
        assert_eq!(error.exit_code(), 3);
    }
}

#[test]
fn a_dataset_without_classes_or_clips_is_refused_by_name() {
    let dir = folder();
    let unlabelled: String = (0..10).map(|i| format!("{i}.wav\t\t\t\n")).collect();
    fs::write(dir.path().join("train.tsv"), HEADER.to_owned() + &unlabelled).unwrap();
    for eval in ["", "none.wav\t\t\t\n"] {
        fs::write(dir.path().join("eval.tsv"), HEADER.to_owned() + eval).unwrap();
        let error = open(&dir, 1).unwrap_err();
        assert_names(&error, &["train.tsv: ", "no class"]);
        assert_eq!(error.exit_code(), 3);
    }

    let dir = folder();
    for table in ["validation.tsv", "eval.tsv"] {
        fs::write(dir.path().join(table), HEADER).unwrap();
    }
    let dataset = open(&dir, 1).unwrap();
    dataset.need(&[Subset::Train]).unwrap();
    let refused = |subsets: &[Subset]| dataset.need(subsets).unwrap_err();
    assert_names(&refused(&Subset::all()), &["validation.tsv: lists no clip", "remove the table"]);
    assert_names(&refused(&[Subset::Train, Subset::Eval]), &["eval.tsv: lists no clip"]);
    assert_eq!(refused(&[Subset::Eval]).exit_code(), 3);
}

/// Folders that were read before there were other formats keep the fingerprint that their runs know them by.
#[test]
fn a_folder_with_tables_of_events_keeps_its_fingerprint() {
    let dir = tempfile::tempdir().unwrap();
    let mut tables = [HEADER.to_owned(), HEADER.to_owned()];
    for (subset, table) in ["train", "eval"].into_iter().zip(&mut tables) {
        fs::create_dir(dir.path().join(subset)).unwrap();
        for i in 0..8 {
            let name = format!("{}.wav", (i * 3) % 8);
            fs::write(dir.path().join(subset).join(&name), format!("{subset} {name}")).unwrap();
            *table += &format!("{name}\t0.5\t{}\t{}\n", ["", "1.25"][i % 2], ["Dog", "Cat"][i / 4]);
        }
        *table += "3.wav\t\t\tDog\n";
        fs::write(dir.path().join(format!("{subset}.tsv")), table).unwrap();
    }
    let dataset = open(&dir, 7).unwrap();
    assert_eq!(Subset::all().map(|subset| dataset.len(subset)), [6, 2, 8]);
    assert_eq!(
        dataset.fingerprint().unwrap(),
        "contents-9205cf3ecb9d8b3af36736aac9273283920bdd855fef3b786d7ff8c424cb9c25"
    );
}

#[test]
fn evaluation_clips_are_needed_for_evaluation_only() {
    let dir = folder();
    fs::remove_file(dir.path().join("eval.tsv")).unwrap();
    let dataset = open(&dir, 1).unwrap();
    assert_eq!(Subset::all().map(|subset| dataset.len(subset)), [8, 2, 0]);
    dataset.need(&[Subset::Train, Subset::Validation]).unwrap();
    assert_names(&dataset.need(&[Subset::Eval]).unwrap_err(), &["has no eval clip", "eval.tsv"]);
}

#[test]
fn what_is_not_used_is_said_with_number_and_first_name() {
    let lines = |dir: &TempDir, subsets: &[Subset]| {
        let dataset = open(dir, 1).unwrap();
        let never_drawn = dataset.never_drawn().filter(|_| subsets.contains(&Subset::Train));
        dataset
            .left_out(subsets)
            .into_iter()
            .chain(never_drawn)
            .map(|line| (line.harmless, line.message))
            .collect::<Vec<_>>()
    };
    let dir = folder();
    assert_eq!(lines(&dir, &Subset::all()), []);

    for name in ["eval/more.wav", "eval/again.wav", "train/loud/x.wav", "validation/v.wav", "train/quiet.wav"] {
        clip(dir.path(), name, 1.0);
    }
    fs::write(dir.path().join("train/song.opus"), "").unwrap();
    fs::write(dir.path().join("durations.csv"), "clip,seconds\n").unwrap();
    fs::write(dir.path().join("valid.tsv"), HEADER).unwrap();
    append(&dir, "train.tsv", "quiet.wav\t\t\t\n1.wav\t\t\tCat,Dog\n1.wav\t\t\tCat,Dog\n3.wav\t\t\tCat,Dog\n");
    let (found, home) = (lines(&dir, &Subset::all()), dir.path().display());
    let expected = [
        (false, format!("{home}: 1 sound left out, train/song.opus: the format")),
        (false, format!("{home}: 4 clips left out, eval/again.wav first: not listed in train.tsv, eval.tsv")),
        (false, format!("{home}: 1 table left out, valid.tsv: ")),
        (true, format!("{home}: 1 table left out, durations.csv: ")),
        (false, format!("{home}/train.tsv: 1 line said before, line 14: ")),
        (false, format!("{home}/train.tsv: labels that hold a comma")),
        (false, "1 of 3 classes in one training clip alone, Cat,Dog first: ".into()),
        (false, "1 of 3 classes in no eval clip, Cat,Dog first: ".into()),
        (false, "1 of 8 training clips never drawn, train/quiet.wav first: ".into()),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((harmless, line), (expected, start)) in found.iter().zip(&expected) {
        assert!(harmless == expected && line.starts_with(start), "{line:?} does not begin with {start:?}");
    }
    assert!(
        found[5].1.contains("1 of them, \"Cat,Dog\" first") && found[5].1.contains("a line for each"),
        "{}",
        found[5].1
    );
}

#[test]
fn keys_that_the_folder_overrides_are_named() {
    let dir = folder();
    let mut config = Config::default();
    // With this seed, the folder has eight training clips besides those held out.
    (config.data.train, config.data.seed, config.scene.holdout) = (8, 5, 0.2);
    let check = |config: &Config| {
        let keys = ["data.train", "data.eval", "scene.clip_s", "data.seed", "scene.holdout"].map(String::from);
        let set = SetKeys { on_command_line: keys.into(), ..SetKeys::default() };
        let dataset = Dataset::open(dir.path(), config).unwrap();
        dataset.overridden().unwrap().check(&set).map(|replaced| assert!(replaced.is_empty()))
    };
    config.data.eval = Dataset::open(dir.path(), &config).unwrap().len(Subset::Eval);
    check(&config).unwrap();
    (config.data.train, config.data.eval, config.scene.clip_s) = (9, 100, 3.0);
    let message = check(&config).unwrap_err().to_string();
    assert!(message.starts_with("data.train: ") && message.contains("nor have data.eval, scene.clip_s"), "{message}");
}

/// Asserts that [`Dataset::segment_labels`] and [`Dataset::segments`] agree for every clip. Returns the number of
/// segments that lack some class of their clip.
pub fn assert_heard(dataset: &Dataset, seconds: &[f64]) -> usize {
    let mut several = 0;
    for subset in Subset::all() {
        for index in 0..dataset.len(subset) {
            let (cuts, heard) = (
                dataset.segments(subset, index, seconds).unwrap(),
                dataset.segment_labels(subset, index, seconds).unwrap(),
            );
            let labels: Vec<_> = cuts.segments.into_iter().map(|segment| segment.labels).collect();
            several += labels.iter().filter(|labels| labels.len() < dataset.labels(subset, index).len()).count();
            assert_eq!((heard.segments, heard.dominant), (labels, cuts.dominant), "{subset:?} {index}");
        }
    }
    several
}

#[test]
fn labels_of_segments_are_known_without_cutting_them() {
    let dir = folder();
    let lines: String =
        (0..10).map(|i| format!("{i}.wav\t{}\t\tCat\n{i}.wav\t0\t0.3\tDog\n", 1.0 + 0.1 * f64::from(i))).collect();
    append(&dir, "train.tsv", &lines);
    let mut config = Config::default();
    for (rate, seed) in [(16_000, 1), (22_050, 2)] {
        (config.features.rate, config.data.seed) = (rate, seed);
        let dataset = Dataset::open(dir.path(), &config).unwrap();
        let partly = assert_heard(&dataset, &[0.2, 1.0, 2.5, 10.0]);
        assert!(partly > 10, "{partly} segments hear less than their clip");
    }
}

#[test]
fn clips_that_cannot_be_used_are_named() {
    let dir = folder();
    fs::write(dir.path().join("eval/none.wav"), "nothing").unwrap();
    clip(dir.path(), "eval/two.wav", 0.25);
    let dataset = open(&dir, 1).unwrap();
    assert_names(&dataset.segment(Subset::Eval, 0, 1.0).unwrap_err(), &["eval/none.wav", "not audio"]);
    assert_names(&dataset.segment(Subset::Eval, 1, 1.0).unwrap_err(), &["eval/two.wav", "lasts 0.25 s"]);
}
