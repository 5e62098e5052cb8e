//! Who trains what next, decided in one transaction by the database's clock: first trials whose worker died, then interrupted
//! ones, then the promoted, from the highest rung down, then new ones.

use std::collections::HashMap;

use super::engine::Transaction;
use super::table::{scores, trials};
use super::{Checkpoint, Lease, Registered, State, Store, TrialRow};
use crate::Result;

/// A trial whose workers died as often on one rung is given up.
const ATTEMPTS: usize = 3;

/// Who asks, and for what.
pub struct Wanted<'a> {
    /// The worker's name. What it still holds from an earlier life is interrupted: whoever asks for work has none.
    pub worker: &'a str,
    /// Its adapter.
    pub adapter: &'a str,
    /// How long the leases last unless they are renewed.
    pub lease_ms: i64,
    /// Most trials at once.
    pub most: usize,
    /// Whether two trials can train as one population.
    pub alike: &'a dyn Fn(usize, usize) -> bool,
}

/// What there was.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// Trials, at least one, all on the same rung, at the same epoch and alike.
    Trials(Vec<Claimed>),
    /// Nothing now; others are at work and may leave something.
    Nothing,
    /// Nothing any more: the study is finished.
    Finished,
}

/// What a study has for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// Trials that can be claimed.
    Open,
    /// Nothing now; others are at work.
    Running,
    /// Nothing any more.
    Finished,
}

/// A trial to be trained up to a rung.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The right to.
    pub lease: Lease,
    /// Where it goes on; from the beginning when there is nothing.
    pub checkpoint: Option<Checkpoint>,
}

/// A trial that could be claimed.
struct Open {
    trial: usize,
    rung: usize,
    epoch: usize,
    /// Attempts on this rung, the coming one included.
    attempts: usize,
    fence: i64,
}

impl Store {
    /// Whether `study` has something to do.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn prospect(&mut self, study: &Registered) -> Result<Prospect> {
        self.transaction(study.id, |tx| {
            let now = tx.now_ms()?;
            let (open, running) = open(study, &trials(tx, study.id)?, &scores(tx, study.id)?, now);
            Ok(match (open.is_empty(), running) {
                (false, _) => Prospect::Open,
                (true, true) => Prospect::Running,
                (true, false) => Prospect::Finished,
            })
        })
    }

    /// The last checkpoint of a trial.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn last_checkpoint(&mut self, study: &Registered, trial: usize) -> Result<Option<Checkpoint>> {
        self.transaction(study.id, |tx| checkpoint(tx, study.id, trial))
    }

    /// Claims trials of `study`.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn claim(&mut self, study: &Registered, wanted: &Wanted<'_>) -> Result<Claim> {
        let claimed = self.transaction(study.id, |tx| claim(tx, study, wanted))?;
        let Some(leases) = claimed else { return Ok(Claim::Finished) };
        if leases.is_empty() {
            return Ok(Claim::Nothing);
        }
        // Nobody else writes the checkpoint of a trial that is leased, so others need not wait for its bytes.
        let topic = -1 - leases[0].trial as i64;
        self.transaction(topic, |tx| {
            let claimed =
                |lease: &Lease| Ok(Claimed { lease: *lease, checkpoint: checkpoint(tx, lease.study, lease.trial)? });
            Ok(Claim::Trials(leases.iter().map(claimed).collect::<Result<_>>()?))
        })
    }
}

fn checkpoint(tx: &mut dyn Transaction, study: i64, trial: usize) -> Result<Option<Checkpoint>> {
    let sql = "SELECT t.epoch, c.bytes, c.details FROM weaklabel_checkpoints c \
               JOIN weaklabel_trials t ON t.study = c.study AND t.number = c.number WHERE c.study = $1 AND c.number = $2";
    let found = tx.query(sql, &[study.into(), trial.into()])?.into_iter().next();
    Ok(found.map(|mut row| Checkpoint {
        epoch: row.count(),
        bytes: row.bytes().unwrap_or_default(),
        details: row.text().unwrap_or_default(),
    }))
}

