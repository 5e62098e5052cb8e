//! Claims, leases and deliveries: the same suite on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod support;

#[path = "store/edited.rs"]
mod edited;
#[path = "store/tls.rs"]
mod tls;

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use support::postgres::{self, Server};
use weaklabel::config::Config;
use weaklabel::experiments::search::{SuccessiveHalving, TrialState};
use weaklabel::experiments::store::{
    Checkpoint, ClaimOutcome, Claimed, Delivery, Failure, Lease, Location, Outcome, Prospect, Registered, Store, Study,
    StudyKind, TrialRow, Waiting, Wanted,
};

/// A lease longer than any of these tests, in milliseconds.
const LONG_MS: i64 = 3_600_000;

fn study(name: &str, ladder: SuccessiveHalving) -> Study {
    let mut config = Config::default();
    (config.search.trials, config.search.eta, config.search.rungs) = (ladder.trials, ladder.eta, ladder.rungs);
    Study {
        name: name.into(),
        kind: StudyKind::Search,
        config,
        version: "1".into(),
        data: "ab".into(),
        halving: ladder,
    }
}

fn claim_as(store: &mut Store, study: &Registered, worker: &str, lease_ms: i64, most: usize) -> ClaimOutcome {
    let even = |one: usize, other: usize| one % 2 == other % 2;
    store.claim(study, &Wanted { worker, adapter: "none", lease_ms, most, are_compatible: &even }).unwrap()
}

/// Claims the one trial that is available to `worker`.
fn one(store: &mut Store, study: &Registered, worker: &str, lease_ms: i64) -> Claimed {
    match claim_as(store, study, worker, lease_ms, 1) {
        ClaimOutcome::Trials(mut trials) if trials.len() == 1 => trials.remove(0),
        other => panic!("{other:?}"),
    }
}

/// Claims all trials that are available to `worker`.
fn several(store: &mut Store, study: &Registered, worker: &str, lease_ms: i64) -> Vec<Lease> {
    match claim_as(store, study, worker, lease_ms, 9) {
        ClaimOutcome::Trials(trials) => trials.iter().map(|claimed| claimed.lease).collect(),
        other => panic!("{other:?}"),
    }
}

