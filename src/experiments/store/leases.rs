//! Operations of a lease's holder: renew the lease, keep a checkpoint, deliver a result, give the trial back, report a
//! failure. Every statement names the lease's fence; a statement that changes no row came after the lease was lost, and
//! is refused.

use super::engine::{Transaction, Value};
use super::row::{Columns, Row};
use super::{ALL_STUDIES, Registered, Store};
use crate::Result;
use crate::experiments::search::TrialState;

/// Number of failures on one rung after which a trial is given up.
pub(super) const FAILURES: usize = 3;
/// Number of workers that die in succession with a trial, without a kept epoch, after which the trial is given up.
pub(super) const DEATHS: usize = 10;

/// The right to train a trial up to a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The study's number.
    pub study: i64,
    /// The trial.
    pub trial: usize,
    /// The rung.
    pub rung: usize,
    /// Number of the lease; every new lease of a trial has a higher one.
    pub fence: i64,
}

/// The store's answer to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The store took the delivery.
    Accepted,
    /// The lease has ended, and another worker has or had the trial since.
    Refused,
}

/// The result of a rung, with the checkpoint that it was computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Score that trials are compared by, in %. The store keeps NaN as −∞.
    pub score: f64,
    /// Further details of the result, in JSON.
    pub details: String,
    /// The worker's name.
    pub worker: String,
    /// The worker's GPU adapter.
    pub adapter: String,
    /// Time spent on the rung, in seconds.
    pub seconds: f64,
    /// The checkpoint from which the next rung resumes, `None` on the last rung.
    pub checkpoint: Option<Checkpoint>,
}

/// A checkpoint from which a trial resumes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// Number of epochs done.
    pub epoch: usize,
    /// Serialised training state of the trial's models.
    pub bytes: Vec<u8>,
    /// The worker's record of the epochs done, in JSON.
    pub details: String,
}

/// The kind of a trial's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A failure that would repeat every time, such as a diverging loss: the trial is given up.
    Lasting,
    /// A failure that may not repeat. The trial is given up after three of them.
    Passing,
    /// A damaged checkpoint. The trial starts again from the beginning and reaches the same bits. It counts like
    /// [`Failure::Passing`].
    Checkpoint,
    /// The worker lost its device. It counts like a worker's death.
    Death,
}

/// Names of the states, for SQL.
pub(super) const RUNNING: &str = TrialState::Running.name();
pub(super) const INTERRUPTED: &str = TrialState::Interrupted.name();
const PAUSED: &str = TrialState::Paused.name();
const FAILED: &str = TrialState::Failed.name();

/// Assignments that clear the lease of a trial.
pub(super) const FREE: &str = "worker = NULL, lease_until_ms = NULL, lease_ms = NULL";

impl Lease {
    fn key(&self) -> [Value; 3] {
        [self.study.into(), self.trial.into(), self.fence.into()]
    }

    /// Changes the trial's row if the lease is still valid.
    fn change(&self, tx: &mut dyn Transaction, set: &str, values: &[Value]) -> Result<Delivery> {
        let parameters: Vec<Value> = self.key().iter().chain(values).cloned().collect();
        let sql = format!(
            "UPDATE weaklabel_trials SET {set} WHERE study = $1 AND number = $2 AND fence = $3 AND state = '{RUNNING}'"
        );
        let changed = tx.execute(&sql, &parameters)?;
        Ok(if changed == 1 { Delivery::Accepted } else { Delivery::Refused })
    }

    fn keep(&self, tx: &mut dyn Transaction, checkpoint: &Checkpoint) -> Result<()> {
        let sql = "INSERT INTO weaklabel_checkpoints (study, number, bytes, details) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (study, number) DO UPDATE SET bytes = excluded.bytes, details = excluded.details";
        let (bytes, details) = (checkpoint.bytes.as_slice(), checkpoint.details.as_str());
        tx.execute(sql, &[self.study.into(), self.trial.into(), bytes.into(), details.into()]).map(|_| ())
    }

    /// Removes the trial's checkpoint.
    fn forget(&self, tx: &mut dyn Transaction) -> Result<()> {
        let sql = "DELETE FROM weaklabel_checkpoints WHERE study = $1 AND number = $2";
        tx.execute(sql, &[self.study.into(), self.trial.into()]).map(|_| ())
    }
}

