//! Files that were cut or have a flipped bit: a run that resumes from them has the same result, or an error names the
//! file.

use std::path::Path;
use std::process::Command;

use weaklabel::base::counter_rng::{Key, Stream};
use weaklabel::experiments::store::Location;

use super::killed::{open, search_left};
use super::place::Place;
use crate::support::files::contents;
use crate::support::left::{self, Left, REFUSED, differences};
use crate::support::process::{Process, succeed, wait};

const SEED: u64 = 2;

/// Damage to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// Cut to this number of bytes.
    Cut(usize),
    /// Flip of the bit at this position.
    Flip(usize),
}

impl Damage {
    /// Draws several kinds of damage for a file with these contents.
    fn several(bytes: &[u8], random: &mut Stream) -> Vec<Self> {
        let n_bytes = bytes.len();
        if n_bytes == 0 {
            return Vec::new();
        }
        let cuts = [0, random.below(n_bytes), n_bytes - 1].map(Self::Cut);
        let anywhere: Vec<Self> = (0..2).map(|_| Self::Flip(random.below(8 * n_bytes))).collect();
        // A digit with its lowest bit flipped is again a digit, which no syntax check detects.
        let digits: Vec<usize> = (0..n_bytes).filter(|&at| bytes[at].is_ascii_digit()).collect();
        let in_digits = (0..2).filter(|_| !digits.is_empty()).map(|_| Self::Flip(8 * random.choose(&digits)));
        cuts.into_iter().chain(anywhere).chain(in_digits.collect::<Vec<_>>()).collect()
    }

