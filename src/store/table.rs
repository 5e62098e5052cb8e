//! What a study's tables say: how far every trial is, its results, and who works on it. A row that cannot be is refused.

use super::engine::Transaction;
use super::row::{Columns, Invalid, Row, refused};
use super::{ALL_STUDIES, Registered, Store};
use crate::search::SuccessiveHalving;
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
/// Of the results what claims need.
const SCORES: Columns = Columns { table: "weaklabel_results", names: &["study", "number", "rung", "score"], key: 3 };
const WORKERS: Columns = Columns { table: "weaklabel_workers", names: &["name", "adapter", "seen_ms"], key: 1 };

/// What becomes of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialState {
    /// A worker trains it.
    Running,
    /// Between two epochs; its worker had to go, or failed at it.
    Interrupted,
    /// It has a result on its rung.
    Paused,
    /// It is given up.
    Failed,
}

impl TrialState {
    const ALL: [Self; 4] = [Self::Running, Self::Interrupted, Self::Paused, Self::Failed];

    /// Its name in the store and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }
}

/// A trial that was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Its number.
    pub number: usize,
    /// The rung it is on.
    pub rung: usize,
    /// What becomes of it.
    pub state: TrialState,
    /// How often it failed on this rung.
    pub failures: usize,
    /// How many workers died with it on this rung, one after the other, without an epoch that is kept.
    pub deaths: usize,
    /// The number of its last lease.
    pub fence: i64,
    /// Who holds the lease.
    pub worker: Option<String>,
    /// When the lease ends, in the database's milliseconds since 1970; 0 without a lease.
    pub lease_until_ms: i64,
    /// How long the lease lasts each time it is renewed, in milliseconds; 0 without a lease.
    pub lease_ms: i64,
    /// Epochs of its checkpoint; 0 without one.
    pub epoch: usize,
    /// Why it failed the last time.
    pub reason: Option<String>,
}

impl TrialRow {
    /// Milliseconds at time `now_ms` until the lease ends; nothing when there is none, or it has ended.
    ///
    /// A lease is renewed for its length from now on. One that ends later than in twice its length was given while the clock
    /// was wrong: it counts as ended.
    pub fn lease_ends_in_ms(&self, now_ms: i64) -> Option<i64> {
        let rest = self.lease_until_ms.saturating_sub(now_ms);
        let believed = 0..=self.lease_ms.saturating_mul(2);
        (self.state == TrialState::Running && believed.contains(&rest)).then_some(rest)
    }
}

/// What a trial achieved on a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// The trial.
    pub number: usize,
    /// The rung.
    pub rung: usize,
    /// What trials are compared by, in %; −∞ where training brought nothing that can be compared.
    pub score: f64,
    /// What else its worker has to say, in JSON.
    pub details: String,
    /// The worker.
    pub worker: String,
    /// Its adapter.
    pub adapter: String,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The score of a trial on a rung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RungScore {
    /// The trial.
    pub number: usize,
    /// The rung.
    pub rung: usize,
    /// What trials are compared by.
    pub score: f64,
}

/// A worker that was heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerRow {
    /// Its name.
    pub name: String,
    /// Its adapter.
    pub adapter: String,
    /// Seconds since it was last heard of.
    pub silent_s: f64,
}

impl Store {
    /// The trials of a study that were begun, by number, and their results, by number and rung.
    ///
    /// # Errors
    /// [`crate::Error::Store`], also for a row that cannot be, with its table, key and column.
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

    /// The trials of a study that were begun, by number.
    ///
    /// # Errors
    /// As [`Store::table`].
    pub fn trials(&mut self, study: &Registered) -> Result<Vec<TrialRow>> {
        self.transaction(study.id, |tx| Ok(begun(tx, study)?.0))
    }

    /// Results there are in a study.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn results(&mut self, study: &Registered) -> Result<usize> {
        self.transaction(study.id, |tx| Ok(scores(tx, study)?.len()))
    }

    /// That what `result` says beside its score cannot be read, for this reason.
    pub fn refused_details(&self, study: &Registered, result: &ResultRow, reason: &str) -> Error {
        let (id, ResultRow { number, rung, .. }) = (study.id, result);
        let row =
            format!("table weaklabel_results, row study = {id}, number = {number}, rung = {rung}, column details");
        refused(&self.location().to_string(), format!("{row}: {reason}"))
    }

    /// All workers that the store has heard of, last first.
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

/// The trials of a study that were begun and the scores of their results, which belong together.
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

/// Number and rung of a trial.
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

/// Checks that a trial has a result on every rung below its own, on its own exactly when it is paused there, and on none above;
/// both lists are in the order of numbers and rungs. Otherwise the trial's number, and what is wrong.
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
