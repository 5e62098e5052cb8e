//! The output of `generate`: the same bytes for any number of threads, annotations that match the sound, and a folder
//! that opens to the same clips.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use weaklabel::config::{Config, SetKeys, Variant};
use weaklabel::data::audio::{decode, integrated_loudness};
use weaklabel::data::scenes::generate::{GenerateOptions, export_soundbank, generate};
use weaklabel::data::scenes::{ClipSegments, Dataset, Soundbank, Subset, annotation};

use crate::bank::{Bank, RATE, assert_names, number, table};
use crate::support::files::contents;

pub fn on_threads<T: Send>(n: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
}

#[test]
#[ignore = "slow"]
fn the_bytes_depend_on_the_seed_and_not_on_the_threads() {
    let bank = Bank::new(4);
    let config = bank.config();
    let [one, three] = [1, 3].map(|n| {
        let name = format!("on {n}");
        on_threads(n, || bank.generate(&config, &name, true)).unwrap();
        contents(&bank.out(&name))
    });
    assert_eq!(one.len(), 24 + 5, "{:?}", one.keys());
    assert!(one == three, "one and three threads differ");

    let mut config = config;
    config.data.seed = 2;
    bank.generate(&config, "other", true).unwrap();
    let other = contents(&bank.out("other"));
    assert!(one.keys().eq(other.keys()));
    assert!(one.keys().filter(|name| name.ends_with(".wav")).all(|name| one[name] != other[name]));
}

#[test]
fn classes_are_balanced_and_progress_counts_every_clip() {
    let bank = Bank::new(3);
    let (config, out) = (bank.config(), bank.out("out"));
    let (calls, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = |done: usize, all: usize| {
        assert!(done <= all && all == 24);
        calls.fetch_add(1, Ordering::Relaxed);
        most.fetch_max(done, Ordering::Relaxed);
    };
    let summary =
        generate(&GenerateOptions { config: &config, out: &out, wav: false, force: false }, &progress).unwrap();
    assert_eq!((calls.into_inner(), most.into_inner()), (24, 24));
    assert_eq!((summary.n_clips, summary.n_scaled), ([12, 6, 6], 0));
    for (subset, each) in [("train", 4), ("validation", 2), ("eval", 2)] {
        let clips = annotation::read(&out.join(format!("{subset}.tsv"))).unwrap();
        for class in &summary.classes {
            assert_eq!(clips.iter().filter(|clip| clip.events[0].1.label == *class).count(), each, "{subset} {class}");
        }
    }
}

/// Computes the mean square of `samples` between two times.
fn power(samples: &[f32], from_s: f64, to_s: f64) -> f64 {
    let at = |seconds: f64| ((seconds * f64::from(RATE)).round().max(0.0) as usize).min(samples.len());
    let part = &samples[at(from_s)..at(to_s)];
    part.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / part.len() as f64
}

#[test]
fn manifest_annotations_and_sound_agree() {
    let bank = Bank::new(4);
    for variant in [Variant::Waa, Variant::Ms200] {
        let mut config = bank.config();
        config.data.variant = variant;
        let name = format!("{variant:?}");
        bank.generate(&config, &name, true).unwrap();
        let out = bank.out(&name);
        let annotated: Vec<_> = Subset::all()
            .iter()
            .flat_map(|s| annotation::read(&out.join(format!("{}.tsv", s.name()))).unwrap())
            .collect();
        let rows = table(&out.join("manifest.tsv"));
        assert_eq!(rows.len(), annotated.len());
        for (row, clip) in rows.iter().zip(&annotated) {
            let event = &clip.events[0].1;
            let (onset_s, duration_s, snr_db) =
                (number(row, "onset_s"), number(row, "duration_s"), number(row, "snr_db"));
            assert_eq!((&row["filename"], &row["event_label"], onset_s), (&clip.filename, &event.label, event.onset_s));
            let offset_s = event.offset_s.unwrap();
            assert!((offset_s - onset_s - duration_s).abs() < 2e-6 && offset_s <= 10.0 && onset_s <= 9.75);
            assert!(row["event_file"].contains(&format!("foreground/{}/", event.label)));
            if variant == Variant::Ms200 {
                assert_eq!(duration_s, 0.2);
            }

            let subset = clip.filename.split('-').next().unwrap();
            let path = out.join(subset).join(&clip.filename);
            let pcm = &fs::read(&path).unwrap()[44..];
            let hash: String = Sha256::digest(pcm).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, row["sha256"]);

            let clip = decode(&path).unwrap().audio;
            assert_eq!((clip.rate, clip.samples.len()), (RATE, 160_000));
            // Around the event there is only the background at −50 LUFS; inside, the event is added at its SNR.
            let before = onset_s > 10.0 - offset_s;
            let around = if before { power(&clip.samples, 0.0, onset_s) } else { power(&clip.samples, offset_s, 10.0) };
            let around_range =
                if before { 0..(onset_s * 16e3) as usize } else { (offset_s * 16e3) as usize + 1..160_000 };
            let lufs = integrated_loudness(&clip.samples[around_range], RATE, 0.5, -70.0).unwrap().unwrap();
            assert!((lufs + 50.0).abs() < 0.3, "background at {lufs} LUFS");
            let inside = power(&clip.samples, onset_s + 0.012, offset_s - 0.012);
            let snr = 10.0 * (inside / around - 1.0).log10();
            // Event and background are both noise with the same spectrum, so power measures loudness, except for the
            // gating of bursts.
            assert!((snr - snr_db).abs() < 1.5, "SNR {snr:.2} dB, drawn as {snr_db}");
            // The edges of the event are checked: just outside there is only background, just inside there is the
            // event.
            if onset_s > 0.02 {
                assert!(power(&clip.samples, onset_s - 0.02, onset_s - 0.001) < 2.0 * around);
            }
            if offset_s < 9.97 {
                assert!(power(&clip.samples, offset_s + 0.001, offset_s + 0.02) < 2.0 * around);
            }
            assert!(power(&clip.samples, onset_s + 0.005, onset_s + 0.025) > 2.0 * around);
        }
    }
}

