//! Claims, leases and deliveries, the same suite on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

mod postgres;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use postgres::Server;
use weaklabel::config::Config;
use weaklabel::search::Ladder;
use weaklabel::store::{
    Checkpoint, Claim, Claimed, Delivery, Kind, Location, Outcome, Prospect, Registered, State, Store, Study, Wanted,
};

/// Longer than anything here takes.
const LONG_MS: i64 = 3_600_000;

fn study(name: &str, ladder: Ladder) -> Study {
    Study {
        name: name.into(),
        kind: Kind::Search,
        config: Config::default(),
        version: "1".into(),
        data: "ab".into(),
        ladder,
    }
}

fn claim_as(store: &mut Store, study: &Registered, worker: &str, lease_ms: i64, most: usize) -> Claim {
    let even = |one: usize, other: usize| one % 2 == other % 2;
    store.claim(study, &Wanted { worker, adapter: "none", lease_ms, most, alike: &even }).unwrap()
}

/// The one trial that `worker` gets.
fn one(store: &mut Store, study: &Registered, worker: &str, lease_ms: i64) -> Claimed {
    match claim_as(store, study, worker, lease_ms, 1) {
        Claim::Trials(mut trials) if trials.len() == 1 => trials.remove(0),
        other => panic!("{other:?}"),
    }
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
    let study = store.register(&study("climb", Ladder { trials: 9, eta: 3, rungs: 3 })).unwrap();
    assert_eq!(store.prospect(&study).unwrap(), Prospect::Open);
    let mut order = Vec::new();
    loop {
        match claim_as(store, &study, "a", LONG_MS, 1) {
            Claim::Trials(trials) => {
                let Claimed { lease, checkpoint } = &trials[0];
                assert_eq!(checkpoint.as_ref().map(|kept| kept.epoch), (lease.rung > 0).then_some(lease.rung));
                let delivery = store.finish(lease, &outcome((lease.trial * 7 % 9) as f64, lease.rung + 1));
                assert_eq!(delivery.unwrap(), Delivery::Accepted);
                order.push((lease.trial, lease.rung));
            }
            Claim::Finished => break,
            Claim::Nothing => panic!("nobody else is at work"),
        }
    }
    // Scores 0 7 5 | 3 1 8 | 6 4 2: whoever is promoted goes before a new one.
    let expected =
        [(0, 0), (1, 0), (2, 0), (1, 1), (3, 0), (4, 0), (5, 0), (5, 1), (6, 0), (7, 0), (8, 0), (6, 1), (5, 2)];
    assert_eq!(order, expected);
    assert_eq!((store.prospect(&study).unwrap(), store.results(&study).unwrap()), (Prospect::Finished, 13));
    let (rows, _) = store.table(&study).unwrap();
    assert!(rows.iter().all(|row| row.state == State::Paused && row.worker.is_none()));
}

