//! The stages of the training methods, with the settings of each.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Episodes, PrototypeEpisodes, Sampler, Triplets};
use crate::Result;
use crate::config::{Config, Method, OptimiserConfig, Sampling};
use crate::evaluate::SegmentLabels;
use crate::kernels::score::Stopping;
use crate::model::Population;

/// The kind of a training stage: which networks it trains, and with which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// E and G end to end (SPEC §4.1).
    Classifier,
    /// E on triplets (SPEC §4.2).
    Triplets,
    /// E on prototypes (SPEC §4.3).
    Prototypes,
    /// G on frozen embeddings (SPEC §4.4).
    Tagger,
}

impl StageName {
    /// Returns the stages of `method` in order.
    pub fn of(method: Method) -> &'static [Self] {
        match method {
            Method::Classifier => &[Self::Classifier],
            Method::Triplets => &[Self::Triplets, Self::Tagger],
            Method::Prototypes => &[Self::Prototypes, Self::Tagger],
        }
    }

    /// Returns the name used in metrics and checkpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Triplets => "triplets",
            Self::Prototypes => "prototypes",
            Self::Tagger => "tagger",
        }
    }

    /// Returns the name of the stage's validation score.
    pub fn measure(self) -> &'static str {
        match self {
            Self::Classifier | Self::Tagger => "F1",
            Self::Triplets | Self::Prototypes => "F(x)",
        }
    }

    /// Returns the relative cost of one step, with which progress is weighted across stages. A tagger step is cheap,
    /// since it is a few small dispatches.
    pub fn effort(self) -> u64 {
        if self == Self::Tagger { 1 } else { 50 }
    }

    /// Returns the largest number of epochs that the stage runs.
    pub fn epochs(self, config: &Config) -> usize {
        if self == Self::Tagger { config.tagger.epochs } else { config.train.most_epochs() }
    }

    /// Makes the sampler of the stage's batches from training examples with the labels `labels`. Classifier and tagger
    /// balance over all classes of an example. Distance losses use one class of an example, that of its dominant event.
    ///
    /// # Errors
    /// [`crate::Error::Config`] when batches cannot be balanced.
    pub fn episodes(self, config: &Config, labels: &[SegmentLabels], classes: &[String]) -> Result<Box<dyn Episodes>> {
        let batch = config.train.batch;
        let of_example = |labels: &SegmentLabels| match self {
            Self::Classifier | Self::Tagger => labels.classes.clone(),
            Self::Triplets | Self::Prototypes => labels.dominant.into_iter().collect(),
        };
        let labels: Vec<Vec<usize>> = labels.iter().map(of_example).collect();
        Ok(match self {
            Self::Classifier => Box::new(Sampler::new(&labels, classes, batch, "train.batch")?),
            Self::Tagger => Box::new(Sampler::new(&labels, classes, config.tagger.batch, "tagger.batch")?),
            Self::Triplets => {
                let negatives = config.triplets.sampling == Sampling::Random;
                Box::new(Triplets::new(&labels, classes, batch, negatives)?)
            }
            Self::Prototypes => {
                let settings = &config.prototypes;
                let way = settings.way.unwrap_or(classes.len());
                Box::new(PrototypeEpisodes::new(&labels, classes, way, settings.support, batch)?)
            }
        })
    }

    /// Returns the rule by which the members stop.
    pub(super) fn stopping(self, config: &Config) -> Stopping {
        let tags = matches!(self, Self::Classifier | Self::Tagger);
        Stopping {
            epochs: self.epochs(config),
            min_epochs: if tags { config.train.min_epochs } else { 0 },
            patience: config.train.patience,
        }
    }

    /// Returns the optimiser settings of the stage (SPEC §4).
    pub fn optimiser(self, config: &Config) -> OptimiserConfig {
        match self {
            Self::Tagger => OptimiserConfig {
                lr: config.tagger.lr,
                weight_decay: config.tagger.weight_decay,
                ..config.optimiser.clone()
            },
            _ => config.optimiser.clone(),
        }
    }

    /// Returns the range of parameters that the stage trains: all, those of E, or those of G.
    pub(super) fn parameters(self, population: &Population) -> Range<usize> {
        let (of_e, all) = (population.architecture.embedding_elements(), population.architecture.elements());
        match self {
            Self::Classifier => 0..all,
            Self::Triplets | Self::Prototypes => 0..of_e,
            Self::Tagger => of_e..all,
        }
    }
}
