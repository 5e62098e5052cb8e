//! Batches of each training method (SPEC §4).
//!
//! A batch consists of slots that are filled with examples. Which examples an epoch draws, and when it ends, depends on
//! `train.sampling`.

use crate::data::scenes::LeftOut;

/// A sampler of the batches of an epoch.
pub trait Episodes: std::fmt::Debug {
    /// Returns the number of steps of one epoch. It is asked for often, so it is not counted anew from the examples.
    fn steps(&self) -> usize;

    /// Returns the number of examples in one step.
    fn batch_size(&self) -> usize;

    /// Returns log messages about examples that an epoch leaves out or repeats. `stage` is the name of the stage, and
    /// `classes` are the class names. Positives and negatives of triplets are not counted, since they are drawn with
    /// replacement for their anchors.
    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut>;

    /// Draws the batches of epoch `epoch` for the model with this seed, `[step][slot]`.
    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>>;
}
