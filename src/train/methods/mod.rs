//! What distinguishes the ways to train (SPEC §4): which batches are drawn, and what stands between a batch and the
//! gradients of the parameters.

pub(super) mod classifier;
mod metric;
pub(super) mod prototypes;
pub(super) mod tagger;
pub(super) mod triplets;
