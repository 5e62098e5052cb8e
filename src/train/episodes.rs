//! Batches of each training method (SPEC §4).
//!
//! A batch consists of slots that are filled with examples, balanced over the classes. An example is an anchor, a query
//! or a plain example at most once per epoch. An epoch ends when the smallest class is used up.

/// A sampler of the batches of an epoch.
pub trait Episodes: std::fmt::Debug {
    /// Returns the number of steps of one epoch.
    fn steps(&self) -> usize;

    /// Returns the number of examples in one step.
    fn batch_size(&self) -> usize;

    /// Returns the examples that may be drawn, `[class][example]`.
    fn by_class(&self) -> &[Vec<u32>];

    /// Returns the number of examples that an epoch takes without replacement. Positives and negatives are not counted,
    /// since they are drawn with replacement for their anchors.
    fn per_epoch(&self) -> usize {
        self.steps() * self.batch_size()
    }

    /// Draws the batches of epoch `epoch` for the model with this seed, `[step][slot]`.
    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>>;
}
