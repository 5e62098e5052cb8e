//! A search through the command line: its output, and the same results whatever happens to its workers or its server.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

#[path = "search/faults.rs"]
mod faults;
#[path = "search/secrets.rs"]
mod secrets;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::left::{self, assert_same};
use support::postgres::{SECRET, Server};
use support::process::{Process, succeed, wait};
use support::program::weaklabel;
use weaklabel::Error;
use weaklabel::experiments::search::TrialState;
use weaklabel::experiments::store::{Location, Registered, Store, TrialRow};

/// Sixty trials on rungs of 1, 3, 9 and 27 epochs. The network compiles in seconds and trains an epoch in tens of
/// milliseconds, slow enough to be interrupted in the middle of a rung.
const SEARCH: &str = r#"
[data]
train = 120
validation = 20
eval = 10

[scene]
clip_s = 1.0

[model]
filters = [16, 32]
pools = [[4, 4], [5, 8]]

[train]
seconds = 0.2
checkpoint_s = 0.0
# As many epochs as a rung has: nothing stops early.
min_epochs = 200

[[search.space]]
name = "optimiser.lr"
log_uniform = [1e-4, 1e-1]

[[search.space]]
name = "optimiser.weight_decay"
choice = [0.0, 0.1]
"#;

/// Duration of a lease in these tests.
const LEASE: &str = "3s";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Makes a folder with the configuration and with finished clips, so that workers need not mix them.
    fn new() -> Self {
        Self::of(SEARCH)
    }

    /// Makes a folder like [`Place::new`], but with the configuration `config`.
    fn of(config: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.path("search.toml"), config).unwrap();
        let mut generate = place.command("generate", &["--wav"]);
        generate.arg("-o").arg(place.path("clips"));
        succeed(generate);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut whole = weaklabel(&[command, "--progress", "none", "-c"]);
        whole.arg(self.path("search.toml")).args(args).env("WEAKLABEL_CACHE", self.path("cache"));
        whole
    }

    fn search(&self, out: &str, args: &[&str]) -> Command {
        let mut command = self.command("search", &["--lease", LEASE]);
        command.args(args).arg("--dataset").arg(self.path("clips")).arg("-o").arg(self.path(out));
        command
    }

    /// Starts a worker that logs to a file.
    fn worker(&self, name: &str, store: &str) -> Process {
        let mut worker = self.command("worker", &["--lease", LEASE]);
        // Arguments of a process are public, so the store's URL with its password is passed in the environment.
        worker.env("WEAKLABEL_STORE", store);
        Process::start(worker, self.path(name))
    }
}

/// Returns the trials of `study`. Retries while a process that was stopped or killed on a busy machine keeps the store
/// locked.
fn rows(store: &mut Store, study: &Registered) -> Vec<TrialRow> {
    wait(|| match store.table(study) {
        Err(Error::Store { passing: true, .. }) => None,
        table => Some(table.unwrap().0),
    })
}

/// Waits until the store has the study.
fn appears(store: &mut Store) -> Registered {
    wait(|| store.studies().unwrap().pop())
}

/// Stops one of `processes` in the middle of a rung, when the store has a checkpoint of that rung. Returns the index of
/// the process and its trial.
fn stop_in_a_rung(store: &mut Store, study: &Registered, processes: &[&Process]) -> (usize, TrialRow) {
    // Number of epochs up to the end of the rung below.
    let below = |rung: usize| if rung == 0 { 0 } else { 3_usize.pow(rung as u32 - 1) };
    wait(|| {
        let in_a_rung = |row: &TrialRow| row.rung > 0 && row.epoch > below(row.rung);
        let found = rows(store, study).into_iter().filter(in_a_rung);
        let (place, row) =
            found.into_iter().find_map(|row| Some((processes.iter().position(|p| p.holds(&row))?, row)))?;
        processes[place].signal("-STOP");
        std::thread::sleep(Duration::from_millis(20));
        // The process may have finished the rung in the meantime.
        let now = rows(store, study).into_iter().find(|now| now.number == row.number).unwrap();
        if processes[place].holds(&now) && now.fence == row.fence && now.rung == row.rung {
            return Some((place, now));
        }
        processes[place].signal("-CONT");
        None
    })
}

