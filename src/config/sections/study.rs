//! Section for the trainings of `reproduce`.

use serde::{Deserialize, Serialize};

use super::{Method, Variant};

/// The grid of a study, in which every combination of dataset, method and training length is a cell (SPEC §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyConfig {
    /// Title of the report.
    pub title: String,
    /// Datasets: the 200 ms dataset and WAA1 (P).
    pub variants: Vec<Variant>,
    /// Methods: all three (P).
    pub methods: Vec<Method>,
    /// Lengths of the training segments in seconds: 0.2, 1, 10 (P).
    pub seconds: Vec<f64>,
    /// Number of seeds in each cell, counted from 1 and trained together: 5 (O).
    pub seeds: usize,
    /// Longest event that the report counts as short, in seconds: 1 (O).
    pub short_s: f64,
    /// Settings of individual cells.
    #[serde(rename = "cell", skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellConfig>,
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self {
            title: "Limitations of weak labels for embedding and tagging".into(),
            variants: vec![Variant::Ms200, Variant::Waa],
            methods: Method::all().to_vec(),
            seconds: vec![0.2, 1.0, 10.0],
            seeds: 5,
            short_s: 1.0,
            cells: Vec::new(),
        }
    }
}

/// Settings for all cells that match. An absent key matches all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CellConfig {
    /// Dataset of the cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// Method of the cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Length of the training segments in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Edits as for `--set`, `key.path=value`.
    pub set: Vec<String>,
}
