//! What the holder of a lease may do: renew it, keep a checkpoint, deliver a result, give the trial back or up. Every
//! statement names the fence; one that changes no row came too late.

use super::engine::{Transaction, Value};
use super::{ALL_STUDIES, State, Store, optional};
use crate::Result;

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
    /// The standing of its models.
    pub bytes: Vec<u8>,
    /// What its worker has to say of the epochs done, in JSON.
    pub details: String,
}

const WHERE: &str = "WHERE study = $1 AND number = $2 AND fence = $3 AND state = 'running'";

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
            let renew = |lease: &Lease| lease.change(tx, "lease_until_ms = $4", &[(now + lease_ms).into()]);
            leases.iter().map(renew).collect()
        })
    }

    /// Keeps a checkpoint from which somebody else could go on.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn checkpoint(&mut self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            let delivery = lease.change(tx, "epoch = $4", &[checkpoint.epoch.into()])?;
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
            let set = "state = 'paused', worker = NULL, lease_until_ms = NULL, attempts = 0, epoch = $4";
            if lease.change(tx, set, &[epoch.into()])? == Delivery::Refused {
                let sql = "SELECT fence FROM weaklabel_results WHERE study = $1 AND number = $2 AND rung = $3";
                let found = tx.query(sql, &[lease.study.into(), lease.trial.into(), lease.rung.into()])?;
                let ours = found.into_iter().any(|mut row| row.integer() == lease.fence);
                return Ok(if ours { Delivery::Accepted } else { Delivery::Refused });
            }
            match &outcome.checkpoint {
                Some(checkpoint) => lease.keep(tx, checkpoint)?,
                None => {
                    let sql = "DELETE FROM weaklabel_checkpoints WHERE study = $1 AND number = $2";
                    tx.execute(sql, &[lease.study.into(), lease.trial.into()])?;
                }
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

    /// Gives a trial back, for others to go on from its last checkpoint. It does not count as an attempt.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn release(&mut self, lease: &Lease) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            let set = "state = 'interrupted', worker = NULL, lease_until_ms = NULL, attempts = attempts - 1";
            lease.change(tx, set, &[])
        })
    }

    /// Gives a trial up.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn fail(&mut self, lease: &Lease, reason: &str) -> Result<Delivery> {
        self.transaction(lease.study, |tx| {
            let set = format!("state = '{}', worker = NULL, lease_until_ms = NULL, reason = $4", State::Failed.name());
            lease.change(tx, &set, &[optional(Some(reason))])
        })
    }
}