    fn apply(self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        match self {
            Self::Cut(n_bytes) => bytes.truncate(n_bytes),
            Self::Flip(bit) => bytes[bit / 8] ^= 1 << (bit % 8),
        }
        std::fs::write(path, bytes).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for (file, bytes) in contents(from) {
        std::fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        std::fs::write(to.join(&file), bytes).unwrap();
    }
}

/// Runs `command` on a run with a damaged `file`. Returns what is wrong with its result, or `None` if it is right.
fn fault(file: &Path, mut command: Command, left: impl Fn() -> Left, expected: &Left) -> Option<String> {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = file.file_name().unwrap().to_str().unwrap();
    // For a damaged configuration, the error names the key, or a folder that does not exist, instead of the file.
    let name = if name.ends_with(".toml") { "" } else { name };
    match output.status.code() {
        Some(0) => {
            // A search reads the checkpoint of a finished trial no more. Whoever reads a damaged one gets an error.
            let found = left();
            let mut differences = differences(&found, expected);
            differences.retain(|name| found.get(name).is_none_or(|bytes| bytes != REFUSED));
            // Gaps in learning curves are only a warning, and so are keys that only decide when a training ends.
            let warned = file.ends_with("metrics.jsonl") && message.contains(name) || message.contains("so far and is");
            (!differences.is_empty() && !warned).then(|| format!("another, and not named: {}", differences.join(", ")))
        }
        Some(1 | 3) if message.contains(name) && !message.contains("panicked") => None,
        code => Some(format!("exit code {code:?}, {}", message.lines().last().unwrap_or("silent"))),
    }
}

/// Damages every file of the run at `base` that `chosen` accepts, one at a time and in several ways, and resumes each
/// time.
fn damage(
    place: &Place,
    base: &Path,
    expected: &Left,
    chosen: impl Fn(&Path) -> bool,
    command: impl Fn(&Path) -> Command,
    left: impl Fn(&Path) -> Left,
) {
    assert!(expected.values().all(|bytes| bytes != REFUSED), "a checkpoint of the unbroken run is damaged");
    let mut random = Key::new(SEED).named(base.file_name().unwrap().to_str().unwrap()).stream();
    let (mut faults, mut n) = (Vec::new(), 0);
    for (file, bytes) in contents(base).iter().filter(|(file, _)| chosen(Path::new(file))) {
        let file = Path::new(file);
        for damage in Damage::several(bytes, &mut random) {
            let folder = place.path("damaged").join(base.file_name().unwrap());
            copy(base, &folder);
            damage.apply(&folder.join(file));
            let fault = fault(file, command(&folder), || left(&folder), expected);
            faults.extend(fault.map(|fault| format!("{} {damage:?}: {fault}", file.display())));
            std::fs::remove_dir_all(&folder).unwrap();
            n += 1;
        }
    }
    assert!(n > 0 && faults.is_empty(), "{} of {n}:\n{}", faults.len(), faults.join("\n"));
}

/// Starts `command` in `folder`, asks it to stop once `enough` holds, and waits until it ends between two epochs. If it
/// finishes before it can be stopped, it is made again.
fn interrupted(place: &Place, folder: &Path, command: impl Fn(&Path) -> Command, enough: impl Fn() -> bool) {
    for _ in 0..5 {
        std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let mut process = Process::start(command(folder), place.path("log"));
        wait(|| (enough() || process.ended().is_some()).then_some(()));
        if process.ended().is_none() {
            process.signal("-TERM");
        }
        match process.end() {
            Some(75) => return,
            code => assert_eq!(code, Some(0), "{}", process.logged()),
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
    panic!("{} ended too early five times", folder.display());
}

#[test]
#[ignore = "slow"]
fn a_run_with_a_damaged_file_goes_on_to_the_same_or_names_it() {
    let place = Place::new();
    for method in ["classifier", "prototypes"] {
        let [run, whole] = ["base", "whole"].map(|name| place.path(name).join(method));
        succeed(place.train(&whole, method));
        let lines = |run: &Path| std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count();
        // A method with two stages is interrupted in the second.
        let enough = || lines(&run) > if method == "classifier" { 8 } else { 35 };
        interrupted(&place, &run, |run| place.train(run, method), enough);
        // Methods differ in the training state, so for the others only that file is damaged.
        let chosen = |file: &Path| method == "classifier" || file.ends_with("last.safetensors");
        damage(&place, &run, &left::training(&whole), chosen, |run| place.resume(run), left::training);
    }
}

#[test]
#[ignore = "slow"]
fn a_finished_run_with_a_damaged_model_is_not_scored() {
    let place = Place::new();
    let run = place.path("finished");
    succeed(place.train(&run, "classifier"));
    let left = |run: &Path| Left::from([("results.json".into(), std::fs::read(run.join("results.json")).unwrap())]);
    succeed(place.eval(&run));
    let expected = left(&run);
    let chosen = |file: &Path| file.ends_with("best.safetensors") || file.ends_with("results.json");
    damage(&place, &run, &expected, chosen, |run| place.eval(run), left);
}

#[test]
#[ignore = "slow"]
fn a_study_with_a_damaged_file_goes_on_to_the_same_or_names_it() {
    let place = Place::new();
    let [study, whole] = ["base", "whole"].map(|name| place.path(name).join("study"));
    succeed(place.reproduce(&whole));
    let second = study.join("cells/waa-triplets-0.2s/metrics.jsonl");
    interrupted(&place, &study, |folder| place.reproduce(folder), || second.is_file());
    // The files of a run have their own test.
    let own = |file: &Path| {
        let name = file.file_name().unwrap().to_str().unwrap();
        !file.starts_with("cells")
            || name == "cell.json"
            || (file.starts_with("cells/waa-triplets-0.2s") && name == "metrics.jsonl")
    };
    damage(&place, &study, &left::study(&whole), own, |folder| place.reproduce(folder), left::study);
}

#[test]
#[ignore = "slow"]
fn a_search_with_a_damaged_file_goes_on_to_the_same_or_names_it() {
    let place = Place::new();
    let [search, whole] = ["base", "whole"].map(|name| place.path(name).join("search"));
    succeed(place.search(&whole));
    let results = || {
        let there = search.join("store.sqlite").is_file();
        let (mut store, study) = there.then(|| open(&Location::within(&search), &search)).flatten()?;
        Some(store.results(&study).unwrap())
    };
    let enough = || results().is_some_and(|n| n > 3);
    interrupted(&place, &search, |folder| place.search(folder), enough);
    let left = |folder: &Path| search_left(&Location::within(folder), folder);
    damage(&place, &search, &left(&whole), |_| true, |folder| place.search(folder), left);
}
