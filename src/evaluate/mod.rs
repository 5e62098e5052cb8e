//! How good the models are (SPEC §5): examples on the GPU, and a population scored on all of them.
//!
//! In: a dataset's subset as segments of some length. Out: probabilities, counts per class, F1.

mod examples;
mod scorer;

pub use examples::{Examples, load_lengths};
pub use scorer::{BatchPlan, Scorer};
