//! What a stage of a training takes from the configuration: batches, the rule to stop, the optimiser and the parameters.

use std::ops::Range;

use super::{Episodes, PrototypeEpisodes, Sampler, Triplets};
use crate::Result;
use crate::config::{Config, OptimiserConfig, Sampling, StageName};
use crate::evaluate::SegmentLabels;
use crate::kernels::score::Stopping;
use crate::model::Population;

impl StageName {
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
