//! The training loop (SPEC §§4.1, 5): an epoch is one upload, one replay and one readback, and the next epoch is queued
//! before the last one's numbers arrive.

use std::time::{Duration, Instant};

use super::{EpochRows, Sampler, Schedule};
use crate::config::Config;
use crate::evaluate::{Examples, Scorer};
use crate::gpu::{Download, Gpu, KernelTime, Recording, Resolved, Tensor};
use crate::kernels::bce::Bce;
use crate::kernels::dropout::Dropout;
use crate::kernels::population::Member;
use crate::kernels::score::{Score, Stopping};
use crate::model::checkpoint::Standing;
use crate::model::{Activations, Architecture, Batch, Mode, Population, backward, forward};
use crate::{Error, Result};

/// One training step of a population, ready to replay: gather, forward, loss, backward, optimiser.
pub struct TrainingStep {
    recording: Resolved,
    losses: Tensor<f32>,
}

impl TrainingStep {
    /// The step of `population` on batches of `examples` as `schedule` draws them.
    ///
    /// # Errors
    /// What making tensors and compiling kernels may report.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        population: &Population,
        examples: &Examples,
        schedule: &Schedule,
    ) -> Result<Self> {
        let [rows, members, segments] = [0, 1, 2].map(|axis| schedule.batches.size(axis));
        let chunks = examples.store.frames / population.architecture.chunk_frames;
        let batch = Batch { members, segments, chunks };
        let activations = Activations::new(gpu, &population.architecture, batch, true)?;
        let p = population.architecture.dropout;
        let dropout = match p > 0.0 {
            true => Dropout::Random { p, schedule: schedule.steps.clone() },
            false => Dropout::Off,
        };
        let mode = Mode::Train { dropout: vec![dropout; population.architecture.convs.len() + 1] };
        let losses = gpu.tensor("losses", &[rows, members])?;
        let mut recording = Recording::new("train step");
        examples.push_gather(&mut recording, &schedule.batches, &activations.input);
        forward(gpu, &mut recording, population, &activations, &mode);
        let gradients = activations.gradients.as_ref().expect("activations made for training");
        recording.push(Bce {
            logits: activations.output.clone(),
            targets: examples.targets.clone(),
            batches: schedule.batches.clone(),
            d_logits: gradients.logits.clone(),
            losses: losses.clone(),
        });
        backward(gpu, &mut recording, population, &activations, &mode);
        population.push_step(&mut recording, &config.optimiser, &schedule.steps);
        Ok(Self { recording: recording.resolve(gpu)?, losses })
    }

    /// Runs rows `0..rows` and waits; the time it took.
    ///
    /// # Errors
    /// What the device reports.
    pub fn time(&self, gpu: &Gpu, rows: u32) -> Result<Duration> {
        gpu.wait()?;
        let start = Instant::now();
        gpu.replay(&self.recording, 0..rows)?;
        gpu.wait()?;
        Ok(start.elapsed())
    }

    /// Times every kernel of one step; see [`Gpu::profile`].
    ///
    /// # Errors
    /// As [`Gpu::profile`].
    pub fn profile(&self, gpu: &Gpu, repeats: usize) -> Result<Vec<KernelTime>> {
        gpu.profile(&self.recording, 0, repeats)
    }
}

/// What one epoch did to one member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochReport {
    /// The member.
    pub member: usize,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Mean training loss over its steps.
    pub loss: f64,
    /// Validation macro-F1 in %.
    pub score: f64,
    /// Best validation macro-F1 so far in %.
    pub best_score: f64,
    /// Its epoch.
    pub best_epoch: usize,
    /// Whether the member trains on.
    pub alive: bool,
}

/// Who watches a training, and may end it.
pub trait Observer {
    /// Asked often; `false` ends the training at once. `step` of `steps` of this epoch are queued.
    fn go_on(&mut self, epoch: usize, step: usize, steps: usize) -> bool;

    /// Called after every epoch with the members that were still training.
    ///
    /// # Errors
    /// End the training.
    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()>;

    /// Called between two epochs when a checkpoint is due.
    ///
    /// # Errors
    /// End the training.
    fn checkpoint(&mut self, standing: &Standing) -> Result<()>;
}

