//! Trials of a search: configurations drawn from the search space, trained up to their rung and compared by their best
//! validation score so far.

use super::lease_keeper::{LeaseKeeper, Update};
use super::stop_conditions::StopConditions;
use super::training::{ClaimedTraining, TrainedTrial, TrainingContext, train};
use super::{Job, Settings, outcome};
use crate::config::{BatchSampling, Config, PrototypeConfig, Sampling, TrainConfig};
use crate::data::scenes::{Dataset, LeftOut, Subset};
use crate::experiments::search::{Trial, check, trial};
use crate::experiments::store::Claimed;
use crate::gpu::Gpu;
use crate::output::Progress;
use crate::train::{Draws, TrainingData, are_compatible};
use crate::{Error, Result};

/// The data that all trials of a search share. A trial's configuration is drawn when it is needed.
pub struct SearchJob<'a> {
    gpu: &'a Gpu,
    config: Config,
    data: TrainingData,
    settings: &'a Settings,
}

impl<'a> SearchJob<'a> {
    /// Checks the trials of `config` and loads the features of their data onto the GPU.
    ///
    /// # Errors
    /// [`Error::Config`] that names an invalid key of the search space or of a trial's batches; the errors of the data
    /// and the device.
    pub fn new(gpu: &'a Gpu, config: &Config, settings: &'a Settings, progress: &Progress) -> Result<Self> {
        let mut batches = Batches::default();
        check(config, |trial| batches.note(trial))?;
        let dataset = Dataset::of(config)?;
        let used = [Subset::Train, Subset::Validation];
        dataset.need(&used)?;
        dataset.need_validation_labels()?;
        let never_drawn = dataset.never_drawn().filter(|_| batches.has(BatchSampling::Paper));
        dataset.left_out(&used).iter().chain(&never_drawn).for_each(LeftOut::log);
        let data = TrainingData::load(gpu, config, &dataset, &dataset.contents()?, &progress.features(&dataset))?;
        let heard = data.train.labels.iter().flat_map(|labels| labels.classes.iter().copied());
        let remedy = "train.seconds takes longer segments, and train.crop=random another part in every epoch";
        dataset.missed_labels(config, remedy)?.iter().chain(&dataset.missed_classes(heard)).for_each(LeftOut::log);
        for trial in &batches.0 {
            let draws = Draws::new(&trial.config, &data.train.labels, &data.classes).map_err(|error| {
                Error::config("search.space", format!("trial {} cannot be trained: {error}", trial.number))
            })?;
            // The first trial's message stands for all, since all trials draw from the same segments.
            if trial.number == 0 {
                draws.left_out.iter().for_each(LeftOut::log);
            }
        }
        Ok(Self { gpu, config: config.clone(), data, settings })
    }
}

/// The first trial for each way of drawing batches that occurs in the search.
#[derive(Default)]
struct Batches(Vec<Trial>);

impl Batches {
    fn note(&mut self, trial: Trial) {
        let way = |trial: &Trial| -> (usize, BatchSampling, Option<f64>, Sampling, PrototypeConfig) {
            let config = &trial.config;
            let TrainConfig { batch, sampling, negatives, .. } = config.train;
            (batch, sampling, negatives, config.triplets.sampling, config.prototypes.clone())
        };
        if !self.0.iter().any(|other| way(other) == way(&trial)) {
            self.0.push(trial);
        }
    }

    /// Returns whether some trial draws its batches by `sampling`.
    fn has(&self, sampling: BatchSampling) -> bool {
        self.0.iter().any(|trial| trial.config.train.sampling == sampling)
    }
}

impl Job for SearchJob<'_> {
    fn is_compatible(&self, one: usize, other: usize) -> bool {
        let drawn = |number: usize| trial(&self.config, number);
        matches!((drawn(one), drawn(other)), (Ok(one), Ok(other)) if are_compatible(&one.config, &other.config))
    }

    fn max_together(&self) -> usize {
        self.config.search.together
    }

    fn work(&mut self, claimed: Vec<Claimed>, keeper: &LeaseKeeper, until: StopConditions) -> Result<()> {
        let search = &self.config.search;
        let rung = claimed[0].lease.rung;
        let epochs = search.minimum * search.eta.pow(rung as u32);
        let task = |claimed: Claimed| {
            let config = trial(&self.config, claimed.lease.trial)?.config;
            Ok(ClaimedTraining { config, claimed })
        };
        let tasks = claimed.into_iter().map(task).collect::<Result<Vec<_>>>()?;
        let context = TrainingContext { gpu: self.gpu, tiles: &self.settings.tiles, data: &self.data, until };
        for trained in train(&context, tasks, Some(epochs), keeper)? {
            let best = trained.best();
            let score = best.iter().sum::<f64>() / best.len() as f64;
            let details = curves(&trained)?;
            let mut outcome = outcome(self.gpu, &self.settings.name, score, details, trained.seconds);
            outcome.checkpoint = Some(trained.checkpoint()?);
            tracing::info!("trial {} has {score:.1} % after {epochs} epochs", trained.lease.trial);
            keeper.send(Update::Result(trained.lease, outcome));
        }
        Ok(())
    }
}

fn curves(trained: &TrainedTrial) -> Result<String> {
    serde_json::to_string(&trained.curves).map_err(|e| Error::data("learning curves", e.to_string()))
}
