//! Section for the trainings of `reproduce`.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

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
    /// Seeds of each cell, which train together: 1 to 5 (O). A number N stands for the seeds 1 to N.
    #[serde(serialize_with = "count_or_list", deserialize_with = "list_or_count")]
    pub seeds: Vec<u64>,
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
            seeds: (1..=5).collect(),
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

/// Writes the seeds 1 to N as the number N, and others as a list.
fn count_or_list<S: Serializer>(seeds: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let counted = !seeds.is_empty() && seeds.iter().copied().eq(1..=seeds.len() as u64);
    if counted { serializer.serialize_u64(seeds.len() as u64) } else { seeds.serialize(serializer) }
}

/// Reads a list of seeds, or a number N for the seeds 1 to N.
fn list_or_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    struct ListOrCount;

    impl<'de> Visitor<'de> for ListOrCount {
        type Value = Vec<u64>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number of seeds between 1 and 1024, or a list of seeds")
        }

        fn visit_i64<E: Error>(self, count: i64) -> Result<Self::Value, E> {
            match count {
                1..=1024 => Ok((1..=count as u64).collect()),
                _ => Err(E::invalid_value(Unexpected::Signed(count), &self)),
            }
        }

        fn visit_u64<E: Error>(self, count: u64) -> Result<Self::Value, E> {
            self.visit_i64(i64::try_from(count).unwrap_or(i64::MAX))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(ListOrCount)
}
