//! Faults during a search do not change its results, or are reported.

use rusqlite::Connection;

use super::*;

/// Returns the search with few clips, for tests in which learning does not matter.
pub fn of_few_clips() -> String {
    SEARCH.replace("train = 120", "train = 20").replace("validation = 20", "validation = 10")
}

/// Returns a search of four trials on rungs of 1 and 2 epochs, which train together.
fn small(place: &Place, out: &str, args: &[&str]) -> Command {
    let sizes = ["--set", "search.trials=4", "--set", "search.eta=2", "--set", "search.rungs=2"];
    place.search(out, &[&sizes, args].concat())
}

fn database(place: &Place, out: &str) -> Connection {
    let connection = Connection::open(place.path(out).join("store.sqlite")).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

/// Reads trial, rung, score and details of every result of the only study.
fn found(place: &Place, out: &str) -> Vec<(usize, usize, f64, String)> {
    let mut store = Store::open(Location::File(place.path(out).join("store.sqlite"))).unwrap();
    let study = store.studies().unwrap().remove(0);
    let (_, results) = store.table(&study).unwrap();
    results.into_iter().map(|result| (result.number, result.rung, result.score, result.details)).collect()
}

/// Starts the search at `out` and kills it as soon as one of its running trials satisfies `when`.
fn kill_when(place: &Place, out: &str, when: impl Fn(&TrialRow, &[TrialRow]) -> bool) {
    let mut process = Process::start(small(place, out, &[]), place.path(&format!("{out}.log")));
    let file = place.path(out).join("store.sqlite");
    wait(|| file.is_file().then_some(()));
    let mut store = Store::open(Location::File(file)).unwrap();
    let study = appears(&mut store);
    wait(|| {
        assert!(process.child.try_wait().unwrap().is_none(), "it has ended:\n{}", process.logged());
        let all = rows(&mut store, &study);
        all.iter().any(|row| process.holds(row) && when(row, &all)).then_some(())
    });
    process.child.kill().unwrap();
    process.child.wait().unwrap();
}

#[test]
#[ignore = "slow"]
fn neither_kills_nor_a_wrong_clock_nor_damaged_checkpoints_change_what_is_found() {
    let place = Place::of(&of_few_clips());
    succeed(small(&place, "unbroken", &[]));
    let unbroken = found(&place, "unbroken");

    // The search is killed three times in its first group, the second time while the clock is a day ahead.
    for kill in 0..3 {
        kill_when(&place, "out", |row, _| row.rung == 0);
        if kill == 1 {
            let ahead =
                "UPDATE weaklabel_trials SET lease_until_ms = lease_until_ms + 86400000 WHERE state = 'running'";
            assert!(database(&place, "out").execute(ahead, []).unwrap() > 0);
        }
    }
    // It is killed once more when trials 0 and 1 have results, one of which is promoted. All checkpoints are then
    // damaged.
    kill_when(&place, "out", |_, all| all.iter().filter(|row| row.state == TrialState::Paused).count() >= 2);
    let damage = "UPDATE weaklabel_checkpoints SET bytes = CASE number WHEN 0 THEN 'text' WHEN 1 THEN x'00' ELSE bytes END, \
                  details = CASE number WHEN 2 THEN '[]' ELSE details END";
    assert!(database(&place, "out").execute(damage, []).unwrap() >= 2);
    let end = succeed(small(&place, "out", &[]));
    let log = String::from_utf8(end.stderr).unwrap();
    assert!(log.contains("starts again: its checkpoint is damaged: "), "{log}");
    assert_eq!(found(&place, "out"), unbroken, "the score or the curves of a trial");
}

#[test]
#[ignore = "slow"]
fn what_is_given_up_is_said_changes_the_exit_code_and_can_be_tried_again() {
    // At the second learning rate the first step produces values that are not finite.
    let rates = [("log_uniform = [1e-4, 1e-1]", "choice = [1e-3, 3e38]"), ("choice = [0.0, 0.1]", "choice = [0.0]")];
    let place = Place::of(&rates.iter().fold(of_few_clips(), |text, (from, to)| text.replace(from, to)));
    let search = |args: &[&str]| {
        let output = small(&place, "out", &[&["--json"], args].concat()).output().unwrap();
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), printed["failed"].as_u64().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, failed, log) = search(&[]);
    assert_eq!(code, Some(6), "{log}");
    assert!((1..4).contains(&failed), "{failed}");
    assert!(log.contains(&format!("{failed} of 4 trials were given up, first trial ")), "{log}");
    // The same command only reports the failures again. With the option the same trials run and fail again.
    let (code, again, log) = search(&[]);
    assert!((code, again) == (Some(6), failed) && !log.contains("tried again"), "{log}");
    let (code, again, log) = search(&["--retry-failed"]);
    assert!((code, again) == (Some(6), failed), "{log}");
    let trials = if failed == 1 { "trial" } else { "trials" };
    assert!(log.contains(&format!("{failed} failed {trials} tried again")), "{log}");
    assert!(log.contains(" failed: "), "{log}");

    let mut status = place.command("status", &["--json"]);
    status.arg("--store").arg(place.path("out/store.sqlite"));
    let status: Value = serde_json::from_slice(&succeed(status).stdout).unwrap();
    assert_eq!(status["studies"][0]["failed"].as_u64(), Some(failed));
}

#[test]
#[ignore = "slow"]
fn whom_an_idle_worker_waits_for_is_said() {
    let place = Place::of(&of_few_clips());
    let store = place.path("out/store.sqlite").to_str().unwrap().to_owned();
    let one = ["--set", "search.trials=1", "--set", "search.rungs=1", "--set", "search.minimum=100000"];
    let first = Process::start(place.search("out", &one), place.path("first"));
    wait(|| Path::new(&store).is_file().then_some(()));
    let mut open = Store::open(Location::File(store.clone().into())).unwrap();
    let study = appears(&mut open);
    wait(|| rows(&mut open, &study).iter().any(|row| first.holds(row)).then_some(()));
    let second = place.worker("second", &store);
    wait(|| second.logged().contains("nothing to do: waiting for trial 0 at ").then_some(()));
    assert!(second.logged().contains("whose lease ends in "), "{}", second.logged());
    let mut status = place.command("status", &[]);
    status.args(["--store", &store]);
    let text = String::from_utf8(succeed(status).stdout).unwrap();
    assert!(text.contains("lease ends in") && text.contains("out: trial 0"), "{text}");
}

#[test]
#[ignore = "slow"]
fn a_result_that_is_none_is_refused_by_the_report_with_its_row() {
    let place = Place::of(&of_few_clips());
    succeed(small(&place, "out", &["--set", "search.rungs=1"]));
    for (details, reason) in [("'{}'", "these are no learning curves"), ("'[]'", "of 0 seeds, not of 1")] {
        let sql = format!("UPDATE weaklabel_results SET details = {details} WHERE number = 1");
        database(&place, "out").execute(&sql, []).unwrap();
        let mut report = place.command("report", &[]);
        let refused = report.arg(place.path("out")).output().unwrap();
        let message = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{message}");
        let row = "table weaklabel_results, row study = 1, number = 1, rung = 0, column details: ";
        assert!(message.contains(row) && message.contains(reason), "{message}");
    }
}
