//! The training loop (SPEC §§4, 5). The stages of a method run one after the other, and each epoch is queued before the
//! results of the previous one arrive.

use std::path::Path;
use std::time::Instant;

use super::stage::Stage;
use super::{Draws, Observer, StageName, TrainingData};
use crate::config::Config;
use crate::evaluate::{NEUTRAL_THRESHOLD, SegmentLabels, TagOutputs};
use crate::gpu::{Download, Gpu};
use crate::kernels::population::Member;
use crate::model::checkpoint::{Description, Provenance, TrainingState};
use crate::model::tiles::{TileFile, Tiles};
use crate::model::{Activations, Architecture, BatchShape, Population, StartingModel, initial_parameters};
use crate::{Error, Result};

/// Number of validation clips from which the threshold of a class is chosen. The best threshold of fewer clips says
/// more about these clips than about the class.
const LEAST_CLIPS: usize = 5;

/// Returns how many models can train together on examples with the labels `labels`. The limit is the number of models
/// whose largest activation tensor fits into one binding, and at least one.
///
/// # Errors
/// [`Error::Config`] when batches cannot be balanced.
pub fn most_members(gpu: &Gpu, config: &Config, labels: &[SegmentLabels], classes: &[String]) -> Result<usize> {
    let architecture = Architecture::new(&config.model, &config.features, classes.len());
    let first = config.stages()[0];
    let batch_size = first.episodes(config, labels, classes)?.batch_size();
    let chunks = batch_size * config.features.frames(config.train.seconds) / architecture.chunk_frames;
    Ok((gpu.max_binding_bytes() / Activations::largest_bytes(&architecture, chunks)).max(1) as usize)
}

/// Trains a population by the configured method, stage by stage.
pub struct Trainer<'a> {
    gpu: &'a Gpu,
    /// Configurations of the members in order, with the same stages, layers and data.
    configs: &'a [Config],
    /// Seeds, one per member.
    seeds: Vec<u64>,
    data: &'a TrainingData,
    population: Population,
    /// Shape of the batch of a step of the first stage.
    batch: BatchShape,
    stage: Stage,
    /// Downloads of state, best parameters and progress for a checkpoint.
    training_state: (Download<f32>, Download<f32>, Download<Member>),
    /// Stages of the method, each with its number of steps if it runs to its last epoch.
    stages: Vec<(StageName, u64)>,
    /// Number of finished epochs of the current stage.
    epoch: usize,
    /// Number of epochs of the first stage after which the training pauses.
    pause: Option<usize>,
    /// Provenance that is written to checkpoints.
    provenance: Provenance,
    /// Model from whose parameters the training starts; `None` if they are drawn.
    init: Option<StartingModel>,
}

impl<'a> Trainer<'a> {
    /// Makes fresh models for `config.train.seeds`, to be trained and validated on `data` with `tiles`. After this call
    /// nothing is allocated on the GPU until the end of the first stage.
    ///
    /// # Errors
    /// [`Error::Config`] when batches cannot be balanced; errors of tensor allocation and kernel compilation.
    pub fn new(gpu: &'a Gpu, tiles: &Tiles, config: &'a Config, data: &'a TrainingData) -> Result<Self> {
        Self::together(gpu, tiles, std::slice::from_ref(config), data)
    }

    /// Makes a trainer like [`Trainer::new`] for several configurations that train as one population, whose members are
    /// the seeds of each configuration in turn. The configurations must be compatible ([`are_compatible`]). Each member
    /// trains to the same bits as it would alone.
    ///
    /// # Errors
    /// The errors of [`Trainer::new`].
    pub fn together(gpu: &'a Gpu, tiles: &Tiles, configs: &'a [Config], data: &'a TrainingData) -> Result<Self> {
        let config = &configs[0];
        assert!(configs.iter().all(|other| are_compatible(config, other)), "incompatible trainings");
        let seeds: Vec<u64> = configs.iter().flat_map(|config| &config.train.seeds).copied().collect();
        let TrainingData { classes, train, .. } = data;
        let architecture = Architecture::new(&config.model, &config.features, classes.len());
        let Draws { stages, batch_size, .. } = Draws::new(config, &train.labels, classes)?;
        let first = stages[0].0;
        let batch = BatchShape { segments: batch_size, chunks: train.chunks(&architecture) };
        let population = Population::new(gpu, tiles, architecture, &seeds, batch)?;
        let init = StartingModel::of(config)?;
        if let Some(model) = &init {
            let all = population.architecture.elements();
            let mut state = vec![0.0; population.members * 3 * all];
            for (values, seed) in state.chunks_mut(3 * all).zip(&seeds) {
                values[..all].copy_from_slice(&model.parameters(&population.architecture, classes, *seed));
            }
            gpu.write(&population.state, 0, &state);
        }
        let training_state =
            (gpu.download(&population.state)?, gpu.download(&population.best)?, gpu.download(&population.progress)?);
        population.use_parameters(gpu, &population.state)?;
        let stage = Stage::new(gpu, configs, first, &population, data)?;
        Ok(Self {
            gpu,
            configs,
            seeds,
            data,
            population,
            batch,
            stage,
            training_state,
            stages,
            epoch: 0,
            pause: None,
            provenance: Provenance::new(configs, &data.fingerprint)
                .starting_from(init.as_ref().map(StartingModel::sha256)),
            init,
        })
    }

