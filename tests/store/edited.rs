//! Stores that were edited by hand, written with a wrong clock, or made by an earlier version.

use rusqlite::Connection;
use weaklabel::experiments::store::fuzz::{MadeUpRows, Value, read_rows};

use super::*;

/// Makes a store with a study of nine trials on three rungs, and a connection to its file: trial 0 is paused on rung 1,
/// trials 1 and 2 on rung 0, and trial 3 is running.
fn begun(folder: &tempfile::TempDir) -> (Store, Registered, Connection) {
    let path = folder.path().join("store.sqlite");
    let mut store = Store::open(Location::File(path.clone())).unwrap();
    let study = store.register(&study("edited", SuccessiveHalving { trials: 9, eta: 3, rungs: 3 })).unwrap();
    for score in [30.0, 20.0, 10.0] {
        let claimed = one(&mut store, &study, "a", LONG_MS);
        store.finish(&claimed.lease, &outcome(score, 1)).unwrap();
    }
    let climbs = one(&mut store, &study, "a", LONG_MS);
    store.finish(&climbs.lease, &outcome(40.0, 2)).unwrap();
    assert_eq!((climbs.lease.trial, one(&mut store, &study, "a", LONG_MS).lease.trial), (0, 3));
    (store, study, Connection::open(path).unwrap())
}

#[test]
fn a_row_that_cannot_be_is_refused_with_its_table_row_and_column() {
    let cases = [
        (
            "weaklabel_studies SET kind = 'dance'",
            "row id = 1, column kind: \"dance\" is no kind of study, which is one of search, grid",
        ),
        ("weaklabel_studies SET eta = 0", "weaklabel_studies, row id = 1, column eta: must be an integer between 2"),
        ("weaklabel_studies SET eta = 4", "column eta: is 4, and the study's configuration makes it 3"),
        ("weaklabel_studies SET trials = 1000000000000", "column trials: must be an integer between 1"),
        ("weaklabel_studies SET rungs = 1000000000", "column rungs: must be an integer between 1"),
        ("weaklabel_studies SET config = '[search]'||char(10)||'trials = 0'", "column config: its configuration"),
        ("weaklabel_studies SET config = x'ff'", "column config: must be text, not 1 bytes"),
        ("weaklabel_studies SET name = x'6162'", "column name: must be text, not 2 bytes"),
        (
            "weaklabel_trials SET number = 9999 WHERE number = 2",
            "weaklabel_trials, row study = 1, number = 9999, column number: must be an integer between 0 and 8",
        ),
        (
            "weaklabel_trials SET number = -1 WHERE number = 2",
            "column number: must be an integer between 0 and 8, not -1",
        ),
        ("weaklabel_trials SET rung = 3 WHERE number = 2", "column rung: must be an integer between 0 and 2, not 3"),
        (
            "weaklabel_trials SET rung = 2 WHERE number = 2",
            "number = 2, column rung: it is paused on rung 2, and the rungs with a result are: 0",
        ),
        ("weaklabel_trials SET state = 'dancing' WHERE number = 2", "column state: \"dancing\" is no state of a trial"),
        (
            "weaklabel_trials SET state = 'interrupted' WHERE number = 2",
            "it is interrupted on rung 0, and the rungs with a result are: 0",
        ),
        (
            "weaklabel_trials SET state = 'paused' WHERE number = 3",
            "it is paused on rung 0, and the rungs with a result are: none",
        ),
        ("weaklabel_trials SET fence = 'x' WHERE number = 2", "column fence: must be an integer from 0 on, not \"x\""),
        ("weaklabel_trials SET epoch = 1.5 WHERE number = 2", "column epoch: must be an integer"),
        (
            "weaklabel_trials SET failures = -1 WHERE number = 2",
            "column failures: must be an integer from 0 on, not -1",
        ),
        (
            "weaklabel_trials SET worker = NULL WHERE number = 3",
            "number = 3, column worker: is missing, and the trial is running",
        ),
        ("weaklabel_trials SET lease_until_ms = NULL WHERE number = 3", "column lease_until_ms: is missing"),
        ("weaklabel_trials SET lease_ms = NULL WHERE number = 3", "column lease_ms: must be between 1 and 86400000"),
        (
            "weaklabel_results SET score = 'good' WHERE number = 2",
            "weaklabel_results, row study = 1, number = 2, rung = 0, column score: must be a score",
        ),
        (
            "weaklabel_results SET score = 1e300 WHERE number = 2",
            "column score: must be a score between 0 and 100 %, or -inf, not 1e300",
        ),
        (
            "weaklabel_results SET rung = 2 WHERE number = 2",
            "number = 2, column rung: it is paused on rung 0, and the rungs with a result are: 2",
        ),
        (
            "weaklabel_results SET number = 8 WHERE number = 2",
            "number = 2, column rung: it is paused on rung 0, and the rungs with a result are: none",
        ),
        (
            "weaklabel_schema SET version = -1",
            "weaklabel_schema, row version = -1, column version: must be an integer from 1 on",
        ),
    ];
    for (change, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (store, study, connection) = begun(&folder);
        let location = store.location().clone();
        drop(store);
        connection.execute(&format!("UPDATE {change}"), []).unwrap();
        let mut found = Vec::new();
        match Store::open(location) {
            Err(error) => found.push(error),
            Ok(mut store) => {
                let wanted =
                    Wanted { worker: "b", adapter: "none", lease_ms: LONG_MS, most: 1, are_compatible: &|_, _| true };
                found.extend(store.studies().err());
                found.extend(store.table(&study).err());
                found.extend(store.claim(&study, &wanted).err());
                found.extend(store.prospect(&study).err());
            }
        }
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(shown.iter().any(|message| message.contains(expected)), "{change}: {shown:?}");
        assert!(found.iter().all(|error| error.exit_code() == 3), "{change}");
    }
}

