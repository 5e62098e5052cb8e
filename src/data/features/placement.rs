//! The placement of the features of a training: on the GPU, or in a file from which they are streamed.

use super::raw::FeatureShape;
use crate::config::Precision;

/// Largest size of a window of streamed examples in bytes.
const MOST_WINDOW: u64 = 64 << 20;

/// The place of the features of one subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeaturePlacement {
    /// Number and size of the examples.
    pub shape: FeatureShape,
    /// Number format.
    pub precision: Precision,
    /// Number of examples of a window where they are streamed; `None` where all of them are on the GPU.
    pub room: Option<usize>,
}

/// The places of the features of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeaturePlan {
    /// Training segments.
    pub train: FeaturePlacement,
    /// Validation segments.
    pub validation: FeaturePlacement,
    /// Memory in bytes that the features may take; `None` where nothing limits them.
    pub budget: Option<u64>,
}

/// The examples of a training before they are placed.
#[derive(Debug, Clone, Copy)]
pub struct FeatureNeeds {
    /// Training segments.
    pub train: FeatureShape,
    /// Validation segments.
    pub validation: FeatureShape,
    /// Largest number of examples that a step or a batch of an evaluation reads.
    pub at_once: usize,
}

impl FeaturePlan {
    /// Plans the places of features in `precision` where the training may take `limit` bytes, of which features get
    /// three quarters. All stay on the GPU if they fit. Otherwise training segments are streamed, and validation
    /// segments too, unless they fit into a quarter of what features get.
    pub fn new(limit: Option<u64>, precision: Precision, needs: &FeatureNeeds) -> Self {
        let FeatureNeeds { train, validation, at_once } = *needs;
        let budget = limit.map(|limit| limit / 4 * 3);
        let bytes = |shape: FeatureShape| shape.bytes() / Precision::F32.bytes() * precision.bytes();
        let fits = |needed: u64, part: u64| budget.is_none_or(|budget| needed <= budget / part);
        let place = |shape: FeatureShape, on_gpu: bool| {
            let of_example = (shape.values() * size_of::<f32>()).max(1) as u64;
            let window = budget.map_or(MOST_WINDOW, |budget| budget / 8).min(MOST_WINDOW);
            let room = ((window / of_example) as usize).max(at_once).clamp(1, shape.examples.max(1));
            FeaturePlacement { shape, precision, room: (!on_gpu).then_some(room) }
        };
        let all = fits(bytes(train) + bytes(validation), 1);
        let validation_stays = all || fits(bytes(validation), 4);
        Self { train: place(train, all), validation: place(validation, validation_stays), budget }
    }

    /// Whether some features are streamed.
    pub fn is_streamed(&self) -> bool {
        self.train.room.is_some() || self.validation.room.is_some()
    }

    /// Describes the places in words.
    pub fn in_words(&self) -> String {
        let of = |name: &str, placement: &FeaturePlacement| {
            let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
            let FeaturePlacement { shape, precision, room } = placement;
            match room {
                None => {
                    let bytes = shape.bytes() / Precision::F32.bytes() * precision.bytes();
                    format!("{name} features on the GPU as {} ({})", precision.name(), mib(bytes))
                }
                Some(room) => {
                    let window = FeatureShape { examples: *room, ..*shape };
                    let rounded = if *precision == Precision::F16 { ", rounded to f16" } else { "" };
                    let (all, window) = (mib(shape.bytes()), mib(window.bytes()));
                    format!("{name} features streamed from a file of {all} in windows of {window}{rounded}")
                }
            }
        };
        format!("{}; {}", of("training", &self.train), of("validation", &self.validation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(limit: Option<u64>, precision: Precision) -> FeaturePlan {
        // 1000 and 100 examples of 1 KiB each.
        let shape = |examples| FeatureShape { examples, frames: 16, bands: 16 };
        FeaturePlan::new(limit, precision, &FeatureNeeds { train: shape(1000), validation: shape(100), at_once: 30 })
    }

    #[test]
    fn features_stay_on_the_gpu_where_they_fit() {
        let places = |limit: u64, precision| {
            let plan = plan(Some(limit << 10), precision);
            [plan.train.room, plan.validation.room]
        };
        assert_eq!(plan(None, Precision::F32).train.room, None);
        assert_eq!(places(1468, Precision::F32), [None, None]);
        assert_eq!(places(1460, Precision::F32), [Some(136), None]);
        assert_eq!(places(736, Precision::F16), [None, None]);
        assert_eq!(places(400, Precision::F32), [Some(37), Some(37)]);
        assert_eq!(places(10, Precision::F32), [Some(30), Some(30)], "a step must fit into a window");
    }

    #[test]
    fn a_plan_is_told_in_words() {
        let words = plan(Some(1 << 30), Precision::F16).in_words();
        assert!(words.contains("training features on the GPU as f16 (0 MiB)"), "{words}");
        let words = plan(Some(1 << 10), Precision::F32).in_words();
        assert!(words.contains("training features streamed from a file of 1 MiB in windows of 0 MiB"), "{words}");
    }
}
