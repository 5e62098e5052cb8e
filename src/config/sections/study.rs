//! Which trainings `reproduce` makes.

use serde::{Deserialize, Serialize};

use super::{Method, Variant};

/// The grid of a study: every combination of dataset, method and training length is a cell (SPEC §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyConfig {
    /// What the report is called.
    pub title: String,
    /// Datasets: the 200 ms one and WAA1 (P).
    pub variants: Vec<Variant>,
    /// Methods: all three (P).
    pub methods: Vec<Method>,
    /// Lengths of the training segments in seconds: 0.2, 1, 10 (P).
    pub seconds: Vec<f64>,
    /// Seeds of each cell, counted from 1 and trained together: 5 (O).
    pub seeds: usize,
    /// Events up to this many seconds are the report's short ones: 1 (O).
    pub short_s: f64,
    /// What differs in some of the cells.
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

/// What differs in the cells that match; a key that is absent matches all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CellConfig {
    /// The dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Length of the training segments in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// `key.path=value` edits, as `--set` takes them.
    pub set: Vec<String>,
}
