//! Records that kernels share with the schedule: [`Member`] holds the state of each member, [`ScheduleStep`] the
//! numbers of each training step.

use bytemuck::{Pod, Zeroable};

use crate::base::counter_rng::Key;
use crate::gpu::Element;

/// State of one member of the population, laid out as in `shaders/lib/member.wgsl`. The kernel `score` updates the
/// progress on the GPU, so that early stopping needs no round trip to the host.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Member {
    /// Key of the member's dropout masks.
    pub dropout_key: [u32; 2],
    /// 1 while the member trains, 0 once it has stopped; every heavy kernel skips a stopped member.
    pub alive: u32,
    /// Epoch of the best score so far.
    pub best_epoch: u32,
    /// Best validation score so far; −1 before the first epoch ends.
    pub best_score: f32,
    /// Score of the last epoch.
    pub score: f32,
    /// 1 if the last epoch was the best so far, otherwise 0.
    pub improved: u32,
    /// Number of epochs trained.
    pub epochs: u32,
}

impl Element for Member {
    const SCALAR: Option<&'static str> = None;
}

impl Member {
    /// Creates the state of a member before its first epoch; `seed` determines the dropout masks.
    pub fn new(seed: u64) -> Self {
        let dropout_key = Key::new(seed).named("dropout").0;
        Self { dropout_key, alive: 1, best_epoch: 0, best_score: -1.0, score: 0.0, improved: 0, epochs: 0 }
    }
}

/// One training step of one member, laid out as in `shaders/lib/step.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct ScheduleStep {
    /// Step number t of Adam, counted from 1.
    pub t: u32,
    /// Step size lr·√(1−β₂ᵗ)/(1−β₁ᵗ), computed in f64.
    pub step_size: f32,
    /// Weight decay factor 1 − lr·wd, computed in f64.
    pub decay: f32,
}

impl Element for ScheduleStep {
    const SCALAR: Option<&'static str> = None;
}
