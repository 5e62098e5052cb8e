//! Clips with several events: their number and classes, the sound that they add to a clip, and the labels of its
//! segments.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};
use weaklabel::config::{Config, Variant};
use weaklabel::data::audio::{decode, integrated_loudness};
use weaklabel::data::scenes::generate::{GenerateOptions, generate};
use weaklabel::data::scenes::{Dataset, Subset, annotation};

use crate::bank::{Bank, RATE, assert_names, number, table};
use crate::finished::assert_heard;
use crate::generated::{on_threads, seen};
use crate::support::files::contents;

type Row = HashMap<String, String>;

/// Configures clips of 4 s with `events[0]` to `events[1]` events of Cat, Dog and Tap.
fn config(bank: &Bank, events: [usize; 2]) -> Config {
    let mut config = bank.config();
    (config.data.train, config.scene.clip_s, config.scene.events) = (60, 4.0, events);
    config
}

/// Reads the rows of the manifest in `folder`, grouped by clip.
fn clips(folder: &Path) -> Vec<Vec<Row>> {
    let mut clips: Vec<Vec<Row>> = Vec::new();
    for row in table(&folder.join("manifest.tsv")) {
        match clips.last_mut().filter(|clip| clip[0]["filename"] == row["filename"]) {
            Some(clip) => clip.push(row),
            None => clips.push(vec![row]),
        }
    }
    clips
}

/// Returns onset and offset in seconds.
fn span(row: &Row) -> [f64; 2] {
    [number(row, "onset_s"), number(row, "onset_s") + number(row, "duration_s")]
}

fn overlap(a: &Row, b: &Row) -> bool {
    let ([a_onset, a_offset], [b_onset, b_offset]) = (span(a), span(b));
    a_onset < b_offset && b_onset < a_offset
}

fn labels(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row["event_label"].as_str()).collect()
}

/// The hashes are of clips made before a clip could have several events. A change to the built-in soundbank changes
/// them.
#[test]
#[ignore = "slow"]
fn one_event_per_clip_gives_the_clips_it_always_gave() {
    for (variant, expected) in [
        (Variant::Waa, "c5ab10e515625277b92a01b6a5012e4e365ee0135d1ad9f6924a4edb975bd7af"),
        (Variant::Ms200, "280514c87b0711149fb937a6b1821885bad07e7bd6d551cc87dca9d3a5c6a027"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (10, 10, 10);
        (config.data.variant, config.scene.clip_s) = (variant, 2.0);
        let out = home.path().join("set");
        generate(&GenerateOptions { config: &config, out: &out, wav: false, force: false }, &|_, _| ()).unwrap();
        let mut hash = Sha256::new();
        for name in ["manifest.tsv", "train.tsv", "validation.tsv", "eval.tsv"] {
            hash.update(fs::read(out.join(name)).unwrap());
        }
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected, "{variant:?}");
    }
}

#[test]
fn every_number_occurs_and_events_overlap() {
    let bank = Bank::new(4);
    let config = config(&bank, [2, 5]);
    bank.generate(&config, "out", false).unwrap();
    let clips = clips(&bank.out("out"));
    assert_eq!(clips.len(), 60 + 6 + 6);
    let mut sizes = BTreeMap::new();
    clips.iter().for_each(|clip| *sizes.entry(clip.len()).or_insert(0) += 1);
    assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(sizes.values().all(|n| *n > 8), "{sizes:?}");

    let mains: Vec<&str> = clips[..60].iter().map(|clip| clip[0]["event_label"].as_str()).collect();
    assert_eq!(mains, ["Cat", "Dog", "Tap"].repeat(20), "main classes take turns");
    let mut company: BTreeMap<&str, usize> = BTreeMap::new();
    clips.iter().flat_map(|clip| labels(&clip[1..])).for_each(|label| *company.entry(label).or_default() += 1);
    assert!(company.len() == 3 && company.values().all(|n| (35..95).contains(n)), "{company:?}");
    assert!(clips.iter().any(|clip| overlap(&clip[0], &clip[1])), "no two events overlap");
    assert!(clips.iter().any(|clip| !overlap(&clip[0], &clip[1])), "all events overlap");
    for clip in &clips {
        for column in ["background_file", "background_start_s", "background_gain_db", "peak_factor", "sha256"] {
            assert!(clip.iter().all(|row| row[column] == clip[0][column]), "{column} is the clip's");
        }
        let onsets: BTreeSet<&str> = clip.iter().map(|row| row["onset_s"].as_str()).collect();
        let levels: BTreeSet<&str> = clip.iter().map(|row| row["snr_db"].as_str()).collect();
        assert_eq!((onsets.len(), levels.len()), (clip.len(), clip.len()), "every event has its own");
    }
}