/// Trains a population end to end.
pub struct Trainer<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    population: Population,
    sampler: Sampler,
    schedule: Schedule,
    step: TrainingStep,
    scorer: Scorer,
    epoch_end: Resolved,
    /// Losses and progress of the two epochs that may be under way.
    downloads: [(Download<f32>, Download<Member>); 2],
    /// State, best parameters and progress for a checkpoint.
    standing: (Download<f32>, Download<f32>, Download<Member>),
    epoch: usize,
    fingerprint: String,
}

impl<'a> Trainer<'a> {
    /// Fresh models for `config.train.seeds`, to be trained on `train` and watched on `validation`. `fingerprint` names
    /// the data in checkpoints. After this, nothing is allocated on the GPU.
    ///
    /// # Errors
    /// [`Error::Config`] when batches cannot be balanced; what making tensors and compiling kernels may report.
    pub fn new(
        gpu: &'a Gpu,
        config: &'a Config,
        classes: &[String],
        train: &Examples,
        validation: &Examples,
        fingerprint: String,
    ) -> Result<Self> {
        let seeds = &config.train.seeds;
        let sampler = Sampler::new(&train.labels, classes, config.train.batch)?;
        let architecture = Architecture::new(&config.model, &config.features, classes.len());
        let chunks = train.store.frames / architecture.chunk_frames;
        let population = Population::new(gpu, architecture, seeds, sampler.batch() * chunks)?;
        let schedule = Schedule::new(gpu, sampler.steps(), seeds.len(), sampler.batch())?;
        let step = TrainingStep::new(gpu, config, &population, train, &schedule)?;
        let scorer = Scorer::new(gpu, &population, validation, config.evaluate.threshold)?;
        let mut epoch_end = Recording::new("epoch end");
        let stopping = Stopping {
            epochs: config.train.epochs,
            min_epochs: config.train.min_epochs,
            patience: config.train.patience,
        };
        epoch_end.push(Score { counts: scorer.counts.clone(), members: population.progress.clone(), stopping });
        population.push_keep_best(&mut epoch_end);
        let downloads = || -> Result<_> { Ok((gpu.download(&step.losses)?, gpu.download(&population.progress)?)) };
        let standing =
            (gpu.download(&population.state)?, gpu.download(&population.best)?, gpu.download(&population.progress)?);
        population.use_parameters(gpu, &population.state)?;
        Ok(Self {
            standing,
            downloads: [downloads()?, downloads()?],
            epoch_end: epoch_end.resolve(gpu)?,
            gpu,
            config,
            population,
            sampler,
            schedule,
            step,
            scorer,
            epoch: 0,
            fingerprint,
        })
    }

    /// The models.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// Steps of one epoch.
    pub fn steps(&self) -> usize {
        self.sampler.steps()
    }

    /// Epochs done.
    pub fn epochs_done(&self) -> usize {
        self.epoch
    }

    /// Goes on from a standing of the same configuration and data.
    ///
    /// # Errors
    /// [`Error::Config`] when the data have changed since; what the device reports.
    pub fn restore(&mut self, standing: &Standing) -> Result<()> {
        if standing.fingerprint != self.fingerprint {
            return Err(Error::config(
                "--resume",
                "the data have changed since the checkpoint was written: restore them, or start a new run",
            ));
        }
        self.gpu.write(&self.population.state, 0, &standing.state);
        self.gpu.write(&self.population.best, 0, &standing.best);
        self.gpu.write(&self.population.progress, 0, &standing.progress);
        self.population.use_parameters(self.gpu, &self.population.state)?;
        self.epoch = standing.epoch;
        Ok(())
    }

    /// Where the population stands after the epochs done.
    ///
    /// # Errors
    /// What the device reports.
    pub fn standing(&mut self) -> Result<Standing> {
        let (state, best, progress) = &mut self.standing;
        state.queue(self.gpu);
        best.queue(self.gpu);
        progress.queue(self.gpu);
        Ok(Standing {
            epoch: self.epoch,
            state: state.fetch(self.gpu)?,
            best: best.fetch(self.gpu)?,
            progress: progress.fetch(self.gpu)?,
            fingerprint: self.fingerprint.clone(),
        })
    }

