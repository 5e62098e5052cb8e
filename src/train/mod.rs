//! Training (SPEC §§4, 5): balanced batches, the schedule of an epoch, and the loop that keeps the GPU busy.
//!
//! In: training and validation examples on the GPU. Out: the parameters of every member's best epoch.

mod sampler;
mod schedule;
mod trainer;

pub use sampler::Sampler;
pub use schedule::{EpochRows, Schedule};
pub use trainer::{EpochReport, Observer, Trainer, TrainingStep};
