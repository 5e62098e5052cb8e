//! Training (SPEC §§4, 5): what a step draws, the schedule of an epoch, the stages of each method, and the loop that
//! keeps the GPU busy.
//!
//! In: training and validation examples on the GPU. Out: the parameters of every member's best epoch.

mod draws;
mod episodes;
mod methods;
mod needs;
mod rehearsal;
mod sampler;
mod schedule;
mod stage;
mod step;
mod trainer;

pub use draws::Draws;
pub use episodes::{Episodes, Prototypes, Triplets};
pub use needs::{Needs, needs};
pub use rehearsal::{ROWS, random_examples, rehearsal};
pub use sampler::Sampler;
pub use schedule::{EpochRows, Schedule};
pub use stage::StageName;
pub use step::{Source, TrainingStep};
pub use trainer::{EpochReport, Observer, Trainer, Unwatched, alike, most_members};
