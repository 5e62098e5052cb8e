//! Assignment of trials to workers, decided in one transaction by the database's clock. A claim takes, in this order:
//! trials whose worker died or gave them back, promoted trials from the highest rung down, new trials, and last the
//! failed trials that are tried again.
//!
//! The store cannot tell whether a dead worker was killed from outside or by the trial that it trained. A trial whose
//! worker died is therefore trained alone until one of its epochs is kept: a trial that kills its workers is found, and
//! no other trial dies with it.

use std::collections::HashMap;
use std::fmt;

use super::engine::Transaction;
use super::leases::{DEATHS, FREE, INTERRUPTED, RUNNING, give_up};
use super::row::{Columns, Invalid, Row};
use super::table::{RungScore, begun};
use super::{Checkpoint, Lease, Registered, Store, TrialRow};
use crate::Result;
use crate::experiments::search::TrialState;

/// Largest number of trials that are compared with the first for a common population. Other workers wait for the store
/// meanwhile.
const LOOKED_AT: usize = 256;

const CHECKPOINTS: Columns =
    Columns { table: "weaklabel_checkpoints", names: &["study", "number", "bytes", "details"], key: 2 };

/// A worker's request for trials.
pub struct Wanted<'a> {
    /// The worker's name. Leases that the worker still holds from an earlier process are interrupted, since a worker
    /// that asks for trials trains none.
    pub worker: &'a str,
    /// The worker's GPU adapter.
    pub adapter: &'a str,
    /// Duration of the leases unless they are renewed, in milliseconds.
    pub lease_ms: i64,
    /// Largest number of trials to claim.
    pub most: usize,
    /// Returns whether two trials can train as one population.
    pub are_compatible: &'a dyn Fn(usize, usize) -> bool,
}

/// The outcome of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome {
    /// Claimed trials, at least one. All are on the same rung and at the same epoch, and can train as one population.
    Trials(Vec<Claimed>),
    /// No trial can be claimed now. Other workers hold leases and may leave trials to claim.
    Nothing(Waiting),
    /// The study is finished.
    Finished,
}

/// The work that a study has left.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect {
    /// Some trials can be claimed.
    Open,
    /// No trial can be claimed now; other workers hold leases.
    Running(Waiting),
    /// The study is finished.
    Finished,
}

/// A lease that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// The trial.
    pub trial: usize,
    /// The rung up to which the trial is trained.
    pub rung: usize,
    /// The worker's name.
    pub worker: String,
    /// Time until the lease ends unless it is renewed, in seconds.
    pub ends_in_s: f64,
}

/// The leases that an idle worker waits for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Waiting(pub Vec<Holding>);

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.iter().min_by(|a, b| a.ends_in_s.total_cmp(&b.ends_in_s)) else {
            return f.write_str("nobody");
        };
        let more = match self.0.len() - 1 {
            0 => String::new(),
            more => format!(", and for {more} more"),
        };
        let (trial, worker, seconds) = (first.trial, &first.worker, first.ends_in_s);
        write!(f, "trial {trial} at {worker}, whose lease ends in {seconds:.0} s unless it is renewed{more}")
    }
}

/// A trial to be trained up to a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The lease on the trial.
    pub lease: Lease,
    /// The checkpoint from which training resumes, `None` when there is none. `Err` holds the reason why it cannot be
    /// read.
    pub checkpoint: Result<Option<Checkpoint>, String>,
}

/// A trial that could be claimed.
struct OpenTrial {
    trial: usize,
    rung: usize,
    epoch: usize,
    failures: usize,
    /// Successive deaths of the trial's workers, the last one included.
    deaths: usize,
    fence: i64,
}

impl OpenTrial {
    /// Whether the trial may train with others. A trial that failed, or whose worker died, trains alone.
    fn is_sociable(&self) -> bool {
        self.failures == 0 && self.deaths == 0
    }
}