impl Store {
    /// Records that `worker` is alive and renews its leases for `lease_ms` milliseconds. Returns for each lease whether
    /// it is still valid.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn heartbeat(&mut self, worker: &str, leases: &[Lease], lease_ms: i64) -> Result<Vec<Delivery>> {
        let topic = leases.first().map_or(ALL_STUDIES, |lease| lease.study);
        self.transaction(topic, |tx| {
            let now = tx.now_ms()?;
            let seen = "UPDATE weaklabel_workers SET seen_ms = $2 WHERE name = $1";
            tx.execute(seen, &[worker.into(), now.into()])?;
            let values = [now.saturating_add(lease_ms).into(), lease_ms.into()];
            let renew = |lease: &Lease| lease.change(tx, "lease_until_ms = $4, lease_ms = $5", &values);
            leases.iter().map(renew).collect()
        })
    }

    /// Removes `worker`, which ends, from the list of workers. A store that cannot be reached is left as it is: the
    /// silence of the worker has the same effect, later.
    pub fn forget_worker(&mut self, worker: &str) {
        let removed = self.transaction(ALL_STUDIES, |tx| {
            tx.execute("DELETE FROM weaklabel_workers WHERE name = $1", &[worker.into()])
        });
        if let Err(error) = removed {
            tracing::debug!("{worker} stays in the list of workers: {error}");
        }
    }

    /// Keeps a checkpoint from which another worker could resume.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn checkpoint(&mut self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            // A trial that advances does not kill its workers.
            let set = "deaths = CASE WHEN epoch < $4 THEN 0 ELSE deaths END, epoch = $4";
            let delivery = lease.change(tx, set, &[checkpoint.epoch.into()])?;
            if delivery == Delivery::Accepted {
                lease.keep(tx, checkpoint)?;
            }
            Ok(delivery)
        })
    }

    /// Delivers the result of a rung. A repeated delivery under the same lease is accepted, since the answer to the
    /// first may have been lost.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn finish(&mut self, lease: &Lease, outcome: &Outcome) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            let epoch = outcome.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.epoch);
            let set = format!("state = '{PAUSED}', {FREE}, failures = 0, deaths = 0, reason = NULL, epoch = $4");
            if lease.change(tx, &set, &[epoch.into()])? == Delivery::Refused {
                let place = [lease.study.into(), lease.trial.into(), lease.rung.into()];
                let condition = "WHERE study = $1 AND number = $2 AND rung = $3";
                let found = FENCES.read(tx, condition, &place, |row: &mut Row| row.integer(0..=i64::MAX))?;
                return Ok(if found.contains(&lease.fence) { Delivery::Accepted } else { Delivery::Refused });
            }
            match &outcome.checkpoint {
                Some(checkpoint) => lease.keep(tx, checkpoint)?,
                None => lease.forget(tx)?,
            }
            let now = tx.now_ms()?;
            let score = if outcome.score.is_nan() { f64::NEG_INFINITY } else { outcome.score };
            let values = [
                lease.study.into(),
                lease.trial.into(),
                lease.rung.into(),
                lease.fence.into(),
                score.into(),
                outcome.details.as_str().into(),
                outcome.worker.as_str().into(),
                outcome.adapter.as_str().into(),
                outcome.seconds.into(),
                now.into(),
            ];
            let sql = "INSERT INTO weaklabel_results \
                       (study, number, rung, fence, score, details, worker, adapter, seconds, finished_ms) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            tx.execute(sql, &values)?;
            Ok(Delivery::Accepted)
        })
    }

    /// Gives a trial back, so that others resume it from its last checkpoint. This does not count as a failure.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn release(&mut self, lease: &Lease) -> Result<Delivery> {
        self.transaction(lease.study, |tx| lease.change(tx, &format!("state = '{INTERRUPTED}', {FREE}"), &[]))
    }

    /// Records that a trial failed, and why. The trial is given up, or tried again later.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn fail(&mut self, lease: &Lease, failure: Failure, reason: &str) -> Result<Delivery> {
        let after = |column: &str, most: usize| {
            format!(
                "state = CASE WHEN {column} + 1 >= {most} THEN '{FAILED}' ELSE '{INTERRUPTED}' END, \
                 {column} = {column} + 1"
            )
        };
        let set = match failure {
            Failure::Lasting => format!("state = '{FAILED}', failures = failures + 1"),
            Failure::Passing => after("failures", FAILURES),
            Failure::Checkpoint => after("failures", FAILURES) + ", epoch = 0",
            Failure::Death => after("deaths", DEATHS),
        };
        self.transaction(lease.study, |tx| {
            let delivery = lease.change(tx, &format!("{set}, {FREE}, reason = $4"), &[reason.into()])?;
            if delivery == Delivery::Accepted && failure == Failure::Checkpoint {
                lease.forget(tx)?;
            }
            Ok(delivery)
        })
    }

    /// Resets the failed trials of `study`, so that they are tried again, and returns their number.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn retry_failed(&mut self, study: &Registered) -> Result<u64> {
        let sql = format!(
            "UPDATE weaklabel_trials SET state = '{INTERRUPTED}', failures = 0, deaths = 0, reason = NULL \
             WHERE study = $1 AND state = '{FAILED}'"
        );
        self.transaction(study.id, |tx| tx.execute(&sql, &[study.id.into()]))
    }
}

/// Gives up a trial whose last worker died.
pub(super) fn give_up(tx: &mut dyn Transaction, study: i64, trial: usize) -> Result<()> {
    let sql = format!(
        "UPDATE weaklabel_trials SET state = '{FAILED}', deaths = deaths + 1, {FREE}, reason = $3 \
         WHERE study = $1 AND number = $2"
    );
    let reason =
        format!("{DEATHS} workers, one after the other, died or fell silent with it before it had done an epoch");
    tx.execute(&sql, &[study.into(), trial.into(), reason.as_str().into()]).map(|_| ())
}

const FENCES: Columns = Columns { table: "weaklabel_results", names: &["fence"], key: 0 };