/// The leases that `wanted` gets; none at all when the study is finished.
fn claim(tx: &mut dyn Transaction, study: &Registered, wanted: &Wanted<'_>) -> Result<Option<Vec<Lease>>> {
    let now = tx.now_ms()?;
    let hello = "INSERT INTO weaklabel_workers (name, adapter, seen_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET adapter = excluded.adapter, seen_ms = excluded.seen_ms";
    tx.execute(hello, &[wanted.worker.into(), wanted.adapter.into(), now.into()])?;
    let forget = "UPDATE weaklabel_trials SET state = 'interrupted', worker = NULL, lease_until_ms = NULL, \
                  attempts = attempts - 1 WHERE study = $1 AND worker = $2 AND state = 'running'";
    tx.execute(forget, &[study.id.into(), wanted.worker.into()])?;
    let give_up = "UPDATE weaklabel_trials SET state = 'failed', worker = NULL, lease_until_ms = NULL, reason = $4 \
                   WHERE study = $1 AND state = 'running' AND lease_until_ms < $2 AND attempts >= $3";
    let reason = format!("its worker died or fell silent {ATTEMPTS} times");
    tx.execute(give_up, &[study.id.into(), now.into(), ATTEMPTS.into(), reason.as_str().into()])?;

    let begun = trials(tx, study.id)?;
    let (open, running) = open(study, &begun, &scores(tx, study.id)?, now);
    let Some(first) = open.first() else { return Ok(running.then(Vec::new)) };
    let alike = |other: &&Open| {
        (other.rung, other.epoch) == (first.rung, first.epoch)
            && (other.trial == first.trial || (wanted.alike)(first.trial, other.trial))
    };
    let chosen = open.iter().filter(alike).take(wanted.most.max(1));
    let mut leases = Vec::new();
    for open in chosen {
        let lease = Lease { study: study.id, trial: open.trial, rung: open.rung, fence: open.fence + 1 };
        let sql = "INSERT INTO weaklabel_trials \
                   (study, number, rung, state, attempts, fence, worker, lease_until_ms, epoch) \
                   VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8) \
                   ON CONFLICT (study, number) DO UPDATE SET rung = excluded.rung, state = excluded.state, \
                   attempts = excluded.attempts, fence = excluded.fence, worker = excluded.worker, \
                   lease_until_ms = excluded.lease_until_ms";
        let values = [
            study.id.into(),
            open.trial.into(),
            open.rung.into(),
            open.attempts.into(),
            lease.fence.into(),
            wanted.worker.into(),
            (now + wanted.lease_ms).into(),
            open.epoch.into(),
        ];
        tx.execute(sql, &values)?;
        leases.push(lease);
    }
    Ok(Some(leases))
}

/// All trials that can be claimed, most urgent first, and whether any other is under way.
fn open(study: &Registered, begun: &[TrialRow], scores: &[(usize, usize, f64)], now: i64) -> (Vec<Open>, bool) {
    let known: HashMap<(usize, usize), f64> =
        scores.iter().map(|&(trial, rung, score)| ((trial, rung), score)).collect();
    let row_of: HashMap<usize, &TrialRow> = begun.iter().map(|row| (row.number, row)).collect();
    let failed = |trial: usize, rung: usize| {
        row_of.get(&trial).is_some_and(|row| row.state == State::Failed && rung >= row.rung)
    };
    let score = |trial: usize, rung: usize| {
        known.get(&(trial, rung)).copied().or_else(|| failed(trial, rung).then_some(f64::NEG_INFINITY))
    };
    let again = |row: &TrialRow| Open {
        trial: row.number,
        rung: row.rung,
        epoch: row.epoch,
        attempts: row.attempts + 1,
        fence: row.fence,
    };
    let expired = |row: &&TrialRow| row.state == State::Running && row.lease_until_ms < now;
    let interrupted = |row: &&TrialRow| row.state == State::Interrupted;
    let mut open: Vec<Open> = begun.iter().filter(expired).map(again).collect();
    open.extend(begun.iter().filter(interrupted).map(again));
    for (rung, members) in study.study.ladder.members(score).into_iter().enumerate().rev() {
        for trial in members {
            match row_of.get(&trial) {
                Some(row) if row.state == State::Paused && row.rung + 1 == rung => {
                    open.push(Open { trial, rung, epoch: row.epoch, attempts: 1, fence: row.fence });
                }
                None if rung == 0 => open.push(Open { trial, rung, epoch: 0, attempts: 1, fence: 0 }),
                _ => {}
            }
        }
    }
    let running = begun.iter().any(|row| row.state == State::Running && row.lease_until_ms >= now);
    (open, running)
}