impl Store {
    /// Returns what is left to do in `study`.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn prospect(&mut self, study: &Registered) -> Result<Prospect> {
        self.transaction(study.id, |tx| {
            let now = tx.now_ms()?;
            let (trials, scores) = begun(tx, study)?;
            let held = held(&trials, now);
            Ok(match (open(study, &trials, &scores, now).is_empty(), held.0.is_empty()) {
                (false, _) => Prospect::Open,
                (true, false) => Prospect::Running(held),
                (true, true) => Prospect::Finished,
            })
        })
    }

    /// Returns the leases of `study` that workers hold, by trial.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn holdings(&mut self, study: &Registered) -> Result<Vec<Holding>> {
        self.transaction(study.id, |tx| {
            let now = tx.now_ms()?;
            Ok(held(&begun(tx, study)?.0, now).0)
        })
    }

    /// Returns the last checkpoint of a trial.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn last_checkpoint(&mut self, study: &Registered, trial: usize) -> Result<Option<Checkpoint>> {
        self.transaction(study.id, |tx| {
            let (trials, _) = begun(tx, study)?;
            let Some(row) = trials.iter().find(|row| row.number == trial) else { return Ok(None) };
            let name = tx.store().to_owned();
            checkpoint(tx, study.id, trial, row.epoch)?.map_err(|reason| super::row::refused(&name, reason))
        })
    }

    /// Claims trials of `study`, the most urgent first, and reads their checkpoints.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn claim(&mut self, study: &Registered, wanted: &Wanted<'_>) -> Result<ClaimOutcome> {
        let leased = match self.transaction(study.id, |tx| claim(tx, study, wanted))? {
            Leased::Trials(leased) => leased,
            Leased::Nothing(waiting) => return Ok(ClaimOutcome::Nothing(waiting)),
            Leased::Finished => return Ok(ClaimOutcome::Finished),
        };
        // Only the lease's holder writes the checkpoint of a leased trial, so the bytes are read under a topic of the
        // trial's own: other workers need not wait for them.
        let topic = leased.first().map_or(study.id, |(lease, _)| -1 - lease.trial as i64);
        self.transaction(topic, |tx| {
            let claimed = |(lease, epoch): &(Lease, usize)| {
                Ok(Claimed { lease: *lease, checkpoint: checkpoint(tx, lease.study, lease.trial, *epoch)? })
            };
            Ok(ClaimOutcome::Trials(leased.iter().map(claimed).collect::<Result<_>>()?))
        })
    }
}

/// Reads the checkpoint of a trial that has done `epoch` epochs. The inner error is the reason why the row cannot be
/// read.
fn checkpoint(
    tx: &mut dyn Transaction,
    study: i64,
    trial: usize,
    epoch: usize,
) -> Result<Result<Option<Checkpoint>, String>> {
    let read = |row: &mut Row| -> Result<_, Invalid> {
        row.integer(0..=i64::MAX)?;
        row.count(usize::MAX)?;
        Ok(Checkpoint { epoch, bytes: row.bytes()?, details: row.text()? })
    };
    let rows = CHECKPOINTS.rows(tx, "WHERE study = $1 AND number = $2", &[study.into(), trial.into()])?;
    Ok(rows.into_iter().next().map(|row| row.read(&mut { read })).transpose())
}

/// The outcome of a claim, before checkpoints are read.
enum Leased {
    /// Leases, at least one, each with the number of epochs that its trial has done.
    Trials(Vec<(Lease, usize)>),
    /// No trial can be claimed now.
    Nothing(Waiting),
    /// The study is finished.
    Finished,
}