/// Asserts that no trial is available to `worker`, and returns the leases for which it has to wait.
fn waits(store: &mut Store, study: &Registered, worker: &str) -> Waiting {
    match claim_as(store, study, worker, LONG_MS, 9) {
        ClaimOutcome::Nothing(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

fn numbers(leases: &[Lease]) -> Vec<usize> {
    leases.iter().map(|lease| lease.trial).collect()
}

/// Returns the row of trial `number`.
fn row(store: &mut Store, study: &Registered, number: usize) -> TrialRow {
    store.trials(study).unwrap().into_iter().find(|row| row.number == number).unwrap()
}

/// Waits until leases of one millisecond have expired.
fn die() {
    std::thread::sleep(Duration::from_millis(10));
}

fn checkpoint(epoch: usize) -> Checkpoint {
    Checkpoint { epoch, bytes: vec![epoch as u8; 1000], details: format!("[{epoch}]") }
}

fn outcome(score: f64, epoch: usize) -> Outcome {
    Outcome {
        score,
        details: "{}".into(),
        worker: "w".into(),
        adapter: "none".into(),
        seconds: 1.0,
        checkpoint: Some(checkpoint(epoch)),
    }
}

fn trials_climb_until_the_study_is_finished(store: &mut Store) {
    let study = store.register(&study("climb", SuccessiveHalving { trials: 9, eta: 3, rungs: 3 })).unwrap();
    assert_eq!(store.prospect(&study).unwrap(), Prospect::Open);
    let mut order = Vec::new();
    loop {
        match claim_as(store, &study, "a", LONG_MS, 1) {
            ClaimOutcome::Trials(trials) => {
                let Claimed { lease, checkpoint } = &trials[0];
                let kept = checkpoint.as_ref().unwrap().as_ref().map(|kept| kept.epoch);
                assert_eq!(kept, (lease.rung > 0).then_some(lease.rung));
                let delivery = store.finish(lease, &outcome((lease.trial * 7 % 9) as f64, lease.rung + 1));
                assert_eq!(delivery.unwrap(), Delivery::Accepted);
                order.push((lease.trial, lease.rung));
            }
            ClaimOutcome::Finished => break,
            ClaimOutcome::Nothing(_) => panic!("nobody else is at work"),
        }
    }
    // Scores 0 7 5 | 3 1 8 | 6 4 2: a promoted trial is claimed before a new one.
    let expected =
        [(0, 0), (1, 0), (2, 0), (1, 1), (3, 0), (4, 0), (5, 0), (5, 1), (6, 0), (7, 0), (8, 0), (6, 1), (5, 2)];
    assert_eq!(order, expected);
    assert_eq!((store.prospect(&study).unwrap(), store.results(&study).unwrap()), (Prospect::Finished, 13));
    let (rows, _) = store.table(&study).unwrap();
    assert!(rows.iter().all(|row| row.state == TrialState::Paused && row.worker.is_none()));
}

fn an_expired_lease_goes_to_another_worker_with_the_checkpoint(store: &mut Store) {
    let study = store.register(&study("expiry", SuccessiveHalving { trials: 1, eta: 2, rungs: 1 })).unwrap();
    let first = one(store, &study, "a", LONG_MS);
    assert_eq!((first.lease.fence, first.checkpoint), (1, Ok(None)));
    assert_eq!(store.checkpoint(&first.lease, &checkpoint(5)).unwrap(), Delivery::Accepted);
    let waiting = waits(store, &study, "b");
    assert!(
        matches!(&waiting.0[..], [held] if (held.trial, held.worker.as_str()) == (0, "a")),
        "it is leased: {waiting:?}"
    );
    assert!(waiting.to_string().starts_with("trial 0 at a, whose lease ends in 3"), "{waiting}");
    assert_eq!(store.holdings(&study).unwrap().len(), 1);
    let expire = |store: &mut Store| {
        assert_eq!(store.heartbeat("a", &[first.lease], 1).unwrap(), [Delivery::Accepted]);
        die();
    };
    expire(store);
    assert_eq!(store.heartbeat("a", &[first.lease], LONG_MS).unwrap(), [Delivery::Accepted]);
    assert_eq!(waits(store, &study, "b").0.len(), 1, "it was renewed before anyone asked");
    expire(store);
    let second = one(store, &study, "b", LONG_MS);
    assert_eq!((second.lease.trial, second.lease.fence, second.checkpoint), (0, 2, Ok(Some(checkpoint(5)))));

    assert_eq!(store.heartbeat("a", &[first.lease], LONG_MS).unwrap(), [Delivery::Refused]);
    assert_eq!(store.checkpoint(&first.lease, &checkpoint(6)).unwrap(), Delivery::Refused);
    assert_eq!(store.release(&first.lease).unwrap(), Delivery::Refused);
    assert_eq!(store.finish(&first.lease, &outcome(99.0, 9)).unwrap(), Delivery::Refused);
    assert_eq!(store.fail(&first.lease, Failure::Lasting, "late").unwrap(), Delivery::Refused);
    assert_eq!(store.last_checkpoint(&study, 0).unwrap(), Some(checkpoint(5)));
    for _ in 0..2 {
        // The second delivery simulates a lost answer to the first.
        assert_eq!(store.finish(&second.lease, &outcome(50.0, 9)).unwrap(), Delivery::Accepted);
    }
    assert_eq!(store.finish(&first.lease, &outcome(99.0, 9)).unwrap(), Delivery::Refused);
    let (_, results) = store.table(&study).unwrap();
    assert_eq!((results.len(), results[0].score), (1, 50.0));
}

fn a_trial_that_kills_its_workers_is_found_alone_and_given_up_in_the_end(store: &mut Store) {
    let study = store.register(&study("deaths", SuccessiveHalving { trials: 8, eta: 2, rungs: 2 })).unwrap();
    // Three deaths of the first group must not cost any trial a failure.
    assert_eq!(numbers(&several(store, &study, "w1", 1)), [0, 2, 4, 6]);
    for worker in ["w2", "w3"] {
        die();
        assert_eq!(numbers(&several(store, &study, worker, 1)), [0], "whoever may have killed it is tried alone");
    }
    die();
    for number in [0, 2, 4, 6] {
        let found = row(store, &study, number);
        assert_eq!((found.state, found.failures), (TrialState::Running, 0), "{found:?}");
    }
    // A checkpoint of an epoch resets the number of deaths.
    let kept = one(store, &study, "w4", 1);
    assert_eq!((kept.lease.trial, row(store, &study, 0).deaths), (0, 3));
    store.checkpoint(&kept.lease, &checkpoint(1)).unwrap();
    assert_eq!(row(store, &study, 0).deaths, 0);
    die();
    for death in 1..10 {
        assert_eq!(one(store, &study, &format!("d{death}"), 1).lease.trial, 0);
        assert_eq!(row(store, &study, 0).deaths, death);
        die();
    }
    let next = one(store, &study, "w5", LONG_MS);
    assert_eq!(next.lease.trial, 2);
    let found = row(store, &study, 0);
    assert!(found.state == TrialState::Failed && found.reason.as_ref().unwrap().contains("10 workers"), "{found:?}");
    store.finish(&next.lease, &outcome(1.0, 1)).unwrap();
    assert_eq!(store.retry_failed(&study).unwrap(), 1);
    let again = one(store, &study, "w6", LONG_MS);
    assert_eq!((again.lease.trial, again.checkpoint), (0, Ok(Some(checkpoint(1)))));
}

fn a_trial_that_fails_is_tried_again_after_the_others_and_is_given_up_in_the_end(store: &mut Store) {
    let study = store.register(&study("failures", SuccessiveHalving { trials: 4, eta: 2, rungs: 2 })).unwrap();
    let fail = |store: &mut Store, lease: &Lease, failure: Failure| {
        assert_eq!(store.fail(lease, failure, "a word of why").unwrap(), Delivery::Accepted);
        assert_eq!(store.fail(lease, failure, "again").unwrap(), Delivery::Refused, "once is enough");
    };
    let group = several(store, &study, "a", LONG_MS);
    assert_eq!(numbers(&group), [0, 2]);
    fail(store, &group[0], Failure::Passing);
    fail(store, &group[1], Failure::Lasting);
    assert_eq!(row(store, &study, 2).state, TrialState::Failed);
    let others = several(store, &study, "a", LONG_MS);
    assert_eq!(numbers(&others), [1, 3], "the others go first");
    store.checkpoint(&others[1], &checkpoint(3)).unwrap();
    store.finish(&others[0], &outcome(2.0, 1)).unwrap();
    // A damaged checkpoint is deleted with the failure.
    fail(store, &others[1], Failure::Checkpoint);
    let second = one(store, &study, "a", LONG_MS);
    assert_eq!((second.lease.trial, row(store, &study, 0).failures), (0, 1));
    fail(store, &second.lease, Failure::Passing);
    // A lost device counts as a death.
    let last = one(store, &study, "a", LONG_MS);
    assert_eq!(last.lease.trial, 0);
    fail(store, &last.lease, Failure::Death);
    let found = row(store, &study, 0);
    assert_eq!((found.state, found.failures, found.deaths), (TrialState::Interrupted, 2, 1));
    let last = one(store, &study, "a", LONG_MS);
    fail(store, &last.lease, Failure::Passing);
    // Trials 0 and 2 have failed for good; trial 1 continues.
    let climbs = one(store, &study, "a", LONG_MS);
    assert_eq!((climbs.lease.trial, climbs.lease.rung), (1, 1));
    store.finish(&climbs.lease, &outcome(3.0, 2)).unwrap();
    let anew = one(store, &study, "a", LONG_MS);
    assert_eq!((anew.lease.trial, anew.checkpoint), (3, Ok(None)));
    store.finish(&anew.lease, &outcome(f64::NAN, 1)).unwrap();
    // The second place on rung 1 goes to the first remaining trial, which has failed. This ends the study.
    assert_eq!(claim_as(store, &study, "a", LONG_MS, 9), ClaimOutcome::Finished);
    let reasons: Vec<_> = store.trials(&study).unwrap().into_iter().map(|row| row.reason.is_some()).collect();
    assert_eq!(reasons, [true, false, true, false]);
    assert_eq!(store.retry_failed(&study).unwrap(), 2);
    assert_eq!(store.prospect(&study).unwrap(), Prospect::Open);
    assert_eq!(numbers(&several(store, &study, "a", LONG_MS)), [0, 2]);
}

fn what_is_given_back_is_no_failure_and_goes_first(store: &mut Store) {
    let study = store.register(&study("release", SuccessiveHalving { trials: 3, eta: 3, rungs: 1 })).unwrap();
    for fence in 1..=5 {
        let claimed = one(store, &study, "a", LONG_MS);
        assert_eq!((claimed.lease.trial, claimed.lease.fence), (0, fence));
        store.checkpoint(&claimed.lease, &checkpoint(fence as usize)).unwrap();
        assert_eq!(store.release(&claimed.lease).unwrap(), Delivery::Accepted);
    }
    // A worker that claims again has lost its trial: its process was restarted under the same name, or the answer was
    // lost.
    let lost = one(store, &study, "a", LONG_MS);
    let again = one(store, &study, "a", LONG_MS);
    assert_eq!((again.lease.trial, again.lease.fence), (0, lost.lease.fence + 1));
    assert_eq!(again.checkpoint, Ok(Some(checkpoint(5))));
    let found = row(store, &study, 0);
    assert_eq!((found.failures, found.deaths), (0, 0));
}

fn trials_that_are_alike_are_claimed_together(store: &mut Store) {
    let study = store.register(&study("together", SuccessiveHalving { trials: 7, eta: 2, rungs: 2 })).unwrap();
    let even = match claim_as(store, &study, "a", LONG_MS, 3) {
        ClaimOutcome::Trials(trials) => trials.iter().map(|claimed| claimed.lease).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(numbers(&even), [0, 2, 4]);
    assert_eq!(numbers(&several(store, &study, "b", LONG_MS)), [1, 3, 5]);
    for lease in &even {
        store.finish(lease, &outcome(1.0, 1)).unwrap();
    }
    // Trial 6 is on the same rung as the first. Trials at different epochs cannot train together either.
    assert_eq!(numbers(&several(store, &study, "a", LONG_MS)), [6]);
}

fn a_study_is_one_configuration_with_one_program_on_one_set_of_data(store: &mut Store) {
    let ladder = SuccessiveHalving { trials: 4, eta: 2, rungs: 2 };
    let own = study("same", ladder);
    let first = store.register(&own).unwrap();
    assert_eq!(store.register(&own).unwrap(), first);
    let mut elsewhere = own.clone();
    elsewhere.config.data.soundbank = Some("/here".into());
    let with_sounds = Study { name: "sounds".into(), ..elsewhere.clone() };
    let registered = store.register(&with_sounds).unwrap();
    let mut moved = with_sounds.clone();
    moved.config.data.soundbank = Some("/there".into());
    assert_eq!(store.register(&moved).unwrap(), registered, "sounds may be elsewhere on every machine");
    let mut other = own.clone();
    other.config.train.batch = 20;
    let cases = [
        (Study { version: "2".into(), ..own.clone() }, "version 1, and this is 2"),
        (Study { data: "cd".into(), ..own.clone() }, "other data"),
        (other, "another configuration"),
        (Study { halving: SuccessiveHalving { trials: 5, ..ladder }, ..own.clone() }, "another configuration"),
    ];
    for (study, expected) in cases {
        let error = store.register(&study).unwrap_err();
        assert!(error.to_string().contains(expected) && error.exit_code() == 3, "{error}");
    }
}

/// Sixteen workers at once, some of which lose their leases: no trial is done twice and none is left.
fn many_workers_share_without_doing_anything_twice(location: &Location) {
    let ladder = SuccessiveHalving { trials: 54, eta: 3, rungs: 3 };
    let mut store = Store::open(location.clone()).unwrap();
    let study = store.register(&study("many", ladder)).unwrap();
    let accepted = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let (study, accepted, location) = (&study, &accepted, location.clone());
            scope.spawn(move || {
                let mut store = Store::open(location).unwrap();
                let name = format!("w{worker}");
                let mut dead = 0;
                loop {
                    // One worker in four is too slow for its first lease.
                    let slow = worker % 4 == 0 && dead == 0;
                    match claim_as(&mut store, study, &name, if slow { 20 } else { LONG_MS }, 2) {
                        ClaimOutcome::Finished => break,
                        ClaimOutcome::Nothing(_) => std::thread::sleep(Duration::from_millis(5)),
                        ClaimOutcome::Trials(trials) => {
                            if slow {
                                dead += 1;
                                std::thread::sleep(Duration::from_millis(100));
                            }
                            for Claimed { lease, .. } in trials {
                                let score = (lease.trial * 37 % 54) as f64;
                                if store.finish(&lease, &outcome(score, lease.rung)).unwrap() == Delivery::Accepted {
                                    let before =
                                        accepted.lock().unwrap().insert((lease.trial, lease.rung), name.clone());
                                    assert_eq!(before, None, "accepted twice");
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    let alone = ladder.members(|trial, _| Some((trial * 37 % 54) as f64));
    let mut expected: Vec<(usize, usize)> =
        alone.iter().enumerate().flat_map(|(rung, members)| members.iter().map(move |trial| (*trial, rung))).collect();
    expected.sort_unstable();
    assert_eq!(accepted.lock().unwrap().keys().copied().collect::<Vec<_>>(), expected);
    let (rows, results) = store.table(&study).unwrap();
    assert_eq!(results.iter().map(|result| (result.number, result.rung)).collect::<Vec<_>>(), expected);
    assert!(rows.iter().all(|row| row.state == TrialState::Paused));
}

/// Workers and their study may start at the same moment, before the store has its tables.
fn all_may_come_first(location: &Location) {
    let start = Barrier::new(6);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(Store::open(location.clone()).unwrap().studies().unwrap(), []);
            });
        }
    });
}

fn suite(location: &Location) {
    let mut store = Store::open(location.clone()).unwrap();
    assert_eq!(store.studies().unwrap(), []);
    trials_climb_until_the_study_is_finished(&mut store);
    an_expired_lease_goes_to_another_worker_with_the_checkpoint(&mut store);
    a_trial_that_kills_its_workers_is_found_alone_and_given_up_in_the_end(&mut store);
    a_trial_that_fails_is_tried_again_after_the_others_and_is_given_up_in_the_end(&mut store);
    what_is_given_back_is_no_failure_and_goes_first(&mut store);
    trials_that_are_alike_are_claimed_together(&mut store);
    a_study_is_one_configuration_with_one_program_on_one_set_of_data(&mut store);
    many_workers_share_without_doing_anything_twice(location);
    assert!(store.workers().unwrap().len() >= 16);
}

#[test]
fn the_suite_holds_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    suite(&Location::File(folder.path().join("store.sqlite")));
}

#[test]
fn a_file_is_made_once_by_all_who_come_first() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        all_may_come_first(&Location::File(folder.path().join(format!("{round}.sqlite"))));
    }
}

#[test]
fn the_suite_holds_on_a_server_and_a_lost_connection_comes_back() {
    let Some(server) = Server::start() else { return };
    let location: Location = server.url().parse().unwrap();
    all_may_come_first(&location);
    suite(&location);

    let mut store = Store::open(location.clone()).unwrap();
    let studies = store.studies().unwrap().len();
    server.stop_at_once();
    for _ in 0..2 {
        let error = store.studies().unwrap_err();
        assert!(matches!(error, weaklabel::Error::Store { passing: true, .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains(postgres::SECRET), "{error:?}");
    }
    server.start_again();
    assert_eq!(store.studies().unwrap().len(), studies, "what was committed is there, over a new connection");

    let wrong = server.url().replace(postgres::SECRET, "wrong-word");
    let error = Store::open(wrong.parse().unwrap()).unwrap_err();
    assert!(matches!(error, weaklabel::Error::Store { passing: false, .. }), "{error}");
    assert!(error.to_string().contains("password") && !error.to_string().contains("wrong-word"), "{error}");
}

#[test]
fn what_is_no_store_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to look like one. ".repeat(30)).unwrap();
    let error = Store::open(Location::File(path)).unwrap_err();
    assert!(error.to_string().contains("notes.txt") && error.exit_code() == 3, "{error}");
    let error = Store::open(Location::File(folder.path().join("no/such/folder/store"))).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");

    let newer = folder.path().join("newer.sqlite");
    drop(Store::open(Location::File(newer.clone())).unwrap());
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.execute("UPDATE weaklabel_schema SET version = 99", []).unwrap();
    let error = Store::open(Location::File(newer)).unwrap_err();
    assert!(error.to_string().contains("newer weaklabel"), "{error}");
}
