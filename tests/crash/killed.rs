//! More than a hundred kills: 36 of trainings, 26 of studies, 24 of searches, 32 of workers.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use weaklabel::experiments::store::{Location, Registered, Store};

use super::kills::Kills;
use super::place::Place;
use crate::support::left::{self, Left, assert_same, leftovers};
use crate::support::postgres::Server;
use crate::support::process::{Process, succeed, wait};

const TRAININGS: usize = 12;
const STUDIES: usize = 26;
const SEARCHES: usize = 24;
const WORKERS: usize = 16;

/// Makes a run without kills, twice. Returns its results and the time of the second, whose kernels are compiled
/// already. The results of both must be equal.
fn unbroken(place: &Place, command: impl Fn(&Path) -> Command, left: impl Fn(&Path) -> Left) -> (Left, Duration) {
    let [first, second] = ["first", "second"].map(|name| place.path(name).join("run"));
    succeed(command(&first));
    let start = Instant::now();
    succeed(command(&second));
    let time = start.elapsed();
    let expected = left(&first);
    assert_same(&left(&second), &expected);
    (expected, time)
}

/// Kills runs until there are `n` kills. Each run must finish with the results of a run without kills.
fn break_runs(
    kills: &mut Kills,
    n: usize,
    place: &Place,
    command: impl Fn(&Path) -> Command,
    left: impl Fn(&Path) -> Left,
    met: impl Fn(&Path) -> String,
) {
    let (expected, time) = unbroken(place, &command, &left);
    let target = kills.count() + n;
    for round in 0.. {
        assert!(round < 10 * n, "runs end before they are killed");
        let run = place.path(&format!("broken-{round}")).join("run");
        std::fs::create_dir(run.parent().unwrap()).unwrap();
        let most = target - kills.count();
        // A training that was killed after its end is finished.
        let command = || (!run.join("DONE").is_file()).then(|| command(&run));
        kills.until_done(most, time, &place.path("log"), command, || met(&run));
        assert_same(&left(&run), &expected);
        assert_eq!(leftovers(&run), [""; 0]);
        if kills.count() == target {
            return;
        }
    }
}

/// Returns the progress of a training.
fn stage(run: &Path) -> String {
    if !run.join("config.toml").is_file() {
        return "before the run began".into();
    }
    if run.join("DONE").is_file() {
        return "behind the end".into();
    }
    let Ok(bytes) = std::fs::read(run.join("checkpoints/last.safetensors")) else {
        return "before the first state".into();
    };
    let (_, about) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    format!("in the stage {}", about.metadata().as_ref().unwrap()["stage"])
}

#[test]
#[ignore = "slow"]
fn a_training_killed_anywhere_ends_with_the_same_bits() {
    let mut kills = Kills::new("train");
    for method in ["classifier", "triplets", "prototypes"] {
        let place = Place::new();
        break_runs(&mut kills, TRAININGS, &place, |run| place.train(run, method), left::training, stage);
    }
    kills.report("trainings");
}

#[test]
#[ignore = "slow"]
fn a_study_killed_anywhere_has_the_same_tables() {
    let place = Place::new();
    let met = |folder: &Path| {
        let n = left::cells(folder).len();
        if folder.join("study.toml").is_file() { format!("in cell {}", n + 1) } else { "before the study began".into() }
    };
    let mut kills = Kills::new("reproduce");
    break_runs(&mut kills, STUDIES, &place, |folder| place.reproduce(folder), left::study, met);
    kills.report("studies");
}

/// Opens the store at `location` and finds the study of the search in `folder`, which has the folder's name.
pub fn open(location: &Location, folder: &Path) -> Option<(Store, Registered)> {
    let mut store = Store::open(location.clone()).ok()?;
    let name = folder.file_name()?.to_str()?;
    let study = store.studies().ok()?.into_iter().find(|study| study.study.name == name)?;
    Some((store, study))
}

/// Collects the results of a search from the store at `location` and from its folder.
pub fn search_left(location: &Location, folder: &Path) -> Left {
    let (mut store, study) = open(location, folder).unwrap();
    let mut left = left::search(&mut store, &study);
    left.insert("best.toml".into(), std::fs::read(folder.join("best.toml")).unwrap());
    left
}

/// Returns the progress of a search.
fn rung(location: &Location, folder: &Path) -> String {
    // Opening a store file that does not exist would create it.
    let there = !matches!(location, Location::File(path) if !path.is_file());
    let Some((mut store, study)) = there.then(|| open(location, folder)).flatten() else {
        return "before the search began".into();
    };
    let (_, results) = store.table(&study).unwrap();
    let has = |rung: usize| results.iter().filter(|row| row.rung == rung).count();
    match study.study.halving.sizes().into_iter().enumerate().find(|(rung, size)| has(*rung) < *size) {
        Some((rung, _)) => format!("on rung {rung}"),
        None => "behind the last result".into(),
    }
}

#[test]
#[ignore = "slow"]
fn a_search_killed_anywhere_finds_the_same() {
    let place = Place::new();
    let mut kills = Kills::new("search");
    let command = |folder: &Path| place.search(folder);
    let left = |folder: &Path| search_left(&Location::within(folder), folder);
    let met = |folder: &Path| rung(&Location::within(folder), folder);
    break_runs(&mut kills, SEARCHES, &place, command, left, met);
    kills.report("searches");
}

/// Runs searches in the store at `url` with two workers at a time, each killed repeatedly, until there were enough
/// kills.
fn break_workers(place: &Place, name: &str, url: &str, expected: &Left, time: Duration) {
    let location: Location = url.parse().unwrap();
    let mut kills = Kills::new(name);
    for round in 0.. {
        assert!(round < 10 * WORKERS, "searches are at their end before workers are killed");
        let folder = place.path(&format!("{name} {round}"));
        let search = || {
            let mut command = place.search(&folder);
            command.env("WEAKLABEL_STORE", url);
            command
        };
        // The process that registers the search is not needed afterwards.
        let first = Process::start(search(), place.path("log"));
        wait(|| open(&location, &folder));
        drop(first);
        let most = (WORKERS - kills.count()).div_ceil(2);
        std::thread::scope(|scope| {
            let worker = |number: usize| {
                let (place, location, folder) = (&place, &location, &folder);
                let mut kills = Kills::new(&format!("{name} {round} {number}"));
                let log = place.path(&format!("{name} {number}.log"));
                scope.spawn(move || {
                    kills.until_done(most, time, &log, || Some(place.worker(url)), || rung(location, folder));
                    kills
                })
            };
            for thread in [0, 1].map(worker) {
                kills.add(thread.join().unwrap());
            }
        });
        succeed(search());
        assert_same(&search_left(&location, &folder), expected);
        if kills.count() >= WORKERS {
            return kills.report(name);
        }
    }
}

#[test]
#[ignore = "slow"]
fn workers_killed_anywhere_find_the_same() {
    let place = Place::new();
    let left = |folder: &Path| search_left(&Location::within(folder), folder);
    let (expected, time) = unbroken(&place, |folder| place.search(folder), left);
    let file = place.path("store.sqlite");
    break_workers(&place, "workers at a file", file.to_str().unwrap(), &expected, time);
    if let Some(server) = Server::start() {
        break_workers(&place, "workers at a server", &server.url(), &expected, time);
    }
}
