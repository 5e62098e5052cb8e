//! `weaklabel status` of a folder.

use std::fs;
use std::path::Path;

use serde_json::Value;
use weaklabel::config::{Config, read_config, to_toml};
use weaklabel::experiments::search::halving;
use weaklabel::experiments::store::{ClaimOutcome, Location, Store, Study, StudyKind, Wanted};

use crate::support::program::{run, run_in};

/// A search of three trials in `folder` with its own store.
fn search(folder: &Path) -> (Store, weaklabel::experiments::store::Registered) {
    let config = read_config(&[], &["search.trials=3".into(), "search.rungs=1".into()]).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("search.toml"), to_toml(&config).unwrap()).unwrap();
    let mut store = Store::open(Location::within(folder)).unwrap();
    let study = Study {
        name: "mine".into(),
        kind: StudyKind::Search,
        halving: halving(&config.search),
        config,
        version: "1".into(),
        data: "ab".into(),
    };
    let study = store.register(&study).unwrap();
    (store, study)
}

fn claim(store: &mut Store, study: &weaklabel::experiments::store::Registered, worker: &str) {
    let wanted = Wanted { worker, adapter: "none", lease_ms: 600_000, most: 1, are_compatible: &|_, _| true };
    assert!(matches!(store.claim(study, &wanted).unwrap(), ClaimOutcome::Trials(_)));
}

#[test]
fn the_folder_of_a_search_names_its_own_store_and_workers_that_ended_are_left_out() {
    let place = tempfile::tempdir().unwrap();
    let (mut store, study) = search(&place.path().join("out"));
    claim(&mut store, &study, "busy");
    claim(&mut store, &study, "ended");
    let workers = || {
        let (code, text, errors) = run_in(place.path(), "status out --json");
        assert_eq!(code, 0, "{errors}");
        let state: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(state["studies"][0]["name"], "mine");
        let names =
            state["workers"].as_array().unwrap().iter().map(|worker| worker["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let mut both = workers();
    both.sort();
    assert_eq!(both, ["busy", "ended"]);
    store.forget_worker("ended");
    assert_eq!(workers(), ["busy"]);
    // The store's own path shows the state that its folder shows.
    let (_, text, _) = run_in(place.path(), "status out");
    assert!(text.contains("mine") && text.contains("0 of 3") && text.contains("busy"), "{text}");
    assert!(run_in(place.path(), "status --store out/store.sqlite").1.contains("0 of 3"));
}

#[test]
fn the_folder_of_a_study_shows_its_cells() {
    let place = tempfile::tempdir().unwrap();
    let study = place.path().join("study");
    fs::create_dir_all(study.join("cells/waa-triplets-1s")).unwrap();
    fs::write(study.join("study.toml"), to_toml(&Config::default()).unwrap()).unwrap();
    let (code, text, errors) = run_in(place.path(), "status study");
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("0 of 18 cells finished"), "{text}");
    let state =
        |cell: &str| text.lines().find(|line| line.starts_with(cell)).unwrap().split_whitespace().last().unwrap();
    assert_eq!((state("waa-triplets-1s"), state("waa-classifier-1s")), ("begun", "open"));
    let (_, text, _) = run_in(place.path(), "status study --json");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["studies"][0]["cells"].as_array().unwrap().len(), 18);
}

#[test]
fn a_folder_that_is_neither_is_refused_and_none_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    for (words, code, answer) in
        [(".", 3, "neither a search nor a study"), ("nowhere", 3, "no such folder"), ("", 2, "--store")]
    {
        let (found, _, errors) = run_in(place.path(), &format!("status {words}"));
        assert!(found == code && errors.contains(answer), "{words}: {errors}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "a store was made");
    fs::write(place.path().join("search.toml"), "").unwrap();
    let (code, _, errors) = run_in(place.path(), "status .");
    assert!(code == 3 && errors.contains("name it with --store"), "{errors}");
    assert!(run("status --help").1.contains("weaklabel status search"));
}