fn an_expired_lease_goes_to_another_worker_with_the_checkpoint(store: &mut Store) {
    let study = store.register(&study("expiry", Ladder { trials: 1, eta: 2, rungs: 1 })).unwrap();
    let first = one(store, &study, "a", LONG_MS);
    assert_eq!((first.lease.fence, first.checkpoint), (1, None));
    assert_eq!(store.checkpoint(&first.lease, &checkpoint(5)).unwrap(), Delivery::Accepted);
    assert_eq!(claim_as(store, &study, "b", LONG_MS, 1), Claim::Nothing, "it is leased");
    let expire = |store: &mut Store| {
        assert_eq!(store.heartbeat("a", &[first.lease], 1).unwrap(), [Delivery::Accepted]);
        std::thread::sleep(Duration::from_millis(10));
    };
    expire(store);
    assert_eq!(store.heartbeat("a", &[first.lease], LONG_MS).unwrap(), [Delivery::Accepted]);
    assert_eq!(claim_as(store, &study, "b", LONG_MS, 1), Claim::Nothing, "it was renewed before anyone asked");
    expire(store);
    let second = one(store, &study, "b", LONG_MS);
    assert_eq!((second.lease.trial, second.lease.fence, second.checkpoint), (0, 2, Some(checkpoint(5))));

    assert_eq!(store.heartbeat("a", &[first.lease], LONG_MS).unwrap(), [Delivery::Refused]);
    assert_eq!(store.checkpoint(&first.lease, &checkpoint(6)).unwrap(), Delivery::Refused);
    assert_eq!(store.release(&first.lease).unwrap(), Delivery::Refused);
    assert_eq!(store.finish(&first.lease, &outcome(99.0, 9)).unwrap(), Delivery::Refused);
    assert_eq!(store.fail(&first.lease, "late").unwrap(), Delivery::Refused);
    assert_eq!(store.last_checkpoint(&study, 0).unwrap(), Some(checkpoint(5)));
    for _ in 0..2 {
        // The second time as if the first answer had been lost.
        assert_eq!(store.finish(&second.lease, &outcome(50.0, 9)).unwrap(), Delivery::Accepted);
    }
    assert_eq!(store.finish(&first.lease, &outcome(99.0, 9)).unwrap(), Delivery::Refused);
    let (_, results) = store.table(&study).unwrap();
    assert_eq!((results.len(), results[0].score), (1, 50.0));
}

fn a_trial_is_given_up_after_three_deaths_and_that_is_a_result(store: &mut Store) {
    let study = store.register(&study("deaths", Ladder { trials: 2, eta: 2, rungs: 2 })).unwrap();
    for death in 1..=3 {
        let claimed = one(store, &study, &format!("w{death}"), 1);
        assert_eq!((claimed.lease.trial, claimed.lease.fence), (0, death));
        std::thread::sleep(Duration::from_millis(10));
    }
    let other = one(store, &study, "w4", LONG_MS);
    assert_eq!(other.lease.trial, 1);
    let (rows, _) = store.table(&study).unwrap();
    assert_eq!(rows[0].state, State::Failed);
    assert!(rows[0].reason.as_ref().unwrap().contains("3 times"), "{rows:?}");
    store.finish(&other.lease, &outcome(f64::NAN, 1)).unwrap();
    // Both are as bad as can be: the place goes to the first, which has failed, and so ends the study.
    assert_eq!(claim_as(store, &study, "w4", LONG_MS, 1), Claim::Finished);
}

fn what_is_given_back_is_no_attempt_and_goes_first(store: &mut Store) {
    let study = store.register(&study("release", Ladder { trials: 3, eta: 3, rungs: 1 })).unwrap();
    for fence in 1..=5 {
        let claimed = one(store, &study, "a", LONG_MS);
        assert_eq!((claimed.lease.trial, claimed.lease.fence), (0, fence));
        store.checkpoint(&claimed.lease, &checkpoint(fence as usize)).unwrap();
        assert_eq!(store.release(&claimed.lease).unwrap(), Delivery::Accepted);
    }
    // Whoever asks again has lost what it had: a process started anew under the same name, or an answer that never came.
    let lost = one(store, &study, "a", LONG_MS);
    let again = one(store, &study, "a", LONG_MS);
    assert_eq!((again.lease.trial, again.lease.fence), (0, lost.lease.fence + 1));
    assert_eq!(again.checkpoint, Some(checkpoint(5)));
    assert_eq!(store.table(&study).unwrap().0[0].attempts, 1);
}