#[test]
fn a_result_without_a_trial_and_what_only_the_report_reads_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, study, connection) = begun(&folder);
    connection.execute("DELETE FROM weaklabel_trials WHERE number = 1", []).unwrap();
    let error = store.table(&study).unwrap_err().to_string();
    assert!(error.contains("number = 1, column rung: there is a result of this trial, and no row"), "{error}");
    connection.execute("DELETE FROM weaklabel_results WHERE number = 1", []).unwrap();
    assert!(store.table(&study).is_ok());
    connection.execute("UPDATE weaklabel_results SET seconds = -1.0 WHERE number = 2", []).unwrap();
    let error = store.table(&study).unwrap_err().to_string();
    assert!(error.contains("column seconds: must be seconds from 0 on, not -1.0"), "{error}");
    connection.execute("UPDATE weaklabel_workers SET seen_ms = -9223372036854775808", []).unwrap();
    let error = store.workers().unwrap_err().to_string();
    assert!(error.contains("weaklabel_workers, row name = \"a\", column seen_ms"), "{error}");
}

#[test]
fn a_checkpoint_that_cannot_be_read_goes_to_its_trial_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, study, connection) = begun(&folder);
    connection.execute("UPDATE weaklabel_checkpoints SET bytes = 'not bytes' WHERE number = 0", []).unwrap();
    store.release(&Lease { study: study.id, trial: 3, rung: 0, fence: 1 }).unwrap();
    connection.execute("UPDATE weaklabel_trials SET state = 'interrupted', rung = 1 WHERE number = 0", []).unwrap();
    connection.execute("DELETE FROM weaklabel_results WHERE number = 0 AND rung = 1", []).unwrap();
    let claimed = one(&mut store, &study, "b", LONG_MS);
    assert_eq!(claimed.lease.trial, 0);
    let reason = claimed.checkpoint.unwrap_err();
    assert!(
        reason.contains("weaklabel_checkpoints, row study = 1, number = 0, column bytes: must be bytes"),
        "{reason}"
    );
    store.fail(&claimed.lease, Failure::Checkpoint, &reason).unwrap();
    assert_eq!(one(&mut store, &study, "b", LONG_MS).lease.trial, 3, "the others go first");
}

#[test]
fn a_lease_that_a_wrong_clock_gave_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, study, connection) = begun(&folder);
    let shift = |ms: i64| {
        let sql = "UPDATE weaklabel_trials SET lease_until_ms = lease_until_ms + ?1 WHERE number = 3";
        assert_eq!(connection.execute(sql, [ms]).unwrap(), 1);
    };
    let held = |store: &mut Store| store.holdings(&study).unwrap().len();
    assert_eq!(held(&mut store), 1);
    shift(LONG_MS / 2);
    assert_eq!(held(&mut store), 1, "a clock may be off by less than a lease");
    shift(24 * 3_600_000);
    assert_eq!(held(&mut store), 0, "a lease of an hour does not end in a day");
    let taken = one(&mut store, &study, "b", LONG_MS);
    assert_eq!((taken.lease.trial, taken.lease.fence), (3, 2));
}

