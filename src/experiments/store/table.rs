//! Reading of a study's tables: the progress of every trial, the results, and the workers. Invalid rows are refused.

use super::engine::Transaction;
use super::row::{Columns, Invalid, Row, refused};
use super::{ALL_STUDIES, Registered, Store};
use crate::experiments::search::{SuccessiveHalving, TrialState};
use crate::{Error, Result};

/// Longest lease, in milliseconds.
pub const LONGEST_LEASE_MS: i64 = 86_400_000;

const TRIALS: Columns = Columns {
    table: "weaklabel_trials",
    names: &[
        "study",
        "number",
        "rung",
        "state",
        "failures",
        "deaths",
        "fence",
        "worker",
        "lease_until_ms",
        "lease_ms",
        "epoch",
        "reason",
    ],
    key: 2,
};
const RESULTS: Columns = Columns {
    table: "weaklabel_results",
    names: &["study", "number", "rung", "score", "details", "worker", "adapter", "seconds"],
    key: 3,
};
/// The columns of results that claims need.
const SCORES: Columns = Columns { table: "weaklabel_results", names: &["study", "number", "rung", "score"], key: 3 };
const WORKERS: Columns = Columns { table: "weaklabel_workers", names: &["name", "adapter", "seen_ms"], key: 1 };

/// The row of a started trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Number of the trial.
    pub number: usize,
    /// Rung of the trial.
    pub rung: usize,
    /// State of the trial.
    pub state: TrialState,
    /// Number of failures on this rung.
    pub failures: usize,
    /// Number of workers that died in succession with the trial on this rung, without a kept epoch.
    pub deaths: usize,
    /// Number of the trial's last lease.
    pub fence: i64,
    /// Name of the worker that holds the lease.
    pub worker: Option<String>,
    /// End of the lease, in milliseconds since 1970 by the database's clock; 0 without a lease.
    pub lease_until_ms: i64,
    /// Duration of the lease from each renewal, in milliseconds; 0 without a lease.
    pub lease_ms: i64,
    /// Number of epochs of the trial's checkpoint; 0 without one.
    pub epoch: usize,
    /// Reason of the last failure.
    pub reason: Option<String>,
}

impl TrialRow {
    /// Returns the milliseconds from `now_ms` until the lease ends, `None` when there is no lease or it has ended.
    ///
    /// Each renewal extends the lease by its duration, counted from the time of the renewal. A lease that ends later
    /// than twice its duration from now was given while the clock was wrong, and counts as ended.
    pub fn lease_ends_in_ms(&self, now_ms: i64) -> Option<i64> {
        let rest = self.lease_until_ms.saturating_sub(now_ms);
        let believed = 0..=self.lease_ms.saturating_mul(2);
        (self.state == TrialState::Running && believed.contains(&rest)).then_some(rest)
    }
}

/// The result of a trial on a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// Number of the trial.
    pub number: usize,
    /// The rung.
    pub rung: usize,
    /// Score that trials are compared by, in %; −∞ where training yielded nothing to compare.
    pub score: f64,
    /// The worker's further details of the result, in JSON.
    pub details: String,
    /// Name of the worker.
    pub worker: String,
    /// The worker's GPU adapter.
    pub adapter: String,
    /// Time spent on the rung, in seconds.
    pub seconds: f64,
}

/// The score of a trial on a rung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RungScore {
    /// Number of the trial.
    pub number: usize,
    /// The rung.
    pub rung: usize,
    /// Score that trials are compared by, in %.
    pub score: f64,
}

/// A worker that the store has a record of.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRow {
    /// Name of the worker.
    pub name: String,
    /// The worker's GPU adapter.
    pub adapter: String,
    /// Time since the worker's last contact with the store, in seconds.
    pub silent_s: f64,
}

