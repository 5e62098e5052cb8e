//! Section for the layers of the networks.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

/// The networks E and G (SPEC §§2, 3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Frames per chunk: 20 (P).
    pub chunk_frames: usize,
    /// Output channels of each convolution: 16, 16, 32, 65 (A).
    pub filters: Vec<usize>,
    /// Max-pool window of each convolution as [time, mel]: 2×2, 2×2, 1×4, 1×2 (A).
    pub pools: Vec<[usize; 2]>,
    /// Side length of the convolution kernels, odd; stride 1, padded to keep the size: 3 (A).
    pub kernel: usize,
    /// Slope of LeakyReLU below zero: 0.2 (A).
    pub slope: f64,
    /// Dropout probability: 0.2 (A).
    pub dropout: f64,
    /// Units of each hidden layer of the classifier: 32 (P). A single number stands for one layer, an empty list for
    /// none.
    #[serde(deserialize_with = "one_or_several")]
    pub hidden: Vec<usize>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            chunk_frames: 20,
            filters: vec![16, 16, 32, 65],
            pools: vec![[2, 2], [2, 2], [1, 4], [1, 2]],
            kernel: 3,
            slope: 0.2,
            dropout: 0.2,
            hidden: vec![32],
        }
    }
}

/// Deserialises a list of numbers, or one number as a list of one. The errors of an untagged enum would name neither
/// the value nor its place.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    struct OneOrSeveral;

    impl<'de> Visitor<'de> for OneOrSeveral {
        type Value = Vec<usize>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number of units or a list of them")
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            let one = usize::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))?;
            Ok(vec![one])
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            let one = usize::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?;
            Ok(vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, several: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(several))
        }
    }

    deserializer.deserialize_any(OneOrSeveral)
}