#[test]
fn both_variants_have_the_same_files_levels_and_onsets() {
    let bank = Bank::new(4);
    let mut config = bank.config();
    bank.generate(&config, "waa", false).unwrap();
    config.data.variant = Variant::Ms200;
    bank.generate(&config, "200ms", false).unwrap();
    let [waa, short] = ["waa", "200ms"].map(|name| table(&bank.out(name).join("manifest.tsv")));
    for (a, b) in waa.iter().zip(&short) {
        for column in ["event_file", "background_file", "background_start_s", "snr_db", "onset_s"] {
            assert_eq!(a[column], b[column], "{column}");
        }
        assert_ne!(a["sha256"], b["sha256"]);
    }
    assert!(short.iter().any(|row| number(row, "event_start_s") > 0.0));
}

#[test]
fn recordings_without_onset_or_offset_touch_the_clips_ends() {
    let bank = Bank::empty();
    for subset in ["train", "eval"] {
        for (class, seconds) in [("On_nOn", 2.0), ("Off_nOff", 2.0), ("Both_nOn_nOff", 3.0), ("Long_nOn", 14.0)] {
            bank.event(subset, class, "a", seconds);
            bank.event(subset, class, "b", seconds);
        }
        bank.background(subset, "room", "a", 11.0);
    }
    let mut config = bank.config();
    (config.data.train, config.data.eval, config.data.validation) = (80, 4, 4);
    bank.generate(&config, "out", false).unwrap();
    let rows = table(&bank.out("out").join("manifest.tsv"));
    let of = |class: &str| {
        let ours = rows.iter().filter(|row| row["event_label"] == class);
        ours.map(|row| (number(row, "onset_s"), number(row, "duration_s"))).collect::<Vec<_>>()
    };
    assert!(of("On").iter().all(|&event| event == (0.0, 2.0)));
    assert!(of("Both").iter().chain(&of("Long")).all(|&event| event == (0.0, 10.0)));
    let off = of("Off");
    assert!(off.iter().all(|&(onset, duration)| (onset + duration - 10.0).abs() < 1e-5 && onset >= 8.0));
    assert!(off.iter().any(|event| event.0 < 8.5) && off.iter().any(|event| event.0 > 9.0), "{off:?}");
    let long: Vec<f64> =
        rows.iter().filter(|row| row["event_label"] == "Long").map(|row| number(row, "event_start_s")).collect();
    assert!(long.contains(&0.0) && long.contains(&4.0) && long.iter().all(|&start| start == 0.0 || start == 4.0));
}

