//! Trials of a grid study: the seeds of the cells of the paper's grid. Each trial has one rung: the worker trains it to
//! its end and evaluates it on the evaluation segments.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lease_keeper::{LeaseKeeper, Update};
use super::stop_conditions::StopConditions;
use super::training::{ClaimedTraining, TrainedTrial, TrainingContext, blame, train};
use super::{Job, Settings, outcome};
use crate::config::{Config, DataConfig};
use crate::experiments::store::{Claimed, Lease};
use crate::experiments::study::CellResult;
use crate::experiments::study::{self, Cell, Events, StudyFeatures, cells, drawn, evaluate_cell, log_left_out};
use crate::gpu::Gpu;
use crate::model::checkpoint::Description;
use crate::output::Progress;
use crate::{Error, Result};

/// Largest number of seeds of a cell that one worker claims at a time.
const TOGETHER: usize = 8;

/// The result that a worker delivers for one seed of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedResult {
    /// The result of this seed alone.
    pub result: CellResult,
    /// The events of the training clips.
    pub events: Events,
}

/// The cells of a study, with the features of one dataset and training length at a time.
pub struct GridJob<'a> {
    gpu: &'a Gpu,
    cells: Vec<Cell>,
    seeds: usize,
    /// Configuration and features of the cells that were trained last.
    features: Option<(Config, StudyFeatures)>,
    settings: &'a Settings,
    progress: Progress,
}

/// Returns the index of trial `trial`'s cell and the index of its seed within the cell.
pub fn cell_and_seed(trial: usize, seeds: usize) -> (usize, usize) {
    (trial / seeds, trial % seeds)
}

impl SeedResult {
    /// Reads a delivered result from JSON.
    ///
    /// # Errors
    /// A message when the JSON is of another kind, or the result is incomplete or of several seeds.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|e| format!("this is no result of a cell: {e}"))?;
        let classes = read.result.classes.len();
        let events = read.events.classes.len() == read.events.durations.len();
        if !read.result.is_whole() || read.result.seeds.len() != 1 || !events || read.events.classes.len() != classes {
            return Err("this is no whole result of a cell and one seed".into());
        }
        Ok(read)
    }
}

impl<'a> GridJob<'a> {
    /// Prepares the cells of the study of `config` and checks that all of them can be trained.
    ///
    /// # Errors
    /// The errors of [`cells`] and [`drawn`].
    pub fn new(gpu: &'a Gpu, config: &Config, settings: &'a Settings, progress: &Progress) -> Result<Self> {
        let (cells, seeds) = (cells(config)?, config.study.seeds.len());
        log_left_out(&drawn(&cells.iter().collect::<Vec<_>>())?);
        Ok(Self { gpu, cells, seeds, features: None, settings, progress: progress.clone() })
    }

    /// Loads the features that cell `cell` is trained and evaluated on, unless they are loaded.
    fn load(&mut self, cell: usize) -> Result<()> {
        let config = &self.cells[cell].config;
        let data = |config: &Config| -> (DataConfig, f64) { (config.data.clone(), config.train.seconds) };
        if self.features.as_ref().is_none_or(|(loaded, _)| data(loaded) != data(config)) {
            // The old features are dropped first to make room.
            self.features = None;
            self.features = Some((config.clone(), StudyFeatures::load(self.gpu, config, &self.progress)?));
        }
        Ok(())
    }

    /// Evaluates the seeds of `cell` that were trained together.
    fn evaluate(&self, cell: &Cell, features: &StudyFeatures, trained: &[TrainedTrial]) -> Result<CellResult> {
        let mut config = cell.config.clone();
        config.train.seeds = trained.iter().flat_map(|one| &one.config.train.seeds).copied().collect();
        let model = |(one, seed): (&TrainedTrial, u64)| {
            let epoch = one.training_state.progress[0].best_epoch as usize;
            let description =
                Description::new(&config, &features.training.classes, &features.training.statistics, seed, epoch);
            (one.training_state.best.clone(), description)
        };
        let trained = study::TrainedCell {
            models: trained.iter().zip(config.train.seeds.iter().copied()).map(model).collect(),
            curves: trained.iter().flat_map(|one| one.curves.clone()).collect(),
            best: trained.iter().flat_map(TrainedTrial::best).collect(),
        };
        evaluate_cell(self.gpu, &self.settings.tiles, &config, features, &trained)
    }
}

impl Job for GridJob<'_> {
    fn is_compatible(&self, one: usize, other: usize) -> bool {
        cell_and_seed(one, self.seeds).0 == cell_and_seed(other, self.seeds).0
    }

    fn max_together(&self) -> usize {
        TOGETHER
    }

    fn work(&mut self, claimed: Vec<Claimed>, keeper: &LeaseKeeper, until: StopConditions) -> Result<()> {
        let (index, _) = cell_and_seed(claimed[0].lease.trial, self.seeds);
        self.load(index)?;
        let Some((_, features)) = &self.features else { return Ok(()) };
        let cell = &self.cells[index];
        let task = |claimed: Claimed| {
            let mut config = cell.config.clone();
            config.train.seeds = vec![cell.config.train.seeds[cell_and_seed(claimed.lease.trial, self.seeds).1]];
            ClaimedTraining { claimed, config }
        };
        let tasks: Vec<ClaimedTraining> = claimed.into_iter().map(task).collect();
        let context = TrainingContext { gpu: self.gpu, tiles: &self.settings.tiles, data: &features.training, until };
        let trained = train(&context, tasks, None, keeper)?;
        if trained.is_empty() {
            return Ok(());
        }
        let judging = Instant::now();
        let evaluated = match self.evaluate(cell, features, &trained) {
            Ok(evaluated) => evaluated,
            Err(error) => {
                let leases: Vec<Lease> = trained.iter().map(|one| one.lease).collect();
                return blame(&leases, error, keeper);
            }
        };
        let judging = judging.elapsed().as_secs_f64() / trained.len() as f64;
        let events = features.events(cell.variant);
        for (seed, one) in trained.iter().enumerate() {
            let mut result = evaluated.of_seed(seed);
            let seconds = one.seconds + judging;
            result.seconds_taken = seconds;
            let details = serde_json::to_string(&SeedResult { result, events: events.clone() })
                .map_err(|e| Error::data("a cell's result", e.to_string()))?;
            let best = one.best()[0];
            tracing::info!("cell {cell}, seed {}: {best:.1} % in validation", one.config.train.seeds[0]);
            let outcome = outcome(self.gpu, &self.settings.name, best, details, seconds);
            keeper.send(Update::Result(one.lease, outcome));
        }
        Ok(())
    }
}
