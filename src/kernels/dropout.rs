//! The three forms of dropout a kernel can be compiled with (SPEC §2), and the f64 oracle of the random one.

use crate::counter_rng::threefry2x32;
use crate::gpu::{Binding, Constant, Tensor};
use crate::kernels::population::{Member, ScheduleStep};

/// The choice of the values that a kernel keeps.
#[derive(Clone)]
pub enum Dropout {
    /// Nothing is dropped: evaluation.
    Off,
    /// Masks from the counter generator, probability `p`: training.
    Random {
        /// Probability to drop.
        p: f64,
        /// `[step, member]`: the step number enters the counter.
        schedule: Tensor<ScheduleStep>,
    },
    /// A given mask, to compare with references.
    Injected {
        /// Probability that the mask was drawn with; only the scale 1 / (1 − p) depends on it.
        p: f64,
        /// `[member, block, 4]`: 1 keeps, 0 drops.
        keep: Tensor<u32>,
    },
}

impl Dropout {
    /// Factor of the values that are kept: 1 / (1 − p).
    pub fn scale(&self) -> f64 {
        match self {
            Self::Off => 1.0,
            Self::Random { p, .. } | Self::Injected { p, .. } => 1.0 / (1.0 - p),
        }
    }

    /// The file for the slot `dropout`.
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

/// 16-bit draws below this are dropped.
fn threshold(p: f64) -> u32 {
    (p * 65_536.0).round() as u32
}

/// True if lane `lane` of `block` is kept: the function that `dropout_random.wgsl` computes.
pub fn keeps(member: &Member, t: u32, layer: u32, block: u32, lane: usize, p: f64) -> bool {
    let bits = threefry2x32(member.dropout_key, [t, layer << 28 | block]);
    (bits[lane / 2] >> (16 * (lane % 2)) & 0xffff) >= threshold(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_kept_values_is_one_minus_p() {
        let member = Member::new(3);
        let n = 40_000;
        let kept = (0..n).filter(|block| keeps(&member, 5, 1, *block, (*block % 4) as usize, 0.2)).count();
        assert!((kept as f64 / f64::from(n) - 0.8).abs() < 0.01, "{kept} of {n}");
    }
}
