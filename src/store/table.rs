//! What a study's tables say: how far every trial is, its results, and who works on it.

use super::engine::{Row, Transaction};
use super::{ALL_STUDIES, Registered, Store};
use crate::Result;

/// What becomes of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A worker trains it.
    Running,
    /// Between two epochs; its worker had to go.
    Interrupted,
    /// It has a result on its rung.
    Paused,
    /// It is given up.
    Failed,
}

impl State {
    /// Its name in the store and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Self {
        [Self::Running, Self::Interrupted, Self::Paused].into_iter().find(|s| s.name() == name).unwrap_or(Self::Failed)
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
    pub state: State,
    /// How often a worker began this rung of it and did not give it back.
    pub attempts: usize,
    /// The number of its last lease.
    pub fence: i64,
    /// Who holds the lease.
    pub worker: Option<String>,
    /// When the lease ends, in the database's milliseconds since 1970.
    pub lease_until_ms: i64,
    /// Epochs of its checkpoint; 0 without one.
    pub epoch: usize,
    /// Why it failed.
    pub reason: Option<String>,
}

/// What a trial achieved on a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// The trial.
    pub number: usize,
    /// The rung.
    pub rung: usize,
    /// What trials are compared by.
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
    /// [`crate::Error::Store`].
    pub fn table(&mut self, study: &Registered) -> Result<(Vec<TrialRow>, Vec<ResultRow>)> {
        self.transaction(study.id, |tx| Ok((trials(tx, study.id)?, results(tx, study.id)?)))
    }

    /// Results there are in a study.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn results(&mut self, study: &Registered) -> Result<usize> {
        self.transaction(study.id, |tx| {
            let sql = "SELECT count(*) FROM weaklabel_results WHERE study = $1";
            Ok(tx.query(sql, &[study.id.into()])?.into_iter().next().map_or(0, |mut row| row.count()))
        })
    }

    /// All workers that the store has heard of, last first.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn workers(&mut self) -> Result<Vec<WorkerRow>> {
        self.transaction(ALL_STUDIES, |tx| {
            let now = tx.now_ms()?;
            let sql = "SELECT name, adapter, seen_ms FROM weaklabel_workers ORDER BY seen_ms DESC, name";
            let worker = |mut row: Row| WorkerRow {
                name: row.text().unwrap_or_default(),
                adapter: row.text().unwrap_or_default(),
                silent_s: (now - row.integer()).max(0) as f64 / 1e3,
            };
            Ok(tx.query(sql, &[])?.into_iter().map(worker).collect())
        })
    }
}

pub(super) fn trials(tx: &mut dyn Transaction, study: i64) -> Result<Vec<TrialRow>> {
    let sql = "SELECT number, rung, state, attempts, fence, worker, lease_until_ms, epoch, reason FROM weaklabel_trials \
               WHERE study = $1 ORDER BY number";
    let trial = |mut row: Row| TrialRow {
        number: row.count(),
        rung: row.count(),
        state: State::named(&row.text().unwrap_or_default()),
        attempts: row.count(),
        fence: row.integer(),
        worker: row.text(),
        lease_until_ms: row.integer(),
        epoch: row.count(),
        reason: row.text(),
    };
    Ok(tx.query(sql, &[study.into()])?.into_iter().map(trial).collect())
}

fn results(tx: &mut dyn Transaction, study: i64) -> Result<Vec<ResultRow>> {
    let sql = "SELECT number, rung, score, details, worker, adapter, seconds FROM weaklabel_results WHERE study = $1 \
               ORDER BY number, rung";
    let result = |mut row: Row| ResultRow {
        number: row.count(),
        rung: row.count(),
        score: row.real(),
        details: row.text().unwrap_or_default(),
        worker: row.text().unwrap_or_default(),
        adapter: row.text().unwrap_or_default(),
        seconds: row.real(),
    };
    Ok(tx.query(sql, &[study.into()])?.into_iter().map(result).collect())
}

/// The score of every result, as (trial, rung, score).
pub(super) fn scores(tx: &mut dyn Transaction, study: i64) -> Result<Vec<(usize, usize, f64)>> {
    let sql = "SELECT number, rung, score FROM weaklabel_results WHERE study = $1";
    Ok(tx.query(sql, &[study.into()])?.into_iter().map(|mut row| (row.count(), row.count(), row.real())).collect())
}