impl Store {
    /// Returns the trials of a study that were started, by number, and their results, by number and rung.
    ///
    /// # Errors
    /// [`crate::Error::Store`], also for an invalid row, with its table, key and column.
    pub fn table(&mut self, study: &Registered) -> Result<(Vec<TrialRow>, Vec<ResultRow>)> {
        self.transaction(study.id, |tx| {
            let halving = study.study.halving;
            let trials = trials(tx, study)?;
            let results = RESULTS.read(tx, OF_STUDY, &[study.id.into()], |row| result(row, halving))?;
            let places: Vec<_> = results.iter().map(|result| (result.number, result.rung)).collect();
            match_up(&trials, &places).map_err(|reason| refused_of(tx, study.id, reason))?;
            Ok((trials, results))
        })
    }

    /// Returns the trials of a study that were started, by number.
    ///
    /// # Errors
    /// The errors of [`Store::table`].
    pub fn trials(&mut self, study: &Registered) -> Result<Vec<TrialRow>> {
        self.transaction(study.id, |tx| Ok(begun(tx, study)?.0))
    }

    /// Returns the number of results in a study.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn results(&mut self, study: &Registered) -> Result<usize> {
        self.transaction(study.id, |tx| Ok(scores(tx, study)?.len()))
    }

    /// Makes the error for a result whose details cannot be read, with the reason.
    pub fn refused_details(&self, study: &Registered, result: &ResultRow, reason: &str) -> Error {
        let (id, ResultRow { number, rung, .. }) = (study.id, result);
        let row =
            format!("table weaklabel_results, row study = {id}, number = {number}, rung = {rung}, column details");
        refused(&self.location().to_string(), format!("{row}: {reason}"))
    }

    /// Returns all workers that the store has a record of, the most recently seen first.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn workers(&mut self) -> Result<Vec<WorkerRow>> {
        self.transaction(ALL_STUDIES, |tx| {
            let now = tx.now_ms()?;
            WORKERS.read(tx, "ORDER BY seen_ms DESC, name", &[], |row| worker(row, now))
        })
    }
}

const OF_STUDY: &str = "WHERE study = $1 ORDER BY number, rung";

/// Returns the trials of a study that were started and the scores of their results, after checking that they match.
pub(super) fn begun(tx: &mut dyn Transaction, study: &Registered) -> Result<(Vec<TrialRow>, Vec<RungScore>)> {
    let (trials, scores) = (trials(tx, study)?, scores(tx, study)?);
    let places: Vec<_> = scores.iter().map(|score| (score.number, score.rung)).collect();
    match_up(&trials, &places).map_err(|reason| refused_of(tx, study.id, reason))?;
    Ok((trials, scores))
}

fn trials(tx: &mut dyn Transaction, study: &Registered) -> Result<Vec<TrialRow>> {
    TRIALS.read(tx, OF_STUDY, &[study.id.into()], |row| trial(row, study.study.halving))
}

fn scores(tx: &mut dyn Transaction, study: &Registered) -> Result<Vec<RungScore>> {
    SCORES.read(tx, OF_STUDY, &[study.id.into()], |row| score(row, study.study.halving))
}

fn trial(row: &mut Row, halving: SuccessiveHalving) -> Result<TrialRow, Invalid> {
    row.integer(0..=i64::MAX)?;
    let (number, rung) = place(row, halving)?;
    let name = row.text()?;
    let Some(state) = TrialState::ALL.into_iter().find(|state| state.name() == name) else {
        let names = TrialState::ALL.map(TrialState::name).join(", ");
        return row.refuse(None, format!("{name:?} is no state of a trial, which is one of {names}"));
    };
    let read = TrialRow {
        number,
        rung,
        state,
        failures: row.count(usize::MAX)?,
        deaths: row.count(usize::MAX)?,
        fence: row.integer(0..=i64::MAX - 1)?,
        worker: row.optional_text()?,
        lease_until_ms: row.optional_integer()?.unwrap_or(0),
        lease_ms: row.optional_integer()?.unwrap_or(0),
        epoch: row.count(usize::MAX)?,
        reason: row.optional_text()?,
    };
    let leased = [("worker", read.worker.is_some()), ("lease_until_ms", read.lease_until_ms > 0)];
    if let Some((column, _)) = leased.into_iter().find(|(_, given)| state == TrialState::Running && !given) {
        return row.refuse(Some(column), "is missing, and the trial is running".into());
    }
    if state == TrialState::Running && !(1..=LONGEST_LEASE_MS).contains(&read.lease_ms) {
        let reason =
            format!("must be between 1 and {LONGEST_LEASE_MS} while the trial is running, not {}", read.lease_ms);
        return row.refuse(Some("lease_ms"), reason);
    }
    Ok(read)
}

