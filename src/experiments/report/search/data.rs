//! Data of a search's report.

use serde::Serialize;

use crate::config::{Method, Objective};
use crate::experiments::search::TrialState;
use crate::output::CurvePoint;

/// The state of a search so far.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchData {
    /// Title of the report.
    pub title: String,
    /// Origin of the sounds.
    pub soundbank: String,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Numbers of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Training method of every trial.
    pub method: Method,
    /// Divisor of successive halving: the best 1/eta of a rung are promoted to the next.
    pub eta: usize,
    /// Epochs that a trial has trained in all at the end of each rung, ascending.
    pub rungs: Vec<usize>,
    /// Seeds of every trial.
    pub seeds: Vec<u64>,
    /// Searched parameters.
    pub parameters: Vec<ParameterAxis>,
    /// Trials that were started, in any order.
    pub trials: Vec<TrialData>,
    /// Number of trials of the whole search, started or not.
    pub planned: usize,
}

impl SearchData {
    /// Returns the name of the maximised score, in % on the validation set.
    pub fn objective(&self) -> &'static str {
        Objective::of(self.method).name()
    }
}

/// A parameter that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterAxis {
    /// Key of the parameter in the configuration, for example `optimiser.lr`.
    pub name: String,
    /// Whether values are drawn on a logarithmic scale.
    pub log: bool,
}

/// The value that a trial drew for a parameter; a number or a string in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// A number.
    Number(f64),
    /// A choice that is not a number, for example `[16, 16, 32]` or `segment`.
    Text(String),
}

/// A trial of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialData {
    /// Number of the trial in the search.
    pub number: usize,
    /// Value of every parameter; `None` where the parameter's condition does not hold.
    pub values: Vec<Option<ParameterValue>>,
    /// State of the trial. One that is paused on the last rung is finished.
    pub state: TrialState,
    /// Mean scores over seeds in %, `[rung]`, up to the last rung with a result.
    pub scores: Vec<f64>,
    /// Learning curves, `[seed][epoch]`.
    pub curves: Vec<Vec<CurvePoint>>,
    /// Reason of the last failure.
    pub reason: Option<String>,
    /// Training time, in seconds of wall time.
    pub seconds: f64,
    /// Names of the adapters that the trial was trained on.
    pub adapters: Vec<String>,
}
