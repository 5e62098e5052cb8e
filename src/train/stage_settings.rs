//! Settings that a stage of a training takes from the configuration: batches, the rule to stop, the optimiser and the
//! parameters.

use std::ops::Range;

use super::{BalancedEpisodes, BalancedSampler, Episodes, NaturalSampler, PrototypeEpisodes, Sampler, Triplets};
use crate::config::{BatchSampling, Config, OptimiserConfig, PrototypeConfig, Sampling, StageName};
use crate::evaluate::SegmentLabels;
use crate::kernels::score::Stopping;
use crate::model::Population;
use crate::{Error, Result};

impl StageName {
    /// Makes the sampler of the stage's batches from training examples with the labels `labels`, by `train.sampling`.
    /// Classifier and tagger balance over all classes of an example. Distance losses use one class of an example, that
    /// of its dominant event.
    ///
    /// # Errors
    /// [`Error::Config`] when batches cannot be made in this way.
    pub fn episodes(self, config: &Config, labels: &[SegmentLabels], classes: &[String]) -> Result<Box<dyn Episodes>> {
        let of_example = |labels: &SegmentLabels| match self {
            Self::Classifier | Self::Tagger => labels.classes.clone(),
            Self::Triplets | Self::Prototypes => labels.dominant.into_iter().collect(),
        };
        let labels: Vec<Vec<usize>> = labels.iter().map(of_example).collect();
        let (sampling, share) = (config.train.sampling, config.train.negatives);
        if share.is_some() && sampling != BatchSampling::Balanced {
            let reason = "is the share of segments without a class in train.sampling=balanced, which is not set";
            return Err(Error::config("train.negatives", reason));
        }
        let (batch, key) = match self {
            Self::Tagger => (config.tagger.batch, "tagger.batch"),
            _ => (config.train.batch, "train.batch"),
        };
        let PrototypeConfig { way, support, .. } = config.prototypes;
        let way = way.unwrap_or(classes.len());
        let negatives = config.triplets.sampling == Sampling::Random;
        Ok(match (sampling, self) {
            (BatchSampling::Paper, Self::Classifier | Self::Tagger) => {
                Box::new(Sampler::new(&labels, classes, batch, key)?)
            }
            (BatchSampling::Paper, Self::Triplets) => Box::new(Triplets::new(&labels, classes, batch, negatives)?),
            (BatchSampling::Paper, Self::Prototypes) => {
                Box::new(PrototypeEpisodes::new(&labels, classes, way, support, batch)?)
            }
            (BatchSampling::Balanced, Self::Classifier | Self::Tagger) => {
                Box::new(BalancedSampler::new(&labels, classes.len(), batch, key, share)?)
            }
            (BatchSampling::Balanced, Self::Triplets) => {
                Box::new(Triplets::balanced(&labels, classes, batch, negatives, share)?)
            }
            (BatchSampling::Balanced, Self::Prototypes) => {
                Box::new(BalancedEpisodes::new(&labels, classes, way, support, batch)?)
            }
            (BatchSampling::Natural, Self::Classifier | Self::Tagger) => {
                Box::new(NaturalSampler::new(labels.len(), batch, key)?)
            }
            (BatchSampling::Natural, Self::Triplets | Self::Prototypes) => {
                let reason = format!(
                    "natural has no classes to compare, and --method {} compares classes: use balanced or paper",
                    self.name()
                );
                return Err(Error::config("train.sampling", reason));
            }
        })
    }

    /// Returns the rule by which the members stop.
    pub fn stopping(self, config: &Config) -> Stopping {
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
