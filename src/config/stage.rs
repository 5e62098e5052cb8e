//! The stages of which a training consists, by method.

use serde::{Deserialize, Serialize};

use super::{Config, Freeze, Method, WatchedScore};
use crate::{Error, Result};

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
    /// All stages.
    pub const ALL: [Self; 4] = [Self::Classifier, Self::Triplets, Self::Prototypes, Self::Tagger];

    /// Returns the stages of `method` in order, without anything frozen.
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

    /// Returns the name of the stage's validation score in a training that watches `watch`.
    pub fn measure(self, watch: WatchedScore) -> &'static str {
        match (self, watch) {
            (Self::Classifier | Self::Tagger, WatchedScore::MacroF1) => "F1",
            (Self::Classifier | Self::Tagger, WatchedScore::Map) => "mAP",
            (Self::Triplets | Self::Prototypes, _) => "F(x)",
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
}

impl Config {
    /// Returns the stages of a training in order.
    pub fn stages(&self) -> &'static [StageName] {
        match self.train.freeze {
            Freeze::None => StageName::of(self.train.method),
            Freeze::Embedding => &[StageName::Tagger],
        }
    }

    /// Checks that trainings of `what`, a study or a search, start from parameters that are drawn: their models are
    /// compared with each other.
    ///
    /// # Errors
    /// [`Error::Config`] naming `train.init` or `train.freeze`.
    pub fn starts_from_scratch(&self, what: &str) -> Result<()> {
        let key = match (&self.train.init, self.train.freeze) {
            (Some(_), _) => "train.init",
            (None, Freeze::Embedding) => "train.freeze",
            (None, Freeze::None) => return Ok(()),
        };
        let reason =
            format!("{what} draws and trains all parameters of every model: leave it out, or use `weaklabel train`");
        Err(Error::config(key, reason))
    }
}
