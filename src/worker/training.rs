//! Claimed trials trained as one population, up to their rung or to their end, with everything on its way to the store.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::courier::{Courier, Parcel};
use crate::config::Config;
use crate::evaluate::Examples;
use crate::gpu::Gpu;
use crate::model::checkpoint::{Provenance, Standing};
use crate::report::study::CurvePoint;
use crate::store::{Checkpoint, Claimed, Lease};
use crate::train::{EpochReport, Observer, Trainer, most_members};
use crate::{Error, Result};

/// What trainings of a study share on this machine.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Class names.
    pub classes: &'a [String],
    /// Training segments.
    pub train: &'a Examples,
    /// Validation segments.
    pub validation: &'a Examples,
    /// Of the data.
    pub fingerprint: &'a str,
    /// When to stop.
    pub until: Until,
}

/// When a worker is to stop.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// Becomes true at a signal.
    pub stop: &'static AtomicBool,
    /// The end of its time.
    pub deadline: Option<Instant>,
}

impl Until {
    /// Whether it is to stop now.
    pub fn reached(&self) -> bool {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.stop.store(true, Ordering::SeqCst);
        }
        self.stop.load(Ordering::SeqCst)
    }
}

/// A claimed trial and how it is trained.
#[derive(Debug, Clone)]
pub struct Task {
    /// The lease, and where it goes on.
    pub claimed: Claimed,
    /// Its configuration, with its seeds.
    pub config: Config,
}

/// What came of one trial.
pub struct Trained {
    /// Its lease.
    pub lease: Lease,
    /// Its configuration.
    pub config: Config,
    /// Where its models stand.
    pub standing: Standing,
    /// Their epochs so far, by seed.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Its share of the time, in seconds.
    pub seconds: f64,
}

impl Trained {
    /// Where the next rung goes on.
    ///
    /// # Errors
    /// As [`Standing::to_bytes`].
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        checkpoint(&self.standing, &self.curves)
    }

    /// The best validation score of each seed in its last stage, in %.
    pub fn best(&self) -> Vec<f64> {
        self.standing.progress.iter().map(|member| f64::from(member.best_score)).collect()
    }
}

/// Trains `tasks`, which are alike and stand at the same epoch, until the first stage has done `pause` epochs or to their end;
/// no more of them than the device can bind at a time. What fails is delivered as failed; what is
/// returned is to be delivered by the caller. Nothing of a training that was stopped is returned.
///
/// # Errors
/// What data and device report, except that a training diverged or does not fit the device: the trial fails then.
pub fn train(bench: &Bench<'_>, tasks: &[Task], pause: Option<usize>, courier: &Courier) -> Result<Vec<Trained>> {
    let of_task = tasks[0].config.train.seeds.len();
    let most = most_members(bench.gpu, &tasks[0].config, &bench.train.heard, bench.classes)?;
    let mut trained = Vec::new();
    for tasks in tasks.chunks((most / of_task).max(1)) {
        trained.extend(population(bench, tasks, pause, courier)?);
    }
    Ok(trained)
}

/// One population. When it diverges, nobody knows better than to try each trial alone.
fn population(bench: &Bench<'_>, tasks: &[Task], pause: Option<usize>, courier: &Courier) -> Result<Vec<Trained>> {
    match attempt(bench, tasks, pause, courier) {
        Err(Error::Tolerance(_)) if tasks.len() > 1 => {
            let mut trained = Vec::new();
            for task in tasks {
                trained.extend(population(bench, std::slice::from_ref(task), pause, courier)?);
            }
            Ok(trained)
        }
        Err(error @ (Error::Tolerance(_) | Error::Kernel { .. } | Error::Config { .. })) => {
            for task in tasks {
                tracing::warn!("trial {} failed: {error}", task.claimed.lease.trial);
                courier.send(Parcel::Failure(task.claimed.lease, error.with_causes()));
            }
            Ok(Vec::new())
        }
        other => other,
    }
}

