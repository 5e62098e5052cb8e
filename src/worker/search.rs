//! Trials of a search: drawn from the space, trained up to their rung, compared by their best validation score so far.

use super::courier::{Courier, Parcel};
use super::training::{Bench, Task, Trained, Until, train};
use super::{Job, outcome};
use crate::config::Config;
use crate::evaluate::Examples;
use crate::features::{standardise, statistics};
use crate::gpu::Gpu;
use crate::report::Progress;
use crate::scenes::{Dataset, Subset};
use crate::search::{Trial, trials};
use crate::store::Claimed;
use crate::train::{StageName, alike};
use crate::{Error, Result};

/// The trials of a search and the data that all of them share.
pub struct SearchJob<'a> {
    gpu: &'a Gpu,
    config: Config,
    trials: Vec<Trial>,
    classes: Vec<String>,
    fingerprint: String,
    train: Examples,
    validation: Examples,
    worker: String,
}

impl<'a> SearchJob<'a> {
    /// Draws the trials of `config` and puts the features of their data on the GPU.
    ///
    /// # Errors
    /// [`Error::Config`] naming what does not fit, be it the space or the batches of a trial; whatever data and device report.
    pub fn new(gpu: &'a Gpu, config: &Config, worker: &str, progress: &Progress) -> Result<Self> {
        let trials = trials(config)?;
        let dataset = Dataset::of(config)?;
        let classes = dataset.classes().to_vec();
        let load = |subset: Subset| {
            let task = progress.task(&format!("{} features", subset.name()), dataset.len(subset) as u64);
            let shown = |done: usize| task.set(done as u64);
            let examples = Examples::load(gpu, config, &dataset, subset, config.train.seconds, &shown)?;
            task.finish();
            Ok::<_, Error>(examples)
        };
        let (train, validation) = (load(Subset::Train)?, load(Subset::Validation)?);
        let statistics = statistics(gpu, &train.store)?.checked()?;
        for examples in [&train, &validation] {
            standardise(gpu, &examples.store, &statistics, config.features.epsilon)?;
        }
        let first = StageName::of(config.train.method)[0];
        for trial in &trials {
            first.episodes(&trial.config, &train.heard, &classes).map_err(|error| {
                Error::config("search.space", format!("trial {} cannot be trained: {error}", trial.number))
            })?;
        }
        Ok(Self {
            gpu,
            config: config.clone(),
            trials,
            classes,
            fingerprint: dataset.fingerprint()?,
            train,
            validation,
            worker: worker.into(),
        })
    }
}

impl Job for SearchJob<'_> {
    fn alike(&self, one: usize, other: usize) -> bool {
        alike(&self.trials[one].config, &self.trials[other].config)
    }

    fn most(&self) -> usize {
        self.config.search.together
    }

    fn work(&mut self, claimed: Vec<Claimed>, courier: &Courier, until: Until) -> Result<()> {
        let search = &self.config.search;
        let rung = claimed[0].lease.rung;
        let epochs = search.minimum * search.eta.pow(rung as u32);
        let config = |claimed: &Claimed| self.trials[claimed.lease.trial].config.clone();
        let tasks: Vec<Task> = claimed.into_iter().map(|claimed| Task { config: config(&claimed), claimed }).collect();
        let bench = Bench {
            gpu: self.gpu,
            classes: &self.classes,
            train: &self.train,
            validation: &self.validation,
            fingerprint: &self.fingerprint,
            until,
        };
        for trained in train(&bench, &tasks, Some(epochs), courier)? {
            let best = trained.best();
            let score = best.iter().sum::<f64>() / best.len() as f64;
            let details = curves(&trained)?;
            let mut outcome = outcome(self.gpu, &self.worker, score, details, trained.seconds);
            outcome.checkpoint = Some(trained.checkpoint()?);
            tracing::info!("trial {} has {score:.1} % after {epochs} epochs", trained.lease.trial);
            courier.send(Parcel::Result(trained.lease, outcome));
        }
        Ok(())
    }
}

fn curves(trained: &Trained) -> Result<String> {
    serde_json::to_string(&trained.curves).map_err(|e| Error::data("learning curves", e.to_string()))
}