    /// Trains until every member has stopped. Returns `false` when the observer ended it before: no whole epoch is lost
    /// then, since the queue runs on to the next checkpoint unless the last epoch is saved already.
    ///
    /// # Errors
    /// [`Error::Tolerance`] when a loss is not finite, or exactly zero as a device out of memory returns it; what the
    /// device and the observer report.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<bool> {
        let mut last_checkpoint = Instant::now();
        let standing = self.standing()?;
        observer.checkpoint(&standing)?;
        let (steps, mut saved, mut under_way) = (self.sampler.steps(), self.epoch, None);
        let mut alive = standing.progress.iter().any(|member| member.alive == 1);
        while alive {
            let epoch = self.epoch;
            if !observer.go_on(epoch, 0, steps) {
                if let Some(previous) = under_way.take() {
                    alive = self.collect(previous, observer)?;
                }
                if saved != epoch {
                    observer.checkpoint(&self.standing()?)?;
                }
                return Ok(!alive);
            }
            if !self.queue_epoch(epoch, saved == epoch, observer)? {
                return Ok(false);
            }
            if let Some(previous) = under_way.replace(epoch) {
                alive = self.collect(previous, observer)?;
            }
            // A checkpoint needs an idle queue, so it also collects the epoch that is under way.
            let due = last_checkpoint.elapsed().as_secs_f64() >= self.config.train.checkpoint_s;
            if due || !alive || self.epoch >= self.config.train.epochs {
                if let Some(epoch) = under_way.take() {
                    alive = self.collect(epoch, observer)?;
                }
                observer.checkpoint(&self.standing()?)?;
                (saved, last_checkpoint) = (self.epoch, Instant::now());
            }
        }
        Ok(true)
    }

    /// Queues training, validation, judgement and the downloads of one epoch; `false` when the observer ended it, which
    /// it can in mid-epoch only when it `may_stop`.
    fn queue_epoch(&mut self, epoch: usize, may_stop: bool, observer: &mut dyn Observer) -> Result<bool> {
        let steps = self.sampler.steps();
        let rows = EpochRows::new(&self.sampler, &self.config.optimiser, &self.config.train.seeds, epoch);
        self.schedule.upload(self.gpu, &rows);
        let go_on = &mut |row: u32| observer.go_on(epoch, row as usize, steps) || !may_stop;
        if !self.gpu.replay_while(&self.step.recording, 0..steps as u32, go_on)? {
            return Ok(false);
        }
        self.scorer.queue(self.gpu)?;
        self.gpu.replay(&self.epoch_end, 0..1)?;
        let (losses, progress) = &mut self.downloads[epoch % 2];
        losses.queue(self.gpu);
        progress.queue(self.gpu);
        self.epoch = epoch + 1;
        Ok(true)
    }

    /// Fetches an epoch's numbers and reports them; whether any member trains on.
    fn collect(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<bool> {
        let (losses, progress) = &mut self.downloads[epoch % 2];
        let losses = losses.fetch(self.gpu)?;
        let progress = progress.fetch(self.gpu)?;
        let members = progress.len();
        let mut reports = Vec::new();
        for (member, state) in progress.iter().enumerate() {
            // A member that stopped in an earlier epoch did not count this one.
            if state.epochs as usize != epoch + 1 {
                continue;
            }
            let of_member: Vec<f64> =
                losses.iter().skip(member).step_by(members).map(|loss| f64::from(*loss)).collect();
            if let Some(step) = of_member.iter().position(|loss| !loss.is_finite() || *loss == 0.0) {
                let seed = self.config.train.seeds[member];
                return Err(Error::Tolerance(format!(
                    "the loss of seed {seed} in epoch {epoch}, step {step} is {}: lower optimiser.lr, or the device is out of memory",
                    of_member[step]
                )));
            }
            reports.push(EpochReport {
                member,
                epoch,
                loss: of_member.iter().sum::<f64>() / of_member.len() as f64,
                score: f64::from(state.score),
                best_score: f64::from(state.best_score),
                best_epoch: state.best_epoch as usize,
                alive: state.alive == 1,
            });
        }
        observer.epoch(&reports)?;
        Ok(progress.iter().any(|member| member.alive == 1))
    }
}
