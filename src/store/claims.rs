//! Who trains what next, decided in one transaction by the database's clock: first trials whose worker died or had to go, then
//! the promoted, from the highest rung down, then new ones, and in the end those that failed and are tried again.
//!
//! Nobody knows whether a worker that died was killed from outside or by what it trained. A trial whose worker died is trained
//! alone, until an epoch of it is kept: whoever kills its workers is found, and no other trial dies with it.

use std::collections::HashMap;
use std::fmt;

use super::engine::Transaction;
use super::leases::{DEATHS, give_up};
use super::row::{Columns, Invalid, Row};
use super::table::{RungScore, begun};
use super::{Checkpoint, Lease, Registered, Store, TrialRow, TrialState};
use crate::Result;

/// Trials that are looked at for company of the first: what is alike is asked while others wait for the store.
const LOOKED_AT: usize = 256;

const CHECKPOINTS: Columns =
    Columns { table: "weaklabel_checkpoints", names: &["study", "number", "bytes", "details"], key: 2 };

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
pub enum ClaimOutcome {
    /// Trials, at least one, all on the same rung, at the same epoch and alike.
    Trials(Vec<Claimed>),
    /// Nothing now; others are at work and may leave something.
    Nothing(Waiting),
    /// Nothing any more: the study is finished.
    Finished,
}

/// What a study has for whoever asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect {
    /// Trials that can be claimed.
    Open,
    /// Nothing now; others are at work.
    Running(Waiting),
    /// Nothing any more.
    Finished,
}

/// A lease that somebody holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// The trial.
    pub trial: usize,
    /// The rung that it is trained up to.
    pub rung: usize,
    /// Who holds it.
    pub worker: String,
    /// When it ends unless it is renewed, in seconds from now.
    pub ends_in_s: f64,
}

/// Whom an idle worker waits for.
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
    /// The right to.
    pub lease: Lease,
    /// Where it goes on; from the beginning when there is nothing. What is wrong with it, in words, when it cannot be read.
    pub checkpoint: Result<Option<Checkpoint>, String>,
}

/// A trial that could be claimed.
struct OpenTrial {
    trial: usize,
    rung: usize,
    epoch: usize,
    failures: usize,
    /// Workers that died with it, the last one included.
    deaths: usize,
    fence: i64,
}

impl OpenTrial {
    /// Whether it may train with others: a trial that failed, or whose worker died, trains alone.
    fn is_sociable(&self) -> bool {
        self.failures == 0 && self.deaths == 0
    }
}

impl Store {
    /// Whether `study` has something to do.
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

    /// The leases of `study` that somebody holds, by trial.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn holdings(&mut self, study: &Registered) -> Result<Vec<Holding>> {
        self.transaction(study.id, |tx| {
            let now = tx.now_ms()?;
            Ok(held(&begun(tx, study)?.0, now).0)
        })
    }

    /// The last checkpoint of a trial.
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

    /// Claims trials of `study`.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub fn claim(&mut self, study: &Registered, wanted: &Wanted<'_>) -> Result<ClaimOutcome> {
        let leased = match self.transaction(study.id, |tx| claim(tx, study, wanted))? {
            Leased::Trials(leased) => leased,
            Leased::Nothing(waiting) => return Ok(ClaimOutcome::Nothing(waiting)),
            Leased::Finished => return Ok(ClaimOutcome::Finished),
        };
        // Nobody else writes the checkpoint of a trial that is leased, so others need not wait for its bytes.
        let topic = leased.first().map_or(study.id, |(lease, _)| -1 - lease.trial as i64);
        self.transaction(topic, |tx| {
            let claimed = |(lease, epoch): &(Lease, usize)| {
                Ok(Claimed { lease: *lease, checkpoint: checkpoint(tx, lease.study, lease.trial, *epoch)? })
            };
            Ok(ClaimOutcome::Trials(leased.iter().map(claimed).collect::<Result<_>>()?))
        })
    }
}

/// The checkpoint of a trial that stands at `epoch`, or what is wrong with it in words.
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

/// What somebody gets who asks.
enum Leased {
    /// Leases, at least one, each with the epoch that its trial stands at.
    Trials(Vec<(Lease, usize)>),
    /// Nothing now.
    Nothing(Waiting),
    /// Nothing any more.
    Finished,
}

fn claim(tx: &mut dyn Transaction, study: &Registered, wanted: &Wanted<'_>) -> Result<Leased> {
    let now = tx.now_ms()?;
    let hello = "INSERT INTO weaklabel_workers (name, adapter, seen_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET adapter = excluded.adapter, seen_ms = excluded.seen_ms";
    tx.execute(hello, &[wanted.worker.into(), wanted.adapter.into(), now.into()])?;
    let forget = "UPDATE weaklabel_trials SET state = 'interrupted', worker = NULL, lease_until_ms = NULL, lease_ms = NULL \
                  WHERE study = $1 AND worker = $2 AND state = 'running'";
    tx.execute(forget, &[study.id.into(), wanted.worker.into()])?;

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
        together && first.is_sociable() && other.is_sociable() && (wanted.alike)(first.trial, other.trial)
    };
    let others = open[1..].iter().take(LOOKED_AT).filter(company);
    let mut leased = Vec::new();
    for open in std::iter::once(first).chain(others).take(wanted.most.max(1)) {
        let lease = Lease { study: study.id, trial: open.trial, rung: open.rung, fence: open.fence + 1 };
        let sql = "INSERT INTO weaklabel_trials \
                   (study, number, rung, state, failures, deaths, fence, worker, lease_until_ms, lease_ms, epoch) \
                   VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9, $10) \
                   ON CONFLICT (study, number) DO UPDATE SET rung = excluded.rung, state = excluded.state, \
                   failures = excluded.failures, deaths = excluded.deaths, fence = excluded.fence, \
                   worker = excluded.worker, lease_until_ms = excluded.lease_until_ms, lease_ms = excluded.lease_ms";
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
        tx.execute(sql, &values)?;
        leased.push((lease, open.epoch));
    }
    Ok(Leased::Trials(leased))
}

/// Whether the worker of the trial died or fell silent: its lease has ended.
fn is_left(row: &TrialRow, now_ms: i64) -> bool {
    row.state == TrialState::Running && row.lease_ends_in_ms(now_ms).is_none()
}

/// The leases that are held at time `now_ms`.
fn held(begun: &[TrialRow], now_ms: i64) -> Waiting {
    let holding = |row: &TrialRow| {
        let ends_in_s = row.lease_ends_in_ms(now_ms)? as f64 / 1e3;
        Some(Holding { trial: row.number, rung: row.rung, worker: row.worker.clone()?, ends_in_s })
    };
    Waiting(begun.iter().filter_map(holding).collect())
}

/// All trials that can be claimed, most urgent first.
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