fn result(row: &mut Row, halving: SuccessiveHalving) -> Result<ResultRow, Invalid> {
    let RungScore { number, rung, score } = score(row, halving)?;
    Ok(ResultRow {
        number,
        rung,
        score,
        details: row.text()?,
        worker: row.text()?,
        adapter: row.text()?,
        seconds: row.real("seconds from 0 on", |seconds| seconds >= 0.0 && seconds.is_finite())?,
    })
}

fn score(row: &mut Row, halving: SuccessiveHalving) -> Result<RungScore, Invalid> {
    row.integer(0..=i64::MAX)?;
    let (number, rung) = place(row, halving)?;
    let allowed = |score: f64| score == f64::NEG_INFINITY || (0.0..=100.0).contains(&score);
    Ok(RungScore { number, rung, score: row.real("a score between 0 and 100 %, or -inf", allowed)? })
}

/// Reads the number and the rung of a trial.
fn place(row: &mut Row, halving: SuccessiveHalving) -> Result<(usize, usize), Invalid> {
    Ok((row.count(halving.trials - 1)?, row.count(halving.rungs - 1)?))
}

fn worker(row: &mut Row, now_ms: i64) -> Result<WorkerRow, Invalid> {
    let (name, adapter, seen_ms) = (row.text()?, row.text()?, row.integer(0..=i64::MAX)?);
    Ok(WorkerRow { name, adapter, silent_s: now_ms.saturating_sub(seen_ms).max(0) as f64 / 1e3 })
}

fn refused_of(tx: &dyn Transaction, study: i64, (number, reason): (usize, String)) -> Error {
    let reason = format!("table weaklabel_trials, row study = {study}, number = {number}, column rung: {reason}");
    refused(tx.store(), reason)
}

/// Checks that a trial has a result on every rung below its own, on its own exactly when it is paused there, and on
/// none above. Both lists are ordered by number and rung. The error holds the trial's number and the reason.
fn match_up(trials: &[TrialRow], results: &[(usize, usize)]) -> Result<(), (usize, String)> {
    let mut rest = results;
    for trial in trials {
        let expected = trial.rung + usize::from(trial.state == TrialState::Paused);
        let found = rest.iter().take_while(|(number, _)| *number == trial.number).count();
        if let Some(other) = rest.first().filter(|(number, _)| *number < trial.number) {
            return Err((other.0, "there is a result of this trial, and no row".into()));
        }
        let whole = found == expected && rest[..found].iter().enumerate().all(|(rung, result)| result.1 == rung);
        if !whole {
            let rungs: Vec<String> = rest[..found].iter().map(|(_, rung)| rung.to_string()).collect();
            let rungs = if rungs.is_empty() { "none".into() } else { rungs.join(", ") };
            let (state, rung) = (trial.state.name(), trial.rung);
            return Err((
                trial.number,
                format!("it is {state} on rung {rung}, and the rungs with a result are: {rungs}"),
            ));
        }
        rest = &rest[found..];
    }
    match rest.first() {
        Some((number, _)) => Err((*number, "there is a result of this trial, and no row".into())),
        None => Ok(()),
    }
}
