//! The parts of a step that differ between the training methods (SPEC §4): the kernels between a batch and the
//! gradients of the parameters.

pub(super) mod classifier;
mod metric;
pub(super) mod prototypes;
pub(super) mod tagger;
pub(super) mod triplets;