    /// Makes [`Trainer::run`] return once the first stage has finished `epochs` epochs, with a checkpoint from which
    /// another trainer resumes as if there had been no pause.
    pub fn pause_after(&mut self, epochs: usize) {
        self.pause = Some(epochs);
    }

    /// Returns the register tiles with which the trainer computes.
    pub fn tiles(&self) -> TileFile {
        let Population { tiles, architecture, .. } = &self.population;
        TileFile::new(self.gpu, tiles.in_use(self.gpu.class(), architecture, self.batch.all_chunks()))
    }

    /// Returns the data that the models are trained on.
    pub fn data(&self) -> &'a TrainingData {
        self.data
    }

    /// Returns the models.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// Returns the current stage, or the last one at the end, and its number of finished epochs.
    pub fn position(&self) -> (StageName, usize) {
        (self.stage.name, self.epoch)
    }

    /// Returns the stages in order.
    pub fn stages(&self) -> impl Iterator<Item = StageName> {
        self.stages.iter().map(|(stage, _)| *stage)
    }

    /// Returns the number of steps of the whole training if no stage stops before its last epoch.
    pub fn total_steps(&self) -> u64 {
        self.stages.iter().map(|(_, steps)| steps).sum()
    }

    /// Returns the work of the whole training in units of [`StageName::effort`], if no stage stops before its last
    /// epoch.
    pub fn total_work(&self) -> u64 {
        self.stages.iter().map(|(stage, steps)| stage.effort() * steps).sum()
    }

    /// Returns the work finished so far in the same units. Earlier stages count in full, even if they stopped early.
    pub fn work_done(&self) -> u64 {
        let before = self.stages.iter().take_while(|(stage, _)| *stage != self.stage.name);
        let before: u64 = before.map(|(stage, steps)| stage.effort() * steps).sum();
        before + self.stage.name.effort() * (self.epoch * self.stage.steps()) as u64
    }

    /// Resumes from a training state of the same configuration and data. `origin` is the file that errors name. Members
    /// that came to their last epoch train on if the configuration now has more.
    ///
    /// # Errors
    /// [`Error::Data`] with the first difference from this training: a key with both values, the data, the stage or the
    /// size; errors of the device.
    pub fn restore(&mut self, origin: &Path, training_state: &TrainingState) -> Result<()> {
        for message in training_state.provenance.check(origin, &self.provenance)? {
            tracing::info!("{message}");
        }
        let stage = training_state.stage;
        if !self.stages().any(|known| known == stage) {
            let known: Vec<&str> = self.stages().map(StageName::name).collect();
            let reason = format!(
                "it is in stage '{}', and a training of this method has {}",
                stage.name(),
                known.join(", then ")
            );
            return Err(Error::data(origin, reason));
        };
        let sizes = [training_state.progress.len(), training_state.elements()];
        let own = [self.population.members, self.population.architecture.elements()];
        if sizes != own {
            let [members, elements] = sizes;
            let reason = format!(
                "it is of {members} models with {elements} parameters, and this training is of {} with {}",
                own[0], own[1]
            );
            return Err(Error::data(origin, reason));
        }
        self.gpu.write(&self.population.state, 0, &training_state.state);
        self.gpu.write(&self.population.best, 0, &training_state.best);
        let (progress, epoch) = training_state.continued(&stage.stopping(&self.configs[0]));
        self.gpu.write(&self.population.progress, 0, &progress);
        self.population.use_parameters(self.gpu, &self.population.state)?;
        self.epoch = epoch;
        if stage != self.stage.name {
            self.stage = Stage::new(self.gpu, self.configs, stage, &self.population, self.data)?;
        }
        Ok(())
    }

    /// Makes every later stage in turn, as a training run does when it enters them.
    ///
    /// # Errors
    /// Errors of tensor allocation and kernel compilation.
    pub(super) fn dry_run_stages(&mut self) -> Result<()> {
        for stage in self.stages().skip(1).collect::<Vec<_>>() {
            self.stage = Stage::new(self.gpu, self.configs, stage, &self.population, self.data)?;
        }
        Ok(())
    }

    /// Downloads the training state of the population after the finished epochs.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn training_state(&mut self) -> Result<TrainingState> {
        let (state, best, progress) = &mut self.training_state;
        state.queue(self.gpu);
        best.queue(self.gpu);
        progress.queue(self.gpu);
        Ok(TrainingState {
            stage: self.stage.name,
            epoch: self.epoch,
            state: state.fetch(self.gpu)?,
            best: best.fetch(self.gpu)?,
            progress: progress.fetch(self.gpu)?,
            provenance: self.provenance.clone(),
            metrics: None,
        })
    }

    /// Returns the models of the best epochs so far, one per member, in the form in which
    /// [`read_model`](crate::model::checkpoint::read_model) returns them. A training that was stopped before its last
    /// stage finished an epoch has no trained classifier G yet, so its models can embed but not tag. The others have
    /// thresholds for every class, chosen on the validation scores of their best epochs
    /// ([`TagOutputs::best_threshold`]).
    ///
    /// # Errors
    /// Errors of the device.
    pub fn best_models(&mut self) -> Result<Vec<(Vec<f32>, Description)>> {
        let TrainingState { best, progress, .. } = self.training_state()?;
        let mut thresholds = self.thresholds()?.into_iter().flatten();
        let configs = self.configs.iter().flat_map(|config| config.train.seeds.iter().map(move |seed| (config, *seed)));
        let models = configs.zip(best.chunks(self.population.architecture.elements())).zip(&progress);
        let model = |(((config, seed), parameters), member): (((&Config, u64), &[f32]), &Member)| {
            let TrainingData { classes, statistics, .. } = self.data;
            let epoch = member.best_epoch as usize;
            let thresholds = thresholds.next();
            let description = Description::new(config, classes, statistics, seed, epoch);
            (parameters.to_vec(), Description { thresholds, ..description })
        };
        Ok(models.map(model).collect())
    }

    /// Chooses the thresholds of every class on the validation scores of the best epochs, `[member][class]`; `None`
    /// while there is no trained classifier G. A class with fewer than [`LEAST_CLIPS`] validation clips keeps
    /// [`NEUTRAL_THRESHOLD`].
    fn thresholds(&self) -> Result<Option<Vec<Vec<f64>>>> {
        if self.epoch == 0 || self.stages.last().is_some_and(|(last, _)| *last != self.stage.name) {
            return Ok(None);
        }
        // Kernels skip members that have stopped, so all members count as training while they are scored.
        let progress = self.gpu.read(&self.population.progress)?;
        let alive: Vec<Member> = progress.iter().map(|member| Member { alive: 1, ..*member }).collect();
        self.gpu.write(&self.population.progress, 0, &alive);
        self.population.use_parameters(self.gpu, &self.population.best)?;
        let probabilities = self.stage.validation_probabilities(self.gpu)?;
        self.population.use_parameters(self.gpu, &self.population.state)?;
        self.gpu.write(&self.population.progress, 0, &progress);
        let TrainingData { classes, validation, .. } = self.data;
        let of_member = |scores: Vec<f32>| {
            let outputs = TagOutputs { probabilities: &scores, labels: &validation.labels, classes: classes.len() };
            let clips =
                |class: usize| validation.labels.iter().filter(|labels| labels.classes.contains(&class)).count();
            let threshold = |class: usize| match clips(class) {
                ..LEAST_CLIPS => NEUTRAL_THRESHOLD,
                _ => outputs.best_threshold(class),
            };
            (0..classes.len()).map(threshold).collect()
        };
        Ok(probabilities.map(|members| members.into_iter().map(of_member).collect()))
    }

    /// Trains until every member has stopped in the last stage, or the pause is reached. Returns `false` if the
    /// observer ended the training earlier. No finished epoch is lost then: unless the last epoch is saved already, the
    /// current epoch runs to its end and is saved.
    ///
    /// # Errors
    /// [`Error::Tolerance`] when a loss is not finite; [`Error::DeviceLost`] when the device skipped a step without
    /// reporting an error; errors of the device and of the observer.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<bool> {
        while self.run_stage(observer)? {
            if self.pause.is_some() {
                return Ok(true);
            }
            let mut later = self.stages.iter().skip_while(|(stage, _)| *stage != self.stage.name).skip(1);
            match later.next() {
                Some((next, _)) => self.enter(*next)?,
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Enters a stage from the best parameters of E of the previous one, with the G that the training started with, and
    /// fresh moments and progress.
    fn enter(&mut self, stage: StageName) -> Result<()> {
        let architecture = &self.population.architecture;
        let (of_e, all) = (architecture.embedding_elements(), architecture.elements());
        let best = self.training_state()?.best;
        let architecture = &self.population.architecture;
        let mut state = vec![0.0; self.population.members * 3 * all];
        for (member, seed) in self.seeds.iter().enumerate() {
            let parameters = &mut state[member * 3 * all..][..all];
            parameters[..of_e].copy_from_slice(&best[member * all..][..of_e]);
            let first = match &self.init {
                Some(model) => model.parameters(architecture, &self.data.classes, *seed),
                None => initial_parameters(architecture, *seed),
            };
            parameters[of_e..].copy_from_slice(&first[of_e..]);
        }
        let progress: Vec<Member> = self.seeds.iter().map(|seed| Member::new(*seed)).collect();
        self.gpu.write(&self.population.state, 0, &state);
        self.gpu.write(&self.population.progress, 0, &progress);
        self.population.use_parameters(self.gpu, &self.population.state)?;
        self.stage = Stage::new(self.gpu, self.configs, stage, &self.population, self.data)?;
        self.epoch = 0;
        Ok(())
    }

    /// Runs the current stage to its end. Returns `false` if the observer ended it.
    fn run_stage(&mut self, observer: &mut dyn Observer) -> Result<bool> {
        let mut last_checkpoint = Instant::now();
        let training_state = self.training_state()?;
        observer.checkpoint(&training_state)?;
        let (mut saved, mut under_way) = (self.epoch, None);
        let mut alive = training_state.progress.iter().any(|member| member.alive == 1);
        let last = self.pause.unwrap_or(self.stage.epochs).min(self.stage.epochs);
        while alive && self.epoch < last {
            let epoch = self.epoch;
            if !observer.should_continue(self.work_done()) {
                if let Some(previous) = under_way.take() {
                    alive = self.collect(previous, observer)?;
                }
                if saved != epoch {
                    observer.checkpoint(&self.training_state()?)?;
                }
                return Ok(!alive);
            }
            // The observer can end an epoch halfway only when all earlier epochs are saved.
            let (done, effort, may_stop) = (self.work_done(), self.stage.name.effort(), saved == epoch);
            let go_on = &mut |row: u32| observer.should_continue(done + effort * u64::from(row)) || !may_stop;
            if !self.stage.queue_epoch(self.gpu, epoch, go_on)? {
                return Ok(false);
            }
            self.epoch = epoch + 1;
            if let Some(previous) = under_way.replace(epoch) {
                alive = self.collect(previous, observer)?;
            }
            // A checkpoint needs an idle queue, so the epoch in flight is collected first.
            let due = last_checkpoint.elapsed().as_secs_f64() >= self.configs[0].train.checkpoint_s;
            if due || !alive || self.epoch >= last {
                if let Some(epoch) = under_way.take() {
                    alive = self.collect(epoch, observer)?;
                }
                observer.checkpoint(&self.training_state()?)?;
                (saved, last_checkpoint) = (self.epoch, Instant::now());
            }
        }
        Ok(true)
    }

    /// Fetches and reports an epoch's numbers. Returns whether any member continues to train.
    fn collect(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<bool> {
        let (reports, alive) = self.stage.collect(self.gpu, epoch)?;
        observer.epoch(&reports)?;
        Ok(alive)
    }
}

/// Whether trainings of these configurations can be members of one population. They may differ only in seeds, learning
/// rates and weight decays, since the schedule passes these to each member separately.
pub fn are_compatible(one: &Config, other: &Config) -> bool {
    let shared = |config: &Config| {
        let mut config = config.clone();
        config.train.seeds.clear();
        for (lr, weight_decay) in [
            (&mut config.optimiser.lr, &mut config.optimiser.weight_decay),
            (&mut config.tagger.lr, &mut config.tagger.weight_decay),
        ] {
            (*lr, *weight_decay) = (0.0, 0.0);
        }
        config
    };
    shared(one) == shared(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Method;

    #[test]
    fn as_many_models_train_together_as_can_be_bound() {
        // The noop device has WebGPU's guaranteed limits: 128 MiB in one binding.
        let gpu = Gpu::noop();
        let classes: Vec<String> = (0..10).map(|class| class.to_string()).collect();
        let labels: Vec<SegmentLabels> = (0..40).map(|example| SegmentLabels::one(example % 10, 1.0)).collect();
        let most = |method, seconds| {
            let mut config = Config::default();
            (config.train.method, config.train.seconds) = (method, seconds);
            most_members(&gpu, &config, &labels, &classes).unwrap()
        };
        // conv0 produces 16 × 10 × 32 values of 4 bytes per chunk; a batch of triplets has 30 segments of 50 chunks.
        assert_eq!(most(Method::Triplets, 10.0), (128 << 20) / (30 * 50 * 16 * 10 * 32 * 4));
        assert_eq!(most(Method::Triplets, 1.0), (128 << 20) / (30 * 5 * 16 * 10 * 32 * 4));
        assert_eq!(most(Method::Classifier, 10.0), (128 << 20) / (10 * 50 * 16 * 10 * 32 * 4));
        assert_eq!(most(Method::Triplets, 100.0), 1, "even if that one does not fit");
    }
}
