//! Dropout: the three forms that a kernel can be compiled with (SPEC §2), and the f64 oracle of random dropout.

use crate::base::counter_rng::threefry2x32;
use crate::gpu::{Binding, Constant, Tensor};
use crate::kernels::population::ScheduleStep;

/// Source of the dropout mask.
#[derive(Clone)]
pub enum Dropout {
    /// No dropout, for evaluation.
    Off,
    /// Masks drawn from the counter generator, for training.
    Random {
        /// Probability that a value is dropped.
        p: f64,
        /// Optimiser schedule, `[step, member]`; the step number enters the counter.
        schedule: Tensor<ScheduleStep>,
    },
    /// Given mask, for comparison with references.
    Injected {
        /// Probability that the mask was drawn with; determines only the scale 1 / (1 − p).
        p: f64,
        /// Mask, `[member, block, 4]`: 1 keeps a value, 0 drops it.
        keep: Tensor<u32>,
    },
}

impl Dropout {
    /// Returns the factor of the values that are kept, 1 / (1 − p).
    pub fn scale(&self) -> f64 {
        match self {
            Self::Off => 1.0,
            Self::Random { p, .. } | Self::Injected { p, .. } => 1.0 / (1.0 - p),
        }
    }

    /// Returns the file for the slot `dropout`.
    pub(super) fn file(&self) -> &'static str {
        match self {
            Self::Off => "lib/dropout_none.wgsl",
            Self::Random { .. } => "lib/dropout_random.wgsl",
            Self::Injected { .. } => "lib/dropout_injected.wgsl",
        }
    }

    pub(super) fn constants(&self) -> Vec<(&'static str, Constant)> {
        match self {
            Self::Off => vec![],
            Self::Random { p, .. } => {
                vec![("DROPOUT_SCALE", self.scale().into()), ("DROPOUT_THRESHOLD", threshold(*p).into())]
            }
            Self::Injected { .. } => vec![("DROPOUT_SCALE", self.scale().into())],
        }
    }

    pub(super) fn binding(&self) -> Option<(&'static str, Binding)> {
        match self {
            Self::Off => None,
            Self::Random { schedule, .. } => Some(("schedule", schedule.binding())),
            Self::Injected { keep, .. } => Some(("keep_mask", keep.binding())),
        }
    }
}

/// Returns the threshold below which a 16-bit draw drops its value.
fn threshold(p: f64) -> u32 {
    (p * 65_536.0).round() as u32
}

/// Mask of random dropout for one layer of one member at one step; `dropout_random.wgsl` computes the same mask.
#[derive(Debug, Clone, Copy)]
pub struct RandomMask {
    /// Key of the member, [`Member::dropout_key`](super::population::Member::dropout_key).
    pub key: [u32; 2],
    /// Step number, [`ScheduleStep::t`].
    pub t: u32,
    /// Layer number.
    pub layer: usize,
    /// Probability that a value is dropped.
    pub p: f64,
}

impl RandomMask {
    /// True if value `lane` of the four values of `block` is kept.
    pub fn keeps(&self, block: usize, lane: usize) -> bool {
        let bits = threefry2x32(self.key, [self.t, (self.layer as u32) << 28 | block as u32]);
        (bits[lane / 2] >> (16 * (lane % 2)) & 0xffff) >= threshold(self.p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::population::Member;

    #[test]
    fn the_share_of_kept_values_is_one_minus_p() {
        let mask = RandomMask { key: Member::new(3).dropout_key, t: 5, layer: 1, p: 0.2 };
        let n = 40_000;
        let kept = (0..n).filter(|block| mask.keeps(*block, *block % 4)).count();
        assert!((kept as f64 / n as f64 - 0.8).abs() < 0.01, "{kept} of {n}");
    }
}