fn claim(tx: &mut dyn Transaction, study: &Registered, wanted: &Wanted<'_>) -> Result<Leased> {
    let now = tx.now_ms()?;
    let hello = "INSERT INTO weaklabel_workers (name, adapter, seen_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET adapter = excluded.adapter, seen_ms = excluded.seen_ms";
    tx.execute(hello, &[wanted.worker.into(), wanted.adapter.into(), now.into()])?;
    let forget = format!(
        "UPDATE weaklabel_trials SET state = '{INTERRUPTED}', {FREE} \
         WHERE study = $1 AND worker = $2 AND state = '{RUNNING}'"
    );
    tx.execute(&forget, &[study.id.into(), wanted.worker.into()])?;

    let (mut trials, scores) = begun(tx, study)?;
    for row in &mut trials {
        if is_left(row, now) && row.deaths + 1 >= DEATHS {
            row.state = TrialState::Failed;
            give_up(tx, study.id, row.number)?;
        }
    }
    let open = open(study, &trials, &scores, now);
    let Some(first) = open.first() else {
        let held = held(&trials, now);
        return Ok(if held.0.is_empty() { Leased::Finished } else { Leased::Nothing(held) });
    };
    let company = |other: &&OpenTrial| {
        let together = (other.rung, other.epoch) == (first.rung, first.epoch);
        together && first.is_sociable() && other.is_sociable() && (wanted.are_compatible)(first.trial, other.trial)
    };
    let others = open[1..].iter().take(LOOKED_AT).filter(company);
    let mut leased = Vec::new();
    for open in std::iter::once(first).chain(others).take(wanted.most.max(1)) {
        let lease = Lease { study: study.id, trial: open.trial, rung: open.rung, fence: open.fence + 1 };
        let sql = format!(
            "INSERT INTO weaklabel_trials \
             (study, number, rung, state, failures, deaths, fence, worker, lease_until_ms, lease_ms, epoch) \
             VALUES ($1, $2, $3, '{RUNNING}', $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (study, number) DO UPDATE SET rung = excluded.rung, state = excluded.state, \
             failures = excluded.failures, deaths = excluded.deaths, fence = excluded.fence, \
             worker = excluded.worker, lease_until_ms = excluded.lease_until_ms, lease_ms = excluded.lease_ms"
        );
        let values = [
            study.id.into(),
            open.trial.into(),
            open.rung.into(),
            open.failures.into(),
            open.deaths.into(),
            lease.fence.into(),
            wanted.worker.into(),
            now.saturating_add(wanted.lease_ms).into(),
            wanted.lease_ms.into(),
            open.epoch.into(),
        ];
        tx.execute(&sql, &values)?;
        leased.push((lease, open.epoch));
    }
    Ok(Leased::Trials(leased))
}

/// Whether the trial's worker died or fell silent: the trial is running and its lease has ended.
fn is_left(row: &TrialRow, now_ms: i64) -> bool {
    row.state == TrialState::Running && row.lease_ends_in_ms(now_ms).is_none()
}

/// Returns the leases that are held at time `now_ms`.
fn held(begun: &[TrialRow], now_ms: i64) -> Waiting {
    let holding = |row: &TrialRow| {
        let ends_in_s = row.lease_ends_in_ms(now_ms)? as f64 / 1e3;
        Some(Holding { trial: row.number, rung: row.rung, worker: row.worker.clone()?, ends_in_s })
    };
    Waiting(begun.iter().filter_map(holding).collect())
}

/// Returns all trials that can be claimed, most urgent first.
fn open(study: &Registered, begun: &[TrialRow], scores: &[RungScore], now_ms: i64) -> Vec<OpenTrial> {
    let known: HashMap<(usize, usize), f64> =
        scores.iter().map(|known| ((known.number, known.rung), known.score)).collect();
    let row_of: HashMap<usize, &TrialRow> = begun.iter().map(|row| (row.number, row)).collect();
    let failed = |trial: usize, rung: usize| {
        row_of.get(&trial).is_some_and(|row| row.state == TrialState::Failed && rung >= row.rung)
    };
    let score = |trial: usize, rung: usize| {
        known.get(&(trial, rung)).copied().or_else(|| failed(trial, rung).then_some(f64::NEG_INFINITY))
    };
    let again = |row: &TrialRow| OpenTrial {
        trial: row.number,
        rung: row.rung,
        epoch: row.epoch,
        failures: row.failures,
        deaths: row.deaths.saturating_add(usize::from(is_left(row, now_ms))),
        fence: row.fence,
    };
    let given_back = |row: &&TrialRow| row.state == TrialState::Interrupted || is_left(row, now_ms);
    let (mut open, retried): (Vec<OpenTrial>, Vec<OpenTrial>) =
        begun.iter().filter(given_back).map(again).partition(|open| open.failures == 0);
    for (rung, members) in study.study.halving.members(score).into_iter().enumerate().rev() {
        for trial in members {
            let fresh = |epoch: usize, fence: i64| OpenTrial { trial, rung, epoch, failures: 0, deaths: 0, fence };
            match row_of.get(&trial) {
                Some(row) if row.state == TrialState::Paused && row.rung + 1 == rung => {
                    open.push(fresh(row.epoch, row.fence));
                }
                None if rung == 0 => open.push(fresh(0, 0)),
                _ => {}
            }
        }
    }
    open.extend(retried);
    open
}