/// The parts of a dataset that training uses.
#[derive(PartialEq)]
pub struct Seen {
    classes: Vec<String>,
    labels: Vec<Vec<usize>>,
    cuts: Vec<ClipSegments>,
}

pub fn seen(dataset: &Dataset) -> Seen {
    let clips: Vec<_> = Subset::all().iter().flat_map(|&s| (0..dataset.len(s)).map(move |i| (s, i))).collect();
    Seen {
        classes: dataset.classes().to_vec(),
        labels: clips.iter().map(|&(s, i)| dataset.labels(s, i).to_vec()).collect(),
        cuts: clips.iter().map(|&(s, i)| dataset.segments(s, i, &[0.2, 1.0, 10.0]).unwrap()).collect(),
    }
}

#[test]
fn drawn_reopened_and_written_clips_are_the_same() {
    let bank = Bank::new(4);
    let config = bank.config();
    let drawn = Dataset::of(&config).unwrap();
    bank.generate(&config, "mixed", false).unwrap();
    bank.generate(&config, "wav", true).unwrap();
    // The files on disk decide, not the configuration with which they are opened.
    let mut other = Config::default();
    other.data.seed = 77;
    let [mixed, wav] = ["mixed", "wav"].map(|name| Dataset::open(&bank.out(name), &other).unwrap());
    let expected = seen(&drawn);
    for (cuts, labels) in expected.cuts.iter().zip(&expected.labels) {
        assert!(cuts.segments.iter().map(|segment| segment.samples.len()).eq([3_200, 16_000, 160_000]));
        assert!(cuts.segments.iter().all(|segment| segment.labels == *labels));
        assert_eq!(cuts.dominant.as_slice(), labels);
        // A segment inside its event is covered completely, a longer one in part.
        assert!(
            cuts.segments
                .iter()
                .zip([0.2, 1.0, 10.0])
                .all(|(segment, seconds)| { (segment.covered - (cuts.duration_s / seconds).min(1.0)).abs() < 1e-3 })
        );
    }
    assert!(expected == seen(&mixed), "mixed again");
    assert!(expected == seen(&wav), "read from files");
    assert_eq!(drawn.fingerprint().unwrap(), mixed.fingerprint().unwrap());
    for dataset in [&mixed, &wav] {
        let on_command_line = ["data.seed".to_owned()].into();
        let set = SetKeys { on_command_line, ..SetKeys::default() };
        assert_names(&dataset.overridden().unwrap().check(&set).unwrap_err(), &["data.seed: ", "its own clips"]);
        assert_eq!(dataset.variant(), Some(Variant::Waa));
    }

    let one = drawn.segment(Subset::Eval, 3, 1.0).unwrap();
    assert_eq!(one, drawn.segments(Subset::Eval, 3, &[10.0, 1.0]).unwrap().segments[1]);
    let mut config = config;
    config.scene.fade_s = 0.02;
    assert_ne!(Dataset::of(&config).unwrap().fingerprint().unwrap(), drawn.fingerprint().unwrap());
    assert_names(&drawn.segment(Subset::Eval, 0, f64::NAN).unwrap_err(), &["seconds"]);
}

#[test]
fn a_soundbank_that_changed_or_moved_is_noticed() {
    let bank = Bank::new(4);
    let mut config = bank.config();
    bank.generate(&config, "out", false).unwrap();
    let out = bank.out("out");

    let there = bank.out("moved");
    fs::rename(bank.root(), &there).unwrap();
    config.data.soundbank = None;
    assert_names(&Dataset::open(&out, &config).unwrap_err(), &["bank is gone", "--soundbank"]);
    config.data.soundbank = Some(there.clone());
    let dataset = Dataset::open(&out, &config).unwrap();
    assert!(dataset.segment(Subset::Train, 0, 1.0).is_ok());

    // The sound keeps its size.
    let sound = there.join("eval/soundbank/foreground/Cat/1.wav");
    let mut bytes = fs::read(&sound).unwrap();
    bytes[1000] ^= 1;
    fs::write(&sound, bytes).unwrap();
    assert_names(&Dataset::open(&out, &config).unwrap_err(), &["moved", "have changed", "generate it anew"]);
}

