//! What a search's report is made of.

use serde::{Deserialize, Serialize};

use crate::config::Method;
use crate::report::CurvePoint;

/// A search as far as it got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchData {
    /// What the report is called.
    pub title: String,
    /// Where the sounds are from.
    pub soundbank: String,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Clips of training, validation and evaluation.
    pub clips: [usize; 3],
    /// How every trial was trained.
    pub method: Method,
    /// What is maximised: "macro-F1" or "F(x)", in % on the validation set.
    pub objective: String,
    /// The best 1/eta of a rung are promoted to the next.
    pub eta: usize,
    /// Epochs that a trial has trained, in all, when it has its result on each rung; ascending.
    pub rungs: Vec<usize>,
    /// The seeds of every trial.
    pub seeds: Vec<u64>,
    /// What is searched.
    pub parameters: Vec<ParameterAxis>,
    /// The trials that were started, in any order.
    pub trials: Vec<TrialData>,
    /// Trials of the whole search, started or not.
    pub planned: usize,
}

/// A parameter that is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterAxis {
    /// Its key in the configuration, for example `optimiser.lr`.
    pub name: String,
    /// Whether it is drawn on a logarithmic scale.
    pub log: bool,
}

/// The value that a trial drew for a parameter. In JSON it is a number or a string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// A number.
    Number(f64),
    /// A choice that is no number, for example `[16, 16, 32]` or `segment`.
    Text(String),
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialData {
    /// Its number in the search.
    pub number: usize,
    /// Its value of every parameter; none where the parameter's condition does not hold.
    pub values: Vec<Option<ParameterValue>>,
    /// "running", "waiting", "paused", "interrupted", "failed" or "finished".
    pub state: String,
    /// Means over seeds in %, of rung 0, 1, … as far as it came.
    pub scores: Vec<f64>,
    /// The epochs of each seed's training, in order.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Wall time of its training, in seconds.
    pub seconds: f64,
    /// The names of the adapters it trained on.
    pub adapters: Vec<String>,
}