/// Tables as the first version made them, with one running trial.
const FIRST: &str = "
    CREATE TABLE weaklabel_schema (version BIGINT NOT NULL);
    INSERT INTO weaklabel_schema VALUES (1);
    CREATE TABLE weaklabel_studies (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, config TEXT NOT NULL,
        version TEXT NOT NULL, data TEXT NOT NULL, trials BIGINT NOT NULL, eta BIGINT NOT NULL, rungs BIGINT NOT NULL,
        created_ms BIGINT NOT NULL);
    INSERT INTO weaklabel_studies VALUES (1, 'old', 'search', '', '1', 'ab', 60, 3, 4, 0);
    CREATE TABLE weaklabel_trials (study BIGINT NOT NULL REFERENCES weaklabel_studies (id), number BIGINT NOT NULL,
        rung BIGINT NOT NULL, state TEXT NOT NULL, attempts BIGINT NOT NULL, fence BIGINT NOT NULL, worker TEXT,
        lease_until_ms BIGINT, epoch BIGINT NOT NULL, reason TEXT, PRIMARY KEY (study, number));
    INSERT INTO weaklabel_trials VALUES (1, 0, 0, 'running', 2, 7, 'w', 1, 0, NULL);
    INSERT INTO weaklabel_trials VALUES (1, 1, 0, 'failed', 3, 3, NULL, NULL, 0, 'its worker died or fell silent 3 times');
    CREATE TABLE weaklabel_results (study BIGINT NOT NULL REFERENCES weaklabel_studies (id), number BIGINT NOT NULL,
        rung BIGINT NOT NULL, fence BIGINT NOT NULL, score DOUBLE PRECISION NOT NULL, details TEXT NOT NULL,
        worker TEXT NOT NULL, adapter TEXT NOT NULL, seconds DOUBLE PRECISION NOT NULL, finished_ms BIGINT NOT NULL,
        PRIMARY KEY (study, number, rung));
    CREATE TABLE weaklabel_checkpoints (study BIGINT NOT NULL REFERENCES weaklabel_studies (id), number BIGINT NOT NULL,
        bytes BYTEA NOT NULL, details TEXT NOT NULL, PRIMARY KEY (study, number));
    CREATE TABLE weaklabel_workers (name TEXT PRIMARY KEY, adapter TEXT NOT NULL, seen_ms BIGINT NOT NULL);
";

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.sqlite");
    Connection::open(&path).unwrap().execute_batch(FIRST).unwrap();
    for _ in 0..2 {
        let mut store = Store::open(Location::File(path.clone())).unwrap();
        let study = store.studies().unwrap().remove(0);
        let rows = store.trials(&study).unwrap();
        let states: Vec<_> = rows.iter().map(|row| (row.state, row.failures, row.deaths, row.fence)).collect();
        assert_eq!(states, [(TrialState::Running, 0, 0, 7), (TrialState::Failed, 0, 0, 3)]);
        assert!(store.holdings(&study).unwrap().is_empty(), "its lease has ended");
    }
}

#[test]
fn made_up_rows_are_read_as_those_of_a_database() {
    read_rows(&MadeUpRows::default()).unwrap();
    let study: Vec<Value> = vec![
        1_i64.into(),
        "made up".into(),
        "search".into(),
        "".into(),
        "1".into(),
        "ab".into(),
        60_i64.into(),
        3_i64.into(),
        4_i64.into(),
    ];
    let trial = |state: &str| -> Vec<Value> {
        let [zero, until] = [0_i64.into(), i64::MAX.into()];
        let counts = [1_i64.into(), 5_i64.into(), Value::Integer(0)];
        let [study, number, rung] = counts;
        let text = [Value::from("w"), until, Value::Integer(1000), zero, Value::Null];
        [study, number, rung, state.into(), Value::Integer(0), Value::Integer(i64::MAX), Value::Integer(1)]
            .into_iter()
            .chain(text)
            .collect()
    };
    let rows = MadeUpRows { schema: vec![vec![2_i64.into()]], studies: vec![study], ..MadeUpRows::default() };
    read_rows(&MadeUpRows { trials: vec![trial("running")], ..rows.clone() }).unwrap();
    let error = read_rows(&MadeUpRows { trials: vec![trial("paused")], ..rows.clone() }).unwrap_err();
    assert!(error.to_string().contains("number = 5, column rung"), "{error}");
    let error = read_rows(&MadeUpRows { workers: vec![vec![Value::Null]], ..rows }).unwrap_err();
    assert!(error.to_string().contains("weaklabel_workers, row name = NULL, column name"), "{error}");
}