/// Runs a search with four workers, one of which is killed and another stopped beyond its lease and continued. With a
/// server, the server is stopped and restarted as well. The results must equal those of a single process in `unbroken`.
fn survives(place: &Place, out: &str, store_url: Option<&str>, server: Option<&Server>) {
    let location = match store_url {
        Some(url) => url.parse().unwrap(),
        None => Location::File(place.path(out).join("store.sqlite")),
    };
    let text =
        store_url.map_or_else(|| place.path(out).join("store.sqlite").to_str().unwrap().to_owned(), str::to_owned);
    let mut search = place.search(out, &["--json"]);
    if let Some(url) = store_url {
        search.env("WEAKLABEL_STORE", url);
    }
    let mut first = Process::start(search, place.path(&format!("{out}.first")));
    if store_url.is_none() {
        wait(|| place.path(out).join("store.sqlite").is_file().then_some(()));
    }
    let mut store = Store::open(location).unwrap();
    let study = appears(&mut store);
    let mut workers: Vec<Process> = (0..3).map(|n| place.worker(&format!("{out}.worker{n}"), &text)).collect();

    let (killed, trial) = stop_in_a_rung(&mut store, &study, &workers.iter().collect::<Vec<_>>());
    workers[killed].child.kill().unwrap();
    workers[killed].child.wait().unwrap();
    let dead = workers.remove(killed);

    let (stopped, late) = stop_in_a_rung(&mut store, &study, &workers.iter().collect::<Vec<_>>());
    let of_late = |row: &TrialRow| row.number == late.number;
    wait(|| rows(&mut store, &study).into_iter().find(|row| of_late(row) && row.fence > late.fence));
    workers[stopped].signal("-CONT");

    if let Some(server) = server {
        server.stop_at_once();
        std::thread::sleep(Duration::from_millis(1500));
        server.start_again();
    }
    assert_eq!(first.end(), Some(0), "{}", first.logged());
    for worker in &mut workers {
        assert_eq!(worker.end(), Some(0), "{}", worker.logged());
    }

    let halving = study.study.halving;
    // The old connection was lost with the server. The next query opens a new one.
    let (rows, results) = store.table(&study).or_else(|_| store.table(&study)).unwrap();
    let on = |rung: usize| results.iter().filter(|result| result.rung == rung).count();
    assert_eq!([on(0), on(1), on(2), on(3)], [60, 20, 6, 2]);
    assert_eq!(halving.sizes(), [60, 20, 6, 2]);
    assert!(rows.iter().all(|row| row.state == TrialState::Paused && row.worker.is_none()), "something is left");
    let logs: Vec<String> = workers.iter().chain([&first]).map(Process::logged).chain([dead.logged()]).collect();
    let resumes = |epoch: usize| format!("trial {} resumes after epoch {epoch}", trial.number);
    assert!((trial.epoch..27).any(|epoch| logs.iter().any(|log| log.contains(&resumes(epoch)))), "{trial:?}\n{logs:?}");
    let lost = [format!("the lease of trial {} has ended", late.number), format!("what came of trial {}", late.number)];
    assert!(lost.iter().any(|words| workers[stopped].logged().contains(words)), "{}", workers[stopped].logged());
    if server.is_some() {
        assert!(
            logs.iter().any(|log| log.contains("training continues") || log.contains("until it is back")),
            "{logs:?}"
        );
        assert!(logs.iter().all(|log| !log.contains(SECRET)));
    }

    // All trials must equal those of the single process, bit for bit.
    let mut alone = Store::open(Location::File(place.path("unbroken").join("store.sqlite"))).unwrap();
    let other = alone.studies().unwrap().remove(0);
    assert_same(&left::search(&mut store, &study), &left::search(&mut alone, &other));
    let best = |out: &str| std::fs::read_to_string(place.path(out).join("best.toml")).unwrap();
    assert_eq!(best(out), best("unbroken"));
}

