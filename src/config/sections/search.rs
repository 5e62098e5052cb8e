//! Section for the trainings of `search`.

use serde::{Deserialize, Serialize};

use super::Method;

/// A search by asynchronous successive halving (Li et al., arXiv 1810.05934): trials are promoted to rungs with more
/// and more epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Title of the report.
    pub title: String,
    /// Number of configurations to try: 60 (O).
    pub trials: usize,
    /// Reduction factor: one of this many trials is promoted to the next rung, which has as many times the epochs: 3
    /// (O).
    pub eta: usize,
    /// Epochs of the first rung: 1 (O).
    pub minimum: usize,
    /// Number of rungs: 4 (O), by default with 1, 3, 9 and 27 epochs.
    pub rungs: usize,
    /// Validation score whose best value up to a rung ranks the trials; that of the method's first stage when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// Seed of the drawn configurations. The seeds of every trial's models are `train.seeds`.
    pub seed: u64,
    /// Largest number of trials that train as one population, if they differ in learning rate and weight decay only: 4
    /// (O).
    pub together: usize,
    /// Values to draw, in this order.
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

/// Validation scores by which the trials of a search are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// Macro-F1 on the validation segments, for the classifier.
    #[serde(rename = "macro_f1")]
    MacroF1,
    /// F(x), the share of validation segments nearest to the centroid of their own class, for triplets and prototypes.
    #[serde(rename = "fx")]
    Fx,
}

impl Objective {
    /// Returns the validation score of the first stage of `method`.
    pub fn of(method: Method) -> Self {
        if method == Method::Classifier { Self::MacroF1 } else { Self::Fx }
    }

    /// Returns the name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacroF1 => "macro-F1",
            Self::Fx => "F(x)",
        }
    }
}

/// A value that is drawn for every trial in exactly one of four ways.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpaceConfig {
    /// Name: a key such as `optimiser.lr`, an element of a list such as `model.filters[3]`, or a free name to which the
    /// conditions of other entries refer.
    pub name: String,
    /// List of values, of which one is drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choice: Vec<toml::Value>,
    /// Bounds [low, high) of a number that is drawn uniformly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<[f64; 2]>,
    /// Bounds [low, high) of a number whose logarithm is drawn uniformly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_uniform: Option<[f64; 2]>,
    /// Bounds of an integer that is drawn uniformly, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integer: Option<[i64; 2]>,
    /// Conditions: earlier entries, each with the value or the list of values that it must have for this entry to be
    /// drawn.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub when: toml::Table,
}
