//! One stage of a training run: E and G together, E alone, or G alone. An epoch is one upload, one replay and one
//! readback.

use super::schedule::step_number;
use super::{
    Episodes, EpochReport, EpochRows, Schedule, StageName, StepContext, StepInput, TrainingData, TrainingStep,
};
use crate::config::{Config, OptimiserConfig};
use crate::evaluate::{CentroidValidator, Embedder, Embedding, Examples, Scorer, TaggerValidator, Validator};
use crate::gpu::{Download, Gpu, Recording, Resolved};
use crate::kernels::population::Member;
use crate::kernels::score::Score;
use crate::model::Population;
use crate::{Error, Result};

/// A stage that is ready to run. After its construction nothing is allocated on the GPU.
pub(super) struct Stage {
    pub name: StageName,
    /// Largest number of epochs.
    pub epochs: usize,
    episodes: Box<dyn Episodes>,
    /// Optimiser settings, one per member.
    optimisers: Vec<OptimiserConfig>,
    seeds: Vec<u64>,
    schedule: Schedule,
    step: TrainingStep,
    validator: Box<dyn Validator>,
    epoch_end: Resolved,
    /// Downloads of the two epochs that may be in flight.
    downloads: [Downloads; 2],
}

/// Buffers through which the host reads the results of an epoch.
struct Downloads {
    /// Training losses, `[step, member, part]`.
    losses: Download<f32>,
    /// Numbers of the steps that were executed, `[step, member]`.
    made: Download<u32>,
    /// Progress, `[member]`.
    progress: Download<Member>,
}

impl Stage {
    /// Makes stage `name` for `population`, whose members are the seeds of `configs`, one configuration after the
    /// other. Before a tagger stage E must be final, since all examples are embedded here.
    pub fn new(
        gpu: &Gpu,
        configs: &[Config],
        name: StageName,
        population: &Population,
        data: &TrainingData,
    ) -> Result<Self> {
        let config = &configs[0];
        let members = || configs.iter().flat_map(|config| config.train.seeds.iter().map(move |seed| (config, *seed)));
        let episodes = name.episodes(config, &data.train.labels, &data.classes)?;
        let schedule = Schedule::new(gpu, episodes.steps(), population.members, episodes.batch_size())?;
        let schedule = match name {
            StageName::Tagger => schedule,
            _ => schedule.reading(gpu, &data.train.store)?,
        };
        let normalise = config.normalise(config.train.method);
        let embed = |examples: &Examples| -> Result<_> {
            let embedder = Embedder::new(gpu, population, examples, normalise, Embedding::ForTagging)?;
            embedder.queue(gpu)?;
            Ok(embedder.embeddings)
        };
        let (threshold, watch) = (config.evaluate.threshold, config.train.watch);
        let context = StepContext { gpu, config, population, schedule: &schedule };
        let step = |source: StepInput<'_>| TrainingStep::new(&context, name, source);
        let (step, validator): (_, Box<dyn Validator>) = match name {
            StageName::Classifier => {
                let scorer = Scorer::watching(gpu, population, &data.validation, normalise, threshold, watch)?;
                (step(StepInput::Segments(&data.train))?, Box::new(scorer))
            }
            StageName::Triplets | StageName::Prototypes => {
                let separation = CentroidValidator::new(gpu, population, &data.train, &data.validation, normalise)?;
                (step(StepInput::Segments(&data.train))?, Box::new(separation))
            }
            StageName::Tagger => {
                let (train, validation) = (embed(&data.train)?, embed(&data.validation)?);
                let tagging = TaggerValidator::new(gpu, population, &validation, &data.validation, threshold, watch)?;
                (step(StepInput::Embeddings(&train, &data.train))?, Box::new(tagging))
            }
        };
        let mut epoch_end = Recording::new("epoch end");
        epoch_end.push(Score {
            counts: validator.counts().clone(),
            members: population.progress.clone(),
            stopping: name.stopping(config),
            criterion: validator.criterion(),
        });
        population.push_keep_best(&mut epoch_end);
        let downloads = || -> Result<_> {
            let (losses, made) = (gpu.download(&step.losses)?, gpu.download(&step.made)?);
            Ok(Downloads { losses, made, progress: gpu.download(&population.progress)? })
        };
        Ok(Self {
            name,
            epochs: name.epochs(config),
            optimisers: members().map(|(config, _)| name.optimiser(config)).collect(),
            seeds: members().map(|(_, seed)| seed).collect(),
            downloads: [downloads()?, downloads()?],
            epoch_end: epoch_end.resolve(gpu)?,
            episodes,
            schedule,
            step,
            validator,
        })
    }