/// Finds a file below `folder` that contains `words`.
fn holds(folder: &Path, words: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).find_map(|path| {
        if path.is_dir() {
            return holds(&path, words);
        }
        let found = std::fs::read(&path).unwrap().windows(words.len()).any(|part| part == words.as_bytes());
        found.then_some(path)
    })
}

#[test]
#[ignore = "slow"]
fn neither_workers_that_die_nor_a_server_that_falls_change_what_is_found() {
    let place = Place::new();
    let output = succeed(place.search("unbroken", &["--json"]));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["results"], serde_json::json!([60, 20, 6, 2]));
    let best = printed["best"]["trial"].as_u64().unwrap();
    for file in ["report.html", "best.toml", "search.toml", "tables/trials.tsv", "tables/rungs.md", "log.jsonl"] {
        assert!(place.path("unbroken").join(file).is_file(), "{file}");
    }
    // `train` accepts the best configuration, which does not limit the epochs to those of the last rung.
    let mut train = weaklabel(&["train", "--dry-run", "-o", "none", "-c"]);
    train.arg(place.path("unbroken/best.toml"));
    succeed(train);
    let text = std::fs::read_to_string(place.path("unbroken/best.toml")).unwrap();
    assert!(!text.contains("epochs = 27") && !text.contains("space"), "{text}");

    // The same command again only writes the report.
    let again: Value = serde_json::from_slice(&succeed(place.search("unbroken", &["--json"])).stdout).unwrap();
    assert_eq!(again["best"]["trial"].as_u64().unwrap(), best);
    let mut report = place.command("report", &["--json"]);
    report.arg(place.path("unbroken"));
    let reported: Value = serde_json::from_slice(&succeed(report).stdout).unwrap();
    assert_eq!(reported["best"], printed["best"]);
    // Another configuration is another search.
    let refused = place.search("unbroken", &["--set", "search.seed=2"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another configuration"));

    survives(&place, "file", None, None);
    if let Some(server) = Server::start() {
        survives(&place, "server", Some(&server.url()), Some(&server));
        assert_eq!(holds(&place.path("server"), SECRET), None, "a password in a file");
        let mut status = place.command("status", &["--json"]);
        status.env("WEAKLABEL_STORE", server.url());
        let status: Value = serde_json::from_slice(&succeed(status).stdout).unwrap();
        assert_eq!(status["studies"][0]["state"], "finished");
        assert_eq!(status["studies"][0]["rungs"][1]["results"], 20);
    }
}

#[test]
#[ignore = "slow"]
fn a_worker_that_is_told_to_go_leaves_its_trial_to_others() {
    let place = Place::new();
    let store = place.path("out/store.sqlite").to_str().unwrap().to_owned();
    let mut first = Process::start(place.search("out", &[]), place.path("first"));
    wait(|| Path::new(&store).is_file().then_some(()));
    let mut open = Store::open(Location::File(store.clone().into())).unwrap();
    let study = appears(&mut open);
    wait(|| rows(&mut open, &study).iter().any(|row| first.holds(row) && row.rung > 0).then_some(()));
    first.signal("-TERM");
    assert_eq!(first.end(), Some(75), "{}", first.logged());
    let left = rows(&mut open, &study);
    assert!(left.iter().all(|row| row.state != TrialState::Running), "a lease is left: {left:?}");

    // A worker ends when its time is up, and so does a worker that has nothing to do.
    let mut limited = place.command("worker", &["--store", &store, "--max-time", "0.5", "--lease", LEASE]);
    limited.stderr(Stdio::null());
    assert_eq!(limited.status().unwrap().code(), Some(75));
    let mut empty = place.command("worker", &["--idle-exit", "1"]);
    empty.arg("--store").arg(place.path("empty.sqlite"));
    succeed(empty);
    // Workers with other data are refused.
    let mut generate = place.command("generate", &["--wav", "--set", "data.seed=2"]);
    generate.arg("-o").arg(place.path("others"));
    succeed(generate);
    let mut other = place.command("worker", &["--store", &store]);
    let refused = other.arg("--dataset").arg(place.path("others")).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(3) && message.contains("other data"), "{message}");
    assert!(rows(&mut open, &study).iter().all(|row| row.state != TrialState::Running && row.failures == 0));
}