#[test]
fn annotations_have_a_line_for_every_event() {
    let bank = Bank::new(4);
    bank.generate(&config(&bank, [1, 4]), "out", false).unwrap();
    let out = bank.out("out");
    let annotated: Vec<_> =
        Subset::all().iter().flat_map(|s| annotation::read(&out.join(format!("{}.tsv", s.name()))).unwrap()).collect();
    let clips = clips(&out);
    assert_eq!(annotated.len(), clips.len());
    for (clip, rows) in annotated.iter().zip(&clips) {
        assert_eq!((&clip.filename, clip.events.len()), (&rows[0]["filename"], rows.len()));
        for ((_, event), row) in clip.events.iter().zip(rows) {
            assert_eq!((&event.label, event.onset_s), (&row["event_label"], number(row, "onset_s")));
            assert!((event.offset_s.unwrap() - span(row)[1]).abs() < 2e-6);
            assert!(row["event_file"].contains(&format!("foreground/{}/", event.label)));
        }
    }
}

/// The difference between a clip with three events and the same clip with one is exactly the two further events, sample
/// by sample.
#[test]
#[ignore = "slow"]
fn further_events_only_add_themselves() {
    let bank = Bank::new(4);
    for variant in [Variant::Waa, Variant::Ms200] {
        for (events, name) in [([1, 1], "one"), ([3, 3], "three")] {
            let mut config = config(&bank, events);
            (config.data.train, config.data.variant, config.scene.fade_s) = (12, variant, 0.0);
            bank.generate(&config, &format!("{name} {variant:?}"), true).unwrap();
        }
        let [one, three] = ["one", "three"].map(|name| bank.out(&format!("{name} {variant:?}")));
        for (alone, rows) in clips(&one).iter().zip(clips(&three)) {
            let of_clip = ["peak_factor", "sha256"];
            assert!(
                alone[0].iter().all(|(column, value)| of_clip.contains(&column.as_str()) || rows[0][column] == *value)
            );
            let filename = &rows[0]["filename"];
            let path = Path::new(filename.split('-').next().unwrap()).join(filename);
            let [before, after] = [&one, &three].map(|set| decode(&set.join(&path)).unwrap().audio.samples);
            let added: Vec<f32> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            let at = |seconds: f64| (seconds * f64::from(RATE)).round() as usize;
            let inside = |i: usize| rows[1..].iter().any(|row| (at(span(row)[0])..at(span(row)[1])).contains(&i));
            assert!(
                (0..added.len()).all(|i| inside(i) || added[i] == 0.0),
                "{filename} changes where nothing was added"
            );
            for row in &rows[1..] {
                let [onset, offset] = span(row).map(at);
                assert!(added[onset..onset + 32].iter().any(|x| x.abs() > 1e-3), "{filename}: nothing begins");
                if variant == Variant::Ms200 {
                    assert!(offset - onset == 3200 || offset == added.len());
                }
                if !overlap(&rows[1], &rows[2]) {
                    let lufs = integrated_loudness(&added[onset..offset], RATE, 0.5, -70.0).unwrap().unwrap();
                    let expected = number(row, "snr_db") - 50.0;
                    assert!((lufs - expected).abs() < 0.1, "{filename}: added at {lufs} LUFS, not {expected}");
                }
            }
        }
    }
}