fn trials_that_are_alike_are_claimed_together(store: &mut Store) {
    let study = store.register(&study("together", Ladder { trials: 7, eta: 2, rungs: 2 })).unwrap();
    let claimed = |claim: Claim| match claim {
        Claim::Trials(trials) => trials.iter().map(|claimed| claimed.lease).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let numbers = |leases: &[weaklabel::store::Lease]| leases.iter().map(|lease| lease.trial).collect::<Vec<_>>();
    let even = claimed(claim_as(store, &study, "a", LONG_MS, 3));
    assert_eq!(numbers(&even), [0, 2, 4]);
    assert_eq!(numbers(&claimed(claim_as(store, &study, "b", LONG_MS, 9))), [1, 3, 5]);
    for lease in &even {
        store.finish(lease, &outcome(1.0, 1)).unwrap();
    }
    // Trial 6 is on the rung of the first; trials at another epoch are not alike either.
    assert_eq!(numbers(&claimed(claim_as(store, &study, "a", LONG_MS, 9))), [6]);
}

fn a_study_is_one_configuration_with_one_program_on_one_set_of_data(store: &mut Store) {
    let ladder = Ladder { trials: 4, eta: 2, rungs: 2 };
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
        (Study { ladder: Ladder { trials: 5, ..ladder }, ..own.clone() }, "another configuration"),
    ];
    for (study, expected) in cases {
        let error = store.register(&study).unwrap_err();
        assert!(error.to_string().contains(expected) && error.exit_code() == 3, "{error}");
    }
}

/// Sixteen workers at once, some of whom lose their leases: nothing is done twice and nothing is left.
fn many_workers_share_without_doing_anything_twice(location: &Location) {
    let ladder = Ladder { trials: 54, eta: 3, rungs: 3 };
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
                    // One worker in four is too slow for its lease the first time.
                    let slow = worker % 4 == 0 && dead == 0;
                    match claim_as(&mut store, study, &name, if slow { 20 } else { LONG_MS }, 2) {
                        Claim::Finished => break,
                        Claim::Nothing => std::thread::sleep(Duration::from_millis(5)),
                        Claim::Trials(trials) => {
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
    assert!(rows.iter().all(|row| row.state == State::Paused));
}

/// Workers and the study that they wait for may be started in the same moment, before the store has its tables.
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
    a_trial_is_given_up_after_three_deaths_and_that_is_a_result(&mut store);
    what_is_given_back_is_no_attempt_and_goes_first(&mut store);
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

/// An authority's certificate, and a server's for `host` that it has signed with the server's key, in PEM.
fn certificates(host: &str) -> [String; 3] {
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    [root.pem(), server.pem(), key.serialize_pem()]
}

#[test]
fn tls_is_used_where_the_server_has_it_and_trusts_only_a_known_authority() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    // A process of its own, because what it trusts is in the environment.
    let status = |mode: &str, roots: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weaklabel"));
        command.args(["status", "--json"]).env("WEAKLABEL_STORE", format!("{}?sslmode={mode}", server.url()));
        match roots {
            Some(path) => command.env("PGSSLROOTCERT", path),
            None => command.env_remove("PGSSLROOTCERT"),
        };
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains(postgres::SECRET), "{text}");
        (output.status.code(), text)
    };
    let refused = |(code, text): (Option<i32>, String), words: &[&str]| {
        assert!(code == Some(3) && words.iter().all(|word| text.contains(word)), "{code:?}: {text}");
    };
    let accepted = |(code, text): (Option<i32>, String)| assert_eq!(code, Some(0), "{text}");

    // Without TLS in the server, whoever insists on it gets nothing.
    accepted(status("prefer", None));
    refused(status("require", None), &["TLS"]);

    let [root, certificate, key] = certificates("127.0.0.1");
    server.insist_on_tls(&certificate, &key);
    let root = file("root.pem", &root);
    accepted(status("prefer", Some(&root)));
    accepted(status("require", Some(&root)));
    refused(status("disable", Some(&root)), &["no encryption"]);
    refused(status("require", None), &["UnknownIssuer", "PGSSLROOTCERT"]);
    let other = file("other.pem", &certificates("127.0.0.1")[0]);
    refused(status("require", Some(&other)), &["certificate", "PGSSLROOTCERT"]);
    refused(status("require", Some(&folder.path().join("none.pem"))), &["none.pem", "PGSSLROOTCERT"]);
    refused(status("require", Some(&file("empty.pem", ""))), &["empty.pem", "PGSSLROOTCERT"]);

    // A certificate for another host.
    let [root, certificate, key] = certificates("elsewhere.example");
    server.insist_on_tls(&certificate, &key);
    refused(status("require", Some(&file("root.pem", &root))), &["not valid for name"]);
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