    /// Returns the number of steps of one epoch.
    pub fn steps(&self) -> usize {
        self.episodes.steps()
    }

    /// Queues training, validation, early stopping and the downloads of one epoch. `go_on` is called often with the
    /// number of steps queued and ends the epoch by returning `false`; `queue_epoch` then returns `false` too.
    pub fn queue_epoch(&mut self, gpu: &Gpu, epoch: usize, go_on: &mut dyn FnMut(u32) -> bool) -> Result<bool> {
        let rows = EpochRows::new(&*self.episodes, &self.optimisers, &self.seeds, epoch);
        self.schedule.upload(gpu, &rows);
        if !self.schedule.feed.replay_while(gpu, &self.step.recording, (0, &rows.batches), go_on)? {
            return Ok(false);
        }
        self.validator.queue(gpu)?;
        gpu.replay(&self.epoch_end, 0..1)?;
        let Downloads { losses, made, progress } = &mut self.downloads[epoch % 2];
        losses.queue(gpu);
        made.queue(gpu);
        progress.queue(gpu);
        Ok(true)
    }

    /// Returns the class probabilities of the validation examples by the parameters that the population uses now,
    /// `[member][example · class]`; `None` in a stage that trains E alone. No epoch may be in flight.
    pub fn validation_probabilities(&self, gpu: &Gpu) -> Result<Option<Vec<Vec<f32>>>> {
        let probabilities = self.validator.probabilities(gpu)?;
        // An epoch starts to count from zero.
        let counts = self.validator.counts();
        gpu.write(counts, 0, &vec![0; counts.len()]);
        Ok(probabilities)
    }

    /// Fetches an epoch's numbers. Returns a report for each member that trained in the epoch, and whether any member
    /// continues.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] when the device skipped a step without reporting an error; [`Error::Tolerance`] when a
    /// loss is not finite; errors of the device.
    pub fn collect(&mut self, gpu: &Gpu, epoch: usize) -> Result<(Vec<EpochReport>, bool)> {
        let Downloads { losses, made, progress } = &mut self.downloads[epoch % 2];
        let (losses, made, progress) = (losses.fetch(gpu)?, made.fetch(gpu)?, progress.fetch(gpu)?);
        self.check_steps(gpu, epoch, &made)?;
        let [_, members, splits] = self.step.losses.dims();
        let mut reports = Vec::new();
        for (member, state) in progress.iter().enumerate() {
            // A member that stopped in an earlier epoch did not advance its count of epochs, and has no report.
            if state.epochs as usize != epoch + 1 {
                continue;
            }
            let parts = losses.chunks(splits).skip(member).step_by(members);
            let of_member: Vec<f64> = parts.map(|parts| parts.iter().map(|loss| f64::from(*loss)).sum()).collect();
            self.check_losses(member, epoch, &of_member)?;
            reports.push(EpochReport {
                stage: self.name,
                member,
                epoch,
                loss: of_member.iter().sum::<f64>() / of_member.len() as f64,
                score: f64::from(state.score),
                best_score: f64::from(state.best_score),
                best_epoch: state.best_epoch as usize,
                alive: state.alive == 1,
            });
        }
        Ok((reports, progress.iter().any(|member| member.alive == 1)))
    }

    /// Checks that the device executed every step of an epoch, because a device that is out of memory may compute
    /// nothing and report nothing. The optimiser, which is the last kernel of a step, writes the step's number. That
    /// number is never 0 and differs from those of all earlier epochs.
    fn check_steps(&self, gpu: &Gpu, epoch: usize, made: &[u32]) -> Result<()> {
        let row = |at: usize| at / self.seeds.len();
        let is_other = |(at, made): (usize, &u32)| *made != step_number(epoch, self.steps(), row(at));
        let Some(first) = made.iter().enumerate().position(is_other) else { return Ok(()) };
        Err(Error::DeviceLost {
            adapter: gpu.adapter().name.clone(),
            reason: format!(
                "it did not compute step {} of epoch {epoch} ({}) and reported nothing, as happens when its memory is \
                 full: free memory on it and go on, or begin anew with smaller batches or fewer seeds at a time",
                row(first),
                self.name.name()
            ),
        })
    }

    /// Checks that the losses of one member are finite. A loss may be 0 in f32 where the classes are easy to
    /// distinguish.
    fn check_losses(&self, member: usize, epoch: usize, losses: &[f64]) -> Result<()> {
        let Some(step) = losses.iter().position(|loss| !loss.is_finite()) else { return Ok(()) };
        Err(Error::Tolerance(format!(
            "the {} loss of seed {} in epoch {epoch}, step {step} is {}: lower the learning rate",
            self.name.name(),
            self.seeds[member],
            losses[step]
        )))
    }
}