fn attempt(bench: &Bench<'_>, tasks: &[Task], pause: Option<usize>, courier: &Courier) -> Result<Vec<Trained>> {
    let start = Instant::now();
    let configs: Vec<Config> = tasks.iter().map(|task| task.config.clone()).collect();
    let Bench { gpu, classes, train, validation, .. } = *bench;
    let mut trainer = Trainer::together(gpu, &configs, classes, train, validation, bench.fingerprint.to_owned())?;
    let mut members = Vec::new();
    let (mut standings, mut curves) = (Vec::new(), Vec::new());
    for task in tasks {
        let (first, seeds) = (curves.len(), task.config.train.seeds.len());
        members.push(first..first + seeds);
        match &task.claimed.checkpoint {
            Some(kept) => {
                let origin = origin(task.claimed.lease.trial);
                let standing = Standing::from_bytes(Path::new(&origin), &kept.bytes)?;
                let own = Provenance::new(std::slice::from_ref(&task.config), bench.fingerprint);
                standing.provenance.check(Path::new(&origin), &own)?;
                standings.push(standing);
                tracing::info!("trial {} goes on after epoch {}", task.claimed.lease.trial, kept.epoch);
                let of_trial: Vec<Vec<CurvePoint>> = serde_json::from_str(&kept.details)
                    .map_err(|e| Error::data(&origin, format!("its learning curves cannot be read: {e}")))?;
                curves.extend(of_trial);
            }
            None => curves.resize(first + seeds, Vec::new()),
        }
    }
    if !standings.is_empty() {
        let trials: Vec<String> = tasks.iter().map(|task| task.claimed.lease.trial.to_string()).collect();
        let origin = format!("the checkpoints of trials {}", trials.join(", "));
        trainer.restore(Path::new(&origin), &Standing::join(Path::new(&origin), standings)?)?;
    }
    if let Some(epochs) = pause {
        trainer.pause_after(epochs);
    }
    let leases = tasks.iter().map(|task| task.claimed.lease).zip(members.iter().cloned()).collect();
    let mut observer = Delivering { courier, until: bench.until, leases, curves };
    if !trainer.run(&mut observer)? {
        return Ok(Vec::new());
    }
    let (whole, seconds) = (trainer.standing()?, start.elapsed().as_secs_f64() / tasks.len() as f64);
    let trained = |(task, members): (&Task, Range<usize>)| Trained {
        lease: task.claimed.lease,
        config: task.config.clone(),
        curves: observer.curves[members.clone()].to_vec(),
        standing: whole.of(members),
        seconds,
    };
    Ok(tasks.iter().zip(members).map(trained).collect())
}

/// What stands for a trial's checkpoint in errors.
fn origin(trial: usize) -> String {
    format!("the checkpoint of trial {trial}")
}

fn checkpoint(standing: &Standing, curves: &[Vec<CurvePoint>]) -> Result<Checkpoint> {
    let details = serde_json::to_string(curves).map_err(|e| Error::data("learning curves", e.to_string()))?;
    let bytes = standing.to_bytes(Path::new("a checkpoint"))?;
    Ok(Checkpoint { epoch: standing.epoch, bytes, details })
}

/// Hands everything to the courier.
struct Delivering<'a> {
    courier: &'a Courier,
    until: Until,
    /// Each with its members.
    leases: Vec<(Lease, Range<usize>)>,
    /// Of every member.
    curves: Vec<Vec<CurvePoint>>,
}

impl Observer for Delivering<'_> {
    fn go_on(&mut self, _done: u64) -> bool {
        !self.courier.lost() && !self.until.reached()
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        for report in reports {
            let (stage, epoch) = (report.stage.name().to_owned(), report.epoch);
            self.curves[report.member].push(CurvePoint { stage, epoch, loss: report.loss, score: report.score });
        }
        Ok(())
    }

    fn checkpoint(&mut self, standing: &Standing) -> Result<()> {
        // There is nothing to keep of a training that has not done an epoch.
        if self.curves.iter().all(Vec::is_empty) {
            return Ok(());
        }
        for (lease, members) in &self.leases {
            let kept = checkpoint(&standing.of(members.clone()), &self.curves[members.clone()])?;
            self.courier.send(Parcel::Checkpoint(*lease, kept));
        }
        Ok(())
    }
}