#[test]
fn a_peak_of_all_events_together_is_scaled() {
    let bank = Bank::new(4);
    let mut config = config(&bank, [6, 6]);
    config.scene.snr_db = [36.0, 36.0];
    let summary = bank.generate(&config, "out", true).unwrap();
    assert!(summary.n_scaled > 0);
    let scaled: Vec<Vec<Row>> =
        clips(&bank.out("out")).into_iter().filter(|clip| number(&clip[0], "peak_factor") < 1.0).collect();
    assert_eq!(scaled.len(), summary.n_scaled);
    for clip in scaled {
        let filename = &clip[0]["filename"];
        let path = bank.out("out").join(filename.split('-').next().unwrap()).join(filename);
        let peak = decode(&path).unwrap().audio.samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!((peak - 0.99).abs() < 1e-3, "{filename} peaks at {peak}");
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let bank = Bank::new(4);
    let mut config = config(&bank, [1, 4]);
    (config.data.train, config.data.variant) = (12, Variant::Ms200);
    let [one, three] = [1, 3].map(|n| {
        let name = format!("on {n}");
        on_threads(n, || bank.generate(&config, &name, true)).unwrap();
        contents(&bank.out(&name))
    });
    assert!(one == three, "one and three threads differ");
}

/// Writes a co-occurrence file in DESED's format for the classes of [`Bank::new`].
fn cooccurrence(bank: &Bank, cat: &str) -> std::path::PathBuf {
    let entry = |body: &str| format!(r#"{{"proba": 0.3, "co-occurences": {{{body}}}}}"#);
    let dog = entry(r#""max_events": 0, "mean_events": 0, "classes": ["Dog"], "probas": [1.0]"#);
    let tap = entry(r#""max_events": 9, "mean_events": 4, "classes": ["Cat", "Dog"], "probas": [0.25, 0.75]"#);
    let path = bank.out("occurences.json");
    fs::write(&path, format!(r#"{{"Cat": {}, "Dog": {dog}, "Tap": {tap}}}"#, entry(cat))).unwrap();
    path
}

const CAT: &str = r#""max_events": 1, "mean_events": 1, "classes": ["Cat", "Tap"], "probas": [0.5, 0.5]"#;

#[test]
fn company_is_what_the_co_occurrences_say() {
    let bank = Bank::new(4);
    let mut config = config(&bank, [1, 4]);
    config.data.cooccurrence = Some(cooccurrence(&bank, CAT));
    bank.generate(&config, "out", false).unwrap();
    let mut company: HashMap<(&str, &str), usize> = HashMap::new();
    let clips = clips(&bank.out("out"));
    let (mut most, mut n) = (HashMap::new(), HashMap::new());
    for clip in &clips {
        let labels = labels(clip);
        *n.entry(labels[0]).or_insert(0) += labels.len() - 1;
        let most = most.entry(labels[0]).or_insert(0);
        *most = (*most).max(labels.len() - 1);
        labels[1..].iter().for_each(|label| *company.entry((labels[0], label)).or_default() += 1);
    }
    assert_eq!(most, HashMap::from([("Cat", 1), ("Dog", 0), ("Tap", 3)]));
    assert!(!company.contains_key(&("Cat", "Dog")) && !company.contains_key(&("Tap", "Tap")));
    let dogs = company[&("Tap", "Dog")] as f64 / n["Tap"] as f64;
    assert!((dogs - 0.75).abs() < 0.2, "{dogs} of Tap's company are dogs");
}

#[test]
fn a_dataset_keeps_its_co_occurrences() {
    let bank = Bank::new(4);
    let mut config = config(&bank, [1, 4]);
    config.data.train = 12;
    let free = Dataset::of(&config).unwrap().fingerprint().unwrap();
    let file = cooccurrence(&bank, CAT);
    config.data.cooccurrence = Some(file.clone());
    let drawn = Dataset::of(&config).unwrap();
    assert_ne!(drawn.fingerprint().unwrap(), free);
    bank.generate(&config, "mixed", false).unwrap();
    bank.generate(&config, "wav", true).unwrap();
    cooccurrence(&bank, &CAT.replace("[0.5, 0.5]", "[0.4, 0.6]"));
    assert_ne!(
        Dataset::of(&config).unwrap().fingerprint().unwrap(),
        drawn.fingerprint().unwrap(),
        "a changed file is noticed"
    );

    fs::remove_file(&file).unwrap();
    let other = Config::default();
    let [mixed, wav] = ["mixed", "wav"].map(|name| Dataset::open(&bank.out(name), &other).unwrap());
    let expected = seen(&drawn);
    assert!(expected == seen(&mixed), "mixed again");
    assert!(expected == seen(&wav), "read from files");
    assert_eq!(mixed.fingerprint().unwrap(), drawn.fingerprint().unwrap());
    assert_names(&Dataset::of(&config).unwrap_err(), &["cannot read", "occurences.json"]);
}

#[test]
fn co_occurrences_that_do_not_fit_are_named() {
    let bank = Bank::new(4);
    let mut config = config(&bank, [1, 4]);
    // The numbers of clips are multiples of both three and four classes.
    (config.data.train, config.data.validation, config.data.eval) = (12, 12, 12);
    let mut refused = |cat: &str, events: [usize; 2], words: &[&str]| {
        config.data.cooccurrence = Some(cooccurrence(&bank, cat));
        config.scene.events = events;
        let error = Dataset::of(&config).unwrap_err();
        assert_names(&error, &[&["occurences.json: "], words].concat());
        assert_eq!(error.exit_code(), 3);
        let generated = bank.generate(&config, "out", false).unwrap_err();
        assert_eq!(generated.to_string(), error.to_string());
        assert!(!bank.out("out").exists());
    };
    refused(&CAT.replace("Tap", "Emu"), [1, 4], &["Cat.classes", "Emu", "Cat, Dog, Tap"]);
    refused(&CAT.replace("[0.5, 0.5]", "[0.5]"), [1, 4], &["Cat.probas", "1 probabilities for 2 classes"]);
    refused(&CAT.replace("[0.5, 0.5]", "[0.5, 0.4]"), [1, 4], &["Cat.probas", "add up to 1", "0.9"]);
    refused(&CAT.replace("[0.5, 0.5]", "[1.5, -0.5]"), [1, 4], &["Cat.probas", "-0.5"]);
    refused(&CAT.replace("max_events", "most"), [1, 4], &["Cat", "max_events"]);
    refused(CAT, [2, 4], &["Dog.max_events", "scene.events asks for at least 1"]);
    refused(CAT, [1, 1], &["scene.events"]);
    bank.event("train", "Emu", "x", 1.0);
    bank.event("train", "Emu", "y", 1.0);
    bank.event("eval", "Emu", "x", 1.0);
    refused(CAT, [1, 4], &["no entry Emu"]);
}

#[test]
fn numbers_of_events_that_are_none_name_their_key() {
    let bank = Bank::new(4);
    for events in [[0, 1], [3, 2]] {
        assert_names(&Dataset::of(&config(&bank, events)).unwrap_err(), &["scene.events"]);
    }
}

#[test]
fn company_without_onset_or_offset_touches_the_clips_ends() {
    let bank = Bank::empty();
    for subset in ["train", "eval"] {
        for name in ["a", "b"] {
            bank.event(subset, "On_nOn", name, 1.0);
            bank.event(subset, "Off_nOff", name, 1.0);
        }
        bank.background(subset, "room", "a", 5.0);
    }
    bank.generate(&config(&bank, [3, 3]), "out", false).unwrap();
    for row in clips(&bank.out("out")).iter().flat_map(|clip| &clip[1..]) {
        let [onset, offset] = span(row);
        assert!(if row["event_label"] == "On" { onset == 0.0 } else { (offset - 4.0).abs() < 1e-5 }, "{row:?}");
    }
}

#[test]
fn labels_of_segments_are_known_without_mixing_them() {
    let bank = Bank::new(4);
    for variant in [Variant::Waa, Variant::Ms200] {
        for (events, least) in [([1, 1], 0), ([1, 4], 5)] {
            let mut config = config(&bank, events);
            (config.data.train, config.data.variant) = (24, variant);
            let partly = assert_heard(&Dataset::of(&config).unwrap(), &[0.2, 1.0, 4.0]);
            assert!(partly >= least, "{partly} segments hear less than their clip");
        }
    }
}

#[test]
fn segments_lie_around_the_longest_event_and_hear_what_overlaps_them() {
    let bank = Bank::new(4);
    bank.generate(&config(&bank, [1, 4]), "out", false).unwrap();
    let dataset = Dataset::open(&bank.out("out"), &Config::default()).unwrap();
    let annotated = annotation::read(&bank.out("out").join("train.tsv")).unwrap();
    let class = |label: &str| dataset.classes().iter().position(|class| class == label).unwrap();
    let samples = |seconds: f64| (seconds * f64::from(RATE)).round() as usize;
    let kinds = RefCell::new(HashMap::new());
    let holds = |(index, seconds): (usize, f64)| {
        let mut cuts = dataset.segments(Subset::Train, index, &[seconds, 4.0]).unwrap();
        let (whole, segment) = (cuts.segments.pop().unwrap(), cuts.segments.pop().unwrap());
        let events: Vec<_> = annotated[index]
            .events
            .iter()
            .map(|(_, event)| (class(&event.label), samples(event.onset_s)..samples(event.offset_s.unwrap())))
            .collect();
        let longest = events.iter().map(|(_, span)| span.len()).max().unwrap();
        let (dominant, span) = events.iter().find(|(_, span)| span.len() == longest).unwrap();
        prop_assert_eq!(cuts.dominant, Some(*dominant));
        prop_assert_eq!(samples(cuts.duration_s), longest);

        let start = whole.samples.windows(segment.samples.len()).position(|part| part == segment.samples).unwrap();
        let end = start + segment.samples.len();
        let (outer, inner) = if span.len() > end - start { (span, &(start..end)) } else { (&(start..end), span) };
        prop_assert!(outer.start <= inner.start && inner.end <= outer.end, "{start}..{end} and {span:?}");
        let heard = |from: usize, to: usize| {
            let heard = events.iter().filter(|(_, span)| span.start < to && from < span.end);
            heard.map(|(class, _)| *class).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        prop_assert_eq!(&segment.labels, &heard(start, end));
        prop_assert_eq!(&whole.labels, dataset.labels(Subset::Train, index));
        prop_assert_eq!(&whole.labels, &heard(0, whole.samples.len()));
        *kinds.borrow_mut().entry((segment.labels.len() > 1, segment.labels == whole.labels)).or_insert(0) += 1;
        Ok(())
    };
    let strategy = (0..dataset.len(Subset::Train), 0.05..4.0_f64);
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) });
    runner.run(&strategy, holds).unwrap();
    let kinds = kinds.into_inner();
    assert_eq!(kinds.len(), 4, "one class and several, all of the clip's and some: {kinds:?}");
}