/// Format 1 described the soundbank by names and sizes, which are not needed to read clips from files.
#[test]
fn datasets_of_an_earlier_version_are_read_where_their_clips_are_files() {
    let bank = Bank::new(4);
    let config = bank.config();
    for (name, wav) in [("wav", true), ("mixed", false)] {
        bank.generate(&config, name, wav).unwrap();
        let file = bank.out(name).join("dataset.toml");
        fs::write(&file, fs::read_to_string(&file).unwrap().replace("format = 2", "format = 1")).unwrap();
    }
    assert_eq!(Dataset::open(&bank.out("wav"), &config).unwrap().len(Subset::Train), 12);
    let error = Dataset::open(&bank.out("mixed"), &config).unwrap_err();
    assert_names(&error, &["has format 1, this version reads 2", "generate it anew"]);
}

#[test]
fn damaged_descriptions_are_refused() {
    let bank = Bank::new(4);
    let config = bank.config();
    bank.generate(&config, "out", false).unwrap();
    let file = bank.out("out").join("dataset.toml");
    let text = fs::read_to_string(&file).unwrap();
    let cases = [
        (text.replace("format = 2", "format = 99"), "format 99"),
        (text.replace("format = 2", ""), "no format number"),
        (text.replace("seed = 1", "sead = 1"), "sead"),
        (text.replace("format = 2", "format = "), "dataset.toml"),
        (text.replace("eval = 6", "eval = 0"), "data.eval: must be between 1"),
        (text.replace("train = 12", "train = 1000000000000"), "data.train: must be between 1"),
        (text.replace("holdout = 0.1", "holdout = nan"), "scene.holdout"),
    ];
    for (spoilt, word) in cases {
        fs::write(&file, spoilt).unwrap();
        assert_names(&Dataset::open(&bank.out("out"), &config).unwrap_err(), &["dataset.toml", word]);
    }
    assert_names(&Dataset::open(&bank.out("nowhere"), &config).unwrap_err(), &["nowhere", "no such folder"]);
}

#[test]
fn nothing_is_overwritten_silently() {
    let bank = Bank::new(4);
    let (config, out) = (bank.config(), bank.out("out"));
    bank.generate(&config, "out", true).unwrap();
    assert_names(&bank.generate(&config, "out", false).unwrap_err(), &["out", "not empty", "--force"]);
    generate(&GenerateOptions { config: &config, out: &out, wav: false, force: true }, &|_, _| ()).unwrap();
    assert!(out.join("manifest.tsv").exists() && !out.join("train").exists(), "the clips of before are gone");

    let root = bank.root();
    let error =
        generate(&GenerateOptions { config: &config, out: &root, wav: false, force: true }, &|_, _| ()).unwrap_err();
    assert_names(&error, &["bank", "no dataset"]);
    assert!(root.join("train/soundbank").exists());
}

#[test]
fn the_built_in_soundbank_needs_no_files() {
    let mut config = Config::default();
    (config.data.train, config.data.validation, config.data.eval) = (10, 10, 10);
    let dataset = Dataset::of(&config).unwrap();
    assert_eq!(dataset.classes().len(), 10);
    let short = dataset.segment(Subset::Train, 4, 0.2).unwrap().samples;
    assert!(short.len() == 3_200 && short.iter().any(|x| x.abs() > 1e-4));
}

#[test]
#[ignore = "slow"]
fn the_exported_soundbank_is_scanned_like_any_other() {
    let bank = Bank::empty();
    let n_files = export_soundbank(&bank.root(), false, &|_, _| ()).unwrap();
    let mut config = Config::default();
    config.data.soundbank = Some(bank.root());
    (config.data.train, config.data.validation, config.data.eval) = (10, 10, 10);
    let scanned = Soundbank::of(&config.data, &config.scene).unwrap();
    assert_eq!(scanned.classes(), Soundbank::builtin().classes());
    let files = contents(&bank.root());
    assert_eq!(files.keys().filter(|name| name.ends_with(".wav")).count(), n_files);
    assert!(files.keys().any(|name| name.starts_with("validation/soundbank/background/")));
    let dataset = Dataset::draw(scanned, &config).unwrap();
    config.data.soundbank = None;
    let builtin = Dataset::of(&config).unwrap();
    // The sounds are equal except for the rounding to 16 bits.
    for index in 0..3 {
        let [a, b] = [&dataset, &builtin].map(|d| d.segment(Subset::Eval, index, 1.0).unwrap().samples);
        let largest = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-3, "clip {index} differs by {largest}");
    }
}
