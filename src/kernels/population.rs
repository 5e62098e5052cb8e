//! Records that kernels share with the schedule: [`Member`] differs from member to member, [`ScheduleStep`] from step to step.

use bytemuck::{Pod, Zeroable};

use crate::counter_rng::Key;
use crate::gpu::Element;

/// One model of the population, as `shaders/lib/member.wgsl` has it. `score` keeps the progress on the GPU, so that
/// stopping needs no answer from the host.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Member {
    /// Key of its dropout masks.
    pub dropout_key: [u32; 2],
    /// 1 while it trains; every heavy kernel leaves a member that is 0 alone.
    pub alive: u32,
    /// Epoch of the best score so far.
    pub best_epoch: u32,
    /// Best validation score so far; −1 before the first.
    pub best_score: f32,
    /// Score of the last epoch.
    pub score: f32,
    /// 1 when the last epoch was the best so far.
    pub improved: u32,
    /// Epochs trained.
    pub epochs: u32,
}

impl Element for Member {
    const SCALAR: Option<&'static str> = None;
}

impl Member {
    /// A member that has not been trained yet.
    pub fn new(seed: u64) -> Self {
        let dropout_key = Key::new(seed).named("dropout").0;
        Self { dropout_key, alive: 1, best_epoch: 0, best_score: -1.0, score: 0.0, improved: 0, epochs: 0 }
    }
}

/// One step of the schedule for one member, as `shaders/lib/step.wgsl` has it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct ScheduleStep {
    /// Steps done before this one, plus one: Adam's t.
    pub t: u32,
    /// lr·√(1−β₂ᵗ)/(1−β₁ᵗ), formed in f64.
    pub step_size: f32,
    /// 1 − lr·wd, formed in f64.
    pub decay: f32,
}

impl Element for ScheduleStep {
    const SCALAR: Option<&'static str> = None;
}
