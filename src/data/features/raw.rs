//! Features that are not standardised yet, wherever they come from.

use serde::{Deserialize, Serialize};

use crate::Result;

/// Number of examples, and of frames and bands of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureShape {
    /// Number of examples.
    pub examples: usize,
    /// Number of frames of every example.
    pub frames: usize,
    /// Number of bands of every frame.
    pub bands: usize,
}

impl FeatureShape {
    /// Returns the number of values of an example.
    pub fn values(&self) -> usize {
        self.frames * self.bands
    }

    /// Returns the number of bytes of all features in f32.
    pub fn bytes(&self) -> u64 {
        self.examples as u64 * self.values() as u64 * size_of::<f32>() as u64
    }
}

/// A source of features that are not standardised yet.
pub trait RawFeatures: Send + Sync {
    /// Reads the features of `examples` into `values`, `[example, frame, band]`, in the order of `examples`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] or [`crate::Error::Data`] naming a file that cannot be read or is damaged.
    fn read(&self, examples: &[u32], values: &mut [f32]) -> Result<()>;

    /// Whether there are no values, because the work is only planned: nothing is replayed then.
    fn is_planned(&self) -> bool {
        false
    }
}

/// The source of a training that is only planned.
pub struct PlannedFeatures;

impl RawFeatures for PlannedFeatures {
    fn read(&self, _: &[u32], _: &mut [f32]) -> Result<()> {
        Ok(())
    }

    fn is_planned(&self) -> bool {
        true
    }
}
