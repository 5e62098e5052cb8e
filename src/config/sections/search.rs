//! Which trainings `search` makes.

use serde::{Deserialize, Serialize};

use super::Method;

/// A search by asynchronous successive halving (Li et al., arXiv 1810.05934): trials climb rungs of more and more epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// What the report is called.
    pub title: String,
    /// Configurations that are tried: 60 (O).
    pub trials: usize,
    /// One of this many goes on to the next rung, with as many times the epochs: 3 (O).
    pub eta: usize,
    /// Epochs of the first rung: 1 (O).
    pub minimum: usize,
    /// Rungs: 4 (O), with the defaults 1, 3, 9 and 27 epochs.
    pub rungs: usize,
    /// What trials are compared by, their best validation score up to a rung: that of the method's first stage when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// Seed of what is drawn for the trials; the seeds of every trial's models are `train.seeds`.
    pub seed: u64,
    /// Most trials that train as one population, if they differ in learning rate and weight decay only: 4 (O).
    pub together: usize,
    /// What is drawn, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub space: Vec<SpaceConfig>,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            title: "Search".into(),
            trials: 60,
            eta: 3,
            minimum: 1,
            rungs: 4,
            objective: None,
            seed: 1,
            together: 4,
            space: Vec::new(),
        }
    }
}

/// What trials of a search are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// Macro-F1 on the validation segments, of the classifier.
    #[serde(rename = "macro_f1")]
    MacroF1,
    /// F(x), the share of validation segments nearest to the mean of their own class, of triplets and prototypes.
    #[serde(rename = "fx")]
    Fx,
}

impl Objective {
    /// What `method` is watched by in its first stage.
    pub fn of(method: Method) -> Self {
        if method == Method::Classifier { Self::MacroF1 } else { Self::Fx }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacroF1 => "macro-F1",
            Self::Fx => "F(x)",
        }
    }
}

/// One thing that is drawn for every trial, in exactly one of four ways.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpaceConfig {
    /// A key such as `optimiser.lr`, an element of a list such as `model.filters[3]`, or a word of one's own that other
    /// entries have as their condition.
    pub name: String,
    /// One of these values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choice: Vec<toml::Value>,
    /// A number in [low, high), every one as likely as another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<[f64; 2]>,
    /// A number in [low, high), every ratio as likely as another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_uniform: Option<[f64; 2]>,
    /// An integer from low to high, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<[i64; 2]>,
    /// Entries above and the value they must have, or a list of values, for this one to be drawn.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub when: toml::Table,
}
