//! Recording of a training in its run folder, from which it can be resumed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Metrics, RunDir, Task};
use crate::Result;
use crate::config::{Config, StageName};
use crate::model::Architecture;
use crate::model::checkpoint::{self, Description, TrainingState};
use crate::train::{EpochReport, Observer, Trainer, TrainingData};

impl RunDir {
    /// Returns the path of one member's best checkpoint: `best` for a single member, `best-SEED` in a population.
    pub fn best_checkpoint(&self, seeds: &[u64], member: usize) -> PathBuf {
        match seeds {
            [_] => self.checkpoint("best"),
            seeds => self.checkpoint(&format!("best-{}", seeds[member])),
        }
    }
}

/// An observer that writes a training's metrics and checkpoints to its run folder, and shows the progress.
pub struct Recorder<'a> {
    run: &'a RunDir,
    config: &'a Config,
    data: &'a TrainingData,
    architecture: Architecture,
    last_stage: Option<StageName>,
    watch: Option<Watch<'a>>,
    total_work: u64,
    started: Instant,
    /// Time trained before this process, in seconds.
    before_s: f64,
}

/// A view of a training's progress, with a flag that stops it.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Task that shows the progress.
    pub task: &'a Task,
    /// Flag that stops the training once true.
    pub stop: &'a AtomicBool,
    /// Units of the task that were done before this training.
    pub before: u64,
    /// Units of the task for this training.
    pub cost: u64,
}

impl<'a> Recorder<'a> {
    /// Makes a recorder of `trainer`'s training into `run`.
    pub fn new(run: &'a RunDir, config: &'a Config, trainer: &Trainer<'a>) -> Self {
        let architecture = trainer.population().architecture.clone();
        Self {
            run,
            config,
            data: trainer.data(),
            architecture,
            last_stage: trainer.stages().last(),
            watch: None,
            total_work: trainer.total_work(),
            started: Instant::now(),
            before_s: run.seconds_trained(),
        }
    }

    /// Shows the training's progress on a task and lets a flag stop the training.
    pub fn watch(&mut self, watch: Watch<'a>) {
        self.watch = Some(watch);
    }

    /// Writes the best models of a training that came to its end, now with thresholds for their classes, and marks the
    /// run as finished.
    ///
    /// # Errors
    /// Errors of the device; [`Error::Io`](crate::Error::Io) naming the file.
    pub fn finish(&self, trainer: &mut Trainer<'_>) -> Result<()> {
        for (member, (parameters, description)) in trainer.best_models()?.iter().enumerate() {
            self.write_model(member, parameters, description)?;
        }
        self.run.finish()
    }

    fn write_model(&self, member: usize, parameters: &[f32], description: &Description) -> Result<()> {
        let path = self.run.best_checkpoint(&self.config.train.seeds, member);
        checkpoint::write_model(&path, &self.architecture, parameters, description)
    }
}

impl Observer for Recorder<'_> {
    fn should_continue(&mut self, done: u64) -> bool {
        self.watch.is_none_or(|watch| {
            watch.task.set(watch.before + watch.cost * done / self.total_work.max(1));
            !watch.stop.load(Ordering::SeqCst)
        })
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        let metrics = |report: &EpochReport| Metrics {
            stage: report.stage,
            epoch: report.epoch,
            seed: self.config.train.seeds[report.member],
            loss: report.loss,
            score: report.score,
            best_score: report.best_score,
            best_epoch: report.best_epoch,
        };
        if let Some(first) = reports.first() {
            let n = reports.len() as f64;
            let mean = |value: fn(&EpochReport) -> f64| reports.iter().map(value).sum::<f64>() / n;
            let (loss, score, best) = (mean(|r| r.loss), mean(|r| r.score), mean(|r| r.best_score));
            let (stage, measure) = (first.stage.name(), first.stage.measure(self.config.train.watch));
            let text = format!(
                "{stage} epoch {}: loss {loss:.4}, validation {measure} {score:.1} (best {best:.1})",
                first.epoch
            );
            tracing::debug!("{text}");
            if let Some(watch) = self.watch {
                watch.task.message(text);
            }
        }
        self.run.append_metrics(&reports.iter().map(metrics).collect::<Vec<_>>())
    }

    fn checkpoint(&mut self, training_state: &TrainingState) -> Result<()> {
        let parameters = self.architecture.elements();
        // A model whose classifier G has not been trained yet cannot tag, so no best model is written.
        let tags = self.last_stage == Some(training_state.stage);
        let trained = |progress: &crate::kernels::population::Member| tags && progress.epochs > 0;
        for (member, progress) in training_state.progress.iter().enumerate().filter(|(_, progress)| trained(progress)) {
            let (seed, epoch) = (self.config.train.seeds[member], progress.best_epoch as usize);
            let description = Description::new(self.config, &self.data.classes, &self.data.statistics, seed, epoch);
            self.write_model(member, &training_state.best[member * parameters..][..parameters], &description)?;
        }
        // A resumed run drops the metrics after its training state, so those before it must be on the disk first.
        self.run.sync_metrics()?;
        let training_state = TrainingState { metrics: Some(self.run.metrics_so_far()?), ..training_state.clone() };
        checkpoint::write_training_state(&self.run.checkpoint("last"), &training_state)?;
        self.run.keep_seconds_trained(self.before_s + self.started.elapsed().as_secs_f64())
    }
}
