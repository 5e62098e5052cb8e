//! What the holder of a lease may do: renew it, keep a checkpoint, deliver a result, give the trial back, or say that it failed.
//! Every statement names the fence; one that changes no row came too late.

use super::engine::{Transaction, Value};
use super::row::{Columns, Row};
use super::{ALL_STUDIES, Registered, Store};
use crate::Result;

/// A trial that failed as often on one rung is given up.
pub(super) const FAILURES: usize = 3;
/// A trial with which as many workers died on one rung, without an epoch that was kept, is given up.
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
    /// The number of the lease.
    pub fence: i64,
}

/// Whether the store took what a worker brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It did.
    Accepted,
    /// The lease had ended and somebody else has the trial, or had it.
    Refused,
}

/// A result with the checkpoint it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What trials are compared by; −∞ for what is not a number.
    pub score: f64,
    /// Whatever else there is to say, in JSON.
    pub details: String,
    /// The worker.
    pub worker: String,
    /// Its adapter.
    pub adapter: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Where the next rung goes on; none when there is no next one.
    pub checkpoint: Option<Checkpoint>,
}

/// Where a trial goes on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// Epochs done.
    pub epoch: usize,
    /// The training state of its models.
    pub bytes: Vec<u8>,
    /// What its worker has to say of the epochs done, in JSON.
    pub details: String,
}

/// How a worker failed at a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It fails like this every time, as a loss that diverges does: the trial is given up.
    Lasting,
    /// It may go well another time. After three of them the trial is given up.
    Passing,
    /// Its checkpoint is damaged: the trial begins anew, to the same bits. It counts like [`Failure::Passing`].
    Checkpoint,
    /// It took the worker's device with it: as if the worker had died.
    Death,
}

const WHERE: &str = "WHERE study = $1 AND number = $2 AND fence = $3 AND state = 'running'";
/// What is set when nobody holds a trial any more.
const FREE: &str = "worker = NULL, lease_until_ms = NULL, lease_ms = NULL";

impl Lease {
    fn key(&self) -> [Value; 3] {
        [self.study.into(), self.trial.into(), self.fence.into()]
    }

    /// Changes the trial if the lease is still good.
    fn change(&self, tx: &mut dyn Transaction, set: &str, values: &[Value]) -> Result<Delivery> {
        let parameters: Vec<Value> = self.key().iter().chain(values).cloned().collect();
        let changed = tx.execute(&format!("UPDATE weaklabel_trials SET {set} {WHERE}"), &parameters)?;
        Ok(if changed == 1 { Delivery::Accepted } else { Delivery::Refused })
    }

    fn keep(&self, tx: &mut dyn Transaction, checkpoint: &Checkpoint) -> Result<()> {
        let sql = "INSERT INTO weaklabel_checkpoints (study, number, bytes, details) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (study, number) DO UPDATE SET bytes = excluded.bytes, details = excluded.details";
        let (bytes, details) = (checkpoint.bytes.as_slice(), checkpoint.details.as_str());
        tx.execute(sql, &[self.study.into(), self.trial.into(), bytes.into(), details.into()]).map(|_| ())
    }

    /// Removes the checkpoint.
    fn forget(&self, tx: &mut dyn Transaction) -> Result<()> {
        let sql = "DELETE FROM weaklabel_checkpoints WHERE study = $1 AND number = $2";
        tx.execute(sql, &[self.study.into(), self.trial.into()]).map(|_| ())
    }
}

impl Store {
    /// Says that `worker` is alive and renews its leases for `lease_ms`; which of them are still good.
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

    /// Removes `worker`, which ends, from the list of workers. A store that cannot be reached is left as it is: the silence of
    /// the worker has the same effect, later.
    pub fn forget_worker(&mut self, worker: &str) {
        let removed = self.transaction(ALL_STUDIES, |tx| {
            tx.execute("DELETE FROM weaklabel_workers WHERE name = $1", &[worker.into()])
        });
        if let Err(error) = removed {
            tracing::debug!("{worker} stays in the list of workers: {error}");
        }
    }

    /// Keeps a checkpoint from which somebody else could go on.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn checkpoint(&mut self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            // Whoever gets further does not kill its workers.
            let set = "deaths = CASE WHEN epoch < $4 THEN 0 ELSE deaths END, epoch = $4";
            let delivery = lease.change(tx, set, &[checkpoint.epoch.into()])?;
            if delivery == Delivery::Accepted {
                lease.keep(tx, checkpoint)?;
            }
            Ok(delivery)
        })
    }

    /// Delivers the result of a rung. What was delivered already, by the same lease, is accepted again: the answer to the
    /// first time may have been lost.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn finish(&mut self, lease: &Lease, outcome: &Outcome) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            let epoch = outcome.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.epoch);
            let set = format!("state = 'paused', {FREE}, failures = 0, deaths = 0, reason = NULL, epoch = $4");
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

    /// Gives a trial back, for others to go on from its last checkpoint. It is no failure.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn release(&mut self, lease: &Lease) -> Result<Delivery> {
        self.transaction(lease.study, |tx| lease.change(tx, &format!("state = 'interrupted', {FREE}"), &[]))
    }

    /// Says that a trial failed, and why; it is given up, or tried again later.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn fail(&mut self, lease: &Lease, failure: Failure, reason: &str) -> Result<Delivery> {
        let after = |column: &str, most: usize| {
            format!(
                "state = CASE WHEN {column} + 1 >= {most} THEN 'failed' ELSE 'interrupted' END, {column} = {column} + 1"
            )
        };
        let set = match failure {
            Failure::Lasting => "state = 'failed', failures = failures + 1".into(),
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

    /// Has the failed trials of `study` tried again; how many there are.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn retry_failed(&mut self, study: &Registered) -> Result<u64> {
        let sql = "UPDATE weaklabel_trials SET state = 'interrupted', failures = 0, deaths = 0, reason = NULL \
                   WHERE study = $1 AND state = 'failed'";
        self.transaction(study.id, |tx| tx.execute(sql, &[study.id.into()]))
    }
}

/// Gives a trial up whose last worker died.
pub(super) fn give_up(tx: &mut dyn Transaction, study: i64, trial: usize) -> Result<()> {
    let sql = format!(
        "UPDATE weaklabel_trials SET state = 'failed', deaths = deaths + 1, {FREE}, reason = $3 \
         WHERE study = $1 AND number = $2"
    );
    let reason =
        format!("{DEATHS} workers, one after the other, died or fell silent with it before it had done an epoch");
    tx.execute(&sql, &[study.into(), trial.into(), reason.as_str().into()]).map(|_| ())
}

const FENCES: Columns = Columns { table: "weaklabel_results", names: &["fence"], key: 0 };
